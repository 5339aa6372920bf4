"""
The simple sequential test of two failure rates: whose error is the next one?

Of an error among n_c requests of the new version and n_s of the stable one, the new version has it with the chance
p_r = w r / (w r + 1 - w), w = n_c / (n_c + n_s), when it fails r times as often. Each minute adds
e_c ln(p_r / p_1) + e_s ln((1 - p_r) / (1 - p_1)) to the logarithm of the likelihood ratio against r = 1; the evidence
is the equal mixture over a grid of r, and at 1/alpha the new version is worse (Robbins 1970; Ville 1939 for the bound;
the test of peers.md 5). It knows neither a record nor noise: the yardstick that plans are measured with, not the judge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import SpecError
from tidegate.judge.special import Array

ALPHA = 0.01
RATIOS: Array = np.geomspace(1.25, 20.0, 24)
MINUTE, DAY = 60.0, 86400.0
AT_ONCE = 500_000  # cells of runs x minutes that are in memory together


def increments(new: Array, new_bad: Array, stable: Array, stable_bad: Array, margin: float = 1.0) -> Array:
    """
    What one stretch's counts add to ln of each likelihood ratio: arrays (...,), the answer (..., ratios).

    `margin`: worse by more than this ratio; 1: worse at all. A stretch with requests of one version alone adds nothing.
    """
    asked = new + stable
    w = np.divide(new, asked, out=np.zeros_like(asked), where=asked > 0)[..., None]
    both = (w > 0) & (w < 1)
    weight = np.where(both, w, 0.5)  # any: what it makes is not taken
    base = margin * weight + 1 - weight
    worse = margin * RATIOS * weight + 1 - weight
    hit, missed = np.log(RATIOS * base / worse), np.log(base / worse)
    out: Array = np.where(both, new_bad[..., None] * hit + stable_bad[..., None] * missed, 0.0)
    return out


def mixed(logs: Array) -> Array:
    """Ln of the equal mixture of likelihood ratios, (..., ratios) to (...,)."""
    top = logs.max(axis=-1)
    out: Array = top + np.log(np.exp(logs - top[..., None]).mean(axis=-1))
    return out


def found(
    stages: Sequence[tuple[float, float]],
    rate: float,
    stable: float,
    canary: float,
    runs: int = 400,
    *,
    seed: int = 1,
    swing: float = 0.0,
    alpha: float = ALPHA,
) -> Array:
    """
    Minutes until each of `runs` simulated rollouts is found to be worse, (runs,); infinity where it is not.

    `stages`: (share 0-1, seconds); `rate`: requests a second of both versions together; `stable`, `canary`: failure
    rates 0-1; `swing`: of a sine day of the traffic, 0-1, each run beginning at an hour of its own. Requests are
    Poisson. SpecError when a rate is none.
    """
    for name, one in (("stable", stable), ("canary", canary)):
        if not 0 <= one <= 1:
            raise SpecError(f"{name}: {one!r} is no failure rate", "a share from 0 to 1")
    if not 0 <= rate < math.inf:
        raise SpecError(f"rate: {rate!r} is no traffic", "requests a second, from 0 on")
    chance = np.random.default_rng(seed)
    begins = chance.uniform(0, DAY, runs)
    logs, until, minute = np.zeros((runs, len(RATIOS))), np.full(runs, math.inf), 0
    for share, seconds in stages:
        left = round(seconds / MINUTE)
        while left and np.isinf(until).any():
            open_ = np.flatnonzero(np.isinf(until))
            here = min(left, max(1, AT_ONCE // len(open_)))
            at = begins[open_, None] + (minute + np.arange(here)) * MINUTE
            asked = rate * MINUTE * (1 + swing * np.sin(2 * math.pi * at / DAY))
            new, old = chance.poisson(asked * share), chance.poisson(asked * (1 - share))
            counts = np.stack([new, chance.binomial(new, canary), old, chance.binomial(old, stable)]).astype(np.float64)
            ends = _crossing(counts, logs, open_, -math.log(alpha))
            until[open_] = minute + ends
            minute, left = minute + here, left - here
    return until


def _crossing(counts: Array, logs: Array, rows: NDArray[np.intp], threshold: float) -> Array:
    """
    The minute of each row in which its evidence reaches the threshold, (rows,), from 1; infinity: in none.

    `counts`: (4, rows, minutes). Adds to `logs` in place. Only minutes with an error change anything: they alone are
    weighed, packed to the left.
    """
    hit = counts[1] + counts[3] > 0
    most = max(1, int(hit.sum(axis=1).max()))
    order = np.argsort(~hit, axis=1, kind="stable")[:, :most]
    new, new_bad, stable, stable_bad = np.take_along_axis(counts, order[None], axis=2)
    told = np.cumsum(increments(new, new_bad, stable, stable_bad), axis=1) + logs[rows, None, :]
    logs[rows] = told[:, -1]
    over = mixed(told) >= threshold
    at = np.take_along_axis(order, over.argmax(axis=1)[:, None], axis=1)[:, 0] + 1.0
    out: Array = np.where(over.any(axis=1), at, math.inf)
    return out


def chance_to_find(
    stages: Sequence[tuple[float, float]], rate: float, stable: float, canary: float, runs: int = 400, seed: int = 1
) -> float:
    """The share of simulated rollouts that `found` finds before the stages end, 0-1; peers.md, table 5.5."""
    return float(np.isfinite(found(stages, rate, stable, canary, runs, seed=seed)).mean())
