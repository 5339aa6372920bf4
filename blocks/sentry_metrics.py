"""
A figure of Sentry: an aggregate of spans or errors, or the share of sessions that went wrong (docs.sentry.io/api).

An empty answer is no data. Sentry counts late: events of the last seconds may not be there yet.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, PrivateAttr, model_validator

from blocks.connector import Connector, Measuring, json_at, own_variable
from tidegate.errors import Denied, NotUnderstood
from tidegate.measuring import filled, names_in
from tidegate.ports import Sample
from tidegate.quantities import Duration, base_unit
from tidegate.traffic import Side

# What gates ask a whole project for by name: dataset, aggregate, unit of its answer.
USUAL = {
    "error_rate": ("spans", "failure_rate()", ""),
    "request_rate": ("spans", "eps()", ""),
    "errors": ("errors", "count()", ""),
    "crash_rate": ("sessions", "crash_rate(session)", ""),
    "session_error_rate": ("sessions", "session_error_rate()", ""),
    **{f"latency_p{n}": ("spans", f"p{n}(span.duration)", "ms") for n in (50, 75, 90, 95, 99)},
}
SESSIONS = {"session_error_rate()": ("errored", "crashed", "abnormal"), "crash_rate(session)": ("crashed",)}
_AGGREGATE = re.compile(r"[a-z_0-9]+\([a-z_.0-9,: ]*\)")


class SentryMetrics(Connector):
    """
    One aggregate of one project over the gate's window, of one release where `release` is given.

    Without `query` the metric's name says what is asked: error_rate, request_rate, errors, crash_rate,
    session_error_rate, latency_p50 ... latency_p99. `count` is Sentry's count() beside it.
    """

    _block_type_name = "Sentry"
    _block_type_slug = "sentry-metrics"
    _description = "Errors, failure rates, durations and sessions of a release, from Sentry's API."

    organization: str = Field("", title="Organization", description="Its slug or number; empty: as `project` says it.")
    project: str = Field("", title="Project", description="Its number; or organization/number.")
    dsn_secret: str = Field("", title="DSN", description="Name of our own variable with a DSN: it says both.")
    query: str = Field("", title="Aggregate", examples=["failure_rate()", "p95(span.duration)"])
    metric: str = Field("", title="Metric", description="Instead of query: one of the names above.")
    filter: str = Field("", title="Filter", description="Sentry's search, e.g. transaction:/api/*")
    release: str = Field("", title="Release", description="As it is told to Sentry; {version} is filled in.")
    environment: str = Field("", title="Environment")
    group_by: str = Field("", title="Group by", description="Splits the figure into parts (for reports).")
    token_secret: str = Field("SENTRY_AUTH_TOKEN", title="Token", description="Our own variable with an API token.")
    api_url: str = Field("https://sentry.io", title="API", description="Of a region, or of a Sentry of your own.")
    unit: str = Field("", title="Unit", description="Of the figure there, where it is not plain.")
    every: Duration = Field(timedelta(seconds=30), title="Every", description="How often it is worth asking.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        base_unit(self.unit)
        for text in (self.release, self.filter):
            names_in(text)
        if self.query and not _AGGREGATE.fullmatch(self.query):
            raise ValueError(f"{self.query[:60]!r} is no aggregate; write e.g. failure_rate() or p95(span.duration)")
        if not self.project and not self.dsn_secret:
            raise ValueError("which project? write project, or dsn_secret")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    @property
    def sided(self) -> bool:
        return bool(self.release)

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        if self.group_by:
            raise NotUnderstood(f"group_by: {self.group_by} splits the figure into parts, and a gate reads one number")
        dataset, aggregate, unit = self._asked_for(metric)
        place, project = self._project()
        until = datetime.now(UTC)
        query: dict[str, str | list[str]] = {
            "project": [project], "start": _iso(until - window), "end": _iso(until),
            "query": self._search(self._how.facts(side)),
        }  # fmt: skip
        query |= {"environment": [self.environment]} if self.environment else {}
        if dataset == "sessions":
            value, count, bad = self._sessions(f"{place}/sessions/", query, SESSIONS[aggregate])
        else:
            value, count, bad = self._events(f"{place}/events/", query | {"dataset": dataset}, aggregate)
        scaled = None if value is None else value * base_unit(self.unit or unit)
        return Sample(metric, scaled, count, bad, window, until)

    def _asked_for(self, metric: str) -> tuple[str, str, str]:
        if self.query:
            dataset = "sessions" if self.query in SESSIONS else "errors" if self.query == "count()" else "spans"
            return dataset, self.query, "ms" if ".duration" in self.query else ""
        name = self.metric or metric
        if name not in USUAL:
            raise NotUnderstood(f"there is no metric {name!r} here; there are {', '.join(USUAL)}; or write a query")
        return USUAL[name]

    def _project(self) -> tuple[str, str]:
        """The API's place of the organization, and the project's number."""
        organization, _, project = self.project.rpartition("/")
        organization = self.organization or organization
        if not self.project:
            dsn = urlsplit(own_variable(self.dsn_secret))
            found = re.match(r"o(\d+)\.", dsn.hostname or "")
            project = dsn.path.strip("/")
            organization = organization or (found[1] if found else "")
        if not organization or not project:
            raise Denied("which organization? write organization, or project: organization/number")
        return f"{self.api_url.rstrip('/')}/api/0/organizations/{quote(organization, safe='')}", project

    def _search(self, facts: Any) -> str:
        release = f'release:"{filled(self.release, facts)}"' if self.release else ""
        return " ".join(one for one in (filled(self.filter, facts), release) if one)

    def _ask(self, url: str, query: dict[str, str | list[str]]) -> Any:
        return json_at(url, query, token=own_variable(self.token_secret), timeout=self.timeout)

    def _events(
        self, url: str, query: dict[str, str | list[str]], aggregate: str
    ) -> tuple[float | None, int | None, int | None]:
        told = self._ask(url, query | {"field": sorted({aggregate, "count()"}), "per_page": "1"})
        rows = told.get("data") if isinstance(told, dict) else None
        if not isinstance(rows, list):
            raise NotUnderstood(f"{url}: the answer holds no data")
        if not rows:
            return None, None, None
        count, value = _number(rows[0].get("count()")), _number(rows[0].get(aggregate))
        if aggregate == "count()":
            return value, None, None
        bad = round(value * count) if aggregate == "failure_rate()" and value is not None and count else None
        return (value if count else None), None if count is None else round(count), bad

    def _sessions(
        self, url: str, query: dict[str, str | list[str]], wrong: tuple[str, ...]
    ) -> tuple[float | None, int | None, int | None]:
        fields: dict[str, str | list[str]] = {"field": ["sum(session)"], "groupBy": ["session.status"],
                                              "includeSeries": "0"}  # fmt: skip
        told = self._ask(url, query | fields)
        groups = told.get("groups") if isinstance(told, dict) else None
        if not isinstance(groups, list):
            raise NotUnderstood(f"{url}: the answer holds no groups")
        of = {str(one["by"].get("session.status")): _number(one["totals"].get("sum(session)")) or 0 for one in groups}
        count, bad = round(sum(of.values())), round(sum(of.get(name, 0) for name in wrong))
        return (bad / count if count else None), count, bad


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotUnderstood(f"{str(value)[:60]!r} is no number")
    return float(value)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
