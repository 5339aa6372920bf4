"""
From outcomes to figures: harm, time, false rollbacks with their interval, and multiples of the oracle.

Harm of a cell is the mean over its bad rollouts, detected or not. Multiples are of means, half a request added to both,
so that a cell in which the oracle harms nobody does not decide the whole (docs on judging a canary, the measure).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.bench.judging.driving import Outcome
from tests.bench.judging.plans import Context
from tests.bench.judging.service import Floats

HALF = 0.5  # requests, added to both sides of a multiple


@dataclass(slots=True)
class Cell:
    """One context and one fault (None: good versions): per policy, the outcomes of the same rollouts."""

    context: Context
    fault: str | None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    onset: float = 0.0  # seconds after the start
    tuned_rolled: Floats | None = None  # per setting of the peers' grid (settings,): share of the rollouts rolled back
    tuned_harm: Floats | None = None  # and harmed requests, mean

    def harmed(self, policy: str) -> float:
        return float(np.mean([one.harmed for one in self.outcomes[policy]]))

    def harmed_p95(self, policy: str) -> float:
        return float(np.quantile([one.harmed for one in self.outcomes[policy]], 0.95))

    def found(self, policy: str) -> float:
        """Share of the bad versions that were rolled back, whether for the fault or not."""
        return float(np.mean([one.at is not None for one in self.outcomes[policy]]))

    def delay(self, policy: str, quantile: float = 0.5) -> float:
        """Seconds from the onset to the decision among those found after it, NaN without any."""
        late = [one.at - self.onset for one in self.outcomes[policy] if one.at is not None and one.at > self.onset]
        return float(np.quantile(late, quantile)) if late else math.nan

    def held(self, policy: str) -> float:
        """Seconds lost to holding, as a share of the plan."""
        return float(np.mean([one.held for one in self.outcomes[policy]])) / self.context.seconds

    def cpu(self, policy: str) -> float:
        """Seconds a decision."""
        steps = sum(one.steps for one in self.outcomes[policy])
        return sum(one.cpu for one in self.outcomes[policy]) / max(steps, 1)

    def multiple(self, policy: str, of: str = "oracle") -> float:
        return (self.harmed(policy) + HALF) / (self.harmed(of) + HALF)


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share (Wilson 1927), 95 % by default."""
    if not of:
        return 0.0, 1.0
    p, spread = hits / of, z * z / of
    middle = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def geometric(values: Iterable[float]) -> float:
    """Geometric mean, NaN of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def within(multiples: Sequence[float], limit: float) -> float:
    """Share of the cells at or below a multiple."""
    return sum(value <= limit for value in multiples) / len(multiples) if multiples else math.nan
