"""What one look sees, remembers, decides and concludes: values only (the look itself: `tidegate/watch.py`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from tidegate.judge.limits import Judged
from tidegate.ledger import Push
from tidegate.ports import Heard, RunState, Sample, Verdict
from tidegate.story import Story
from tidegate.traffic import Seen, Stop

NO_STEP = ""
NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Health:
    """A component's green (and blue) instances as they report themselves."""

    green_ready: int
    green_wanted: int
    right_digest: bool
    blue_ready: int
    detail: str = ""


def carries(seen: Seen | None, release: str) -> bool:
    """Whether this route shows traffic for a canary that is, or may be, this release's green."""
    return seen is not None and (seen.mark is None or seen.mark.release == release) and seen.weight > 0


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything one look sees of one release."""

    at: datetime  # the ledger's clock
    passed: float  # seconds since the look before, capped at the interval asked
    story: Story
    quiet: bool  # the chain's seq was the same before and after the routers were read
    seen: Mapping[str, Seen | None]  # by component; None: the router could not be read
    samples: Mapping[str, Sample]  # by gate
    health: Mapping[str, Health | None]
    wayback_here: bool
    lease_dead_for: float | None = None
    run: RunState | None = None  # None: the orchestrator was not asked or did not answer
    leased: bool = False  # a lease is out, alive or dead
    newer: str = ""  # a newer release of this system that has claimed the route
    grace: float = 25.0
    compared: Mapping[str, Judged] = field(default_factory=dict)  # by component: beside stable
    alarms: Mapping[str, Heard] = field(default_factory=dict)  # by trigger
    events: Mapping[str, Push] = field(default_factory=dict)  # the last of each name since the first raise
    cooling: str = ""  # the cooldown of the system in which triggers only tell
    stop: Stop | None = None  # seen on a route of ours, now or earlier, and not yet told by the chain


@dataclass(frozen=True, slots=True)
class Watching:
    """The watch's memory of one release; stored with each row, so that a successor goes on."""

    bake: str = ""  # the bake under way: leg/plan/step
    baked: float = 0.0  # seconds looked at
    done: str = NO_STEP  # the last bake that is complete
    over: Mapping[str, float] = field(default_factory=dict)  # gate -> seconds looked at above its limit
    alerts: Mapping[str, float] = field(default_factory=dict)  # what people were told of a gate -> seconds well since
    fired: Mapping[str, float] = field(default_factory=dict)  # trigger -> seconds since it fired
    hold_since: str = ""
    held: float = 0.0  # seconds of hold so far
    last: str = ""  # last PASS or FAIL
    flaps: int = 0
    sick: Mapping[str, int] = field(default_factory=dict)  # component -> looks in a row without a healthy green
    lowered_once: bool = False
    woken: float = NEVER  # seconds since a run was last woken
    asked: float = NEVER  # seconds since the rollback was last asked for
    heard: str = ""  # the run's state as heard last
    lived: str = ""  # the run's state as heard last while its lease lived
    adrift: float = 0.0  # seconds that this very state was heard while nobody held the lease
    paged: tuple[str, ...] = ()
    calm: float = 0.0  # seconds behind a point of no return in which nothing wanted to lower

    def older(self, passed: float) -> Watching:
        """The same memory that many seconds later; kept in looks, since a wall clock may jump."""
        if not passed or self.woken == self.asked == NEVER:
            return self
        return replace(self, woken=self.woken + passed, asked=self.asked + passed)

    def to_json(self) -> dict[str, Any]:
        """As the row keeps it; what stands at NEVER is left out, JSON has no infinity."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) != NEVER}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Watching:
        known = {name: raw[name] for name in cls.__slots__ if name in raw}
        return cls(**{**known, "paged": tuple(raw.get("paged", ()))})


@dataclass(frozen=True, slots=True)
class Decision:
    """Something the watch wants carried out now; `kind` says what, in the order of urgency below."""

    kind: Literal[
        "down", "repair", "show-lowering", "write-down", "expire", "fence", "again", "new-run", "ask-rollback",
        "supersede", "answer-slots", "page", "tell",
    ]  # fmt: skip
    why: str = ""
    component: str = ""
    weight: int = 0
    key: str = ""
    slots: tuple[str, ...] = ()  # of `answer-slots`; `key` is their outcome
    severity: str = "critical"  # of `page` and `tell`
    tell: tuple[str, ...] = ()  # of `tell`: messages of the spec; none: its own words


@dataclass(frozen=True, slots=True)
class Look:
    """What one look concludes for the row: verdict, sentence, what speaks against a raise, figures for people."""

    verdict: Verdict
    sentence: str
    against: str
    detail: Mapping[str, Any]
