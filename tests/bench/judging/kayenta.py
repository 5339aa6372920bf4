"""
Kayenta's judge in small: a Mann-Whitney test on the two series of minutes, one look an interval, scores against
75/95.

A metric is High when the lower end of the interval of the shift (Hodges-Lehmann) exceeds a quarter of the shift
itself (netflix.judge, tolerance 0.25; confidence 98 %), so its sample is minutes, not requests. Metrics: share of
failures, p50 and p95. One High of three scores 67, below the marginal 75. The shift's interval is read from the
ordered differences by the normal approximation of the rank sum, as R does for ties. Without stable traffic there is
nothing to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tests.bench.judging.course import Course, Flags, Side
from tests.bench.judging.driving import Meta, Sample
from tests.bench.judging.service import Counts, Floats

TOLERANCE = 0.25


def series(side: Side, edges: Floats) -> Floats:
    """Per minute (metrics, minutes): failures, p50, p95; NaN where there was no request."""
    return np.stack([side.failing(), side.quantile(0.5, edges), side.quantile(0.95, edges)])


def high(new: Floats, stable: Floats, confidence: Sequence[float] = (0.98,), effect: Sequence[float] = (1.0,)) -> Flags:
    """
    Whether any metric of a look is High, for each setting: arrays (metrics, looks, minutes) in, (looks, settings) out.

    `effect`: how many times the stable version's mean the new one's must be, besides; the last to vary.
    """
    n, m = (~np.isnan(new)).sum(axis=-1), (~np.isnan(stable)).sum(axis=-1)
    shifts = np.sort((new[..., :, None] - stable[..., None, :]).reshape(*new.shape[:-1], -1), axis=-1)  # NaN last
    least = TOLERANCE * np.abs(_at(shifts, n * m // 2))
    ratio = _mean(new, n) / np.maximum(_mean(stable, m), 1e-12)
    made = []
    for sure in confidence:
        z = NormalDist().inv_cdf(0.5 + sure / 2)
        rank = np.ceil(n * m / 2 - z * np.sqrt(n * m * (n + m + 1) / 12)).astype(np.int64) - 1
        low = _at(shifts, np.maximum(rank, 0))
        with np.errstate(invalid="ignore"):
            beyond = (rank >= 0) & (low > 0) & (low > least)
        made += [(beyond & (ratio >= size)).any(axis=0) for size in effect]
    return np.stack(made, axis=-1)


def _at(ordered: Floats, rank: Counts) -> Floats:
    """The value of each rank along the last axis."""
    held = np.minimum(rank, ordered.shape[-1] - 1)
    return np.take_along_axis(ordered, held[..., None], axis=-1)[..., 0]


def _mean(values: Floats, there: Counts) -> Floats:
    return np.asarray(np.where(np.isnan(values), 0.0, values).sum(axis=-1) / np.maximum(there, 1))


def looks(course: Course, meta: Meta, minutes: int) -> tuple[Floats, Floats]:
    """Both versions' series cut into looks (metrics, looks, minutes); an unfinished look is left out."""
    edges, bins = np.asarray(meta["edges"]), course.per(60.0)
    cut = []
    for side in (course.new, course.stable):
        told = series(side.windows(bins), edges)
        whole = told.shape[1] // minutes * minutes
        cut.append(told[:, :whole].reshape(len(told), -1, minutes))
    return cut[0], cut[1]


def decide(course: Course, meta: Meta, minutes: int = 10) -> int:
    """The bin at whose end the first look fails, -1 for none."""
    found = np.flatnonzero(high(*looks(course, meta, minutes)))
    return (int(found[0]) + 1) * minutes * course.per(60.0) - 1 if len(found) else -1


class Kayenta:
    """The same, bin by bin."""

    def __init__(self, meta: Meta, minutes: int = 10) -> None:
        self.edges, self.minutes = np.asarray(meta["edges"]), minutes
        self.bins = max(1, round(60.0 / meta["bin_seconds"]))
        self.seen: list[Sample] = []

    def step(self, sample: Sample) -> str:
        self.seen.append(sample)
        if len(self.seen) < self.minutes * self.bins:
            return "continue"
        told = [
            series(_side(self.seen, version).windows(self.bins), self.edges)[:, None] for version in ("new", "stable")
        ]
        self.seen = []
        return "rollback" if high(told[0], told[1]).any() else "continue"


def _side(seen: list[Sample], version: str) -> Side:
    parts = [sample[version] for sample in seen]
    return Side(
        np.array([sum(part["requests"]) for part in parts]),
        np.array([sum(part["failures"]) for part in parts]),
        np.array([part["latency"] for part in parts]),
        np.array([part["memory"] for part in parts]),
    )
