"""
Samples added up over windows of time, and what is read from them: a share of failures, a quantile of latency.

Metric systems answer for whole minutes; a judge that asks them sees nothing finer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.bench.judging.driving import Sample
from tests.bench.judging.service import Floats


@dataclass(slots=True)
class Totals:
    """What one version did within a window; `latency`: requests per bucket, one list a bin."""

    requests: int = 0
    failures: int = 0
    latency: list[list[int]] = field(default_factory=list)
    memory: float = 0.0

    def add(self, part: Sample) -> None:
        self.requests += sum(part["requests"])
        self.failures += sum(part["failures"])
        self.latency.append(part["latency"])
        self.memory = part["memory"]

    @property
    def failing(self) -> float | None:
        """Share of failures, None without requests: the division that gives NaN elsewhere."""
        return self.failures / self.requests if self.requests else None

    def quantile(self, share: float, edges: Sequence[float]) -> float | None:
        """Seconds, the upper edge of the bucket as most metric systems report it, interpolated as Prometheus does."""
        if not self.requests:
            return None
        above = np.array(self.latency, dtype=np.float64).sum(axis=0).cumsum()
        return interpolated(above, share, edges)


def interpolated(above: Floats, share: float, edges: Sequence[float]) -> float:
    """`histogram_quantile` of Prometheus on cumulative counts (buckets,): linear within the bucket, seconds."""
    wanted = share * above[-1]
    bucket = int(np.searchsorted(above, wanted))
    if bucket >= len(edges) - 2:
        return float(edges[-2])
    before = above[bucket - 1] if bucket else 0.0
    inside = (wanted - before) / max(above[bucket] - before, 1e-12)
    return float(edges[bucket] + (edges[bucket + 1] - edges[bucket]) * inside)


class Window:
    """Both versions' totals of one window of so many seconds; `full` when it has just ended."""

    def __init__(self, seconds: float, bin_seconds: float) -> None:
        self.bins = max(1, round(seconds / bin_seconds))
        self._seen = 0
        self.new, self.stable = Totals(), Totals()

    def add(self, sample: Sample) -> bool:
        """Take one sample; whether the window is full with it."""
        if self._seen == self.bins:
            self._seen, self.new, self.stable = 0, Totals(), Totals()
        self._seen += 1
        self.new.add(sample["new"])
        self.stable.add(sample["stable"])
        return self._seen == self.bins
