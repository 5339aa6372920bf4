"""
A rollout that nobody holds, as arrays over all its bins: what a peer with hundreds of settings is decided on at once.

A decision is the bin in which it falls, -1 for none; `outcomes` turns decisions into harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.bench.judging.driving import Meta, Outcome
from tests.bench.judging.rollout import Counted, Piece, Rollout
from tests.bench.judging.service import Counts, Floats

Flags = npt.NDArray[np.bool_]
Decide = Callable[["Course", Meta], int]


@dataclass(frozen=True, slots=True)
class Side:
    """One version: requests and failures (bins,), latency (bins, buckets), memory (bins,) in bytes."""

    requests: Counts
    failures: Counts
    latency: Counts
    memory: Floats

    def windows(self, bins: int) -> Side:
        """The same in windows of so many bins; an unfinished one at the end is left out."""
        if bins == 1:
            return self
        whole = len(self.requests) // bins * bins
        return Side(
            self.requests[:whole].reshape(-1, bins).sum(axis=1),
            self.failures[:whole].reshape(-1, bins).sum(axis=1),
            self.latency[:whole].reshape(-1, bins, self.latency.shape[1]).sum(axis=1),
            self.memory[bins - 1 : whole : bins],
        )

    def failing(self) -> Floats:
        """Share of failures, NaN without requests."""
        with np.errstate(invalid="ignore", divide="ignore"):
            made: Floats = self.failures / self.requests
        return made

    def quantile(self, share: float, edges: Floats) -> Floats:
        """Seconds (bins,), as `windows.interpolated` reads it from buckets; NaN without requests."""
        above = np.cumsum(self.latency, axis=1)
        wanted = share * above[:, -1]
        bucket = (above < wanted[:, None]).sum(axis=1)
        rows = np.arange(len(bucket))
        before = np.where(bucket > 0, above[rows, bucket - 1], 0)
        inside = (wanted - before) / np.maximum(above[rows, bucket] - before, 1e-12)
        low, high = edges[bucket], edges[np.minimum(bucket + 1, len(edges) - 2)]
        made: Floats = np.where(self.requests > 0, np.minimum(low + (high - low) * inside, edges[-2]), np.nan)
        return made


@dataclass(frozen=True, slots=True)
class Course:
    """Both versions over all bins; `harm` (bins,): harmed requests up to and with each bin; `t` (bins,): seconds."""

    t: Floats
    new: Side
    stable: Side
    harm: Floats
    bin_seconds: float

    def outcome(self, decided: int) -> Outcome:
        if decided < 0:
            return Outcome(None, float(self.harm[-1]), 0.0, len(self.t), 0.0)
        return Outcome(float(self.t[decided]), float(self.harm[decided]), 0.0, decided + 1, 0.0)

    def per(self, seconds: float) -> int:
        """Bins in a window of so many seconds, one at least."""
        return max(1, round(seconds / self.bin_seconds))


def _joined(sides: list[Counted]) -> Side:
    return Side(
        np.concatenate([side.requests.sum(axis=1) for side in sides]),
        np.concatenate([side.failures.sum(axis=1) for side in sides]),
        np.concatenate([side.latency for side in sides]),
        np.concatenate([side.memory for side in sides]),
    )


def course(rollout: Rollout) -> Course:
    """The same requests that a judge meets that never holds."""
    pieces: list[Piece] = []
    entries: tuple[int, ...] = ()
    first = 0
    for stage, bins in enumerate(rollout.bins):
        entries = (*entries, first)
        pieces.append(rollout.piece(stage, first, bins, entries))
        first += bins
    return Course(
        np.concatenate([piece.t for piece in pieces]),
        _joined([piece.new for piece in pieces]),
        _joined([piece.stable for piece in pieces]),
        np.cumsum(np.concatenate([piece.harm for piece in pieces])),
        rollout.context.bin_seconds,
    )


def first(reached: Flags) -> Counts:
    """Index along axis 0 (bins, ...) of the first True, -1 for none."""
    made: Counts = np.where(reached.any(axis=0), reached.argmax(axis=0), -1).astype(np.int64)
    return made


def earliest(one: Counts, other: Counts) -> Counts:
    """The first of two decisions, each -1 for none."""
    made: Counts = np.where((one < 0) | (other < 0), np.maximum(one, other), np.minimum(one, other))
    return made
