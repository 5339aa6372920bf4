"""The looks that a forecast takes at a step: the watch's own at first, then rarer ones, up to a horizon."""

from __future__ import annotations

import numpy as np

from tidegate.judge.special import Array

EXACT = 60  # looks of the watch's own length
GROWTH = 1.2  # of those after them
LONGEST = 4 * 3600.0  # seconds; the judge is not made for longer ones


def course(seconds: float, look: float, exact: int = EXACT, growth: float = GROWTH) -> Array:
    """Looks that fill `seconds`, (looks,), seconds each: `exact` of length `look`, then longer and longer ones."""
    ends, dt, t = list[float](), look, 0.0
    while t < seconds - 1e-9:
        if len(ends) >= exact:
            dt = min(dt * growth, max(LONGEST, look))
        step = max(round(dt / look), 1) * look
        t = min(t + step, seconds)
        ends.append(t)
    out: Array = np.diff(np.array(ends or [look]), prepend=0.0)
    return out
