"""
What each step of a plan can see: the smallest fault that the comparing judge finds within its bake, how soon, at what
price, and the bake that a given fault needs. Pure; docs/power.md has assumptions and how well it agrees with the judge.

A fault begins with the step that is asked about: the earlier ones were good. Its boundary comes from the judge's own
arithmetic (power_failures.py, power_latency.py), its chance from Poisson and normal counts against that boundary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tidegate.errors import SpecError
from tidegate.judge import power_failures, power_latency
from tidegate.judge.comparing import PROBES, SHARES
from tidegate.judge.power_course import course
from tidegate.judge.profile import Profile
from tidegate.judge.special import Array, normal_above

SURE = 0.95
HORIZON = 3 * 86400.0  # seconds; what would take longer is told as never, unless the bake itself is longer
SLOW = 1.6449  # standard deviations above the mean of ln latency: slower than 95 % of stable's requests
FILTERED = 12, 1.15  # looks of the filters, which are exact for any: of the watch's own length, then longer by
GOING_BY = 20  # looks at most of a step that goes by without a fault


@dataclass(frozen=True, slots=True)
class Service:
    """A component as users find it; of both versions together."""

    rate: float  # requests a second
    failing: float = 0.002  # share of stable's requests that fail, 0-1
    spread: float = 0.6  # standard deviation of ln latency
    look: float = 10.0  # seconds between looks
    hours: float = 24.0  # of stable's record
    routes: int = 1  # that are judged apart; one alone is the whole once more
    wanders: bool = True  # latency of two good versions drifts apart as the profile says; not in a simulation


@dataclass(frozen=True, slots=True)
class Fault:
    """More failures (`points`, a share 0-1 of requests), or slower by a factor; one of the two."""

    points: float = 0.0
    factor: float = 1.0


TARGETS = (Fault(points=0.01), Fault(points=0.05), Fault(factor=1.5))
BLIND = Fault(points=0.05)  # a step that finds fewer than half of these is blind


@dataclass(frozen=True, slots=True)
class Found:
    """
    What becomes of one fault at one step; times in seconds since its raise, infinity beyond three days.

    `late` is the time by which 95 % are found, and so the bake that it needs, however long the step's own is.
    """

    fault: Fault
    chance: float  # to be found before the bake ends, 0-1
    median: float
    late: float
    harmed: float  # requests that it makes fail, or slow, until it is found or the bake ends; mean


@dataclass(frozen=True, slots=True)
class StepPower:
    """One step: `points` and `factor` are the smallest faults found with 95 % within its bake; None: not any."""

    share: float  # 0-1
    seconds: float
    points: float | None
    factor: float | None
    found: tuple[Found, ...]  # in the order of the targets
    blind: bool
    probed: float  # where it is blind: seconds until 95 % of +5 points are found with one probe a second; else 0


@lru_cache(maxsize=32)
def powers(
    service: Service,
    stages: tuple[tuple[float, float], ...],
    targets: tuple[Fault, ...] = TARGETS,
    profile: Profile | None = None,
) -> tuple[StepPower, ...]:
    """
    What each of `stages` (share 0-1, seconds) can see. A stage of 0 seconds sees nothing.

    SpecError when a number of the service or of a stage is impossible.
    """
    _check(service, stages)
    profile = profile or Profile()
    plan = sum(seconds for _, seconds in stages)
    budget = SHARES["failures"] + (SHARES["routes"] if service.routes == 1 else 0.0)
    record = service.rate * service.hours * 3600
    failures = power_failures.Boundary(service.rate, service.failing, record, plan, profile, budget)
    latency = power_latency.Boundary(service.rate, service.spread, plan, profile, wanders=service.wanders)
    told = list[StepPower]()
    for share, seconds in stages:
        if seconds <= 0 or share <= 0 or service.rate <= 0:
            told.append(StepPower(share, seconds, None, None, (), seconds > 0, 0.0))
            continue
        looks = course(max(seconds, HORIZON), service.look)
        rarer = course(max(seconds, HORIZON), service.look, *FILTERED)
        slower = _held(latency.needed(share, rarer), rarer, looks)
        step = _Step(service, share, seconds, looks, failures.needed(share, looks), slower, profile)
        blind = step.found(BLIND).chance < 0.5
        probed = _probed(service, plan, profile) if blind else 0.0
        told.append(StepPower(share, seconds, step.points(), step.factor(), tuple(map(step.found, targets)), blind,
                              probed))  # fmt: skip
        going = course(seconds, max(service.look, seconds / GOING_BY))
        failures.pass_step(share, going)
        latency.pass_step(share, going)
    return tuple(told)


def _held(values: Array, looks: Array, finer: Array) -> Array:
    """Values at the ends of `looks`, told at the ends of `finer` ones: the last one known; infinity before."""
    at = np.searchsorted(np.cumsum(looks), np.cumsum(finer) + 1e-6) - 1
    out: Array = np.where(at >= 0, values[np.maximum(at, 0)], math.inf)
    return out


class _Step:
    """One step's boundaries: `failures` (times, looks), `latency` (looks,) ln of the factor."""

    def __init__(self, service: Service, share: float, seconds: float, looks: Array, failures: Array, latency: Array,
                 profile: Profile) -> None:  # fmt: skip
        self.service, self.share, self.looks = service, share, looks
        self.failures, self.latency = failures, latency
        self.wander = profile if service.wanders else None
        self.ends = np.cumsum(looks)
        self.within = int(np.searchsorted(self.ends, seconds + 1e-6))  # looks that the bake has
        self.seconds = seconds

    def found(self, fault: Fault) -> Found:
        if fault.points:
            by = power_failures.chance_by(self.failures, self._expected(fault.points))
        else:
            by = self._slower(fault.factor)
        chance = float(by[self.within - 1]) if self.within else 0.0
        before = np.append(0.0, by)[: self.within + 1]
        lasts = np.diff(np.append(0.0, np.append(self.ends[: self.within], self.seconds)))
        harmed = self.service.rate * self.share * self._harm(fault) * float(((1 - before) * lasts).sum())
        return Found(fault, chance, self._when(by, 0.5), self._when(by, SURE), harmed)

    def points(self) -> float | None:
        """The smallest number of points of failures, as a share 0-1."""
        low, high = 1e-5, 1 - self.service.failing
        if not self.within:
            return None
        needed = self.failures[:, : self.within]

        def seen(points: float) -> bool:
            return float(power_failures.at_best(needed, self._expected(points)[: self.within])[-1]) >= SURE

        return _smallest(low, high, seen)

    def factor(self) -> float | None:
        """The smallest factor of latency."""
        if not self.within:
            return None
        return _smallest(1.01, 20.0, lambda factor: float(self._slower(factor)[self.within - 1]) >= SURE)

    def _expected(self, points: float) -> Array:
        out: Array = self.service.rate * self.share * self.looks * min(self.service.failing + points, 1.0)
        return out

    def _slower(self, factor: float) -> Array:
        service = self.service
        return power_latency.chance_by(self.latency, factor, self.looks, service.rate, self.share, service.spread,
                                       self.wander)  # fmt: skip

    def _harm(self, fault: Fault) -> float:
        """The share of the new version's requests that the fault hurts."""
        if fault.points:
            return fault.points
        return float(normal_above(np.array(SLOW - math.log(fault.factor) / self.service.spread))) - 0.05

    def _when(self, by: Array, chance: float) -> float:
        """The end of the look at which so many are found."""
        over = by >= chance
        return float(self.ends[int(over.argmax())]) if over.any() else math.inf


def _smallest(low: float, high: float, seen: Callable[[float], bool]) -> float | None:
    """The smallest value that is seen, to 3 %, by halving on the logarithm; None when not even `high` is."""
    if not seen(high):
        return None
    while high / low > 1.03 and high - low > 1e-5:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def _probed(service: Service, plan: float, profile: Profile) -> float:
    """Seconds until 95 % of BLIND are found with one probe a second on either version, which fails as users do."""
    budget, looks = SHARES["failures"] * PROBES, course(3600, service.look)
    record = service.rate * service.hours * 3600
    needed = power_failures.Boundary(2.0, service.failing, record, plan, profile, budget).needed(0.5, looks)
    by = power_failures.chance_by(needed, looks * min(service.failing + BLIND.points, 1.0))
    over = by >= SURE
    return float(np.cumsum(looks)[int(over.argmax())]) if over.any() else math.inf


def _check(service: Service, stages: Sequence[tuple[float, float]]) -> None:
    numbers = {"rate": (service.rate, 0.0, 1e9), "failing": (service.failing, 0.0, 0.5),
               "spread": (service.spread, 0.01, 10.0), "look": (service.look, 0.1, 86400.0)}  # fmt: skip
    for name, (value, least, most) in numbers.items():
        if not least <= value <= most:
            raise SpecError(f"service.{name}: {value!r} is impossible", f"from {least:g} to {most:g}")
    if any(not (0 <= share <= 1 and 0 <= seconds < math.inf) for share, seconds in stages):
        raise SpecError(f"stages: {list(stages)!r}", "(share 0-1, seconds from 0 on)")
