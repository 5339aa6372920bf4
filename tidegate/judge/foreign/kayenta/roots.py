"""
Brent's root finder, step by step as R's uniroot and Kayenta take it.

The functions searched here are staircases: where the search stops within its tolerance depends on the way it went, and
verdicts depend on where it stops. So the order of the arithmetic is part of the behaviour. Brent 1973, chapter 4;
kayenta-mannwhitney, BrentSolver.java (spinnaker/spinnaker acff987c).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TOLERANCE = 1e-4  # in units of the metric: R's default for the interval of a shift
EPSILON = 2.0**-52
MOST_STEPS = 1001
TINY = 5e-324  # the smallest double: nearer to zero is zero


@dataclass(slots=True)
class _Point:
    at: float
    value: float


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """
    Where a falling `function` crosses zero between `low` and `high`, within TOLERANCE.

    An end whose value is exactly 0 is the answer. The signs at the ends are not checked: without a crossing the answer
    is the end that the search runs into, and after MOST_STEPS it is the best point so far.
    """
    last, best = _Point(low, function(low)), _Point(high, function(high))
    for end in (last, best):
        if abs(end.value) <= TINY:
            return end.at
    other = last  # the crossing lies between `best` and `other`
    for _ in range(MOST_STEPS):
        moved = best.at - last.at
        if abs(other.value) < abs(best.value):
            last, best, other = best, other, best
        near = 2 * EPSILON * abs(best.at) + TOLERANCE / 2
        step = (other.at - best.at) / 2
        if abs(step) <= near or abs(best.value) <= TINY:
            return best.at
        if abs(moved) >= near and abs(last.value) > abs(best.value):
            step = _interpolated(last, best, other, moved, near, step)
        if abs(step) < near:
            step = near if step > 0 else -near
        last = best
        at = best.at + step
        best = _Point(at, function(at))
        if best.value * other.value > 0:
            other = last
    return best.at


def _interpolated(last: _Point, best: _Point, other: _Point, moved: float, near: float, half: float) -> float:
    """The secant's or the inverse parabola's step when it stays well inside the bracket, else `half` of the bracket."""
    gap = other.at - best.at
    if last.at == other.at:
        slope = best.value / last.value
        p, q = gap * slope, 1.0 - slope
    else:
        q, s, t = last.value / other.value, best.value / other.value, best.value / last.value
        p = t * (gap * q * (q - s) - (best.at - last.at) * (s - 1.0))
        q = (q - 1.0) * (s - 1.0) * (t - 1.0)
    p, q = (p, -q) if p > 0 else (-p, q)
    inside = p < 0.75 * gap * q - abs(near * q) / 2 and p < abs(moved * q / 2)
    return p / q if inside else half
