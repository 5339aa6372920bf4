"""
What a metric usually is at this hour of this weekday: a baseline for systems that breathe with the day.

The same hour of the same weekday first; where it was seen too seldom, the same hour of any day, then all of them, each
time with a wider band. A median and quantiles: one bad hour in the record does not move them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

LEAST = 4  # readings of one kind of hour
WIDER = {"weekday and hour": 1.0, "hour": 1.25, "all": 1.5}  # factor on the band where the record is off


@dataclass(frozen=True, slots=True)
class Usual:
    """The middle and the band (10th and 90th percentile, widened where the record is off) of `readings` readings."""

    value: float
    low: float
    high: float
    readings: int
    alike: str  # which hours these were


class Seasons:
    """Readings by weekday and hour of a zone."""

    def __init__(self, readings: Iterable[tuple[datetime, float]], zone: str = "UTC") -> None:
        """`readings` in any order, with aware times."""
        self.zone = ZoneInfo(zone)
        self.kept = [(at.astimezone(self.zone), value) for at, value in readings]

    def usual(self, at: datetime) -> Usual | None:
        """What is usual at this moment; None without any record."""
        here = at.astimezone(self.zone)
        kinds = {
            "weekday and hour": [v for t, v in self.kept if t.hour == here.hour and t.weekday() == here.weekday()],
            "hour": [v for t, v in self.kept if t.hour == here.hour],
            "all": [v for _, v in self.kept],
        }
        for alike, values in kinds.items():
            if len(values) >= LEAST or (alike == "all" and values):
                return _usual(sorted(values), alike)
        return None


def _usual(values: Sequence[float], alike: str) -> Usual:
    middle, factor = _quantile(values, 0.5), WIDER[alike]
    low, high = _quantile(values, 0.1), _quantile(values, 0.9)
    return Usual(middle, middle - (middle - low) * factor, middle + (high - middle) * factor, len(values), alike)


def _quantile(values: Sequence[float], share: float) -> float:
    """Between the two nearest (Hyndman and Fan 1996, type 7)."""
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)
