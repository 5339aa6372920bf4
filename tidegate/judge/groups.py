"""
An experiment's two groups: lift with its confidence interval, and whether people were divided as they should be.

A share of exposed users that changes on the way makes plain sums lie (Simpson's paradox): each period of constant
shares is a stratum of its own, put together by Mantel and Haenszel's ratio (Greenland and Robins 1985). Intervals hold
at every look at once (Robbins' normal mixture; Waudby-Smith et al. 2021), since S0 looks each day and decides early.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from tidegate.errors import SpecError
from tidegate.ports import Verdict

LEAST = 30  # people a group in a stratum, below which it says nothing
MIXED = 100.0  # the evidence (in standard errors squared of one stratum) at which the interval is tightest
SPLIT_ALPHA = 0.001  # a wrong division is nearly always a fault of the test: it is told only when it is sure


@dataclass(frozen=True, slots=True)
class Period:
    """
    A time of constant shares. `people` are those who met the test, `total` the sum of what is measured.

    For a share (who did something) `total` is how many did; for a mean, `squares` is the sum of squares.
    """

    control: int
    control_total: float
    treatment: int
    treatment_total: float
    control_squares: float | None = None
    treatment_squares: float | None = None
    expected: float = 0.5  # the treatment's share of the people


@dataclass(frozen=True, slots=True)
class Lift:
    """Treatment over control, less 1: 0.1 is 10 % more. The interval holds at every look with this confidence."""

    estimate: float
    low: float
    high: float
    confidence: float
    people: int

    def verdict(self, at_least: float) -> Verdict:
        """PASS when the whole interval is at or above the limit, FAIL when all of it is below, else INCONCLUSIVE."""
        if self.low >= at_least:
            return Verdict.PASS
        return Verdict.FAIL if self.high < at_least else Verdict.INCONCLUSIVE


def lift(periods: Sequence[Period], confidence: float = 0.95, *, once: bool = False) -> Lift:
    """
    Lift over all periods; `once`: a single look at the end, a narrower interval that may not be looked at before.

    With too few people the interval is everything (-1 to infinity). SpecError for counts that cannot be.
    """
    for at, period in enumerate(periods):
        _sound(period, f"periods[{at}]")
    told = [one for one in periods if min(one.control, one.treatment) >= LEAST]
    people = sum(one.control + one.treatment for one in periods)
    found = _ratio(told) if told else None
    if found is None:
        return Lift(0.0, -1.0, math.inf, confidence, people)
    ratio, variance = found
    reach = _reach(confidence, once, variance) * math.sqrt(variance)
    return Lift(ratio - 1, ratio * math.exp(-reach) - 1, ratio * math.exp(reach) - 1, confidence, people)


def _sound(one: Period, path: str) -> None:
    if min(one.control, one.treatment) < 0 or min(one.control_total, one.treatment_total) < 0:
        raise SpecError(f"{path}: {one} counts below 0", "people and totals from 0 on")
    if one.control_squares is None and (one.control_total > one.control or one.treatment_total > one.treatment):
        raise SpecError(f"{path}: more did it than there were people", "a share, or a mean with its squares")
    if not 0 < one.expected < 1:
        raise SpecError(f"{path}.expected: {one.expected}", "the treatment's share, between 0 and 1")


def _ratio(periods: Sequence[Period]) -> tuple[float, float] | None:
    """Ratio treatment to control and the variance of its logarithm; None where it cannot be said."""
    if all(one.control_squares is None for one in periods):
        return _mantel_haenszel(periods)
    logs, weights = [], []
    for one in periods:
        a, b = _mean(one.control, one.control_total, one.control_squares), _mean(
            one.treatment, one.treatment_total, one.treatment_squares
        )  # fmt: skip
        if a[0] <= 0 or b[0] <= 0:
            continue
        variance = a[1] / a[0] ** 2 + b[1] / b[0] ** 2  # of the logarithm of a ratio of means, by the delta method
        if variance > 0:
            logs.append(math.log(b[0] / a[0]))
            weights.append(1 / variance)
    if not weights:
        return None
    return math.exp(sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights)), 1 / sum(weights)


def _mean(people: int, total: float, squares: float | None) -> tuple[float, float]:
    """A mean and the variance of that mean."""
    mean = total / people
    spread = mean * (1 - mean) if squares is None else max(squares / people - mean * mean, 0.0)
    return mean, spread / people


def _mantel_haenszel(periods: Sequence[Period]) -> tuple[float, float] | None:
    above = below = spread = 0.0
    for one in periods:
        n = one.control + one.treatment
        above += one.treatment_total * one.control / n
        below += one.control_total * one.treatment / n
        both = one.treatment_total + one.control_total
        spread += (one.treatment * one.control * both - one.treatment_total * one.control_total * n) / n**2
    if above <= 0 or below <= 0:
        return None
    return above / below, spread / (above * below)


def _reach(confidence: float, once: bool, variance: float) -> float:
    """How many standard errors the interval reaches."""
    alpha = 1 - confidence
    if once:
        return NormalDist().inv_cdf(1 - alpha / 2)
    seen = 1 / (variance * MIXED)  # evidence so far, in units of that at which the interval is tightest
    return math.sqrt((1 + 1 / seen) * math.log((1 + seen) / alpha**2))


@dataclass(frozen=True, slots=True)
class Division:
    """Whether people were divided as planned: `evidence` that they were not, an e-value."""

    evidence: float
    share: float  # of the treatment, observed

    @property
    def wrong(self) -> bool:
        """Whether it is sure enough to stop believing the test."""
        return self.evidence >= 1 / SPLIT_ALPHA


def division(periods: Sequence[Period], about: float = 1000.0) -> Division:
    """
    The sample-ratio check, valid at every look: a beta mixture about the planned share (Lindon and Malek 2022).

    `about`: how many people's worth of belief in the plan the alternative has.
    """
    log, treated, all_ = 0.0, 0, 0
    for at, one in enumerate(periods):
        _sound(one, f"periods[{at}]")
        a, b = about * one.expected, about * (1 - one.expected)
        n, k = one.control + one.treatment, one.treatment
        log += _log_beta(a + k, b + n - k) - _log_beta(a, b)
        log -= k * math.log(one.expected) + (n - k) * math.log1p(-one.expected)
        treated, all_ = treated + k, all_ + n
    return Division(math.exp(min(log, 700.0)), treated / all_ if all_ else 0.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
