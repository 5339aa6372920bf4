"""
Peers that judge by limits: the seed guides' own rules, Argo Rollouts, Flagger, and alarms M of N.

Written from their documents, so that each can be driven bin by bin: one reading a window, the counters as the product
keeps them. Argo is the guarded form (no traffic is no failure); Flagger counts a missing value as a failed check.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from tests.bench.judging.driving import Meta, Sample
from tests.bench.judging.plans import PLANS
from tests.bench.judging.windows import Totals, Window

OFF = 1e9  # seconds: a latency that nothing reaches


@dataclass(frozen=True, slots=True)
class Limit:
    """Bad is a window of `every` seconds with more than `failing` (share) or a quantile above `latency` (seconds)."""

    failing: float
    latency: float = OFF
    every: float = 60.0
    memory: float = OFF  # share of the memory limit
    quantile: float = 0.95  # of the latency

    def broken(self, seen: Totals, meta: Meta) -> bool | None:
        """Whether this window is bad, None without traffic."""
        if seen.memory > self.memory * meta["memory_limit"]:
            return True
        failing = seen.failing
        if failing is None:
            return None
        if failing > self.failing:
            return True
        return self.latency < OFF and (seen.quantile(self.quantile, meta["edges"]) or 0.0) > self.latency


class Guide:
    """A guide's rules: each is a limit that must be broken for so many windows in a row; no traffic changes nothing."""

    def __init__(self, meta: Meta) -> None:
        self.meta, self.rules = meta, GUIDES[plan_of(meta)]
        self.window = Window(60.0, meta["bin_seconds"])
        self.rows = [0] * len(self.rules)

    def step(self, sample: Sample) -> str:
        if not self.window.add(sample):
            return "continue"
        for number, (limit, _) in enumerate(self.rules):
            broken = limit.broken(self.window.new, self.meta)
            if broken is not None:
                self.rows[number] = self.rows[number] + 1 if broken else 0
        lasted = any(row >= windows for row, (_, windows) in zip(self.rows, self.rules, strict=True))
        return "rollback" if lasted else "continue"


class Argo:
    """Argo Rollouts: measurements that fail are counted over the whole run; more than `failure_limit` end it."""

    def __init__(self, meta: Meta, limit: Limit, failure_limit: int = 0) -> None:
        self.meta, self.limit, self.failure_limit = meta, limit, failure_limit
        self.window, self.failed = Window(limit.every, meta["bin_seconds"]), 0

    def step(self, sample: Sample) -> str:
        if self.window.add(sample) and self.limit.broken(self.window.new, self.meta):
            self.failed += 1
        return "rollback" if self.failed > self.failure_limit else "continue"


class Flagger:
    """Flagger: a failed check adds 1 and keeps the weight; `threshold` of them roll back, none is forgotten."""

    def __init__(self, meta: Meta, limit: Limit, threshold: int = 5) -> None:
        self.meta, self.limit, self.threshold = meta, limit, threshold
        self.window, self.failed, self.halted = Window(limit.every, meta["bin_seconds"]), 0, False

    def step(self, sample: Sample) -> str:
        if self.window.add(sample):
            self.halted = self.limit.broken(self.window.new, self.meta) is not False
            self.failed += self.halted
        if self.failed >= self.threshold:
            return "rollback"
        return "hold" if self.halted else "continue"


class Alarm:
    """CloudWatch: M of the last N points over the threshold; missing points are not breaching."""

    def __init__(self, meta: Meta, limit: Limit, m: int = 3, n: int = 5) -> None:
        self.meta, self.limit, self.m = meta, limit, m
        self.window = Window(limit.every, meta["bin_seconds"])
        self.points: deque[bool] = deque(maxlen=n)

    def step(self, sample: Sample) -> str:
        if self.window.add(sample):
            self.points.append(bool(self.limit.broken(self.window.new, self.meta)))
        return "rollback" if sum(self.points) >= self.m else "continue"


# The guides' rollback triggers, in minutes: share of failures, p95 (seconds), memory, and how many minutes in a row.
NONE = math.inf
GUIDES: dict[str, tuple[tuple[Limit, int], ...]] = {
    "S0": ((Limit(0.05), 5), (Limit(NONE, 0.200), 10), (Limit(NONE, memory=0.80), 30)),
    "S1": ((Limit(0.05, 1.0), 1),),  # names a target (0.5 %) and no trigger; the others' trigger is taken
    "S2": ((Limit(0.05, 1.0, memory=0.85), 1),),
    "S2v": ((Limit(0.05, 1.0, memory=0.85), 1),),
    "S3": ((Limit(0.05, 1.0, memory=0.90), 1),),  # "immediate"
    "S4": ((Limit(0.03, 3.0), 1),),
}


def plan_of(meta: Meta) -> str:
    """The plan by its stages' seconds; a hold-back changes only the last share."""
    wanted = [seconds for _, seconds in meta["stages"]]
    return next((name for name, stages in PLANS.items() if [s for _, s in stages] == wanted), "S3")
