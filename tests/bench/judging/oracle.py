"""
The limit: a likelihood ratio test that knows the fault, its onset and the noise of every second.

It stops at ln(100): by Ville's inequality a good version is rolled back at most once in a hundred releases. It reads
the rollout itself, not the samples, and has no use for a hold.
"""

from __future__ import annotations

import math

import numpy as np

from tests.bench.judging.driving import Outcome
from tests.bench.judging.rollout import Rollout

ENOUGH = math.log(100.0)  # nats


def oracle(rollout: Rollout) -> Outcome:
    """What the rollout would have cost with the best judge there can be."""
    entries: tuple[int, ...] = ()
    first, evidence, harmed = 0, 0.0, 0.0
    for stage, bins in enumerate(rollout.bins):
        entries = (*entries, first)
        piece = rollout.piece(stage, first, bins, entries)
        so_far = evidence + np.cumsum(piece.evidence)
        enough = np.flatnonzero(so_far >= ENOUGH)
        if len(enough):
            end = int(enough[0])
            return Outcome(float(piece.t[end]), harmed + float(piece.harm[: end + 1].sum()), 0.0, first + end + 1, 0.0)
        first, evidence, harmed = first + bins, float(so_far[-1]), harmed + float(piece.harm.sum())
    return Outcome(None, harmed, 0.0, first, 0.0)
