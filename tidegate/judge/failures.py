"""
Whether the new version fails more often than the stable one, weighed at any look.

Each stream (all requests, each route, slow requests) is weighed by itself. Null hypothesis: both versions share a level
that wanders about the record; the new one may be a little worse, may have a burst, both may have an outage.
Alternatives: from some unknown look on, the new version's rate is higher by one of a grid of sizes. Evidence is the
ratio of what the alternatives and the null foretold of each look's counts; under the null it exceeds x with a chance
below 1/x, however often one looks (Ville 1939; Robbins 1970; judgement-method.md 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.judge.chains import Kind, Step, move, start
from tidegate.judge.profile import Profile
from tidegate.judge.special import Array, log_beta_binomial, log_gamma_poisson

SMALLEST, GROWTH, SIZES = 2.0, 1.6, 13  # alternatives: times the record's rate
BURSTS: Array = np.array([0.3 * 1.7**i for i in range(8)])  # times the mean size
HIGHEST = 0.995
HALVES = 8  # of a wander: each up or down by itself, so their sum pulls back the harder the further it is (Ehrenfest)
STRAYS: Array = (2 * np.arange(HALVES + 1) - HALVES) / math.sqrt(HALVES)  # its places, in standard deviations
STRAYING: Array = np.array([math.comb(HALVES, up) / 2**HALVES for up in range(HALVES + 1)])  # how often it is there
WITHIN = 0.2  # of a standard deviation: what lies between two of these places
JUMP_MEAN, JUMP_SHAPE = 4.0, 1.0  # a shared level that has just jumped, in times the record
MILD, MILD_MOST = 20.0, 0.05  # a rise that lasts longer than an outage: times the record, and points of failures


@dataclass(frozen=True, slots=True)
class Counts:
    """One look's numbers, each of shape (streams,)."""

    new: Array
    new_bad: Array
    stable: Array
    stable_bad: Array


class Failures:
    """The evidence of several streams; `evidence` is of shape (streams,)."""

    def __init__(
        self, rates: Array, seen: Array, profile: Profile, bursts: Kind, wanders: Array | float | None = None
    ) -> None:
        """
        `rates`: the record's, (streams,); `seen`: how many failures they rest on; `bursts`: one version's; `wanders`:
        each stream's own, where it is another than the profile's.
        """
        self.rates, self.profile = rates, profile
        streams = len(rates)
        variance = profile.level**2 + 1.0 / (seen + 0.5)
        self.least = 1.0 / variance  # shape of a belief that knows the record alone
        jumps = np.minimum(rates[:, None] * SMALLEST * GROWTH ** np.arange(SIZES), 0.95)
        self.extra = np.concatenate([np.zeros((streams, 1)), jumps], axis=1)  # (streams, 1 + SIZES)
        self._blur = (0.2 * self.extra) ** 2
        self._jump = np.full((streams, 1), JUMP_SHAPE)
        self._jump_rate = JUMP_SHAPE / JUMP_MEAN / rates[:, None]
        self.shape = np.repeat(self.least[:, None], 1 + SIZES, axis=1)
        self.rate = self.shape.copy()
        self.mass = np.zeros((streams, SIZES))
        self.begun = np.zeros(streams)  # when the likeliest fault began, seconds
        self.calm = np.ones(streams)
        self.wander = np.repeat(STRAYING[None], streams, axis=0)  # where a good version's own rate is just now
        own = np.full((streams, 1), profile.rate_wander) if wanders is None else np.reshape(wanders, (streams, 1))
        self._own: Array = own
        self._strays = np.exp(own * STRAYS - 0.5 * own**2)
        self.burst_kind, self.outage_kind = bursts, _outages(profile, rates)
        self.bursts, self.outages = start(bursts), start(self.outage_kind)
        self.spent: Array = np.zeros(2)  # seconds that the first stream is likely to have spent in bursts, in outages
        self._steps: tuple[float, Step, Step] | None = None
        self._moves = np.eye(len(STRAYS))

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
        assert self._steps is not None
        _, burst, outage = self._steps
        stable_out = self._learn_stable(counts, dt, outage.sizes)
        self._weigh(counts, dt, burst, outage, stable_out, factor)
        self.spent += dt * self.bursts[0].sum(), dt * self.outages[0].sum()
        return self.evidence

    def _pass_time(self, dt: float) -> None:
        """Beliefs fade towards the record; stretches go on or end."""
        keeps, stays = np.exp(-dt / self.profile.level_time), np.exp(-dt / self.profile.level_return)
        mean = 1 + (self.shape / self.rate - 1) * stays
        self.shape = np.maximum(self.shape * keeps, self.least[:, None])
        self.rate = self.shape / mean
        if self._steps is None or self._steps[0] != dt:
            self._moves = _moves(dt / self.profile.rate_wander_time)
            self._steps = dt, self.burst_kind.step(dt), self.outage_kind.step(dt)
        self.wander = self.wander @ self._moves
        _, burst, outage = self._steps
        self.bursts, one = move(self.bursts, self.calm, burst)
        self.outages, other = move(self.outages, self.calm, outage)
        self.calm = self.calm + one + other

    def _begin(self, t: float, begins: float) -> None:
        """A fault begins as likely as ever, but not in the middle of an outage: there nothing could tell them apart."""
        old, born = self.mass.sum(axis=1), begins * (1 - self.outages.sum(axis=(1, 2)))
        self.mass += born[:, None] / SIZES
        self.begun = (self.begun * old + t * born) / np.maximum(old + born, 1e-300)

    def _learn_stable(self, counts: Counts, dt: float, outages: Array) -> Array:
        """
        The shared level after stable's counts, whether it drifted there or has just jumped.

        Returns how much likelier stable's counts are in an outage of each size, ln, (streams, sizes).
        """
        bad, asked = counts.stable_bad[:, None], counts.stable[:, None]
        per_request, levels = self.rates[:, None], 1 + SIZES
        mean = self.shape[:, :1] / self.rate[:, :1]
        hit = per_request * mean + outages
        variance = per_request**2 * mean / self.rate[:, :1] + (0.3 * outages) ** 2
        shape = np.concatenate([self.shape, self._jump, hit * hit / variance], axis=1)
        rate = np.concatenate([self.rate / per_request, self._jump_rate, hit / variance], axis=1)
        told = log_gamma_poisson(bad, asked, shape, rate)
        chance = min(-math.expm1(-dt * self.profile.jumps / 3600), 0.9)  # of a look of hours it is nearly sure
        slow, jumped = told[:, :levels] + math.log1p(-chance), told[:, levels : levels + 1] + math.log(chance)
        usual = np.logaddexp(slow, jumped)
        share = np.exp(jumped - usual)
        self._mix(share, self.shape + bad, self.rate + asked * per_request, JUMP_SHAPE + bad,
                  JUMP_SHAPE / JUMP_MEAN + asked * per_request)  # fmt: skip
        out: Array = told[:, levels + 1 :] - usual[:, :1]
        return out

    def _mix(self, share: Array, shape: Array, rate: Array, jumped: Array, jumped_rate: Array) -> None:
        """One gamma belief with the mean and the variance of both, weighted with `share` for the jump."""
        mean, other = shape / rate, jumped / jumped_rate
        both = mean + share * (other - mean)
        variance = (1 - share) * mean / rate + share * other / jumped_rate + share * (1 - share) * (other - mean) ** 2
        self.rate = both / variance
        self.shape = self.rate * both

    def _weigh(self, counts: Counts, dt: float, burst: Step, outage: Step, stable_out: Array,
               factor: Array | None) -> None:  # fmt: skip
        """`stable_out`: ln of how much likelier stable's counts are in each outage."""
        profile = self.profile
        scale = (self.rates * profile.ratio if factor is None else self.rates * profile.ratio * factor)[:, None]
        base = scale * (self.shape / self.rate)
        own = scale * base / self.rate + (profile.rate_wander * base) ** 2
        levels, first = 1 + SIZES, 1 + SIZES + burst.sizes.shape[1]
        q, variance = np.empty((2, len(base), first + outage.sizes.shape[1]))
        np.add(base, self.extra, out=q[:, :levels])
        np.add(own, self._blur, out=variance[:, :levels])
        np.add(base[:, :1], burst.sizes, out=q[:, levels:first])
        np.add(base[:, :1], outage.sizes, out=q[:, first:])
        np.add(own[:, :1], 0.09 * (q[:, levels:] - base[:, :1]) ** 2, out=variance[:, levels:])
        np.minimum(q, HIGHEST, out=q)
        np.minimum(variance, 0.6 * q * (1 - q), out=variance)
        bad, asked = counts.new_bad[:, None], counts.new[:, None]
        told = log_beta_binomial(bad, asked, q, variance)
        told[:, :1] = self._null(bad, asked, base[:, :1], scale * base[:, :1] / self.rate[:, :1])
        told = (told - told[:, :1]) * (self._telling(counts) * self._tempered(counts, q[:, 0], dt))[:, None]
        fewer = counts.new_bad <= counts.new * q[:, 0]  # whatever beliefs differ in: no fault shows by fewer failures
        told[fewer, 1:levels] = np.minimum(told[fewer, 1:levels], 0.0)
        self._settle(told[:, 1:levels], told[:, levels:first], told[:, first:] + stable_out)
        self._learn_new(counts, scale, q[:, :levels])

    def _null(self, bad: Array, asked: Array, base: Array, unsure: Array) -> Array:
        """
        Ln of how likely a good version's counts are, (streams, 1), over all places where its own wander may be.

        The wander has a memory, so its place is learnt: a rate that stays away pays for it once and then at each look a
        little, and no more than a good one can stray. `unsure`: variance of the shared level's part.
        """
        q = np.minimum(base * self._strays, HIGHEST)
        variance = unsure * self._strays**2 + (WITHIN * self._own * q) ** 2
        told = log_beta_binomial(bad, asked, q, np.minimum(variance, 0.6 * q * (1 - q))) + np.log(self.wander)
        top = told.max(axis=1, keepdims=True)
        shares = np.exp(told - top)
        total = shares.sum(axis=1, keepdims=True)
        self.wander = shares / total
        out: Array = top + np.log(total)
        return out

    def _telling(self, counts: Counts) -> Array:
        """How much a look can tell: where half of stable's requests fail, too, nobody can say whose fault it is."""
        shared = self.rates * self.shape[:, 0] / self.rate[:, 0]
        out: Array = np.where(counts.stable > 0, np.clip(1 - 2 * shared, 0.0, 1.0), 1.0)
        return out

    def _tempered(self, counts: Counts, q: Array, dt: float) -> Array:
        """
        Without stable traffic a fault and an outage differ by their shape alone, which nobody knows to a third.

        Where that and not chance makes the counts differ, two memories of the wander count as one reading.
        """
        wander = self.profile.rate_wander**2 * counts.new * q
        excess = max(2 * self.profile.rate_wander_time / dt - 1, 0.0)
        out: Array = np.where(counts.stable > 0, 1.0, 1 / (1 + excess * wander / (1 + wander)))
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
        weight[:, 0] *= self.calm  # what an outage or a burst did is not the level
        self.shape = self.shape + counts.new_bad[:, None] * share * weight
        self.rate = self.rate + counts.new[:, None] * scale * weight

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        arrays = (self.shape, self.rate, self.mass, self.begun, self.calm, self.bursts, self.outages, self.spent,
                  self.wander)  # fmt: skip
        return {name: one.tolist() for name, one in zip(_CHANGES, arrays, strict=True)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        for name in _CHANGES:
            setattr(self, name, np.array(state[name], dtype=np.float64))


_CHANGES = ("shape", "rate", "mass", "begun", "calm", "bursts", "outages", "spent", "wander")


def _moves(memories: float) -> Array:
    """Where a wander goes from each of its places in so many of its memories, (places, places), rows adding up to 1."""
    turns = -math.expm1(-memories) / 2
    rows = []
    for up in range(HALVES + 1):
        stay_up = [math.comb(up, k) * (1 - turns) ** k * turns ** (up - k) for k in range(up + 1)]
        turn_up = [
            math.comb(HALVES - up, k) * turns**k * (1 - turns) ** (HALVES - up - k) for k in range(HALVES - up + 1)
        ]
        rows.append(np.convolve(stay_up, turn_up))
    return np.array(rows)


def bursts(per_hour: Array, mean: Array, length: Array) -> Kind:
    """Bursts on one version: how many a hour, their mean size (points of failures) and length, each (streams,)."""
    edges = np.append(0.0, np.sqrt(BURSTS[1:] * BURSTS[:-1]))
    above = np.exp(-np.append(edges, np.inf))  # sizes are exponential
    shares = above[:-1] - above[1:]
    return Kind(per_hour[:, None] * shares, mean[:, None] * BURSTS, np.repeat(length[:, None], len(BURSTS), axis=1))


def _outages(profile: Profile, rates: Array) -> Kind:
    sizes: Array = np.array([max(2 * float(rates[0]), 1e-4) * 1.9**i for i in range(20)])
    sizes = np.repeat(sizes[sizes < 0.98][None], len(rates), axis=0)
    shares = sizes**-0.5
    lengths = np.where(sizes <= min(MILD * rates[0], MILD_MOST), profile.mild_time, profile.outage_time)
    return Kind(profile.outages * shares / shares.sum(axis=1, keepdims=True), sizes, lengths)
