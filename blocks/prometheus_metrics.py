"""
A figure from Prometheus, or whatever speaks its HTTP API (prometheus.io/docs/prometheus/latest/querying/api).

One query, one number. An empty answer is no data, and so is a share of nothing (0/0 is NaN there): neither is 0.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from blocks.connector import Connector, Measuring, json_at, own_variable
from tidegate.errors import NotUnderstood
from tidegate.measuring import filled, names_in
from tidegate.ports import Sample
from tidegate.quantities import Duration, base_unit
from tidegate.traffic import Side

OVER_TIME = {"mean": "avg", "max": "max", "min": "min"}  # statistics that Prometheus takes of any expression
STEPS = 20  # of a window


class PrometheusMetrics(Connector):
    """
    A PromQL expression that gives one number.

    {side}, {version}, {url}, {release} and {system} are filled in, and {window}, e.g. `rate(errors[{window}])`.
    Without {window} a `statistic` of mean, min or max is taken over the gate's window by a subquery; any other is the
    expression's own.
    """

    _block_type_name = "Prometheus"
    _block_type_slug = "prometheus-metrics"
    _description = "A PromQL expression over the HTTP API; an empty answer is no data."

    url: str = Field(title="URL", description="Of the server.", examples=["http://127.0.0.1:9090"])
    query: str = Field(
        "",
        title="Query",
        description="PromQL that gives one number; empty: the metric's own name.",
        examples=['sum(rate(http_errors_total{version="{version}"}[{window}])) / sum(rate(http_total[{window}]))'],
    )
    count_query: str = Field("", title="Query of the count", description="How many requests are behind the number.")
    by: str = Field("", title="By", description="A label that splits the number into parts (for experiments).")
    unit: str = Field("", title="Unit", description="Of the number there: %, ms, s, MB ...; empty: as it is.")
    every: Duration = Field(timedelta(seconds=5), title="Every", description="How often it is worth asking.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="Of one answer.")
    token_secret: str = Field("", title="Token", description="Name of our own variable with a bearer token.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        base_unit(unit)
        return unit

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for text in (self.query, self.count_query):
            names_in(text)
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{self.url[:60]!r} is no http or https address")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    @property
    def sided(self) -> bool:
        return bool(set(names_in(self.query)) & {"side", "version", "url"})

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        if self.by:
            raise NotUnderstood(f"by: {self.by} splits the figure into parts, and a gate reads one number")
        facts = {**self._how.facts(side), "window": f"{max(int(window.total_seconds()), 1)}s"}
        value, at = self._asked(filled(self._over_time(self.query or metric, window), facts))
        count = self._asked(filled(self.count_query, facts))[0] if self.count_query else None
        number = None if value is None else value * base_unit(self.unit)
        return Sample(metric, number, None if count is None else round(count), None, window, at)

    def _over_time(self, query: str, window: timedelta) -> str:
        how = self._how.metric.statistic if self._how.metric else None
        if "{window}" in query or how not in OVER_TIME:
            return query
        step = max(int(window.total_seconds() / STEPS), 1)
        return f"{OVER_TIME[how]}_over_time(({query})[{{window}}:{step}s])"

    def _asked(self, query: str) -> tuple[float | None, datetime]:
        """The one number, and of when it is; None where there is no series, or nothing to share out."""
        token, place = own_variable(self.token_secret), f"{self.url.rstrip('/')}/api/v1/query"
        told = json_at(place, {"query": query}, token=token, timeout=self.timeout)
        try:
            kind, found = told["data"]["resultType"], told["data"]["result"]
        except (KeyError, TypeError):
            raise NotUnderstood(f"{place}: {str(told)[:200]}") from None
        if kind == "scalar":
            return _value(found)
        if kind != "vector":
            raise NotUnderstood(f"{query!r} gives a {kind}, not one number")
        if len(found) > 1:
            series = ", ".join(str(one.get("metric")) for one in found[:3])
            raise NotUnderstood(f"{query!r} gives {len(found)} series ({series} ...): sum them up, or name one")
        return _value(found[0]["value"]) if found else (None, datetime.now(UTC))


def _value(pair: Any) -> tuple[float | None, datetime]:
    try:
        at, value = datetime.fromtimestamp(float(pair[0]), UTC), float(pair[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        raise NotUnderstood(f"{str(pair)[:100]} is no value of Prometheus") from None
    return (None if math.isnan(value) else value), at
