"""
What is known of a service before the release: the stable version's record of the last 24 hours, in 5-minute counts.

Some days of each context are drawn once and shared by its rollouts: the record is long, and a rollout needs only that
it be typical.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tests.bench.judging.driving import Meta
from tests.bench.judging.noise import NOISES, weather
from tests.bench.judging.plans import Context
from tests.bench.judging.rollout import Rollout
from tests.bench.judging.service import EDGES, FAILS, MEMORY_LIMIT, ROUTES, SHARES, row, table

DAYS = 24  # different records per context
SLOT, SLOTS = 300.0, 288  # seconds; a day


@lru_cache(maxsize=512)
def record(context: Context, day: int, seed: int) -> Meta:
    """The stable version's `history`; outages are as frequent as in ordinary days whatever the rollout's own noise."""
    rng = np.random.default_rng([seed, 7, day])
    noise = NOISES["independent" if context.noise == "independent" else "ordinary"]
    w = weather(noise, rng, SLOTS, SLOT, SLOT * SLOTS)
    requests = rng.poisson(context.traffic * SLOT * w.traffic[:, None] * SHARES)
    rate = context.failing * FAILS * np.exp(w.failing_shared)[:, None] + (w.added_shared + w.added_stable)[:, None]
    failures = rng.binomial(requests, np.minimum(rate, 0.95))
    chances = table()[:, row(w.latency_shared + w.latency_stable)]  # (routes, slots, buckets)
    latency = sum(rng.multinomial(requests[:, route], chances[route]) for route in range(ROUTES))
    series = [
        {"requests": asked, "failures": failed, "latency": took}
        for asked, failed, took in zip(requests.tolist(), failures.tolist(), np.asarray(latency).tolist(), strict=True)
    ]
    return {
        "requests": requests.sum(axis=0).tolist(),
        "failures": failures.sum(axis=0).tolist(),
        "latency": np.asarray(latency).sum(axis=0).tolist(),
        "hours": SLOT * SLOTS / 3600,
        "series": series,
    }


def meta(rollout: Rollout) -> Meta:
    """What a judge is told before the first sample."""
    context = rollout.context
    return {
        "stages": [[share, seconds] for share, seconds in context.stages],
        "bin_seconds": context.bin_seconds,
        "edges": EDGES.tolist(),
        "routes": ROUTES,
        "memory_limit": MEMORY_LIMIT,
        "history": record(context, rollout.seed[-1] % DAYS, rollout.seed[0]),
    }
