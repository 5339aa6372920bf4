"""Small rollouts with independent requests, for the judge's tests; the benchmark has the noise of real systems."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

EDGES = [0.0, *(0.005 * 1.2**i for i in range(45)), math.inf]
SHARES = np.array([0.6, 0.3, 0.1])
MIDDLE, WIDTH = 0.08, 0.6


@dataclass(frozen=True)
class Rollout:
    """What requests do to each version; `extra`: points of failures, `slower`: factor, of the new one."""

    rate: float = 10.0
    failing: float = 0.002
    extra: float = 0.0
    slower: float = 1.0
    begins: float = 0.0
    stages: tuple[tuple[float, float], ...] = ((0.05, 300), (0.25, 300), (0.5, 300), (1.0, 300))
    seconds: float = 10.0
    leak: float = 0.0  # bytes a second
    seed: int = 1

    @property
    def meta(self) -> dict[str, Any]:
        asked = self.rate * 86400
        return {
            "stages": [list(stage) for stage in self.stages], "bin_seconds": self.seconds, "edges": EDGES,
            "routes": len(SHARES), "memory_limit": 512e6,
            "history": {"failures": list(asked * SHARES * self.failing), "requests": list(asked * SHARES),
                        "latency": list(asked * buckets(1.0)), "hours": 24},
        }  # fmt: skip

    def samples(self) -> Iterator[dict[str, Any]]:
        chance, t = np.random.default_rng(self.seed), 0.0
        for share, seconds in self.stages:
            for _ in range(round(seconds / self.seconds)):
                bad = t >= self.begins
                yield {
                    "t": t, "share": share,
                    "new": self._side(chance, share, self.extra if bad else 0.0, self.slower if bad else 1.0,
                                      2e8 + self.leak * t + chance.normal(0, 1e6)),
                    "stable": self._side(chance, 1 - share, 0.0, 1.0, 2e8 + chance.normal(0, 1e6)),
                }  # fmt: skip
                t += self.seconds

    def _side(self, chance: np.random.Generator, share: float, extra: float, slower: float,
              memory: float) -> dict[str, Any]:  # fmt: skip
        asked = chance.poisson(self.rate * self.seconds * share * SHARES)
        failed = chance.binomial(asked, min(1.0, self.failing + extra))
        return {"requests": asked.tolist(), "failures": failed.tolist(), "memory": memory,
                "latency": chance.multinomial(asked.sum(), buckets(slower)).tolist()}  # fmt: skip


def buckets(slower: float) -> Any:
    """The share of requests in each bucket: logarithms are normal."""
    inner = [math.log(edge / (MIDDLE * slower)) / WIDTH for edge in EDGES[1:-1]]
    below = np.array([0.0, *(0.5 * (1 + math.erf(z / math.sqrt(2))) for z in inner), 1.0])
    return np.diff(below)


def judged(judge: Any, rollout: Rollout) -> tuple[str, float]:
    """The word that ended it, and when."""
    word, at = "continue", 0.0
    for sample in rollout.samples():
        word, at = judge.step(sample), float(sample["t"])
        if word == "rollback":
            break
    return word, at
