"""
Describing one series, and the size of an effect between two.

Series are sequences of finite floats without NaN, in any order. Source: kayenta-judge, stats/EffectSizes.scala
(spinnaker/spinnaker f8b98eba) and stats/DescriptiveStatistics.scala (5ca1d36c), which lean on Apache Commons Math 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tidegate.judge.foreign.kayenta.ranks import rank_sum


@dataclass(frozen=True, slots=True)
class Described:
    """A series in five figures; all are 0 for an empty one, and `std` (n - 1) is 0 for a single value."""

    min: float
    max: float
    mean: float
    std: float
    count: int

    def told(self) -> dict[str, float]:
        return asdict(self)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean; NaN for an empty series."""
    return math.fsum(values) / len(values) if values else math.nan


def variance(values: Sequence[float], missing: int = 1) -> float:
    """Mean squared deviation over n - `missing`; 0 for one value, NaN for none."""
    if len(values) <= 1:
        return 0.0 if values else math.nan
    middle = mean(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - missing)


def described(values: Sequence[float]) -> Described:
    if not values:
        return Described(0.0, 0.0, 0.0, 0.0, 0)
    return Described(min(values), max(values), mean(values), math.sqrt(variance(values)), len(values))


def percentile(values: Sequence[float], p: float) -> float:
    """
    The p-th percentile (0 < p <= 100), linear between neighbours as R's type 7 has it; NaN for an empty series.

    Hyndman & Fan 1996, definition 7: the position is 1 + (n - 1) p / 100.
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    position = (len(ordered) - 1) * p / 100
    below = min(int(position), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def mean_ratio(control: Sequence[float], experiment: Sequence[float]) -> float:
    """Mean of the experiment over mean of the control; NaN when either is 0, so that no ratio is ever 0 or infinite."""
    below, above = mean(control), mean(experiment)
    return math.nan if below == 0 or above == 0 else above / below


def cles(control: Sequence[float], experiment: Sequence[float]) -> float:
    """
    Chance that a value of the experiment is above one of the control, ties counting half; NaN when either is empty.

    Vargha & Delaney 2000, in the form that divides once.
    """
    m, n = len(experiment), len(control)
    if not m or not n:
        return math.nan
    ranks, _ = rank_sum(experiment, control)
    return (2 * ranks - m * (m + 1)) / (2 * n * m)


def cohens_d(control: Sequence[float], experiment: Sequence[float]) -> float:
    """Distance of the means in pooled standard deviations; NaN where that has no meaning."""
    m, n = len(experiment), len(control)
    if m + n <= 2 or not m or not n:
        return math.nan
    pooled = math.sqrt(((m - 1) * variance(experiment) + (n - 1) * variance(control)) / (m + n - 2))
    return abs(mean(experiment) - mean(control)) / pooled if pooled else math.nan
