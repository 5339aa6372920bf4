"""
Whether the new version fails more often than the stable one, weighed at any look.

Each stream (all requests, each route, slow requests) is weighed by itself. Null hypothesis: both versions share a level
that wanders about the record; the new one may be a little worse, may have a burst, both may have an outage.
Alternatives: from some unknown look on, the new version's rate is higher by one of a grid of sizes. Evidence is the
ratio of what the alternatives and the null foretold of each look's counts; under the null it exceeds x with a chance
below 1/x, however often one looks (Ville 1939; Robbins 1970; judgement-method.md 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.judge.chains import Kind, Step, move, start
from tidegate.judge.profile import Profile
from tidegate.judge.special import Array, log_beta_binomial, log_gamma_poisson

SMALLEST, GROWTH, SIZES = 2.0, 1.6, 13  # alternatives: times the record's rate
BURSTS: Array = np.array([0.3 * 1.7**i for i in range(8)])  # times the mean size
HIGHEST = 0.995
JUMP_MEAN, JUMP_SHAPE = 4.0, 1.0  # a shared level that has just jumped, in times the record
MILD = 20.0


@dataclass(frozen=True, slots=True)
class Counts:
    """One look's numbers, each of shape (streams,)."""

    new: Array
    new_bad: Array
    stable: Array
    stable_bad: Array


class Failures:
    """The evidence of several streams; `evidence` is of shape (streams,)."""

    def __init__(self, rates: Array, seen: Array, profile: Profile, bursts: Kind) -> None:
        """`rates`: the record's, (streams,); `seen`: how many failures they rest on; `bursts`: one version's."""
        self.rates, self.profile = rates, profile
        streams = len(rates)
        variance = profile.level**2 + 1.0 / (seen + 0.5)
        self.least = 1.0 / variance  # shape of a belief that knows the record alone
        jumps = np.minimum(rates[:, None] * SMALLEST * GROWTH ** np.arange(SIZES), 0.95)
        self.extra = np.concatenate([np.zeros((streams, 1)), jumps], axis=1)  # (streams, 1 + SIZES)
        self.shape = np.repeat(self.least[:, None], 1 + SIZES, axis=1)
        self.rate = self.shape.copy()
        self.mass = np.zeros((streams, SIZES))
        self.begun = np.zeros(streams)  # when the likeliest fault began, seconds
        self.calm = np.ones(streams)
        self.burst_kind, self.outage_kind = bursts, _outages(profile, rates)
        self.bursts, self.outages = start(bursts), start(self.outage_kind)
        self._steps: tuple[float, Step, Step] | None = None

    @property
    def evidence(self) -> Array:
        """How many times likelier a fault makes what was seen, (streams,)."""
        out: Array = self.mass.sum(axis=1)
        return out

    def step(self, t: float, dt: float, counts: Counts, begins: float, factor: Array | None = None) -> Array:
        """
        Weigh one look of `dt` seconds; `begins`: the prior chance that a fault begins with it.

        `factor`: what else makes the new version's rate higher without being a failure of it (tails).
        """
        self._pass_time(dt)
        self._begin(t, begins)
        if not (counts.new.any() or counts.stable.any()):
            return self.evidence
        before = self.shape[:, :1] / self.rate[:, :1]
        spread = self.shape[:, :1] / self.rate[:, :1] ** 2
        usual = self._learn_stable(counts, dt)
        self._weigh(counts, dt, usual, before, spread, factor)
        return self.evidence

    def _pass_time(self, dt: float) -> None:
        """Beliefs fade towards the record; stretches go on or end."""
        keeps, stays = np.exp(-dt / self.profile.level_time), np.exp(-dt / self.profile.level_return)
        mean = 1 + (self.shape / self.rate - 1) * stays
        self.shape = np.maximum(self.shape * keeps, self.least[:, None])
        self.rate = self.shape / mean
        if self._steps is None or self._steps[0] != dt:
            self._steps = dt, self.burst_kind.step(dt), self.outage_kind.step(dt)
        _, burst, outage = self._steps
        self.bursts, one = move(self.bursts, self.calm, burst)
        self.outages, other = move(self.outages, self.calm, outage)
        self.calm = self.calm + one + other

    def _begin(self, t: float, begins: float) -> None:
        old = self.mass.sum(axis=1)
        self.mass += begins / SIZES
        self.begun = (self.begun * old + t * begins) / np.maximum(old + begins, 1e-300)

    def _learn_stable(self, counts: Counts, dt: float) -> Array:
        """The shared level after stable's counts; returns how likely these were without an outage, (streams,)."""
        bad, exposure = counts.stable_bad[:, None], counts.stable[:, None] * self.rates[:, None]
        slow = log_gamma_poisson(bad, exposure, self.shape, self.rate)
        jump_rate = JUMP_SHAPE / JUMP_MEAN
        jumped = log_gamma_poisson(bad, exposure, np.array([[JUMP_SHAPE]]), np.array([[jump_rate]]))
        chance = 1 - np.exp(-dt * self.profile.jumps / 3600)
        top = np.maximum(slow, jumped)
        one, two = (1 - chance) * np.exp(slow - top), chance * np.exp(jumped - top)
        usual = np.log(one + two) + top
        share = two / (one + two)
        shape, rate = self.shape + bad, self.rate + exposure
        mean, mean2 = shape / rate, (JUMP_SHAPE + bad) / (jump_rate + exposure)
        square = (1 - share) * (mean / rate + mean**2) + share * (mean2 / (jump_rate + exposure) + mean2**2)
        both = (1 - share) * mean + share * mean2
        self.shape = both**2 / np.maximum(square - both**2, 1e-12 * both**2)
        self.rate = self.shape / both
        out: Array = usual[:, 0]
        return out

    def _weigh(self, counts: Counts, dt: float, usual: Array, before: Array, spread: Array,
               factor: Array | None) -> None:  # fmt: skip
        """`usual`, `before`, `spread`: stable's likelihood, and the shared level's mean and variance before it."""
        assert self._steps is not None
        _, burst, outage = self._steps
        profile = self.profile
        scale = (self.rates * profile.ratio if factor is None else self.rates * profile.ratio * factor)[:, None]
        mean, variance = self.shape / self.rate, self.shape / self.rate**2
        base = scale * mean
        own = scale**2 * variance + (profile.rate_wander * base) ** 2
        q = np.minimum(base + self.extra, HIGHEST)
        deviation = own + (0.2 * self.extra) ** 2
        passing = np.concatenate([burst.sizes, outage.sizes], axis=1)
        q_all = np.concatenate([q, np.minimum(base[:, :1] + passing, HIGHEST)], axis=1)
        v_all = np.concatenate([deviation, own[:, :1] + (0.3 * passing) ** 2], axis=1)
        v_all = np.minimum(v_all, 0.6 * q_all * (1 - q_all))
        told = log_beta_binomial(counts.new_bad[:, None], counts.new[:, None], q_all, v_all)
        told = (told - told[:, :1]) * _tempered(counts.new * q[:, 0], dt, profile)[:, None]
        faults, first = told[:, 1 : 1 + SIZES], 1 + SIZES + burst.sizes.shape[1]
        in_burst, in_outage = told[:, 1 + SIZES : first], told[:, first:]
        in_outage = in_outage + self._stable_in_outage(counts, outage.sizes, before, spread) - usual[:, None]
        self._settle(faults, in_burst, in_outage)
        self._learn_new(counts, scale, q)

    def _stable_in_outage(self, counts: Counts, sizes: Array, before: Array, spread: Array) -> Array:
        """Ln of stable's counts during an outage of each size, (streams, sizes)."""
        base = self.rates[:, None] * before
        q = np.minimum(base + sizes, HIGHEST)
        variance = np.minimum(self.rates[:, None] ** 2 * spread + (0.3 * sizes) ** 2, 0.6 * q * (1 - q))
        told = log_beta_binomial(counts.stable_bad[:, None], counts.stable[:, None], q, variance)
        # usual is a Poisson's likelihood without 1/k!, this one a binomial's without its coefficient: n^k apart
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.where(counts.stable_bad > 0, counts.stable_bad * np.log(np.maximum(counts.stable, 1)), 0.0)
        out: Array = told + apart[:, None]
        return out

    def _settle(self, faults: Array, in_burst: Array, in_outage: Array) -> None:
        """Masses of every explanation after this look, the null's adding up to 1."""
        top = np.maximum(0.0, np.maximum(in_burst.max(axis=1), in_outage.max(axis=1)))
        calm = self.calm * np.exp(-top)
        bursts = self.bursts * np.exp(in_burst - top[:, None])[:, :, None]
        outages = self.outages * np.exp(in_outage - top[:, None])[:, :, None]
        total = calm + bursts.sum(axis=(1, 2)) + outages.sum(axis=(1, 2))
        total = np.maximum(total, 1e-290)
        self.calm = calm / total
        self.bursts, self.outages = bursts / total[:, None, None], outages / total[:, None, None]
        grown = np.minimum(faults - (np.log(total) + top)[:, None], 600.0)
        self.mass = np.clip(self.mass * np.exp(grown), 0.0, 1e200)

    def _learn_new(self, counts: Counts, scale: Array, q: Array) -> None:
        """What the new version's counts say of the shared level: its share of the failures, weakened by its wander."""
        share = np.minimum(scale * self.shape / self.rate / q, 1.0)
        wander = self.profile.rate_wander**2 * (counts.new * q[:, 0])
        weight = 1 / (1 + wander)[:, None] * np.ones_like(share)
        weight[:, 0] *= 1 - self.bursts.sum(axis=(1, 2))
        self.shape = self.shape + counts.new_bad[:, None] * share * weight
        self.rate = self.rate + counts.new[:, None] * scale * weight

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        arrays = (self.shape, self.rate, self.mass, self.begun, self.calm, self.bursts, self.outages)
        return {name: one.tolist() for name, one in zip(_CHANGES, arrays, strict=True)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        for name in _CHANGES:
            setattr(self, name, np.array(state[name], dtype=np.float64))


_CHANGES = ("shape", "rate", "mass", "begun", "calm", "bursts", "outages")


def _tempered(expected: Array, dt: float, profile: Profile) -> Array:
    """Where wander and not chance makes the counts differ, two of its memories long counts as one reading."""
    wander = profile.rate_wander**2 * expected
    excess = max(2 * profile.rate_wander_time / dt - 1, 0.0)
    out: Array = 1 / (1 + excess * wander / (1 + wander))
    return out


def bursts(per_hour: Array, mean: Array, length: Array) -> Kind:
    """Bursts on one version: how many a hour, their mean size (points of failures) and length, each (streams,)."""
    edges = np.append(0.0, np.sqrt(BURSTS[1:] * BURSTS[:-1]))
    above = np.exp(-np.append(edges, np.inf))  # sizes are exponential
    shares = above[:-1] - above[1:]
    return Kind(per_hour[:, None] * shares, mean[:, None] * BURSTS, np.repeat(length[:, None], len(BURSTS), axis=1))


def _outages(profile: Profile, rates: Array) -> Kind:
    sizes: Array = np.array([max(2 * float(rates[0]), 1e-4) * 1.9**i for i in range(20)])
    sizes = np.repeat(sizes[sizes < 0.7][None], len(rates), axis=0)
    shares = sizes**-0.5
    lengths = np.where(sizes <= MILD * rates[0], profile.mild_time, profile.outage_time)
    return Kind(profile.outages * shares / shares.sum(axis=1, keepdims=True), sizes, lengths)
