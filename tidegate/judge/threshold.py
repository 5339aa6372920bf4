"""
Rehearsal of the threshold: how often would good releases of this plan be rolled back on this site's own traffic?

Good releases are cut from stored traffic of the stable version: a stretch of it, divided into two by the plan's shares,
the new version's part made as unlike as two good versions are (wander, offset, cold start, bursts and hiccups of the
profile). What both share (daily rhythm, outages, mild rises) is in the traffic itself. The nominal rate is then set so
that at most one release in a hundred is rolled back; the rate is told with its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.errors import SpecError
from tidegate.judge.comparing import make
from tidegate.judge.interval import interval
from tidegate.judge.profile import Profile
from tidegate.judge.special import Array

TARGET = 0.01
LOWEST, HIGHEST = 0.002, 0.2  # nominal rates that may come out
NEVER = 1e-12  # a nominal rate at which nothing is rolled back while it is measured


@dataclass(frozen=True, slots=True)
class Threshold:
    """`alpha` for the judge; of `runs` good releases it rolls back `rolled_back`; the rate's 95 % interval."""

    alpha: float
    runs: int
    rolled_back: int
    low: float
    high: float

    def told(self) -> str:
        """A sentence."""
        share = self.rolled_back / self.runs
        return (f"of {self.runs} good releases of this plan on this traffic {self.rolled_back} are rolled back: "
                f"{share * 100:.2g} % ({self.low * 100:.2g} to {self.high * 100:.2g} %)")  # fmt: skip


def rehearsed(
    meta: Mapping[str, Any],
    releases: Iterable[Iterable[Mapping[str, Any]]],
    target: float = TARGET,
    progress: Callable[[int], None] = lambda _: None,
) -> Threshold:
    """The largest nominal rate at which at most `target` of these good releases are rolled back."""
    heaviest = []
    for number, release in enumerate(releases, 1):
        judge = make(meta, alpha=NEVER)
        most = 0.0
        for sample in release:
            judge.step(sample)
            most = max(most, judge.strength / NEVER)
        heaviest.append(most)
        progress(number)
    if not heaviest:
        raise SpecError("no release to rehearse with", "stored traffic, or good releases")
    ordered = sorted(heaviest, reverse=True)
    allowed = int(target * len(ordered))
    alpha = min(HIGHEST, max(LOWEST, 0.999 / max(ordered[allowed], 1e-9)))
    rolled = sum(most * alpha >= 1 for most in heaviest)
    return Threshold(alpha, len(heaviest), rolled, *interval(rolled, len(heaviest)))


def cut(
    meta: Mapping[str, Any],
    stored: Sequence[Mapping[str, Any]],
    runs: int,
    seed: int = 1,
    profile: Profile | None = None,
) -> Iterator[Iterator[Mapping[str, Any]]]:
    """
    `runs` good releases of meta's plan from stored looks of the stable version ({requests, failures, latency}).

    Stored looks are as long as meta's; the stretch begins anywhere and goes on from the start when it ends.
    """
    if len(stored) < 2:
        raise SpecError(f"{len(stored)} stored looks", "at least as many as the longest step has")
    for number in range(runs):
        yield _release(meta, stored, np.random.default_rng((seed, number)), profile or Profile())


def _release(meta: Mapping[str, Any], stored: Sequence[Mapping[str, Any]], chance: np.random.Generator,
             profile: Profile) -> Iterator[Mapping[str, Any]]:  # fmt: skip
    dt, start, at = float(meta["bin_seconds"]), int(chance.integers(len(stored))), 0
    logs = np.log(np.maximum(np.asarray(meta["edges"][1:-1], dtype=np.float64), 1e-6))
    unlike, buckets = _Unlike(chance, profile, dt), np.zeros(len(meta["edges"]) - 1)
    for share, seconds in meta["stages"]:
        unlike.raised()
        for _ in range(round(seconds / dt)):
            look = stored[(start + at) % len(stored)]
            slower, ratio, burst = unlike.step()
            asked = np.asarray(look["requests"], dtype=np.int64)
            rate = np.asarray(look["failures"], dtype=np.float64) / np.maximum(asked, 1)
            new = chance.binomial(asked, share)
            bad = chance.binomial(new, np.minimum(rate * ratio + burst, 1.0))
            counts = np.asarray(look.get("latency", buckets), dtype=np.float64)
            yield {
                "t": at * dt, "share": share,
                "new": {"requests": new, "failures": bad, "memory": 0.0,
                        "latency": chance.multinomial(new.sum(), _shifted(counts, logs, slower))},
                "stable": {"requests": asked - new, "failures": chance.binomial(asked - new, np.minimum(rate, 1.0)),
                           "latency": chance.multinomial((asked - new).sum(), _shifted(counts, logs, 0.0)),
                           "memory": 0.0},
            }  # fmt: skip
            at += 1


class _Unlike:
    """How one good version differs from another from look to look, drawn from a profile."""

    def __init__(self, chance: np.random.Generator, profile: Profile, dt: float) -> None:
        self.chance, self.profile, self.dt = chance, profile, dt
        self.wander = chance.normal(0, profile.wander * math.sqrt(profile.kappa) * 0.7)
        self.rate = chance.normal(0, profile.rate_wander * 0.7)
        self.offset, self.cold = chance.normal(0, profile.offset), abs(chance.normal(0, profile.cold))
        self.fades = profile.slow_time if chance.random() < profile.slow_share / 4 else profile.cold_time
        self.hiccup = self.burst = 0.0  # seconds left
        self.size = 0.0

    def raised(self) -> None:
        self.cold += abs(self.chance.normal(0, self.profile.cold_at_step))

    def step(self) -> tuple[float, float, float]:
        """Shift of ln latency, factor on the failure rate, and what a burst adds to it."""
        chance, profile, dt = self.chance, self.profile, self.dt
        wander = profile.wander * math.sqrt(profile.kappa) * 0.7
        self.wander = _wandered(chance, self.wander, wander, profile.wander_time, dt)
        self.rate = _wandered(chance, self.rate, profile.rate_wander * 0.7, profile.rate_wander_time, dt)
        self.cold *= math.exp(-dt / self.fades)
        if chance.random() < profile.hiccups / 3600 * dt:
            self.hiccup = chance.exponential(profile.hiccup_time)
        if chance.random() < profile.bursts / 3600 * dt:
            self.burst, self.size = chance.exponential(profile.burst_time), chance.exponential(profile.burst_size)
        jolt = 0.4 * min(1.0, self.hiccup / dt)
        burst = self.size * min(1.0, self.burst / dt)
        self.hiccup, self.burst = max(0.0, self.hiccup - dt), max(0.0, self.burst - dt)
        return self.wander + self.offset + self.cold + jolt, math.exp(self.rate), burst


def _wandered(chance: np.random.Generator, now: float, sd: float, memory: float, dt: float) -> float:
    keeps = math.exp(-dt / memory)
    return float(now * keeps + chance.normal(0, sd * math.sqrt(1 - keeps * keeps)))


def _shifted(counts: Array, logs: Array, slower: float) -> Array:
    """The distribution over buckets when every latency is exp(slower) times as long."""
    total = counts.sum()
    if total <= 0 or len(counts) < 3:
        return np.full(len(counts), 1 / len(counts)) if total <= 0 else counts / total
    below = np.cumsum(counts)[:-1] / total
    moved = np.interp(logs - slower, logs, below, left=0.0) if slower else below
    shares: Array = np.diff(np.concatenate([[0.0], np.maximum.accumulate(moved), [1.0]]))
    whole: Array = shares / shares.sum()
    return whole
