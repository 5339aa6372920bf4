"""
The comparing judge: the new version against the stable one over the same minutes, and against stable's record.

Evidence of four kinds (failures of all requests, of each route, the bulk's latency, slow requests) shares one budget;
it may be looked at at any time (failures.py, latency.py). Strong evidence acts at once; evidence that is neither
strong nor weak holds the step for ten minutes at most (`longest_hold`). Memory is a forecast (memory.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from tidegate.judge.chains import Kind
from tidegate.judge.failures import Counts, Failures, bursts
from tidegate.judge.latency import Latency
from tidegate.judge.memory import Memory
from tidegate.judge.profile import ALPHA, Profile
from tidegate.judge.reading import Meta, Side, meta_of, side_of, time_of
from tidegate.judge.special import Array
from tidegate.judge.tail import Bulk
from tidegate.judge.telling import Told

Word = Literal["continue", "hold", "rollback"]
SHARES = {"failures": 0.42, "routes": 0.26, "latency": 0.20, "slow": 0.12}
PROBES = 0.4  # of the share of failures, where a rollout carries probes
HOLDS = 0.1  # of what a rollback needs
SHORTEST = 3600.0  # seconds: in a plan of minutes a fault does not begin more often than elsewhere
FIRST = 0.7  # prior chance that a faulty version is so from its first request: most faults need no time
REMEMBERED = 24.0  # hours that a profile's rates rest on: one quiet release says little of a stretch a day
SLOW_WANDER = 0.5  # of failures' wander: most of what moves the share of slow requests is the bulk (tail.py)
SLOW_BURST = 0.05  # what a hiccup adds to the share of slow requests, mean


class Judge:
    """One rollout's judge; `step` once a look, `reasons` afterwards."""

    def __init__(self, meta: Meta, profile: Profile, alpha: float = ALPHA) -> None:
        self.meta, self.profile, self.alpha = meta, profile, alpha
        record = meta.record
        rates = np.append(record.rates, record.slow)
        seen = np.append(record.failures, 50.0)
        wanders = np.append(np.full(len(rates) - 1, profile.rate_wander), SLOW_WANDER * profile.rate_wander)
        self.failures = Failures(rates, seen, profile, _bursts(profile, len(rates) - 1, slow=1), wanders)
        self.latency, self.bulk = Latency(record.spread, profile), Bulk(record)
        self.memory = Memory(meta.memory_limit, meta.seconds, meta.compress)
        self.probes: Failures | None = None
        self.by_probes = 0.0  # what probes alone say, as likelihood ratio
        self.probed_so_far = [0.0] * 4  # requests and failures of new, of stable
        self.told = Told(len(rates))
        self.t = -1.0
        self.share, self.stage_began, self.held = -1.0, 0.0, 0.0
        self.served, self.probed = False, False
        self.word: Word = "continue"
        self.evidence: dict[str, float] = {}
        self.reasons: list[str] = []

    def step(self, sample: Mapping[str, Any]) -> Word:
        """Weigh one look; a late or a repeated one changes nothing. SpecError when it cannot be read."""
        t, share = time_of(sample)
        routes, buckets = self.meta.routes, len(self.meta.record.scores)
        new, stable = side_of(sample, "new", routes, buckets), side_of(sample, "stable", routes, buckets)
        probes = side_of(sample, "probe_new", routes, buckets), side_of(sample, "probe_stable", routes, buckets)
        if t <= self.t or self.word == "rollback":
            return self.word
        dt = self.meta.bin_seconds if self.t < 0 else max(t - self.t, self.meta.bin_seconds)
        self.t = t
        self._stage(t, share)
        empty = Side(np.zeros(1 + routes), np.zeros(1 + routes), np.zeros(buckets), 0.0)
        self._weigh(t, dt, new or empty, stable or empty)
        if probes[0] is not None:
            self._weigh_probes(t, dt, probes[0], probes[1] or empty)
        leak = self.memory.step(t, (new or empty).memory, (stable or empty).memory)
        self.word = self._decide(t, dt, leak)
        return self.word

    def _stage(self, t: float, share: float) -> None:
        if share > self.share:
            if self.share >= 0:
                self.latency.raised()
            self.share, self.stage_began, self.held = share, t, 0.0

    def _begins(self, dt: float, served: bool, now: bool) -> float:
        """The prior chance that a fault begins with this look."""
        if served:
            return (1 - FIRST) * dt / max(self.meta.seconds, SHORTEST)
        return FIRST if now else 0.0

    def _weigh(self, t: float, dt: float, new: Side, stable: Side) -> None:
        begins = self._begins(dt, self.served, bool(new.requests[0] > 0))
        self.served = self.served or bool(new.requests[0] > 0)
        record = self.meta.record
        counts = Counts(
            np.append(new.requests, new.latency.sum()),
            np.append(new.failures, new.latency[record.slow_from :].sum()),
            np.append(stable.requests, stable.latency.sum()),
            np.append(stable.failures, stable.latency[record.slow_from :].sum()),
        )
        factor = np.ones(len(counts.new))
        factor[-1] = self.bulk.factor(dt, new.latency, stable.latency)
        by_stream = self.failures.step(t, dt, counts, begins, factor)
        means = _mean(new.latency, record.scores), _mean(stable.latency, record.scores)
        slower = self.latency.step(t, dt, *means, begins)
        routes = float(by_stream[1:-1].mean()) if self.meta.routes > 1 else float(by_stream[0])
        self.evidence = {
            "failures": float(by_stream[0]), "routes": routes, "latency": slower, "slow": float(by_stream[-1])
        }  # fmt: skip
        self.told.add(t, counts)

    def _weigh_probes(self, t: float, dt: float, new: Side, stable: Side) -> None:
        if self.probes is None:
            self.probes = self._probes_judge()
        begins = self._begins(dt, self.probed, bool(new.requests[0] > 0))
        self.probed = self.probed or bool(new.requests[0] > 0)
        counts = Counts(new.requests[:1], new.failures[:1], stable.requests[:1], stable.failures[:1])
        self.by_probes = float(self.probes.step(t, dt, counts, begins)[0])
        now = (new.requests[0], new.failures[0], stable.requests[0], stable.failures[0])
        self.probed_so_far = [before + float(one) for before, one in zip(self.probed_so_far, now, strict=True)]
        self.evidence["failures"] = (1 - PROBES) * self.evidence["failures"] + PROBES * self.by_probes

    def weighed(self) -> dict[str, float]:
        """Each kind of evidence with its share of the budget."""
        return {name: SHARES[name] * value for name, value in self.evidence.items()}

    @property
    def strength(self) -> float:
        """All evidence together, in parts of what a rollback needs: at 1 it is rolled back."""
        return self.alpha * sum(self.weighed().values())

    def _decide(self, t: float, dt: float, leak: str) -> Word:
        strength = self.strength
        if leak or strength >= 1:
            self.reasons = [leak] if leak else self.told.reasons(self)
            return "rollback"
        ends = self._ends(t, dt)
        if strength >= HOLDS and ends and self.held < self.meta.longest_hold:
            self.held += dt
            self.reasons = self.told.reasons(self)
            return "hold"
        self.reasons = [self.told.calm(self)]
        return "continue"

    def _ends(self, t: float, dt: float) -> bool:
        """Whether this is the last look before the next step."""
        for share, seconds in self.meta.stages:
            if abs(share - self.share) < 1e-9:
                return t - self.stage_began + 2 * dt >= seconds + self.held
        return False

    @property
    def asked(self) -> int:
        """Users' requests that the new version has answered."""
        return int(self.told.total[0, 0])

    def learnt(self) -> Profile:
        """
        What this rollout has shown of its site, for the next one's profile: ask it of good releases only.

        The wander's factor as it stands; bursts, hiccups and outages an hour as if the profile rested on REMEMBERED
        hours before. A stretch is counted by the time that is likely to have been spent in one.
        """
        profile, hours = self.profile, max(self.t, 0.0) / 3600
        in_burst, in_outage = self.failures.spent.tolist()
        seen = {
            "bursts": in_burst / profile.burst_time if profile.burst_time else 0.0,
            "outages": in_outage / self.failures.outage_kind.mean_length,
            "hiccups": self.latency.spent / profile.hiccup_time if profile.hiccup_time else 0.0,
        }
        rates = {
            name: (getattr(profile, name) * REMEMBERED + count) / (REMEMBERED + hours) for name, count in seen.items()
        }
        return Profile.of(profile.to_body() | rates | {"kappa": float(np.exp(self.latency.kappa))})

    def state(self) -> dict[str, Any]:
        """Everything a judge needs to go on after a crash, as JSON has it."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        parts = {name: getattr(self, name).state() for name in _PARTS}
        return plain | parts | {"probes": self.probes.state() if self.probes is not None else None}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state` with the same answers as the judge that wrote it."""
        for name in _PLAIN:
            setattr(self, name, state[name])
        for name in _PARTS:
            getattr(self, name).restore(state[name])
        if state["probes"] is not None:
            self.probes = self._probes_judge()
            self.probes.restore(state["probes"])

    def _probes_judge(self) -> Failures:
        record = self.meta.record
        return Failures(record.rates[:1], record.failures[:1], self.profile, _bursts(self.profile, 1))


_PLAIN = (
    "t",
    "share",
    "stage_began",
    "held",
    "served",
    "probed",
    "word",
    "evidence",
    "reasons",
    "by_probes",
    "probed_so_far",
)
_PARTS = ("failures", "latency", "bulk", "memory", "told")


def make(told: Mapping[str, Any], profile: Mapping[str, float] | None = None, state: Mapping[str, Any] | None = None,
         alpha: float = ALPHA) -> Judge:  # fmt: skip
    """A judge for the rollout that `told` describes (judgement.md 7); `profile` may stand in it, too."""
    meta, known = meta_of(told), Profile.of(profile or told.get("profile"))
    if meta.record.level is not None and known.level == Profile().level:  # nobody has said another
        known = replace(known, level=meta.record.level)
    judge = Judge(meta, known, alpha)
    if state is not None:
        judge.restore(state)
    return judge


def _bursts(profile: Profile, streams: int, slow: int = 0) -> Kind:
    """Bursts of failures on `streams`, hiccups on `slow` streams of slow requests after them."""
    return bursts(
        np.array([profile.bursts] * streams + [profile.hiccups] * slow),
        np.array([profile.burst_size] * streams + [SLOW_BURST] * slow),
        np.array([profile.burst_time] * streams + [profile.hiccup_time] * slow),
    )


def _mean(counts: Array, scores: Array) -> tuple[float, float]:
    asked = float(counts.sum())
    return (float(counts @ scores) / asked, asked) if asked > 0 else (0.0, 0.0)
