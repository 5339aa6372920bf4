"""
One rollout: what is counted on both versions in each bin, and what nobody can see: the harm and the evidence there is.

A rollout is made in pieces, each a run of bins within one stage, all of them drawn at once. A judge that holds
lengthens the stage: further pieces of the same stage are made, and the next stage finds the noise of its own moment. A
piece depends on the seed, its stage and its first bin only, so every judge that has not held meets the same requests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.bench.judging.faults import Fault, memory
from tests.bench.judging.noise import NOISES, Weather, weather
from tests.bench.judging.plans import Context
from tests.bench.judging.service import (
    BUCKETS,
    FAILS,
    MEMORY_LIMIT,
    ROUTES,
    SHARES,
    Counts,
    Floats,
    mixed,
    row,
    slow_table,
    table,
)

HOLD_SECONDS = 600.0  # at most, per stage
NOTHING = Fault("none")
PROBES = np.full(ROUTES, 1.0 / ROUTES)  # one a second, every route in turn


@dataclass(frozen=True, slots=True)
class Counted:
    """What one version did: requests, failures (bins, routes), latency (bins, buckets), memory (bins,) in bytes."""

    requests: Counts
    failures: Counts
    latency: Counts
    memory: Floats


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A run of bins within one stage.

    `harm` (bins,): harmed requests at the stage's share. `evidence` (bins,): log likelihood ratio of what the new
    version did, fault against no fault, for somebody who knows everything. `t` (bins,): seconds at each bin's end.
    """

    share: float
    t: Floats
    new: Counted
    stable: Counted
    harm: Floats
    evidence: Floats
    probes: tuple[Counted, Counted] | None = None

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True, slots=True)
class _Chances:
    """How requests fare: failing (bins, routes), log latency (bins,), and the part that is slower by `extra`."""

    failing: Floats
    latency: Floats
    extra: Floats
    part: float

    def buckets(self, route: int) -> Floats:
        usual: Floats = table()[route][row(self.latency)]
        if not self.extra.any():
            return usual
        return mixed(usual, table()[route][row(self.latency + self.extra)], self.part)

    def slow(self) -> Floats:
        """Share of requests slower than the usual p95 (bins, routes)."""
        usual: Floats = slow_table()[:, row(self.latency)].T
        if not self.extra.any():
            return usual
        return mixed(usual, slow_table()[:, row(self.latency + self.extra)].T, self.part)


class Rollout:
    """A version that is released: a good one where `fault` is None."""

    def __init__(self, context: Context, fault: Fault | None, *seed: int) -> None:
        self.context, self.fault, self.seed = context, fault or NOTHING, seed
        self.bad = fault is not None
        dt = context.bin_seconds
        self.bins = [max(1, round(seconds / dt)) for _, seconds in context.stages]
        self.holds = math.ceil(HOLD_SECONDS / dt)
        total = sum(self.bins) + self.holds * (len(self.bins) - 1)
        rng = np.random.default_rng([*seed, 0])
        self.weather: Weather = weather(NOISES[context.noise], rng, total, dt, context.seconds)
        since = (np.arange(total, dtype=np.float64) + 0.5) * dt
        fault_since = since - self.fault.begins(context)
        self.strength = self.fault.strength(fault_since, rng)
        limit = MEMORY_LIMIT
        self.used, crashed = memory(self.fault.leak, since, rng.uniform(0.35, 0.45) * limit, rng, limit)
        settled = rng.uniform(0.40, 0.48) * limit
        self.used_stable = settled * (1 + 0.004 * rng.standard_normal(total))
        self.added = self.fault.added(self.strength, crashed)
        self.extra = self.fault.log_latency(self.strength)
        self.known_leak = 5.0 * ((since > 60.0) & (self.fault.leak > 0))
        self._made: dict[tuple[int, int, int], Piece] = {}

    def piece(self, stage: int, first: int, bins: int, entries: tuple[int, ...]) -> Piece:
        """Bins `first` .. `first + bins` of a stage; `entries`: the first bin of each stage so far."""
        key = (stage, first, bins)
        planned = first == sum(self.bins[:stage])
        if planned and key in self._made:
            return self._made[key]
        made = self._make(stage, slice(first, first + bins), entries)
        if planned:
            self._made[key] = made
        return made

    def _make(self, stage: int, at: slice, entries: tuple[int, ...]) -> Piece:
        context, weather = self.context, self.weather
        share, dt = context.stages[stage][0], context.bin_seconds
        rng = np.random.default_rng([*self.seed, 1, stage, at.start])
        good, bad, stable = self._chances(at, entries)
        arriving = context.traffic * dt * weather.traffic[at, None] * SHARES
        new_requests = rng.poisson(arriving * share)
        new = _counted(rng, new_requests, bad, self.used[at], weather.clump)
        beside = _counted(rng, rng.poisson(arriving * (1 - share)), stable, self.used_stable[at], weather.clump)
        probes = None
        if context.probes:
            asked = rng.poisson(np.broadcast_to(PROBES * dt, arriving.shape))
            probes = (_counted(rng, asked, bad, self.used[at], 1.0),
                      _counted(rng, asked, stable, self.used_stable[at], 1.0))  # fmt: skip
        harm = evidence = np.zeros(at.stop - at.start)
        if self.bad:
            harm = (new_requests * (bad.failing - good.failing + bad.slow() - good.slow())).sum(axis=1)
            evidence = _evidence(new, good, bad) / weather.clump + self.known_leak[at]
        return Piece(share, (np.arange(at.start, at.stop) + 1) * dt, new, beside, harm, evidence, probes)

    def _chances(self, at: slice, entries: tuple[int, ...]) -> tuple[_Chances, _Chances, _Chances]:
        """Of the new version as it would be without the fault, as it is, and of the stable one."""
        w, rate = self.weather, self.context.failing * FAILS
        none = np.zeros(at.stop - at.start)
        both = w.added_shared[at]
        unhurt = rate * np.exp(w.failing_shared[at] + w.failing_new[at])[:, None] + (both + w.added_new[at])[:, None]
        beside = rate * np.exp(w.failing_shared[at])[:, None] + (both + w.added_stable[at])[:, None]
        slowed = w.latency_shared[at] + w.latency_new[at] + self._cold(at, entries)
        good = _Chances(np.minimum(unhurt, 0.95), slowed, none, 1.0)
        bad = _Chances(np.minimum(unhurt + self.added[at], 0.99), slowed, self.extra[at], self.fault.part)
        stable = _Chances(np.minimum(beside, 0.95), w.latency_shared[at] + w.latency_stable[at], none, 1.0)
        return good, bad if self.bad else good, stable

    def _cold(self, at: slice, entries: tuple[int, ...]) -> Floats:
        """Log factor (bins,) of instances that are not warm yet: at the start, and a little at each step."""
        w, dt = self.weather, self.context.bin_seconds
        fade = dt / w.cold_seconds
        mean = -math.expm1(-fade) / fade  # of a bin, in units of its beginning
        bins = np.arange(at.start, at.stop)
        made = np.zeros(len(bins))
        for entry in entries:
            size = w.cold * (1.0 if entry == 0 else w.at_step) * mean
            made += size * np.exp(-np.maximum(bins - entry, 0) * fade)
        return made


def _counted(rng: np.random.Generator, requests: Counts, chances: _Chances, used: Floats, clump: float) -> Counted:
    failures = rng.binomial(requests, chances.failing / clump)
    if clump > 1.0:  # each failing user tries again, and fails again: clump failures on average
        again = np.where(failures > 0, rng.negative_binomial(np.maximum(failures, 1), 1.0 / clump), 0)
        requests, failures = requests + again, failures + again
    total = requests.sum(axis=1)
    mixed = _mixture(requests, chances)
    return Counted(requests, failures, rng.multinomial(total, mixed), used)


def _mixture(requests: Counts, chances: _Chances) -> Floats:
    """Bucket probabilities (bins, buckets) of requests that are spread over routes as counted."""
    total = np.maximum(requests.sum(axis=1), 1)
    made = np.zeros((len(total), BUCKETS))
    for route in range(ROUTES):
        made += (requests[:, route] / total)[:, None] * chances.buckets(route)
    made[requests.sum(axis=1) == 0, 0] = 1.0
    return np.asarray(made / made.sum(axis=1, keepdims=True), dtype=np.float64)


def _evidence(new: Counted, good: _Chances, bad: _Chances) -> Floats:
    """Nats (bins,) for the fault in what the new version did: failures by route, and latency by bucket."""
    p0, p1 = np.clip(good.failing, 1e-12, 1 - 1e-12), np.clip(bad.failing, 1e-12, 1 - 1e-12)
    fine = new.requests - new.failures
    failing = (new.failures * np.log(p1 / p0) + fine * np.log1p(-p1) - fine * np.log1p(-p0)).sum(axis=1)
    if not bad.extra.any():
        return np.asarray(failing)
    q0, q1 = _mixture(new.requests, good), _mixture(new.requests, bad)
    return np.asarray(failing + (new.latency * np.log((q1 + 1e-12) / (q0 + 1e-12))).sum(axis=1))
