"""
How much slower a version has to be for the comparing judge by which time, and how soon that is seen.

The boundary is the judge's own, as for failures (power_failures.py): its filters are given the mean latencies of
versions that are slower by each of a grid of factors, and between them lies the factor at which the evidence is enough.
A version's measured mean strays from its own by what chance does to its requests (normal); in a filter that learns how
much a site wanders, what chance adds to the squared surprise is put back, since the paths are without it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np

from tidegate.judge.comparing import FIRST, SHARES
from tidegate.judge.latency import Latency
from tidegate.judge.profile import ALPHA, Profile
from tidegate.judge.special import Array, normal_above

SHIFTS: Array = np.log(np.array([1.04, 1.08, 1.15, 1.25, 1.4, 1.6, 2.0, 3.0, 6.0]))


class _Expected(Latency):
    """The judge's filters, given expected means."""

    def __init__(self, spread: float, profile: Profile, *, wanders: bool) -> None:
        super().__init__(spread, profile)
        self.wanders = wanders

    def _learn(self, z2: float, f: float, noise: float) -> None:
        """The paths are without chance, and without the site's wander: its share of the surprise is as expected."""
        super()._learn(z2 + (1.0 if self.wanders else noise / f), f, noise)


class Boundary:
    """The judge of latency on its way through a plan in which nothing is slower than it should be."""

    def __init__(self, rate: float, spread: float, plan: float, profile: Profile, *, wanders: bool = True) -> None:
        """`rate`: requests a second; `spread`: standard deviation of ln latency; `plan`: seconds in all."""
        self.rate, self.spread, self.profile, self.plan = rate, spread, profile, max(plan, 1.0)
        self.judge = _Expected(spread**2, profile, wanders=wanders)
        self.enough = -math.log(ALPHA * SHARES["latency"])
        self.t, self.steps = 0.0, 0

    def pass_step(self, share: float, looks: Array) -> None:
        """The step goes by without a fault; `looks`: (looks,), seconds each."""
        self._raise(self.judge)
        for at, dt in enumerate(looks):
            self._look(self.judge, self.t, share, dt, 0.0, first=not self.steps and not at)
            self.t += dt
        self.steps += 1

    def needed(self, share: float, looks: Array) -> Array:
        """
        Ln of the factor that the new version's mean latency needs by the end of each look, (looks,).

        The slowness begins with the first look. Infinity where none of the grid would do.
        """
        told = np.empty((len(SHIFTS), len(looks)))
        for row, shift in enumerate(SHIFTS):
            judge, t = copy.deepcopy(self.judge), self.t
            self._raise(judge)
            for at, dt in enumerate(looks):
                self._look(judge, t, share, dt, float(shift), first=not self.steps and not at)
                t += dt
                told[row, at] = math.log(max(judge.evidence, 1e-300))
                if told[row, at] > 2 * self.enough:  # it stays found
                    told[row, at:] = told[row, at]
                    break
        told = np.maximum.accumulate(told, axis=0)
        return np.array([_meets(one, self.enough) for one in told.T])

    def _raise(self, judge: Latency) -> None:
        if self.steps:
            judge.raised()

    def _look(self, judge: Latency, t: float, share: float, dt: float, shift: float, *, first: bool) -> None:
        mean = float(_averaged(np.array(dt / self.profile.wander_time)))
        judge.profile = replace(self.profile, wander=self.profile.wander * math.sqrt(mean))
        asked = self.rate * dt
        begins = FIRST if first else (1 - FIRST) * dt / self.plan
        judge.step(t, dt, (shift, asked * share), (0.0, asked * (1 - share)), begins)


def _meets(told: Array, enough: float) -> float:
    """Ln of the factor at which evidence is enough."""
    over = told >= enough
    if not over.any():
        return math.inf
    at = int(over.argmax())
    if at == 0:
        return float(SHIFTS[0])
    part = (enough - told[at - 1]) / (told[at] - told[at - 1])
    return float(SHIFTS[at - 1] + part * (SHIFTS[at] - SHIFTS[at - 1]))


def _averaged(times: Array) -> Array:
    """The variance of a wander's mean over so many of its memories, in parts of its own (Ornstein and Uhlenbeck)."""
    x = np.maximum(times, 1e-3)
    return np.asarray(2 * (x - 1 + np.exp(-x)) / x**2)


def chance_by(
    needed: Array, factor: float, looks: Array, rate: float, share: float, spread: float, wanders: Profile | None = None
) -> Array:
    """
    The chance that a version slower by `factor` is found by the end of each look, 0-1, (looks,).

    `rate`: requests a second in all; `spread`: standard deviation of ln latency; `wanders`: of a site that does. The
    stable version's chance counts where it is there; without it the record's mean is known.
    """
    ends = np.cumsum(looks)
    asked, calm = rate * share * ends, rate * (1 - share) * ends
    variance = spread**2 / np.maximum(asked, 1e-12) + (spread**2 / calm if share < 1 else 0.0)
    if wanders is not None:
        variance = variance + wanders.wander**2 * wanders.kappa * _averaged(ends / wanders.wander_time)
    z = (needed - math.log(factor)) / np.sqrt(variance)
    out: Array = np.maximum.accumulate(normal_above(np.clip(z, -30, 1e3)))
    return out
