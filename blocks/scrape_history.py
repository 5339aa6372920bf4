"""
What counters did over a window, from looks at one source.

A counter that fell began again (its process did): what it shows since then counts. A counter that appears was born
at 0, unless this is the first look at all. Pure: whoever looks hands in the clock's figures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isinf
from typing import NamedTuple

Group = tuple[str, str | float]  # what is summed up: ("shop.v2@file", "failed"), or ("shop.v2@file", 0.25) for a bucket


class Counter(NamedTuple):
    """One raw counter of a look: which one, the group it is summed up in, what it shows."""

    key: str
    group: Group
    value: float


@dataclass(frozen=True, slots=True)
class Look:
    """One scrape: sums that only ever grow, and what simply stood there."""

    elapsed: float
    at: datetime
    totals: Mapping[Group, float]
    present: frozenset[Group]
    gauges: Mapping[Group, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Two looks, and what grew between them."""

    first: Look
    last: Look

    @property
    def seconds(self) -> float:
        return self.last.elapsed - self.first.elapsed

    def grown(self, group: Group) -> float:
        return self.last.totals.get(group, 0.0) - self.first.totals.get(group, 0.0)

    def percentile(self, share: float, buckets: Mapping[float, Group]) -> float | None:
        """
        Where that share of a histogram's growth lies, interpolated inside its bucket as Prometheus does it.

        `buckets` are cumulative, by upper bound; None while nothing grew. Above the largest finite bound, that bound.
        """
        bounds = sorted(buckets)
        total = self.grown(buckets[bounds[-1]]) if bounds else 0.0
        low = below = 0.0
        for bound in bounds if total else ():
            count = self.grown(buckets[bound])
            if count >= share * total and count > below:
                return low if isinf(bound) else low + (bound - low) * (share * total - below) / (count - below)
            low, below = bound, max(below, count)
        return None


class History:
    """
    Looks at one source, oldest first; the older the sparser.

    A look is dropped when its neighbours are closer together than a hundredth of their age: a window is exact to
    1 %, and six hours cost about a thousand looks however often somebody looks.
    """

    def __init__(self, keeps: timedelta) -> None:
        self.keeps = keeps.total_seconds()
        self.looks: list[Look] = []
        self._raw: dict[str, float] = {}
        self._totals: dict[Group, float] = {}
        self._before: dict[Group, float] = {}

    def total(self, group: Group) -> float:
        """All that this group has ever shown: what stood there at the first look, and what has grown since."""
        return self._before.get(group, 0.0) + self._totals.get(group, 0.0)

    def add(
        self,
        elapsed: float,
        at: datetime,
        counters: Iterable[Counter],
        gauges: Mapping[Group, float],
    ) -> None:
        """Note one look."""
        raw, present, born_before = dict[str, float](), set[Group](), not self.looks
        for key, group, value in counters:
            before = value if born_before else self._raw.get(key, 0.0)
            grown = value - before if value >= before else value
            self._totals[group] = self._totals.get(group, 0.0) + grown
            if born_before:
                self._before[group] = self._before.get(group, 0.0) + value
            raw[key] = value
            present.add(group)
        self._raw = raw
        self.looks.append(Look(elapsed, at, dict(self._totals), frozenset(present), gauges))
        if len(self.looks) % 64 == 0:
            self._thin(elapsed)

    def span(self, window: timedelta, group: Group) -> Span | None:
        """
        The last look, and the one nearest to a window before; None before the second look.

        Shorter than asked where the history is, or where the group has only been there for a part of it.
        """
        if len(self.looks) < 2:
            return None
        last, newest = self.looks[-1], len(self.looks) - 2
        since = last.elapsed - window.total_seconds()
        after = bisect_left(self.looks, since, hi=newest, key=lambda look: look.elapsed)
        first = min(max(after - 1, 0), after, key=lambda n: abs(self.looks[n].elapsed - since))
        while first < newest and group not in self.looks[first + 1].totals:
            first += 1
        return Span(self.looks[first], last)

    def changes(self, group: Group, gauge: float) -> float:
        """How often this gauge has changed, the look that is about to be noted included."""
        if not self.looks:
            return 0.0
        last = self.looks[-1]
        return self._raw.get(group[0], 0.0) + (last.gauges.get(group, gauge) != gauge)

    def bounds(self, name: str) -> list[float]:
        """Upper bounds of the histogram of this name."""
        return [bound for named, bound in self._totals if named == name and isinstance(bound, float)]

    def _thin(self, now: float) -> None:
        kept: list[Look] = []
        for n, look in enumerate(self.looks):
            if now - look.elapsed > self.keeps:
                continue
            after = self.looks[n + 1] if n + 1 < len(self.looks) else None
            if kept and after and after.elapsed - kept[-1].elapsed < (now - after.elapsed) / 100:
                continue
            kept.append(look)
        self.looks = kept
