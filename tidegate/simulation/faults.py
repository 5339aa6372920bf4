"""
The faults of a play: what can go wrong, how often, and which of them excuse that a good release is not promoted.

Every play draws anew which faults it has and how likely each is, so quiet, stormy and one-sided plays all happen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: its greatest rate per occasion, and whether it may end a good release."""

    rate: float
    excuses: bool
    says: str
    often: float = 1.0  # how much likelier than others a play has it: for what only few plays have an occasion


FAULTS: dict[str, Fault] = {
    "crash": Fault(0.03, True, "a process dies at a port call"),
    "freeze": Fault(0.02, True, "a process stands still for a minute, then goes on as if nothing had been"),
    "hiccup": Fault(0.10, False, "a call takes seconds: others act in between"),
    "watch-crash": Fault(0.03, True, "the watch dies and is started again"),
    "slow-look": Fault(0.4, False, "the watch's reads lie seconds apart"),
    "write-lost": Fault(0.15, True, "a router's answer does not come, nothing was written"),
    "write-unheard": Fault(0.15, True, "a router's answer does not come, all was written"),
    "write-late": Fault(0.10, True, "a router's answer does not come, the write happens later"),
    "read-fails": Fault(0.05, True, "a router cannot be read"),
    "router-down": Fault(1.0, True, "a router answers nobody for a while"),
    "router-lags": Fault(0.3, False, "traffic follows the router's word late"),
    "ledger-down": Fault(1.0, True, "the ledger answers nobody for a while"),
    "disk-full": Fault(1.0, True, "the ledger can be read, not written"),
    "append-unheard": Fault(0.02, True, "an entry was written, the writer never hears of it"),
    "orchestrator-down": Fault(1.0, True, "no run starts, no state is heard"),
    "start-unheard": Fault(0.6, True, "instances were started, the caller never hears of it"),
    "platform-down": Fault(0.02, True, "the platform cannot be asked"),
    "green-dies": Fault(1.0, True, "green's instances die"),
    "blue-dies": Fault(1.0, True, "blue's instances die, and are started again later"),
    "metric-none": Fault(0.10, True, "no series"),
    "metric-nan": Fault(0.10, True, "a value that is no number"),
    "metric-stale": Fault(0.10, True, "a value of an hour ago"),
    "metric-error": Fault(0.10, True, "the source cannot be asked"),
    "metric-few": Fault(0.10, True, "too few requests"),
    "metric-bad": Fault(0.02, True, "a good version looks bad for a moment"),
    "clock-jumps": Fault(1.0, True, "the wall clock jumps"),
    "notifier-dead": Fault(1.0, False, "nobody can be told anything"),
    "check-fails": Fault(0.5, True, "a check says no"),
    "backup-broken": Fault(0.6, True, "a backup cannot be restored"),
    "cancel": Fault(1.0, True, "a person cancels the run"),
    "rollback-typed": Fault(1.0, True, "a person types rollback"),
    "rollback-clicked": Fault(1.0, True, "a person starts the rollback flow"),
    "hand-lower": Fault(1.0, True, "a person lowers the weight in the router's file"),
    "hand-raise": Fault(1.0, True, "a person raises the weight in the router's file"),
    "hand-garbles": Fault(1.0, True, "a person's editor loses the mark"),
    "freeze-set": Fault(1.0, True, "a person freezes the system"),
    "approve-late": Fault(0.3, True, "an answer comes at the last moment or after it", 2.5),
    "approve-twice": Fault(0.3, False, "an answer comes twice", 2.5),
    "approve-never": Fault(0.3, True, "nobody answers", 2.5),
    "approve-wrong": Fault(0.3, True, "somebody answers who may not", 2.5),
    "reject": Fault(0.2, True, "the answer is no", 4.0),
    "park": Fault(0.5, False, "the answer is: weight 0, keep green", 5.0),
    "second-release": Fault(1.0, False, "another version is released meanwhile or afterwards"),
    "stage-rests": Fault(1.0, True, "the release rests at a weight, a later run continues it"),
    "second-watch": Fault(1.0, False, "two watches, one stands by"),
    "run-deleted": Fault(1.0, True, "a person deletes the run"),
    "run-retried": Fault(1.0, False, "a person retries a run that has ended"),
    "run-forced": Fault(1.0, True, "a person forces the run to Completed"),
}

RARELY = 0.10  # chance that a play has a certain fault at all
QUIET = 0.2  # chance of a play without any


class Weather:
    """Which faults this play has; `over` once they have stopped."""

    def __init__(self, random: Random, only: frozenset[str] | None = None) -> None:
        self.random = random
        self.over = False
        self.fired: Counter[str] = Counter()
        quiet, drawn = random.random() < QUIET, {}
        for name, fault in FAULTS.items():
            has, rate = random.random() < RARELY * fault.often, fault.rate * random.random() ** 0.5
            if (has and not quiet) if only is None else name in only:
                drawn[name] = rate
        self.rates = drawn
        self.own = Random(random.random())  # the notifiers': their deafness must not move anybody's dice (I22)

    def strikes(self, name: str) -> bool:
        """Whether this fault happens at this occasion."""
        rate = self.rates.get(name)
        if rate is None or self.over:
            return False
        if rate < 1.0 and self.random.random() >= rate:
            return False
        self.fired[name] += 1
        return True

    def has(self, name: str) -> bool:
        """Whether this play has the fault at all (for those that happen once, at a time of their own)."""
        return name in self.rates

    @property
    def excused(self) -> bool:
        """Whether something happened for which a good release may end otherwise; one death of a process is none."""
        return any(FAULTS[name].excuses for name in self.fired if name != "crash" or self.fired[name] > 1)
