"""How fast this machine is, so that the demo asks no more of it than it can give."""

from __future__ import annotations

import time

USUAL = 0.03  # seconds for a million additions where the demo's rate and compression were chosen
UNNOTICED = 1.3  # so much slower makes no difference yet
SLOWEST = 3.0


def slowness() -> float:
    """How many times slower than there, from 1 to SLOWEST; the best of five tries, 0.3 s in all."""
    times = []
    for _ in range(5):
        began, total = time.perf_counter(), 0
        for number in range(1_000_000):
            total += number
        times.append(time.perf_counter() - began)
    found = min(times) / USUAL
    return 1.0 if found < UNNOTICED else min(found, SLOWEST)
