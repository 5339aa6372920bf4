"""
What two good versions do to each other and to the world around them, drawn for a whole rollout at once.

Ranges: docs on judging a canary (`what real versions do to each other`): latency wanders apart by 2-5 %, failure rates
by 15-35 %, over minutes; cold start x1.2-1.5 fading over 30-90 s, a little at each step; hiccups of 20-60 s on one
version every couple of hours; bursts of 10-30 s of 1-3 points of failures on one version several times a day; outages
of minutes and mild rises that hit both; a daily rhythm. The shapes are assumptions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tests.bench.judging.service import Floats

DAY, HOUR = 86400.0, 3600.0


@dataclass(frozen=True, slots=True)
class Noise:
    """How strong each kind of noise is; rates per hour, sizes as in `ordinary` of the module's text."""

    wander: float = 1.0  # factor on what the two versions wander apart, and on lasting differences
    shared: float = 1.0  # factor on what both do together
    cold: tuple[float, float] = (1.2, 1.5)  # first latency as a factor
    cold_seconds: tuple[float, float] = (30.0, 75.0)  # e-folding time
    at_step: float = 0.4  # share of the cold start that comes back at each step
    hiccups: float = 0.5  # per hour, on either version
    bursts: float = 0.25  # per hour, on either version
    outages: float = 0.05  # per hour, of both versions
    rises: float = 0.10  # per hour, of both versions
    rhythm: tuple[float, float] = (3.0, 6.0)  # busiest hour over quietest
    clump: float = 1.0  # failures that come together (a user who tries again)
    outage: float = 0.0  # seconds of one planted outage of both, +8 points


NOISES: dict[str, Noise] = {
    "ordinary": Noise(),
    "independent": Noise(
        wander=0.0, shared=0.0, cold=(1.0, 1.0), hiccups=0.0, bursts=0.0, outages=0.0, rises=0.0, rhythm=(1.0, 1.0)
    ),
    "bursty": Noise(clump=4.0),
    "diurnal": Noise(rhythm=(10.0, 10.0)),
    "outage": Noise(outage=180.0),
    "cold-start": Noise(cold=(1.4, 2.0)),
    "slow-start": Noise(cold=(1.2, 1.5), cold_seconds=(180.0, 180.0)),
    "wander-doubled": Noise(wander=2.0),
    "hiccups-4": Noise(hiccups=2.0, bursts=1.0),
}


@dataclass(slots=True)
class Weather:
    """One draw of the noise: arrays (bins,) from the start on; `cold` is applied at steps by the rollout."""

    traffic: Floats  # factor on the mean requests/s
    latency_shared: Floats  # log factor, both versions
    latency_new: Floats  # log factor, new version
    latency_stable: Floats  # log factor, stable version
    failing_shared: Floats  # log factor on the failure rate, both versions
    failing_new: Floats  # log factor, new version
    added_shared: Floats  # points of failures (0-1) added to both
    added_new: Floats  # points added to the new version
    added_stable: Floats  # points added to the stable version
    cold: float  # log factor at the first request
    cold_seconds: float
    at_step: float
    clump: float


def wandering(rng: np.random.Generator, bins: int, steps: float, sd: float) -> Floats:
    """A stationary autoregressive process of order 1 (bins,) with correlation exp(-1/steps) between bins."""
    if sd == 0.0:
        return np.zeros(bins)
    a = math.exp(-1.0 / max(steps, 0.05))
    pushes = rng.standard_normal(bins) * sd * math.sqrt(1 - a * a)
    state = rng.standard_normal() * sd
    block = max(1, min(bins, int(18.0 * max(steps, 0.05))))  # a**-block stays small enough for doubles
    powers = a ** np.arange(1, block + 1)
    made = np.empty(bins)
    for first in range(0, bins, block):
        some = pushes[first : first + block]
        p = powers[: len(some)]
        made[first : first + block] = p * (state + np.cumsum(some / p))
        state = made[first + len(some) - 1]
    return made


def spells(
    rng: np.random.Generator, bins: int, dt: float, per_hour: float, seconds: tuple[float, float]
) -> list[tuple[slice, Floats]]:
    """Stretches of bad luck: which bins each touches, and the part of each of these bins that it fills."""
    count = int(rng.poisson(per_hour * bins * dt / HOUR)) if per_hour else 0
    return [spell(rng.uniform(0, bins * dt), rng.uniform(*seconds), bins, dt) for _ in range(count)]


def spell(begins: float, seconds: float, bins: int, dt: float) -> tuple[slice, Floats]:
    first, last = int(begins // dt), min(bins, math.ceil((begins + seconds) / dt))
    edges = np.arange(first, last + 1) * dt
    inside = np.clip(edges, begins, begins + seconds)
    return slice(first, last), np.diff(inside) / dt


def weather(noise: Noise, rng: np.random.Generator, bins: int, dt: float, planned: float) -> Weather:
    """One draw for `bins` of `dt` seconds; a planted outage falls within the `planned` seconds."""
    w, s = noise.wander, noise.shared
    ratio = rng.uniform(*noise.rhythm)
    depth = (ratio - 1) / (ratio + 1)
    clock = (np.arange(bins) * dt + rng.uniform(0, DAY)) * (2 * math.pi / DAY)
    busy = 1 + depth * np.sin(clock)
    sd_new = rng.uniform(0.02, 0.05) * w
    made = Weather(
        traffic=busy * np.exp(wandering(rng, bins, 600 / dt, 0.10 * s)),
        latency_shared=0.08 * s * (busy - 1) + wandering(rng, bins, 600 / dt, 0.05 * s),
        latency_new=wandering(rng, bins, rng.uniform(60, 240) / dt, sd_new) + rng.normal(0, 0.015 * w),
        latency_stable=np.zeros(bins),
        failing_shared=wandering(rng, bins, 300 / dt, 0.45 * s) + wandering(rng, bins, 3600 / dt, 0.35 * s),
        failing_new=wandering(rng, bins, rng.uniform(30, 120) / dt, rng.uniform(0.15, 0.35) * w)
        + rng.normal(0, 0.08 * w),
        added_shared=np.zeros(bins),
        added_new=np.zeros(bins),
        added_stable=np.zeros(bins),
        cold=math.log(rng.uniform(*noise.cold)),
        cold_seconds=rng.uniform(*noise.cold_seconds),
        at_step=noise.at_step,
        clump=noise.clump,
    )
    made.failing_shared -= 0.5 * (0.45**2 + 0.35**2) * s * s  # the mean rate stays what the context says
    _planted(made, noise, rng, dt, planned)
    return made


def _planted(made: Weather, noise: Noise, rng: np.random.Generator, dt: float, planned: float) -> None:
    bins = len(made.traffic)
    for where, part in spells(rng, bins, dt, noise.hiccups, (20.0, 60.0)):
        (made.latency_new if rng.random() < 0.5 else made.latency_stable)[where] += (
            math.log(rng.uniform(1.3, 2.0)) * part
        )
    for where, part in spells(rng, bins, dt, noise.bursts, (10.0, 30.0)):
        (made.added_new if rng.random() < 0.5 else made.added_stable)[where] += rng.uniform(0.01, 0.03) * part
    for where, part in spells(rng, bins, dt, noise.outages, (60.0, 300.0)):
        made.added_shared[where] += 0.03 * rng.pareto(1.5) * part + 0.02 * part
    for where, part in spells(rng, bins, dt, noise.rises, (240.0, 600.0)):
        made.failing_shared[where] += math.log(rng.uniform(3.0, 12.0)) * part
    if noise.outage:
        where, part = spell(rng.uniform(0, planned - noise.outage), noise.outage, bins, dt)
        made.added_shared[where] += 0.08 * part
    np.clip(made.added_shared, 0.0, 0.6, out=made.added_shared)
