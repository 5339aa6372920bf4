"""
Whether the new version is slower for good, weighed at any look, by a bank of Kalman filters.

The state is what moves the mean logarithm of the latency: shared level, wander of the new version, its cold start, its
lasting difference. A fault that begins now is a copy of the null's filter that allows a large lasting difference; so is
a hiccup, which ends. Copies of old beginnings are thinned: some three an octave of age (judgement-method.md 2).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidegate.judge.profile import Profile
from tidegate.judge.special import Array, normal_above

G, W, C, M = range(4)
MOST = 80  # copies; a hundred years need fewer
THIN = 2.0  # a copy goes when its neighbours' ages are nearer than this factor
JUMP = 1.0  # standard deviation of a sudden change of what both share: a factor of three is nothing special
CLIP = 2.0  # standard deviations that the null's own filter believes


class Latency:
    """`evidence` that the new version is slower; `slower`: by what factor, as far as the likeliest copy knows."""

    def __init__(self, spread: float, profile: Profile) -> None:
        """`spread`: variance of one request's score (record.py)."""
        self.spread, self.profile = spread, profile
        self.taus = np.array([profile.cold_time, profile.slow_time])
        self.kappa, self.learnt = math.log(max(profile.kappa, 1e-3)), 0.0
        self.count = 1  # filters: the null's first, then its copies in order of birth
        self._births = np.zeros(MOST)  # seconds
        self._xs, self._ps = np.zeros((MOST, 2, 4)), np.zeros((MOST, 2, 4, 4))  # two speeds of a cold start
        self._fault, self._passing = np.zeros((MOST, 2)), np.zeros((MOST, 2))
        first = self._ps[0]
        first[:, G, G], first[:, W, W] = profile.shared**2, profile.wander**2 * profile.kappa
        first[:, C, C], first[:, M, M] = profile.cold**2, profile.offset**2
        self._passing[0] = 1 - profile.slow_share, profile.slow_share
        self._now = 0.0
        self.spent = 0.0  # seconds that are likely to have been spent in hiccups

    @property
    def births(self) -> Array:
        """When each filter began, seconds."""
        return self._births[: self.count]

    @property
    def xs(self) -> Array:
        """Their states, (filters, 2, 4)."""
        return self._xs[: self.count]

    @property
    def ps(self) -> Array:
        """Their variances, (filters, 2, 4, 4)."""
        return self._ps[: self.count]

    @property
    def fault(self) -> Array:
        """How likely each copy is as a lasting fault, (filters, 2), in parts of the null; 0 for the null."""
        return self._fault[: self.count]

    @property
    def passing(self) -> Array:
        """How likely each copy is as a hiccup under way, after the calm itself; they add up to 1."""
        return self._passing[: self.count]

    @property
    def evidence(self) -> float:
        """How many times likelier a lasting rise makes what was seen."""
        return float((self.fault * self._rising()).sum()) / self._innocent()

    @property
    def slower(self) -> float:
        """The factor of the likeliest copy's lasting difference."""
        weight = self.fault / max(float(self.fault.sum()), 1e-300)
        return math.exp(float((weight * self.xs[:, :, M]).sum()))

    @property
    def since(self) -> float:
        """When the likeliest fault began, seconds."""
        return float(self.births[int(self.fault.sum(axis=1).argmax())])

    def _innocent(self) -> float:
        """What speaks for no fault, of all masses: hiccups are smaller than faults may be, so a large one is rare."""
        return float(self._passing[0].sum() + (self.passing[1:] * self._small()).sum())

    def _small(self) -> Array:
        """How much likelier each copy's difference is for a hiccup's size than for a fault's, (copies, 2)."""
        size, fault = self.profile.hiccup_size, self.profile.fault
        sharper = 1 / size**2 - 1 / fault**2
        spread = 1 + np.maximum(self.ps[1:, :, M, M], 0.0) * sharper
        out: Array = fault / size / np.sqrt(spread) * np.exp(-0.5 * sharper * self.xs[1:, :, M] ** 2 / spread)
        return out

    def _rising(self) -> Array:
        """How much likelier a copy's difference is above the tolerance than it was at its birth."""
        sd = np.sqrt(np.maximum(self.ps[:, :, M, M], 1e-12))
        above = normal_above((self.profile.tolerance - self.xs[:, :, M]) / sd)
        first = self.profile.tolerance / math.hypot(self.profile.fault, self.profile.offset)
        out: Array = above / normal_above(np.array(first))
        return out

    def raised(self) -> None:
        """More traffic: a little of a cold start again."""
        self.ps[:, :, C, C] += self.profile.cold_at_step**2

    def step(self, t: float, dt: float, new: tuple[float, float], stable: tuple[float, float], begins: float) -> float:
        """Weigh one look: (mean score, requests) of each version; `begins`: prior chance that a fault begins now."""
        self._pass_time(dt)
        self._begin(t, dt, begins)
        if new[1] > 0 or stable[1] > 0:
            self._weigh(new, stable, dt)
        self._thin(t)
        self.spent += dt * float(self.passing[1:].sum())
        return self.evidence

    def _pass_time(self, dt: float) -> None:
        profile = self.profile
        a_g, a_w = math.exp(-dt / profile.shared_time), math.exp(-dt / profile.wander_time)
        keep = np.ones((2, 4))
        keep[:, G], keep[:, W], keep[:, C] = a_g, a_w, np.exp(-dt / self.taus)
        noise_g = profile.shared**2 * (1 - a_g**2)
        noise_w = profile.wander**2 * math.exp(self.kappa) * (1 - a_w**2)
        square = keep[:, :, None] * keep[:, None, :]
        xs, ps, passing = self.xs, self.ps, self.passing
        xs *= keep
        ps *= square
        ps[..., G, G] += noise_g
        ps[..., W, W] += noise_w
        if self.count > 1:
            hiccups = passing[1:]
            back = hiccups * _ending(self._now + dt - self.births[1:], dt, profile.hiccup_time)[:, None]
            hiccups -= back
            passing[0] += (back * self._small()).sum(axis=0)

    def _begin(self, t: float, dt: float, begins: float) -> None:
        """A copy of the null's filters that allows a large difference, for faults and for hiccups."""
        hiccup = self._passing[0] * (1 - math.exp(-dt * self.profile.hiccups / 3600))
        total = self.passing.sum(axis=0)
        at, self._now = self.count, t
        self.count += 1
        self._births[at], self._xs[at], self._ps[at] = t, self._xs[0], self._ps[0]
        self._ps[at, :, M, M] += self.profile.fault**2
        self._fault[at], self._passing[at] = begins * total, hiccup
        self._passing[0] -= hiccup

    def _jump(self, seen: float, noise: float, dt: float) -> None:
        """
        Both versions may be much slower from one look to the next: what they share has jumped, says stable alone.

        Decided once for all filters, so that nobody gains by following it better than another.
        """
        expected, usual = float(self._xs[0, 0, G]), float(self._ps[0, 0, G, G]) + noise
        jumped = usual + JUMP**2
        chance = min(-math.expm1(-dt * self.profile.jumps / 3600), 0.5)
        off = (seen - expected) ** 2
        gain = math.log(chance / (1 - chance)) + 0.5 * (math.log(usual / jumped) + off / usual - off / jumped)
        if gain > 0:
            self.ps[..., G, G] += JUMP**2

    def _weigh(self, new: tuple[float, float], stable: tuple[float, float], dt: float) -> None:
        calm, told = float(self._passing[0].sum()), np.zeros((self.count, 2))
        if stable[1] > 0:
            self._jump(stable[0], self.spread / stable[1], dt)
            told += _update(self.xs, self.ps, stable[0], self.spread / stable[1], shared=True, gain=1.0)[0]
        faster = False
        if new[1] > 0:
            faster = new[0] <= float(self._passing[0] @ self._xs[0].sum(axis=1)) / max(calm, 1e-290)
            noise = self.spread / new[1]
            likely, z2, f = _update(self.xs, self.ps, new[0], noise, shared=False, gain=calm)
            told += likely
            self._learn(float(z2[1, 0]), float(f[1, 0]), noise)
        grown = np.exp(told - told.max())
        self._fault *= self._no_hiccup(told, dt)
        passing = self.passing * grown
        total = max(float(passing.sum()), 1e-290)
        self._passing[: self.count] = passing / total
        gained = grown / total
        if faster:  # a hiccup of stable's, or the end of one: no fault shows by a look that is quicker than expected
            gained = np.minimum(gained, 1.0)
        self._fault[: self.count] = np.minimum(self.fault * gained, 1e200)

    def _no_hiccup(self, told: Array, dt: float) -> float:
        """
        What a fault pays for the hiccup that did not come: it has as many as the calm, and the calm has paid.

        Without it a site that is quieter than its profile would be evidence for faults.
        """
        born = -math.expm1(-dt * self.profile.hiccups / 3600)
        seen = math.exp(min(float(told[-1].max() - told[0].max()), 0.0))
        return 1 - born * (1 - seen)

    def _learn(self, z2: float, f: float, noise: float) -> None:
        """How much this site's versions wander, from the filter that has allowed a lasting fault from the start."""
        weight = (1 - noise / f) ** 2
        self.learnt += weight
        self.kappa += weight * (min(z2, 9.0) - 1) / (10 + self.learnt)
        self.kappa = min(max(self.kappa, math.log(0.1)), math.log(20.0))

    def _thin(self, t: float) -> None:
        """One copy too many goes; its masses go to its elder neighbour."""
        if self.count < 5:
            return
        ages = t - self.births[1:] + 1.0
        near = ages[:-2] / ages[2:] < THIN
        near[-1:] = False  # the newest three stay
        if not near.any():
            return
        at = int(near.argmax()) + 2
        heir = at - 1 if at > 2 else at + 1  # the first copy learns the wander: it stays as it is
        rising = self._rising()  # a copy that turned out not to be slower must not lend its mass to one that may be
        self._fault[heir] += self._fault[at] * np.minimum(rising[at] / np.maximum(rising[heir], 1e-12), 1.0)
        self._passing[heir] += self._passing[at]
        self.count -= 1
        for copies in (self._births, self._xs, self._ps, self._fault, self._passing):
            copies[at : self.count] = copies[at + 1 : self.count + 1]

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        told = {name: getattr(self, name).tolist() for name in _COPIES}
        return told | {"kappa": self.kappa, "learnt": self.learnt, "now": self._now, "spent": self.spent}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.count = len(state["births"])
        for name in _COPIES:
            getattr(self, f"_{name}")[: self.count] = state[name]
        self.kappa, self.learnt, self._now = state["kappa"], state["learnt"], state["now"]
        self.spent = state["spent"]


_COPIES = ("births", "xs", "ps", "fault", "passing")


def _update(x: Array, p: Array, seen: float, noise: float, *, shared: bool, gain: float) -> tuple[Array, Array, Array]:
    """
    One reading into every filter, in place: Ln likelihood, squared standardised surprise, its variance, each (..., 2).

    The reading is the shared level alone, or the sum of all four. Of the latter the null's own filter, the first,
    believes as much as `gain` says, and no more than CLIP standard deviations; what stable shows it believes as all do.
    """
    along = p[..., :, G].copy() if shared else p.sum(axis=-1)
    f = (along[..., G] if shared else along.sum(axis=-1)) + noise
    surprise = seen - (x[..., G] if shared else x.sum(axis=-1))
    z2 = surprise * surprise / f
    if not shared:
        limit = CLIP * np.sqrt(f[0])
        surprise[0] = np.minimum(np.maximum(surprise[0], -limit), limit)
    k = along / f[..., None]
    surprise[0] *= gain
    x += k * surprise[..., None]
    k[0] *= 1.0 if gain >= 0.5 else gain  # calm more likely than not: what it knows, it knows as the others do
    p -= k[..., :, None] * along[..., None, :]
    return -0.5 * (np.log(f) + z2), z2, f


def _ending(age: Array, dt: float, mean: float) -> Array:
    """The chance that a hiccup of this age ended within the last `dt`: three phases, `mean` in all (Erlang)."""
    late = age * (3 / mean)
    early = np.maximum(late - dt * 3 / mean, 0.0)
    lives = (1 + late + late * late / 2) / (1 + early + early * early / 2) * np.exp(early - late)
    out: Array = 1 - np.minimum(lives, 1.0)
    return out
