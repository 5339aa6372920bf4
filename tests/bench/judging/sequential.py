"""
Peers that may look at any time: mSPRT on two proportions, and anytime-valid bands in the manner of Netflix.

mSPRT: Johari, Pekelis, Walsh (arXiv 1512.04922), normal mixture of variance tau squared on the difference, one-sided,
beyond a margin where one is set. Netflix: "which version does the next error come from?" (2011.03567 and the tech
blog, here a mixture over 24 rate ratios of 1.25 to 20), and bands of the whole latency distribution (Howard, Ramdas
1906.09712). Requests are counted from the start of the release and never forgotten. Slow: slower than the p95 of the
stable version's record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.bench.judging.course import Course, Side, first
from tests.bench.judging.driving import Meta, Sample
from tests.bench.judging.service import Floats

RATIOS = np.geomspace(1.25, 20.0, 24)


def slow_bucket(meta: Meta) -> int:
    """The first bucket that counts as slow: 5 % of the record, or a little less, lie in it and above."""
    took = np.asarray(meta["history"]["latency"], dtype=np.float64)
    above = took[::-1].cumsum()[::-1] / max(took.sum(), 1.0)
    return int(np.searchsorted(-above, -0.05))


def mixture(counts: tuple[Floats, Floats, Floats, Floats], tau: float, margin: float = 0.0) -> Floats:
    """Log of mSPRT's likelihood ratio for k_new of n_new against k_stable of n_stable, any shape; 0 where not worse."""
    k_new, n_new, k_stable, n_stable = counts
    with np.errstate(invalid="ignore", divide="ignore"):
        p = (k_new + k_stable) / (n_new + n_stable)
        difference = k_new / n_new - k_stable / n_stable - margin
        variance = p * (1 - p) * (1 / n_new + 1 / n_stable)
        spread = variance + tau * tau
        made = 0.5 * np.log(variance / spread) + tau * tau * difference**2 / (2 * variance * spread)
    good = (n_new > 0) & (n_stable > 0) & (variance > 0) & (difference > 0)
    return np.where(good, made, 0.0)


def errors_land(failures: tuple[Floats, Floats], requests: tuple[Floats, Floats], margin: float = 1.0) -> Floats:
    """Nats (bins, ratios) that each bin's errors bring for the new version failing `ratio` times `margin` as often."""
    (k_new, k_stable), (n_new, n_stable) = failures, requests
    w = (n_new / np.maximum(n_new + n_stable, 1))[..., None]
    usual = w * margin / (w * margin + 1 - w)
    worse = w * margin * RATIOS / (w * margin * RATIOS + 1 - w)
    alone = (w <= 0) | (w >= 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        made = k_new[..., None] * np.log(worse / usual) + k_stable[..., None] * np.log((1 - worse) / (1 - usual))
    return np.where(alone, 0.0, made)


def band(n: Floats, alpha: float) -> Floats:
    """Half the width of the band that holds a whole distribution at every n, with chance 1 - alpha (1906.09712)."""
    n = np.maximum(n, 1.0)
    made: Floats = 0.85 * np.sqrt((np.log(np.log(math.e * n)) + 0.8 * math.log(1612.0 / alpha)) / n)
    return made


def average(nats: Floats) -> Floats:
    """Log of the mean of exp over the last axis."""
    most = nats.max(axis=-1, keepdims=True)
    made: Floats = most[..., 0] + np.log(np.exp(nats - most).mean(axis=-1))
    return made


@dataclass(frozen=True, slots=True)
class Cumulated:
    """Totals since the start (bins,), and the widest gap by which the new version is slower (bins,), 0-1."""

    failures: tuple[Floats, Floats, Floats, Floats]  # as `mixture` takes them
    slow: tuple[Floats, Floats, Floats, Floats]
    gap: Floats


def cumulated(course: Course, meta: Meta) -> Cumulated:
    def totals(side: Side) -> tuple[Floats, Floats, Floats]:
        took = side.latency.cumsum(axis=0).astype(np.float64)
        return side.failures.cumsum().astype(np.float64), side.requests.cumsum().astype(np.float64), took

    bucket = slow_bucket(meta)
    k_new, n_new, took_new = totals(course.new)
    k_stable, n_stable, took_stable = totals(course.stable)
    below_new = took_new.cumsum(axis=1) / np.maximum(n_new, 1)[:, None]
    below_stable = took_stable.cumsum(axis=1) / np.maximum(n_stable, 1)[:, None]
    slow = took_new[:, bucket:].sum(axis=1), n_new, took_stable[:, bucket:].sum(axis=1), n_stable
    return Cumulated((k_new, n_new, k_stable, n_stable), slow, (below_stable - below_new).max(axis=1))


def msprt(course: Course, meta: Meta, alpha: float = 0.05, tau: float = 0.1) -> int:
    """The bin in which either failures or slow requests differ, half of alpha each; -1 for none."""
    seen, limit = cumulated(course, meta), math.log(2.0 / alpha)
    return int(first((mixture(seen.failures, tau) >= limit) | (mixture(seen.slow, tau) >= limit)))


def netflix(course: Course, meta: Meta, alpha: float = 0.05) -> int:
    """The bin in which errors land on the new version too often, or the bands of latency part; -1 for none."""
    seen = cumulated(course, meta)
    failing = average(landed(course, 1.0).cumsum(axis=0)) >= math.log(2.0 / alpha)
    _, n_new, _, n_stable = seen.failures
    apart = seen.gap > band(n_new, alpha / 4) + band(n_stable, alpha / 4)
    return int(first(failing | apart))


def landed(course: Course, margin: float) -> Floats:
    """`errors_land` of a whole rollout (bins, ratios)."""
    new, stable = course.new, course.stable
    failures = new.failures.astype(np.float64), stable.failures.astype(np.float64)
    return errors_land(failures, (new.requests.astype(np.float64), stable.requests.astype(np.float64)), margin)


class Anytime:
    """Either of them, bin by bin."""

    def __init__(self, meta: Meta, alpha: float = 0.05, tau: float | None = None) -> None:
        self.alpha, self.tau, self.slow = alpha, tau, slow_bucket(meta)
        self.took = np.zeros((2, len(meta["edges"]) - 1))
        self.failed = np.zeros(2)
        self.nats = np.zeros(len(RATIOS))

    def step(self, sample: Sample) -> str:
        sides = sample["new"], sample["stable"]
        failures = np.array([sum(side["failures"]) for side in sides], dtype=np.float64)
        requests = np.array([sum(side["requests"]) for side in sides], dtype=np.float64)
        self.took += np.array([side["latency"] for side in sides])
        self.failed += failures
        worse = self._mixed() if self.tau is not None else self._banded(failures, requests)
        return "rollback" if worse else "continue"

    def _mixed(self) -> bool:
        assert self.tau is not None
        n, slow, limit = self.took.sum(axis=1), self.took[:, self.slow :].sum(axis=1), math.log(2.0 / self.alpha)
        failing = mixture((self.failed[0], n[0], self.failed[1], n[1]), self.tau)
        return bool(failing >= limit or mixture((slow[0], n[0], slow[1], n[1]), self.tau) >= limit)

    def _banded(self, failures: Floats, requests: Floats) -> bool:
        self.nats += errors_land((failures[0], failures[1]), (requests[0], requests[1]))
        n = self.took.sum(axis=1)
        below = self.took.cumsum(axis=1) / np.maximum(n, 1)[:, None]
        apart = (below[1] - below[0]).max() > band(n, self.alpha / 4).sum()
        return bool(apart or average(self.nats) >= math.log(2.0 / self.alpha))
