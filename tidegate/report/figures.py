"""Measurements as people are shown them: a side's readings over time, and a gate's figures at one moment."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tidegate.ledger import Reading
from tidegate.ports import Verdict
from tidegate.report.values import Measured, Series, Side, standing_of
from tidegate.spec import Gate

SIDES: dict[str, Side] = {"stable": "stable", "blue": "stable", "canary": "canary", "green": "canary"}
Z = 1.959964  # two-sided 95 %


class Readings:
    """A release's readings by component, metric and side, found by time in a few steps."""

    def __init__(self, readings: Iterable[Reading], named: Mapping[str, Mapping[str, Side]]) -> None:
        """`named` maps component and side name to the side's role; what has no role belongs to another release."""
        self._found: dict[tuple[str, str, Side], list[Reading]] = defaultdict(list)
        for reading in readings:
            side = SIDES.get(reading.side) or named.get(reading.component, {}).get(reading.side)
            if side is not None:
                self._found[reading.component, reading.metric, side].append(reading)
        for found in self._found.values():
            found.sort(key=_at)

    def series(self) -> tuple[Series, ...]:
        """One for each component, metric and side, canary first."""
        return tuple(
            Series(component, side, metric, tuple((reading.at, finite(reading.value)) for reading in found))
            for (component, metric, side), found in sorted(self._found.items())
        )

    def last(self, gate: Gate, side: Side, since: datetime, until: datetime | None) -> tuple[float | None, int | None]:
        """Value and number of requests of the last reading between two instants; None where there is none."""
        found = self._found.get((gate.component, gate.metric, side), [])
        end = len(found) if until is None else bisect_right(found, until, key=_at)
        if end == 0 or found[end - 1].at < since:
            return None, None
        return finite(found[end - 1].value), found[end - 1].count


def _at(reading: Reading) -> datetime:
    return reading.at


def measured_at(gate: Gate, readings: Readings, since: datetime, until: datetime | None) -> Measured:
    """A gate's figures by the last readings between two instants."""
    value, count = readings.last(gate, "canary", since, until)
    return measured(gate, value, count, readings.last(gate, "stable", since, until)[0])


def measured_in(gate: Gate, told: Mapping[str, Any], stable: float | None) -> Measured:
    """A gate's figures as the watch's look recorded them; it knows its verdict."""
    value, count = told.get("value"), told.get("count")
    verdict = told.get("verdict")
    return measured(
        gate,
        finite(float(value)) if isinstance(value, int | float) else None,
        int(count) if isinstance(count, int) else None,
        stable,
        Verdict(verdict) if verdict in list(Verdict) else None,
    )


def measured(
    gate: Gate, value: float | None, count: int | None, stable: float | None, verdict: Verdict | None = None
) -> Measured:
    return Measured(
        gate.name,
        gate.component,
        gate.metric,
        value,
        count,
        stable,
        gate.target,
        gate.rollback,
        gate.min_samples,
        standing_of(gate, value, count),
        verdict,
        wilson(value, count) if is_rate(gate.metric) else None,
    )


def is_rate(metric: str) -> bool:
    """Whether a metric is a share of requests (0 to 1)."""
    return metric.endswith("_rate") and metric != "request_rate"


def wilson(share: float | None, count: int | None) -> tuple[float, float] | None:
    """What share the true one plausibly is, given so many requests (Wilson's interval, 95 %)."""
    if share is None or not count or not 0 <= share <= 1:
        return None
    middle = share + Z * Z / (2 * count)
    spread = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    whole = 1 + Z * Z / count
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def finite(value: float | None) -> float | None:
    """A value, or None for what is no number."""
    return value if value is not None and math.isfinite(value) else None
