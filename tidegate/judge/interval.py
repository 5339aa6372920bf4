"""How sure a counted share is: the exact interval of Clopper and Pearson (1934), without numpy."""

from __future__ import annotations

import math
from collections.abc import Callable


def interval(hits: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper end (0-1) for `hits` of `runs`; it covers the true share at least this often."""
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _solved(lambda p: _at_least(hits, runs, p) - tail)
    high = 1.0 if hits == runs else _solved(lambda p: _at_least(hits + 1, runs, p) - (1 - tail))
    return low, high


def _at_least(least: int, runs: int, p: float) -> float:
    """P(X >= least) of a binomial."""
    if p <= 0 or p >= 1:
        return float(p >= 1)
    log_p, log_q, whole = math.log(p), math.log1p(-p), math.lgamma(runs + 1)
    fewer = math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * log_p + (runs - k) * log_q)
        for k in range(least)
    )
    return 1 - fewer


def _solved(rises: Callable[[float], float]) -> float:
    """Where a rising function of a share is 0, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2
