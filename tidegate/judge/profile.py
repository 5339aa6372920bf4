"""
What a site's own ups and downs look like: the physical quantities that the comparing judge weighs evidence with.

Each can be counted at a site, and each default is the middle of what public traces and earlier rollouts show
(judgement.md 5; judgement-method.md 5). They are the null hypothesis: how a good version may look bad, and how often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from tidegate.errors import SpecError

ALPHA = 0.04  # nominal chance to roll a good version back; what is measured stands in docs/judge-figures.md


@dataclass(frozen=True, slots=True)
class Profile:
    """Durations in seconds, latencies as differences of natural logarithms, rates a hour, shares between 0 and 1."""

    # Latency of two good versions
    wander: float = 0.05  # standard deviation of their slow drifting apart
    wander_time: float = 120.0  # how long it remembers
    kappa: float = 1.0  # learnt factor on the variance of `wander`
    offset: float = 0.015  # a lasting harmless difference
    cold: float = 0.30  # the excess with which a fresh version begins
    cold_at_step: float = 0.12  # and with each raise
    cold_time: float = 45.0  # how fast it fades, as a rule
    slow_time: float = 180.0  # and for slow starters
    slow_share: float = 0.1  # of versions that are slow starters
    shared: float = 0.12  # what moves both versions' latency
    shared_time: float = 900.0
    fault: float = 0.5  # how large a lasting fault may be (standard deviation)
    tolerance: float = 0.04  # a lasting difference that nobody would roll back for
    hiccups: float = 0.5  # a hour, on one version
    hiccup_time: float = 40.0
    hiccup_size: float = 0.35  # standard deviation
    # Failures
    ratio: float = 1.2  # a good version's rate may be this much above stable's
    level: float = 0.9  # how far the shared rate strays from the record (relative standard deviation)
    level_time: float = 300.0  # how long it remembers
    level_return: float = 1800.0  # how fast it returns to the record
    jumps: float = 3.0  # sudden changes of the shared rate, a hour
    rate_wander: float = 0.3  # relative, of one version's rate
    rate_wander_time: float = 60.0
    bursts: float = 0.3  # a hour, on one version
    burst_time: float = 30.0
    burst_size: float = 0.015  # mean of an exponential: points of failures
    outages: float = 0.25  # a hour, on both
    outage_time: float = 120.0
    mild_time: float = 480.0  # rises up to 20 times the record last longer

    @classmethod
    def of(cls, told: Mapping[str, float] | None) -> Profile:
        """A profile from what a site has stored; SpecError names what is unknown or impossible."""
        if not told:
            return cls()
        known = {one.name for one in fields(cls)}
        for name, value in told.items():
            if name not in known:
                raise SpecError(f"profile.{name}: no such quantity", f"there are: {', '.join(sorted(known))}")
            if not 0 <= value < 1e9:
                raise SpecError(f"profile.{name}: {value!r} is none", "a number from 0 on")
        return replace(cls(), **{name: float(value) for name, value in told.items()})

    def to_body(self) -> dict[str, float]:
        """As JSON has it."""
        return asdict(self)
