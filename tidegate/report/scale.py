"""A time axis that leaves out the long nights: stretches in which nothing happens are cut short, and shown as cut."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

CUT = 44.0  # width of a stretch that was cut
MOST = 2.5  # a stretch longer than so many of the usual ones is cut
NICE = tuple(
    timedelta(seconds=s)
    for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time between two moments, and where it is drawn."""

    since: datetime
    until: datetime
    left: float
    right: float
    cut: bool

    def x(self, at: datetime) -> float:
        whole = (self.until - self.since).total_seconds()
        share = (at - self.since).total_seconds() / whole if whole else 0.0
        return self.left + (self.right - self.left) * min(1.0, max(0.0, share))


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Instants to places, from left to right."""

    stretches: tuple[Stretch, ...]

    def stretch(self, at: datetime) -> Stretch:
        starts = [stretch.since for stretch in self.stretches]
        return self.stretches[max(0, bisect_right(starts, at) - 1)]

    def x(self, at: datetime) -> float:
        return self.stretch(at).x(at)

    @property
    def cuts(self) -> list[Stretch]:
        return [stretch for stretch in self.stretches if stretch.cut]

    def ticks(self, apart: float, offset: timedelta = timedelta(0)) -> list[tuple[float, datetime]]:
        """Round instants at least `apart` from each other; round in a zone that is `offset` from UTC."""
        step = self._step(apart)
        found = list[tuple[float, datetime]]()
        for stretch in self.stretches:
            if stretch.cut or step is None:
                continue
            at = _rounded_up(stretch.since + offset, step) - offset
            while at <= stretch.until:
                x = stretch.x(at)
                if not found or x - found[-1][0] >= apart * 0.8:
                    found.append((x, at))
                at += step
        return found

    def _step(self, apart: float) -> timedelta | None:
        shown = [stretch for stretch in self.stretches if not stretch.cut and stretch.right > stretch.left]
        if not shown:
            return None
        widest = max(shown, key=lambda stretch: stretch.right - stretch.left)
        seconds = (widest.until - widest.since).total_seconds() / (widest.right - widest.left) * apart
        return next((step for step in NICE if step.total_seconds() >= seconds), timedelta(seconds=seconds))


def time_scale(moments: Sequence[datetime], left: float, right: float, usual: timedelta) -> TimeScale:
    """
    An axis from the first to the last moment. `usual` is how long a stretch usually is (the longest bake): what is
    much longer is cut, as long as something else remains to be seen.
    """
    points = sorted(set(moments))
    gaps = [(a, b, b - a > usual * MOST) for a, b in pairwise(points)]
    if not gaps or all(cut for _, _, cut in gaps):
        gaps = [(points[0], points[-1], False)] if points else []
    cuts = sum(cut for _, _, cut in gaps)
    seconds = sum((b - a).total_seconds() for a, b, cut in gaps if not cut)
    width = CUT if cuts * CUT < (right - left) / 2 else (right - left) / 2 / max(1, cuts)
    each = (right - left - cuts * width) / seconds if seconds else 0.0
    stretches, x = list[Stretch](), left
    for since, until, cut in gaps:
        end = x + (width if cut else (until - since).total_seconds() * each)
        stretches.append(Stretch(since, until, x, end, cut))
        x = end
    return TimeScale(tuple(stretches))


def thinned(points: Sequence[tuple[float, float | None]], apart: float) -> list[tuple[float, float | None]]:
    """One point for each `apart` of the axis, the highest: a peak is never lost; a gap stays a gap."""
    kept = list[tuple[float, float | None]]()
    for x, value in points:
        same = kept and int(kept[-1][0] / apart) == int(x / apart)
        last = kept[-1][1] if kept else None
        if not same or value is None or last is None:
            if not (same and value is None and last is None):
                kept.append((x, value))
        elif value > last:
            kept[-1] = (x, value)
    return kept


def _rounded_up(at: datetime, step: timedelta) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if step >= timedelta(days=1):
        return day if day == at else day + timedelta(days=1)
    return day + -(-(at - day) // step) * step
