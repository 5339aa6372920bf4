"""
What can be wrong with a new version: 21 faults, each told by what it does to failures, latency and memory over time.

Sizes are in points of failures (0-1) and in factors of latency. An onset is "start", "late" (half way to the watch) or
"watch" (a third into it). Every fault is added to whatever the noise does at that moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.bench.judging.plans import Context
from tests.bench.judging.service import ROUTES, Floats


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `route`: the one that fails, every one where None."""

    name: str
    failing: float = 0.0  # points added, 0-1
    latency: float = 1.0  # factor on time
    part: float = 1.0  # share of the requests that are slowed by it
    onset: str = "start"
    ramp: float = 0.0  # seconds until it is there in full
    route: int | None = None
    beat: tuple[float, float] = (0.0, 0.0)  # seconds on, of so many seconds: intermittent
    leak: float = 0.0  # seconds until memory reaches the limit, at full traffic or not

    def begins(self, context: Context) -> float:
        """Seconds after the start, in a rollout that is never held."""
        if self.onset == "late":
            return 0.5 * context.watch
        if self.onset == "watch":
            return context.watch + (context.seconds - context.watch) / 3.0
        return 0.0

    def strength(self, since: Floats, rng: np.random.Generator) -> Floats:
        """How much of it is there (bins,), 0-1, for seconds since its onset (bins,)."""
        there = (since >= 0).astype(np.float64)
        if self.ramp:
            there *= np.clip(since / self.ramp, 0.0, 1.0)
        if self.beat[1]:
            there *= ((since + rng.uniform(0, self.beat[1])) % self.beat[1] < self.beat[0]).astype(np.float64)
        return there

    def added(self, strength: Floats, crashed: Floats) -> Floats:
        """Points of failures (bins, routes); `crashed` (bins,) are what a full memory costs."""
        made = np.zeros((len(strength), ROUTES))
        where = slice(None) if self.route is None else slice(self.route, self.route + 1)
        made[:, where] += self.failing * strength[:, None]
        return made + crashed[:, None]

    def log_latency(self, strength: Floats) -> Floats:
        return math.log(self.latency) * strength


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("err+0.1pp", failing=0.001),
        Fault("err+0.5pp", failing=0.005),
        Fault("err+1pp", failing=0.01),
        Fault("err+5pp", failing=0.05),
        Fault("err+20pp", failing=0.20),
        Fault("err+50pp", failing=0.50),
        Fault("err+1pp late", failing=0.01, onset="late"),
        Fault("err+20pp late", failing=0.20, onset="late"),
        Fault("err+20pp watch", failing=0.20, onset="watch"),
        Fault("err ramp to 5pp", failing=0.05, ramp=900.0),
        Fault("route fails", failing=0.50, route=ROUTES - 1),
        Fault("one instance", failing=0.05, latency=1.5, part=0.25),
        Fault("intermittent", failing=0.20, beat=(30.0, 300.0)),
        Fault("lat x1.1", latency=1.1),
        Fault("lat x1.25", latency=1.25),
        Fault("lat x1.5", latency=1.5),
        Fault("lat x2", latency=2.0),
        Fault("lat x4", latency=4.0),
        Fault("lat x2 late", latency=2.0, onset="late"),
        Fault("tail 10% x5", latency=5.0, part=0.10),
        Fault("leak", leak=1500.0),
    )
}

# A third of them for the short modes: each kind once, small and large.
REDUCED = ("err+0.5pp", "err+1pp", "err+5pp", "err+50pp", "err+20pp watch", "route fails", "lat x1.25", "lat x1.5",
           "lat x2", "lat x4", "tail 10% x5", "leak")  # fmt: skip


def memory(leak: float, since: Floats, start: float, rng: np.random.Generator, limit: float) -> tuple[Floats, Floats]:
    """
    Bytes used (bins,) and points of failures (bins,) by what happens at the limit, for seconds since the leak began.

    A full instance is killed and comes back: a tenth of the requests fail for a minute, then it fills again.
    """
    settled = start * (1 + 0.12 * (1 - np.exp(-np.maximum(since, 0.0) / 240.0)))
    noise = 1 + 0.004 * rng.standard_normal(len(since))
    if not leak:
        return np.minimum(settled * noise, limit), np.zeros(len(since))
    into = np.maximum(since, 0.0) % (leak + 60.0)
    used = np.minimum(start + (limit - start) * into / leak, limit)
    return np.minimum(used * noise, limit), 0.10 * (into >= leak).astype(np.float64)
