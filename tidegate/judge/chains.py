"""
Bad stretches that pass: bursts on one version and outages on both, as chains of phases.

A stretch of mean length D lasts a few phases, each with the same chance to end at every look: lengths near D are
likely, ten times D is not. Sizes are a grid; each size is a chain of its own. Where a look is longer than a stretch,
the stretch is thinned over it. Arrays are of (streams, sizes), masses of (streams, sizes, phases).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.judge.special import Array

MOST_PHASES = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What one look does to a kind of stretch."""

    begins: Array  # chance that one of this size begins
    advances: Array  # chance to go on to the next phase, (streams, sizes, 1)
    passes: Array  # 1 for phases that are followed by another, else 0, (streams, sizes, phases - 1)
    ends: Array  # 1 for the last phase and those that a longer look no longer has, else 0, (streams, sizes, phases)
    sizes: Array  # as one look sees them


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stretch: how many a hour of each size, what it adds to the rate, and its mean length in seconds."""

    per_hour: Array
    sizes: Array
    lengths: Array

    @property
    def mean_length(self) -> float:
        """Seconds, over all sizes of the first stream as often as they come."""
        often = self.per_hour[0] + 1e-12
        return float((often * self.lengths[0]).sum() / often.sum())

    def step(self, dt: float) -> Step:
        """For a look of `dt` seconds."""
        looks = self.lengths / dt
        phases = np.clip(np.round(looks / 1.5), 1, MOST_PHASES)
        advances = np.minimum(1.0, phases / (looks + 0.5))
        at, last = np.arange(MOST_PHASES)[None, None, :], (phases - 1)[:, :, None]
        passes, ends = (at[:, :, :-1] < last).astype(np.float64), (at >= last).astype(np.float64)
        begins = -np.expm1(-self.per_hour / 3600 * dt)
        return Step(begins, advances[:, :, None], passes, ends, self.sizes * np.minimum(1.0, looks))


def start(kind: Kind) -> Array:
    """No stretch is under way."""
    return np.zeros((*kind.sizes.shape, MOST_PHASES))


def move(mass: Array, calm: Array, step: Step) -> tuple[Array, Array]:
    """One look later, before it is weighed: the masses, and what the calm (streams,) gains or loses by it."""
    going = mass * step.advances
    moved = mass - going
    moved[:, :, 1:] += going[:, :, :-1] * step.passes
    born = calm[:, None] * step.begins
    moved[:, :, 0] += born
    change: Array = (going * step.ends).sum(axis=(1, 2)) - born.sum(axis=1)
    return moved, change
