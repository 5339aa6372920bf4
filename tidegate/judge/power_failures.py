"""
How many failures the comparing judge needs by which time, and how soon a version of a given rate has them.

The boundary is the judge's own: it weighs Poisson counts along paths, one for each of a grid of rates, and between them
lies the count at which its evidence is enough. The paths scatter as counts do, since passing stretches, which the judge
allows a good version, explain scatter; several of them stand for what chance does there and on the stable side. Then
counts of failures are followed look by look until they meet the boundary: a first passage, exact up to SMALL.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np

from tidegate.judge.chains import Step
from tidegate.judge.comparing import FIRST, SHARES
from tidegate.judge.failures import Counts, Failures, bursts
from tidegate.judge.profile import ALPHA, Profile
from tidegate.judge.special import Array, normal_above

PATHS, TIMES = 12, 5  # rates of the grid, and how often each is tried
FASTEST = 2.0  # failures a request: above 1 the requests themselves are more than expected
SMALL = 400  # counts up to which a first passage is followed exactly
SEED = 1  # the same plan is told the same figures


class Boundary:
    """The judge of failures on its way through a plan in which nothing fails more than it should."""

    def __init__(self, rate: float, failing: float, record_of: float, plan: float, profile: Profile,
                 budget: float = SHARES["failures"]) -> None:  # fmt: skip
        """
        `rate`: requests a second in all; `failing`: stable's, 0-1; `record_of`: requests that its record rests on.

        `plan`: seconds in all; `budget`: the share of alpha that this evidence has.
        """
        self.rate, self.failing, self.profile, self.plan = rate, failing, profile, max(plan, 1.0)
        record = min((failing * record_of + 0.5) / (record_of + 50), 0.5)  # as the judge reads it
        one = np.ones(PATHS * TIMES)
        kind = bursts(one * profile.bursts, one * profile.burst_size, one * profile.burst_time)
        self.judge = Failures(one * record, one * failing * record_of, profile, kind)
        self.rates = np.geomspace(max(record, 1e-5), FASTEST, PATHS)
        self.enough = -math.log(ALPHA * budget)
        self.t, self.served = 0.0, False

    def pass_step(self, share: float, looks: Array) -> None:
        """The step goes by without a fault, at expected counts; `looks`: (looks,), seconds each."""
        for dt in looks:
            new = self.rate * share * dt * np.ones(PATHS * TIMES)
            stable = self.rate * (1 - share) * dt * np.ones_like(new)
            counts = Counts(new, new * self.failing, stable, stable * self.failing)
            self._look(self.judge, self.t, dt, counts, self._begins(dt, self.served))
            self.t, self.served = self.t + dt, True

    def needed(self, share: float, looks: Array) -> Array:
        """
        Failures that the new version needs by the end of each look to be rolled back, (TIMES, looks).

        The fault begins with the first look. Infinity where no count would do.
        """
        judge, served, t = copy.deepcopy(self.judge), self.served, self.t
        chance = np.random.default_rng(SEED)
        found, total = np.full((TIMES, len(looks)), math.inf), np.zeros((TIMES, PATHS))
        for at, dt in enumerate(looks):
            asked, calm = self.rate * share * dt, self.rate * (1 - share) * dt
            bad = chance.poisson(asked * self.rates, (TIMES, PATHS)).astype(np.float64)
            others = np.repeat(chance.poisson(calm * self.failing, TIMES).astype(np.float64), PATHS)
            total += bad
            new, stable = np.maximum(bad, asked).ravel(), np.maximum(others, calm)
            self._look(judge, t, dt, Counts(new, bad.ravel(), stable, others), self._begins(dt, served))
            served, t = True, t + dt
            told = np.log(np.maximum(np.nan_to_num(judge.evidence, nan=math.inf), 1e-300)).reshape(TIMES, PATHS)
            found[:, at] = [_meets(one, count, self.enough) for one, count in zip(told, total, strict=True)]
        return found

    def _begins(self, dt: float, served: bool) -> float:
        return (1 - FIRST) * dt / self.plan if served else FIRST

    def _look(self, judge: Failures, t: float, dt: float, counts: Counts, begins: float) -> None:
        wander = self.profile.rate_wander * math.sqrt(min(1.0, 2 * self.profile.rate_wander_time / dt))
        judge.profile = replace(self.profile, rate_wander=wander)  # a long look is the mean of several of its memories
        with np.errstate(all="ignore"):  # what was found long ago grows beyond all bounds
            _fold(judge.bursts, judge.burst_kind.step(dt))
            _fold(judge.outages, judge.outage_kind.step(dt))
            judge.step(t, dt, counts, begins)


def _fold(mass: Array, step: Step) -> None:
    """Longer looks see fewer phases of a passing stretch: what is beyond the last one stands in it, in place."""
    last = step.ends.argmax(axis=2)[:, :, None]
    beyond = np.arange(mass.shape[2])[None, None, :] > last
    np.put_along_axis(mass, last, np.take_along_axis(mass, last, 2) + (mass * beyond).sum(2, keepdims=True), 2)
    mass[beyond] = 0.0


def _meets(told: Array, counts: Array, enough: float) -> float:
    """The count at which evidence along the paths is enough; chance may have changed their order."""
    order = np.argsort(counts, kind="stable")
    told, counts = np.maximum.accumulate(told[order]), counts[order]
    over = told >= enough
    if not over.any():
        return math.inf
    at = int(over.argmax())
    if at == 0:
        return float(counts[0])
    part = (enough - told[at - 1]) / (told[at] - told[at - 1])
    return float(counts[at - 1] + part * (counts[at] - counts[at - 1]))


def chance_by(needed: Array, expected: Array) -> Array:
    """
    The chance that failures have met the boundary by the end of each look, 0-1, (looks,).

    `needed`: (times, looks); `expected`: failures of the new version in each look, (looks,). Up to SMALL a count is
    followed exactly; beyond it is normal, and the best single look stands for the first passage.
    """
    out: Array = np.mean([_passage(one, expected) for one in needed], axis=0)
    return out


def at_best(needed: Array, expected: Array) -> Array:
    """A lower bound of `chance_by`, quickly: the chance of the best single look so far, counts being normal."""
    mean = np.cumsum(expected)
    z = (np.ceil(needed - 1e-9) - 0.5 - mean) / np.sqrt(np.maximum(mean, 1e-12))
    out: Array = np.maximum.accumulate(normal_above(np.minimum(z, 1e3)), axis=1).mean(axis=0)
    return out


def _passage(needed: Array, expected: Array) -> Array:
    found, mass, done = np.zeros(len(expected)), np.ones(1), 0.0
    mean = np.cumsum(expected)
    lines = np.ceil(needed - 1e-9)
    for at, more in enumerate(expected):
        reach = mean[at] + 6 * math.sqrt(mean[at]) + 8
        if reach > SMALL or done > 1 - 1e-6:
            beyond = at_best(needed[None, at:], np.append(mean[at], expected[at + 1 :]))
            found[at:] = np.maximum(beyond, done)
            break
        mass = np.convolve(mass, _poisson(more))[: int(reach) + 1]
        if lines[at] < len(mass):
            line = int(lines[at])
            done += float(mass[line:].sum())
            mass = mass[:line] if line else np.zeros(1)
        found[at] = done
    return found


def _poisson(mean: float) -> Array:
    """The chances of 0, 1, 2 ... events, as far as they matter."""
    count = np.arange(int(mean + 6 * math.sqrt(mean) + 8))
    logs = np.cumsum(np.log(np.maximum(count, 1)))
    out: Array = np.exp(count * math.log(max(mean, 1e-300)) - mean - logs)
    return out
