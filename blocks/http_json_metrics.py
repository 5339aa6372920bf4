"""
A figure of a JSON document that some service gives about itself: one address, one path into the answer.

Such a figure is of one moment. Asked again and again, it becomes a figure of a window by the metric's `statistic`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from blocks.connector import Connector, Measuring, json_at, own_variable
from tidegate.errors import NotUnderstood
from tidegate.measuring import Instant, Instants, filled, names_in, statistic
from tidegate.ports import Sample
from tidegate.quantities import Duration, base_unit
from tidegate.traffic import Side

SHARED = 0.5  # seconds; gates that are asked together share one answer
LISTED = 12  # names that a refusal tells


class HttpJsonMetrics(Connector):
    """
    A number in a service's JSON.

    Without `path` the metric's own name is the path. `null` is no data; a path that the answer does not hold is an
    error that names what it holds.
    """

    _block_type_name = "Number in JSON"
    _block_type_slug = "http-json-metrics"
    _description = "A number of a service's own JSON, by a path; of one version where the answer says whose it is."

    url: str = Field(
        title="URL",
        description="http or https; {url} is an instance of the side, {version}, {side}, {release} and {system} are "
        "filled in.",
        examples=["https://shop.example.com/api/metrics?release={version}"],
    )
    path: str = Field("", title="Path", description="Dotted path to the number; list places count from 0.")
    field: str = Field("", title="Field", description="The same as path.")
    count_path: str = Field("", title="Path of the count", description="How many requests are behind the number.")
    unit: str = Field("", title="Unit", description="Of the number there: %, ms, s, MB ...; empty: as it is.")
    version_label: str = Field(
        "",
        title="Version's label",
        description="Name beside the number (or in each entry of a list) that tells of which version it is.",
    )
    every: Duration = Field(timedelta(seconds=5), title="Every", description="How often it is worth asking.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="Of one whole answer.")
    token_secret: str = Field("", title="Token", description="Name of our own variable with a bearer token.")
    largest: int = Field(
        0, ge=0, le=100, title="Largest", description="As a remedy: tells the largest so many entries."
    )
    key_header: str = Field("", title="Key's header", description="Sends the token in this header, too, e.g. apikey.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)
    _heard: dict[str, tuple[float, Any]] = PrivateAttr(default_factory=dict)
    _instants: dict[tuple[str, str, str], Instants] = PrivateAttr(default_factory=dict)

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        base_unit(unit)
        return unit

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names_in(self.url)
        if not self.url.startswith(("http://", "https://", "{url}")):
            raise ValueError(f"{self.url[:60]!r} is no http or https address")
        if self.path and self.field:
            raise ValueError("path and field mean the same: write one of them")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    @property
    def sided(self) -> bool:
        """Whether the two versions have figures of their own."""
        return bool(self.version_label) or bool(names_in(self.url))

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        facts = self._how.facts(side)
        url, path = filled(self.url, facts), self.path or self.field or metric
        told, now = self._told(url), time.monotonic()
        of_version = _of_version(told, self.version_label, facts.get("version", ""))
        if of_version is None:
            return Sample(metric, None, None, None, window, datetime.now(UTC))
        value = _number(of_version, path)
        count = _number(of_version, self.count_path) if self.count_path else None
        if value is None:
            return Sample(metric, None, None, None, window, datetime.now(UTC))
        kept = self._instants.setdefault((url, path, facts.get("version", "")), Instants())
        kept.add(Instant(now, datetime.now(UTC), value * base_unit(self.unit)))
        found = kept.within(window, now)
        figure = statistic([one.value for one in found], self._how.metric.statistic if self._how.metric else None)
        covered = timedelta(seconds=now - found[0].elapsed)
        return Sample(metric, figure, None if count is None else round(count), None, covered, found[-1].at)

    def _told(self, url: str) -> Any:
        heard = self._heard.get(url)
        if heard is None or time.monotonic() - heard[0] >= SHARED:
            token = own_variable(self.token_secret)
            key = {self.key_header: token} if self.key_header and token else None
            heard = self._heard[url] = time.monotonic(), json_at(url, token=token, timeout=self.timeout, headers=key)
        return heard[1]


def _of_version(told: Any, label: str, version: str) -> Any:
    """The part of an answer that tells of this version; None when none does."""
    if not label:
        return told
    parts = told if isinstance(told, list) else [told]
    entries = [one for one in parts if isinstance(one, Mapping) and label in one]
    if not entries:
        raise NotUnderstood(f"nothing in the answer says {label}: whose figures these are is not known")
    return next((one for one in entries if str(one[label]) == version), None)


def _number(told: Any, path: str) -> float | None:
    """What lies at this path; None for null."""
    here = told
    for n, step in enumerate(path.split(".")):
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            before = ".".join(path.split(".")[:n]) or "the answer"
            raise NotUnderstood(f"there is no {step!r} in {before}; it holds {_held(here)}")
    if here is None:
        return None
    if isinstance(here, bool) or not isinstance(here, int | float) or not math.isfinite(here):
        raise NotUnderstood(f"{path} is {str(here)[:60]!r}, which is no number")
    return float(here)


def _held(here: Any) -> str:
    if isinstance(here, Mapping):
        return ", ".join(str(name)[:40] for name in list(here)[:LISTED]) or "nothing"
    return f"{len(here)} entries" if isinstance(here, list) else "no parts"
