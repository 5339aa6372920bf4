"""
The Mann-Whitney test with an interval for the shift, as Kayenta computes it: normal approximation, always.

The interval inverts the test: it holds the shifts that the test would not refuse. Ties correct the variance, the
continuity correction is 0.5 towards the middle, and the ends are searched by roots.find_root, as R's wilcox.test(x, y,
conf.int = TRUE, exact = FALSE) does. Source: kayenta-mannwhitney, MannWhitney.scala (spinnaker/spinnaker f8b98eba).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from tidegate.judge.foreign.kayenta.ranks import rank_sum
from tidegate.judge.foreign.kayenta.roots import find_root

NORMAL = NormalDist()


class AllTied(ArithmeticError):
    """Every value is the same one: there is no variance to test against."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the first sample lies above the second, in the metric's unit; `p_value` is of no shift, two-sided."""

    lower: float
    upper: float
    estimate: float
    p_value: float


def wilcoxon_difference(shift: float, quantile: float, x: Sequence[float], y: Sequence[float]) -> float:
    """
    The standardized rank sum of `x` moved down by `shift` against `y`, less `quantile`: it falls as the shift grows.

    Raises AllTied when every value is the same after the move.
    """
    m, n = len(x), len(y)
    ranks, sizes = rank_sum([value - shift for value in x], y)
    away = ranks - m * (m + 1) / 2 - m * n / 2
    ties = sum(size**3 - size for size in sizes)
    spread = m * n / 12 * ((m + n + 1) - ties / ((m + n) * (m + n - 1)))
    if spread <= 0:
        raise AllTied
    correction = math.copysign(0.5, away) if away else 0.0
    return (away - correction) / math.sqrt(spread) - quantile


def mann_whitney(x: Sequence[float], y: Sequence[float], confidence: float = 0.95) -> Shift:
    """
    Interval and estimate of the shift of `x` over `y`.

    `x` and `y` hold finite floats, at least one each. Raises AllTied when a variance is 0, ValueError on empty samples
    or a confidence outside (0, 1). The estimate is the median of all differences within the search's tolerance of 1e-4.
    """
    if not x or not y or not 0 < confidence < 1:
        raise ValueError("two samples and a confidence between 0 and 1 are needed")
    low, high = min(x) - max(y), max(x) - min(y)
    quantile = NORMAL.inv_cdf((1.0 - confidence) / 2)
    lower, upper = (_end(-quantile, x, y, low, high), _end(quantile, x, y, low, high))
    estimate = find_root(lambda shift: wilcoxon_difference(shift, 0.0, x, y), low, high)
    return Shift(lower, upper, estimate, _p_value(x, y))


def _end(quantile: float, x: Sequence[float], y: Sequence[float], low: float, high: float) -> float:
    """One end of the interval; samples too small to refuse any shift have the whole range for an interval."""
    if wilcoxon_difference(low, quantile, x, y) <= 0:
        return low
    if wilcoxon_difference(high, quantile, x, y) >= 0:
        return high
    return find_root(lambda shift: wilcoxon_difference(shift, quantile, x, y), low, high)


def _p_value(x: Sequence[float], y: Sequence[float]) -> float:
    try:
        z = wilcoxon_difference(0.0, 0.0, x, y)
    except AllTied:
        return math.nan
    return min(1.0, 2 * NORMAL.cdf(-abs(z)))
