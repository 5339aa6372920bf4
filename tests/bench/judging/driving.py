"""
How a judge meets a rollout: one sample a bin, and the traffic does what the judge says.

"continue" moves the stage's clock, "hold" does not (at most ten minutes a stage, and not in the watch, where nothing is
left to hold), "rollback" ends it: the bin in which it was said has still done its harm.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from tests.bench.judging.rollout import Counted, Piece, Rollout

Sample = dict[str, Any]
Meta = dict[str, Any]


class Judge(Protocol):
    """What is asked once a bin."""

    def step(self, sample: Sample) -> str:
        """One of "continue", "hold", "rollback"."""


class Outcome(NamedTuple):
    """How a rollout ended under one judge; `at`: seconds after the start, None where nothing was rolled back."""

    at: float | None
    harmed: float
    held: float  # seconds
    steps: int
    cpu: float  # seconds inside the judge


def side(counted: Counted) -> Iterator[Sample]:
    """One version's part of each sample."""
    rows = zip(
        counted.requests.tolist(),
        counted.failures.tolist(),
        counted.latency.tolist(),
        counted.memory.tolist(),
        strict=True,
    )
    for requests, failures, latency, memory in rows:
        yield {"requests": requests, "failures": failures, "latency": latency, "memory": memory}


def samples(piece: Piece) -> Iterator[Sample]:
    """Each bin as a judge sees it."""
    pairs = zip(piece.t.tolist(), side(piece.new), side(piece.stable), strict=True)
    if piece.probes is None:
        for t, new, stable in pairs:
            yield {"t": t, "share": piece.share, "new": new, "stable": stable}
        return
    probes = zip(side(piece.probes[0]), side(piece.probes[1]), strict=True)
    for (t, new, stable), (asked_new, asked_stable) in zip(pairs, probes, strict=True):
        yield {"t": t, "share": piece.share, "new": new, "stable": stable,
               "probe_new": asked_new, "probe_stable": asked_stable}  # fmt: skip


def drive(rollout: Rollout, judge: Judge) -> Outcome:
    """Release it under this judge."""
    step, clock = judge.step, time.thread_time  # not the time of the neighbours
    harmed = held = cpu = 0.0
    first = steps = 0
    entries: tuple[int, ...] = ()
    dt = rollout.context.bin_seconds
    last = len(rollout.bins) - 1
    lost, luck = rollout.context.missing, random.Random(str(rollout.seed))
    for stage, wanted in enumerate(rollout.bins):
        entries = (*entries, first)
        missing, may_hold = wanted, 0 if stage == last else rollout.holds
        while missing:
            piece = rollout.piece(stage, first, missing, entries)
            first, missing = first + len(piece), 0
            for harm, sample in zip(piece.harm.tolist(), samples(piece), strict=True):
                if lost and luck.random() < lost:  # the service goes on, the judge sees nothing of it
                    harmed += harm
                    continue
                began = clock()
                said = step(sample)
                cpu += clock() - began
                steps += 1
                harmed += harm
                if said == "rollback":
                    return Outcome(sample["t"], harmed, held, steps, cpu)
                if said == "hold" and may_hold:
                    may_hold, missing, held = may_hold - 1, missing + 1, held + dt
    return Outcome(None, harmed, held, steps, cpu)
