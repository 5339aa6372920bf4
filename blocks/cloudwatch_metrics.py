"""
Figures that AWS measures: an ALB's by target group, ECS's by service, and any other metric of CloudWatch by its name.

Without `metric` it knows error_rate, request_rate, latency_p50 to latency_p99 of a side's target group, and cpu_share
and memory_share of its service. Nothing published is no data; requests without a failure are none that failed, since an
ALB publishes its counters of errors only when there are some.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from blocks.aws_access import AwsAccess
from blocks.aws_clients import client
from blocks.cloudwatch_metrics_query import LATE, STATISTIC, Query, Series, asked, combined, floored, newest
from blocks.cloudwatch_metrics_sides import Place, Places, place_of, places_in
from blocks.connector import Connector
from tidegate.errors import NotUnderstood
from tidegate.ports import Clock, Sample, Totals
from tidegate.quantities import Duration, quantity
from tidegate.spec import Spec
from tidegate.traffic import Side

ALB, ECS = "AWS/ApplicationELB", "AWS/ECS"
EDGES = (0.0, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds; above the last all are slow
SHARES = {"cpu_share": "CPUUtilization", "memory_share": "MemoryUtilization"}
MINUTE = timedelta(minutes=1)
_LATENCY = re.compile(r"latency_(p[1-9][0-9])")
_FACT = re.compile(r"\{(\w+)\}")
FACTS = {"side", "target_group", "load_balancer", "cluster", "service"}


class Term(BaseModel):
    """One series that an expression names."""

    model_config = ConfigDict(extra="forbid")
    metric: str
    statistic: str = Field("Sum", pattern=STATISTIC)


class _Kept(NamedTuple):
    at: float
    series: dict[str, Series]


class CloudwatchMetrics(AwsAccess, Connector):
    """
    Figures of CloudWatch. `window` is what a figure covers; it is at best two to three minutes old, as CloudWatch is.

    Rates are 0-1 and latencies seconds, as everywhere; `unit` says in what the metric itself is written.
    """

    _block_type_name = "CloudWatch"
    _block_type_slug = "cloudwatch-metrics"
    _description = "Requests, failures and latency of an ALB's target groups, ECS's load, and any metric of CloudWatch."

    namespace: str = Field(ALB, title="Namespace", description="Of `metric`.", examples=["AWS/RDS"])
    metric: str = Field("", title="Metric", description="CloudWatch's own name. Empty: the metrics of a component.")
    dimensions: dict[str, str] = Field(
        default_factory=dict,
        title="Dimensions",
        description="{side}, {target_group}, {load_balancer}, {cluster} and {service} are the side's.",
        examples=[{"DBInstanceIdentifier": "shop-prod"}],
    )
    statistic: str = Field("Average", title="Statistic", description="Average, Sum, p95 ...", pattern=STATISTIC)
    expression: str = Field(
        "", title="Expression", description="Metric math over `of`.", examples=["errors / requests"]
    )
    of: dict[str, Term] = Field(default_factory=dict, title="Of", description="The series that `expression` names.")
    period: Duration = Field(MINUTE, title="Period", description="Of one point.", ge=MINUTE)
    window: Duration | None = Field(None, title="Window", description="Instead of the gate's own.")
    samples: int | None = Field(None, ge=1, le=1000, title="Samples", description="So many newest points, instead.")
    unit: str = Field("", title="Unit", description="Of the metric's own values: %, ms, MB ... Empty: as they are.")
    every: Duration = Field(
        timedelta(seconds=15), title="Every", description="How often CloudWatch is asked: every series costs money."
    )

    _places: Places = PrivateAttr(default_factory=Places)
    _clock: Clock | None = PrivateAttr(default=None)
    _kept: dict[Any, _Kept] = PrivateAttr(default_factory=dict)
    _found: dict[Side, Place] = PrivateAttr(default_factory=dict)
    _counted: dict[str, tuple[datetime, dict[str, float]]] = PrivateAttr(default_factory=dict)

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str) -> str:
        if unit:
            quantity(f"1 {unit}")
        return unit

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.metric and self.expression:
            raise ValueError("a metric or an expression, not both")
        if bool(self.expression) != bool(self.of):
            raise ValueError("`expression` and `of` go together")
        if bad := [name for name in self.of if not re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,60}", name)]:
            raise ValueError(f"{bad[0]!r} is no name for a series: a small letter, then letters, digits and _")
        if self.period.total_seconds() % 60:
            raise ValueError("a period is a whole number of minutes")
        if unknown := self._named() - FACTS:
            raise ValueError(f"{{{min(unknown)}}} is not known here; {', '.join(sorted(FACTS))} are")
        return self

    def _named(self) -> set[str]:
        return {name for value in self.dimensions.values() for name in _FACT.findall(value)}

    def told_of(self, spec: Spec) -> Self:
        self._places = places_in(spec, self.get_block_type_slug(), self.model_dump())
        return self

    def on(self, clock: Clock) -> Self:
        """The same block on this clock."""
        self._clock = clock
        return self

    @property
    def sided(self) -> bool:
        """Whether the two versions have figures of their own."""
        return bool(self._named()) or not (self.metric or self.expression)

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """One figure; NotUnderstood for a metric that is not known here, Denied and Unreachable as AWS says."""
        wide = self.period * self.samples if self.samples else self.window or window
        if self.metric or self.expression:
            return self._named_metric(metric, side, wide)
        if metric in SHARES:
            place = self._place(side)
            if not place.cluster or not place.service:
                raise NotUnderstood(f"which service of ECS {side.name} is, the spec does not say")
            about = (("ClusterName", place.cluster), ("ServiceName", place.service))
            found = self._series([Query("value", ECS, SHARES[metric], about, "Average")], wide)
            return self._told(metric, found["value"], wide, "Average", 0.01)
        latency = _LATENCY.fullmatch(metric)
        if not latency and metric not in {"error_rate", "request_rate"}:
            known = f"error_rate, request_rate, latency_p50 ... latency_p99, {', '.join(SHARES)}"
            raise NotUnderstood(f"There is no metric {metric!r} here; there are {known}.")
        queries = [*self._counters(side), *([self._of(side, "latency", latency[1])] if latency else [])]
        return self._of_requests(metric, self._series(queries, wide), wide, latency[1] if latency else "")

    def totals(self, side: Side) -> Totals | None:
        """
        What the target group has answered since this connector was first asked; None until a minute is counted.

        Requests between two edges are CloudWatch's trimmed counts, which an ALB's latencies have.
        """
        until = floored(self._now(), MINUTE) - 2 * MINUTE  # what is published later would be missed
        since, sums = self._counted.get(side.name, (until, {}))
        if until > since:
            bands = [
                self._of(side, f"band{n}", f"TC({low:g}:{high:g})") for n, (low, high) in enumerate(pairwise(EDGES))
            ]
            found = asked(client("cloudwatch", self.access), [*self._counters(side), *bands], since, until, MINUTE)
            sums = {name: sums.get(name, 0.0) + sum(series.values()) for name, series in found.items()}
        self._counted[side.name] = (until, sums)
        if not sums.get("requests"):
            return None
        latency = [sums.get(f"band{n}", 0.0) for n in range(len(EDGES) - 1)]
        slow = max(0.0, sums["requests"] - sum(latency))
        edges = (*EDGES, float("inf"))
        return Totals(until, sums["requests"], sums.get("failures", 0.0), edges, (*latency, slow))

    def _named_metric(self, metric: str, side: Side, wide: timedelta) -> Sample:
        facts = {"side": side.name, **(self._place(side).facts() if self._named() - {"side"} else {})}
        about = tuple((name, _FACT.sub(lambda m: facts[m[1]], value)) for name, value in self.dimensions.items())
        queries = [Query("value", self.namespace, self.metric, about, self.statistic)]
        if self.expression:
            terms = [
                Query(name, self.namespace, one.metric, about, one.statistic, shown=False)
                for name, one in self.of.items()
            ]
            queries = [*terms, Query("value", expression=self.expression)]
        factor = quantity(f"1 {self.unit}") if self.unit else 1.0
        return self._told(metric, self._series(queries, wide)["value"], wide, self.statistic, factor)

    def _told(self, metric: str, series: Series, wide: timedelta, statistic: str, factor: float) -> Sample:
        periods = newest(series, wide, self.period)
        value = combined(series, periods, statistic)
        covers = self.period * len(periods) if periods else wide
        return Sample(metric, None if value is None else value * factor, None, None, covers, self._now())

    def _of_requests(self, metric: str, found: dict[str, Series], wide: timedelta, percentile: str) -> Sample:
        """By the minutes in which there were requests; a minute without a counter of failures had none."""
        requests = found["requests"]
        periods = newest(requests, wide, MINUTE)
        if not periods:
            return Sample(metric, None, None, None, wide, self._now())
        covers = max(MINUTE, periods[-1] + MINUTE - periods[0])
        count = round(sum(requests[at] for at in periods))
        if percentile:
            value = combined(found["latency"], periods, percentile, requests)
            return Sample(metric, value, count, None, covers, self._now())
        if metric == "request_rate":
            return Sample(metric, count / covers.total_seconds(), count, None, covers, self._now())
        bad = round(sum(found["failures"].get(at, 0.0) for at in periods))
        return Sample(metric, bad / count if count else None, count, bad, covers, self._now())

    def _counters(self, side: Side) -> list[Query]:
        about = self._dimensions(side)
        return [
            Query("requests", ALB, "RequestCount", about, "Sum"),
            Query("failures", ALB, "HTTPCode_Target_5XX_Count", about, "Sum"),
        ]

    def _of(self, side: Side, name: str, statistic: str) -> Query:
        return Query(name, ALB, "TargetResponseTime", self._dimensions(side), statistic)

    def _dimensions(self, side: Side) -> tuple[tuple[str, str], ...]:
        place = self._place(side)
        return (("LoadBalancer", place.load_balancer), ("TargetGroup", place.target_group))

    def _place(self, side: Side) -> Place:
        """Looked up once it belongs to a balancer: before that its dimensions change."""
        found = self._found.get(side)
        if found is None:
            found = place_of(side, self._places, self.access)
            if found.load_balancer:
                self._found[side] = found
        return found

    def _series(self, queries: list[Query], wide: timedelta) -> dict[str, Series]:
        key, now = (tuple(queries), wide), self._elapsed()
        kept = self._kept.get(key)
        if kept is None or now - kept.at >= self.every.total_seconds():
            period = self.period if self.metric or self.expression else MINUTE
            until = floored(self._now(), period)
            since = floored(until - wide, period) - LATE * period
            kept = _Kept(now, asked(client("cloudwatch", self.access), queries, since, until, period))
            self._kept[key] = kept
        return kept.series

    def _now(self) -> datetime:
        return self._clock.now() if self._clock else datetime.now(UTC)

    def _elapsed(self) -> float:
        return self._clock.elapsed() if self._clock else time.monotonic()
