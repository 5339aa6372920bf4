"""
Where a metric is read: from its sources in the spec's `metrics`, else from its component's own connector.

All sources of a metric are asked. The first that has a figure counts; what each one said is evidence. No source is a
pass by being silent: with no figure anywhere the first trouble is told, and a source whose figures are old is trouble.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import NamedTuple

from tidegate.errors import ConnectorError, Denied
from tidegate.language.judging import Metric
from tidegate.ports import Metrics, Sample
from tidegate.traffic import Side
from tidegate.world import Source, World


def metric_of(world: World, name: str) -> Metric | None:
    """The spec's own word on a metric that has sources; None for one that its component measures."""
    return next((one for one in world.spec.metrics if one.name == name), None) if world.sources else None


def tells_apart(world: World, metric: str) -> bool:
    """Whether stable has a figure of its own: not where a metric covers all, or no source knows of versions."""
    if metric not in world.sources:
        return True
    told = metric_of(world, metric)
    return (told is None or told.scope == "green") and any(one.sided for one in world.sources[metric])


def asked(world: World, component: str, metric: str, side: Side, window: timedelta) -> list[tuple[str, Sample]]:
    """What each source says, in the order in which they are asked; ConnectorError becomes the sample's `error`."""
    sources = world.sources.get(metric) or (Source(component, world.parts[component].metrics),)
    return [(one.name, _said(world, one.metrics, metric, side, window)) for one in sources]


def _said(world: World, metrics: Metrics, metric: str, side: Side, window: timedelta) -> Sample:
    try:
        return metrics.sample(metric, side, window)
    except ConnectorError as why:
        return Sample(metric, None, None, None, window, world.clock.now(), str(why))


def measured(world: World, component: str, metric: str, side: Side, window: timedelta) -> Sample:
    """The sample that counts; where only the component itself measures, its own."""
    if metric not in world.sources:
        return _said(world, world.parts[component].metrics, metric, side, window)
    return taken(asked(world, component, metric, side, window))


def taken(said: Sequence[tuple[str, Sample]]) -> Sample:
    """
    The first figure of now; else the first trouble, told with its source; else the first word of nothing.

    A figure that is older than its window is not of now, whoever is asked next (the judge says so where none is newer).
    """
    for _, sample in said:
        if sample.value is not None and not sample.error:
            return sample
    name, trouble = next(((name, one) for name, one in said if one.error), said[0])
    if len(said) == 1 or not trouble.error:
        return trouble
    return Sample(trouble.metric, None, None, None, trouble.window, trouble.at, f"{name}: {trouble.error}")


# -- figures of one moment become figures of a window -----------------------------------------------------------------


class Instant(NamedTuple):
    """What a source that only knows its present said at one moment."""

    elapsed: float
    at: datetime
    value: float


class Instants:
    """What was said over the last hours, oldest first; the oldest go where there are too many."""

    MOST = 20_000  # five a second for an hour

    def __init__(self, keeps: timedelta = timedelta(hours=6)) -> None:
        self.keeps, self._kept = keeps.total_seconds(), list[Instant]()

    def add(self, one: Instant) -> None:
        self._kept.append(one)
        if len(self._kept) > self.MOST or one.elapsed - self._kept[0].elapsed > self.keeps * 1.1:
            first = bisect_left(self._kept, one.elapsed - self.keeps, key=lambda kept: kept.elapsed)
            self._kept = self._kept[max(first, len(self._kept) - self.MOST // 2) :]

    def within(self, window: timedelta, now: float) -> list[Instant]:
        """Those of the last `window`, `now` being on the same clock as theirs."""
        return self._kept[bisect_left(self._kept, now - window.total_seconds(), key=lambda kept: kept.elapsed) :]


def statistic(values: Sequence[float], how: str | None) -> float | None:
    """
    One figure of many by a spec's word for it; None of none.

    What is counted or shared out already (no word, `count`) is its newest value; a rate of instants is their mean.
    """
    if not values:
        return None
    match how:
        case None | "count":
            return values[-1]
        case "sum":
            return math.fsum(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "mean" | "rate":
            return fmean(values)
    return percentile(values, int(how.removeprefix("p")) / 100)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed (nearest rank): one that was measured."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]


# -- what a source's words may name -----------------------------------------------------------------------------------

NAMES = ("release", "side", "system", "url", "version", "window")
_NAMED = re.compile(r"\{([a-z_]+)\}")


def names_in(text: str) -> list[str]:
    """Which of these a text names; ValueError for `{name}` that is none (`{group="x"}` of a query names nothing)."""
    found: list[str] = _NAMED.findall(text)
    for name in found:
        if name not in NAMES:
            raise ValueError(f"{{{name}}} is not known here; {', '.join(f'{{{one}}}' for one in NAMES)} are filled in")
    return found


def filled(text: str, facts: Mapping[str, str]) -> str:
    """
    The text with these facts; Denied for one that is not known now.

    A value comes from outside and goes into queries and addresses: a quote, a brace or a line's end is refused.
    """

    def value(found: re.Match[str]) -> str:
        fact = facts.get(found[1], "")
        if not fact:
            raise Denied(f"{{{found[1]}}} is not known of this side now")
        if not fact.isprintable() or set(fact) & set("\"'`\\{}<>| ") or len(fact) > 500:
            raise Denied(f"{found[1]} is {fact[:60]!a}, which no query may hold")
        return fact

    return _NAMED.sub(value, text)
