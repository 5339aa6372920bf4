"""
What is asked of CloudWatch and what it answers: series by period, sums over a window, nothing apart from zero.

A period that is not over yet is not asked for, and one that CloudWatch has not published yet is not there: the newest
window that is there counts, as long as it is not older than a few periods.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from blocks.aws_clients import told
from tidegate.errors import NotUnderstood, Unreachable

STATISTIC = r"^(Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d{1,3})?|(TC|TM|PR|WM|TS)\([^)]{1,40}\))$"
LATE = 3  # periods that CloudWatch may need to publish one
MOST = 480  # queries in one request; GetMetricData takes 500
_PERCENTILE = re.compile(r"p\d")


@dataclass(frozen=True, slots=True)
class Query:
    """One series. `expression` is metric math over the names of other queries, instead of a metric."""

    name: str
    namespace: str = ""
    metric: str = ""
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Sum"
    expression: str = ""
    shown: bool = True

    def to_json(self, period: int) -> dict[str, Any]:
        told: dict[str, Any] = {"Id": self.name, "ReturnData": self.shown}
        if self.expression:
            return {**told, "Expression": self.expression, "Period": period}
        about = {
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }
        return {**told, "MetricStat": {"Metric": about, "Period": period, "Stat": self.statistic}}


Series = Mapping[datetime, float]


def floored(at: datetime, period: timedelta) -> datetime:
    """The last full period's end."""
    seconds = period.total_seconds()
    return datetime.fromtimestamp(math.floor(at.timestamp() / seconds) * seconds, UTC)


def asked(
    client: Any, queries: Sequence[Query], since: datetime, until: datetime, period: timedelta
) -> dict[str, Series]:
    """Every series by name, points by the beginning of their period; an empty one where there are none."""
    found: dict[str, dict[datetime, float]] = {one.name: {} for one in queries if one.shown}
    about = {
        "MetricDataQueries": [one.to_json(int(period.total_seconds())) for one in queries[:MOST]],
        "StartTime": since,
        "EndTime": until,
        "ScanBy": "TimestampAscending",
    }
    with told("CloudWatch's figures"):
        for page in client.get_paginator("get_metric_data").paginate(**about):
            for one in page["MetricDataResults"]:
                code = one.get("StatusCode", "Complete")
                if code == "InternalError":
                    raise Unreachable(f"CloudWatch could not compute {one['Id']}")
                if code == "Forbidden":
                    raise NotUnderstood(f"CloudWatch may not be asked for {one['Id']}")
                points = zip(one.get("Timestamps", []), one.get("Values", []), strict=True)
                found.setdefault(one["Id"], {}).update({at.astimezone(UTC): float(value) for at, value in points})
    return dict(found)


def newest(series: Series, window: timedelta, period: timedelta) -> list[datetime]:
    """The periods of the newest window that has any point, oldest first; none where there is none."""
    if not series:
        return []
    last = max(series)
    return sorted(at for at in series if at > last - max(window, period))


def combined(
    series: Series, periods: Sequence[datetime], statistic: str, weights: Series | None = None
) -> float | None:
    """
    One figure of several periods; None where none of them has a point.

    Sums are summed, extremes are extremes; averages and percentiles are weighed by requests where those are known.
    A percentile of several periods is thereby near, but not exactly, that of all requests.
    """
    values = [(series[at], (weights or {}).get(at, 0.0)) for at in periods if at in series]
    if not values:
        return None
    figures = [value for value, _ in values]
    if statistic in {"Sum", "SampleCount"} or statistic.startswith(("TC", "TS")):
        return math.fsum(figures)
    if statistic in {"Minimum", "Maximum"}:
        return (min if statistic == "Minimum" else max)(figures)
    total = math.fsum(weight for _, weight in values)
    return math.fsum(value * weight for value, weight in values) / total if total else fmean(figures)
