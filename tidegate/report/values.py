"""
The facts of one release, as people are told them: values only, made by `facts`, read by every renderer.

Numbers stand here once, so a report says the same in every language and on every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from tidegate.events import Figure
from tidegate.ports import Verdict
from tidegate.spec import Gate, Spec
from tidegate.story import State

Side = Literal["stable", "canary"]


class Condition(StrEnum):
    """Where a release stands, for people: its state, and what it waits for within it."""

    PREPARING = "preparing"
    WAITING = "waiting"  # for a person's answer
    SHIFTING = "shifting"
    PARKED = "parked"
    RESTING = "resting"
    PROMOTED = "promoted"
    SUPERSEDED = "superseded"
    FINALIZED = "finalized"
    CLOSED = "closed"
    DOWN = "down"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


class Standing(StrEnum):
    """Where a reading lies between its gate's limits; a verdict also asks for how long, and is recorded elsewhere."""

    GOOD = "within"  # at or below the target
    BAND = "band"  # between target and rollback limit
    OVER = "over"  # above the rollback limit
    FEW = "few"  # fewer requests than the gate asks for
    NONE = "none"  # no reading: never a pass


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the plan: when it was due, when it was begun and seen to be done, and what came of it."""

    key: str
    kind: str  # "set-weight"
    step: str
    what: str
    leg: int
    plan: str
    planned: datetime | None  # traffic only: the bakes of the spec, counted from the first raise
    begun: datetime | None
    ended: datetime | None
    result: str  # a word of `words.RESULTS`
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A gate's figures at one moment: both sides, the limits, and how the canary's reading was judged."""

    gate: str
    component: str
    metric: str
    value: float | None
    count: int | None
    stable: float | None
    target: float | None
    rollback: float | None
    min_samples: int
    standing: Standing
    verdict: Verdict | None = None  # None: not judged by itself
    interval: tuple[float, float] | None = None  # of a rate (Wilson, 95 %)


@dataclass(frozen=True, slots=True)
class StepFact:
    """One exposure: asked, measured, how long it baked, and the verdict."""

    name: str
    leg: int
    asked: int
    bake: timedelta
    planned: datetime | None
    measured: Mapping[str, int] = field(default_factory=dict)  # component -> weight read back from the router
    set_at: datetime | None = None
    judged_at: datetime | None = None
    verdict: Verdict | None = None
    shut: bool = False  # a Down came while it baked
    sentence: str = ""
    gates: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckFact:
    name: str
    component: str
    says: str
    verdict: Verdict
    blocking: bool
    evidence: str
    remedy: str
    seconds: float
    at: datetime


@dataclass(frozen=True, slots=True)
class BackupFact:
    """`verdict` is None while the backup is taken and not yet proven by a restore."""

    name: str
    location: str
    taken_at: datetime
    verdict: Verdict | None = None
    evidence: str = ""
    tables: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NotedFact:
    """An answer that was seen at the orchestrator, before the run that acts on it has started."""

    who: str
    decision: str
    at: datetime
    acts_by: datetime  # an estimate


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """A question to people and what came of it; `decision` is "" while nobody has answered."""

    gate: str
    ask: str
    ask_ko: str
    approvers: tuple[str, ...]
    asked_at: datetime
    deadline: datetime
    on_expiry: str
    traffic: bool
    decision: str = ""
    approver: str = ""
    proved: bool = False
    note: str = ""
    plan: str = ""
    answered_at: datetime | None = None
    noted: NotedFact | None = None


@dataclass(frozen=True, slots=True)
class DownFact:
    """The decision after which the weight never rises again in this release."""

    who: str
    why: str
    at: datetime
    seq: int  # of its entry in the chain
    proved: bool
    seconds: float | None  # from the decision to weight 0 on every route; None: not yet seen
    weights: Mapping[str, int]  # when it was decided
    late: timedelta | None  # since promotion
    verified: Verdict | None = None
    evidence: str = ""
    verified_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SlotFact:
    """One verification booked for after the release; `outcome` is "" while it is still to come."""

    slot: str
    due: datetime
    outcome: str = ""
    sentence: str = ""
    at: datetime | None = None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class ComponentFact:
    """A part of the system in this release."""

    name: str
    digest: str = ""
    stable: str = ""  # side that had the traffic before
    canary: str = ""
    weight: int = 0
    since: datetime | None = None
    instances: int = 0
    stopped: bool = False
    final: bool = False
    blue_removed: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Something that was to be told or written and was not, in time."""

    what: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NoteFact:
    """A line somebody left in the chain; it changed no state."""

    key: str
    who: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one side over time; a point's value is None where there was no series (which is not 0)."""

    component: str
    side: Side
    metric: str
    points: tuple[tuple[datetime, float | None], ...]


@dataclass(frozen=True, slots=True)
class BeyondFact:
    """The point of no return that was crossed, and whether a person took its way back all the same."""

    way: str
    says: str
    weight: int
    at: datetime
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class LimitFact:
    """The nearest half-way limit: promoted by `due`, or back."""

    weight: int
    due: datetime


@dataclass(frozen=True, slots=True)
class ChainFact:
    """How far the chain reaches; `broken_at` is the first entry that does not follow from the one before."""

    length: int
    head: str
    broken_at: int | None


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """Everything a report, a page or a status line may say about one release."""

    spec: Spec
    release: str
    version: str
    blue: str  # version or side that had the traffic before; "": not known
    kind: str
    plan: str
    requester: str
    requester_proved: bool
    reason: str
    spec_digest: str
    opened_at: datetime
    as_of: datetime  # the chain's last entry: a report knows no other clock
    ended_at: datetime | None  # promoted, rolled back or aborted
    state: State
    condition: Condition
    why: str
    components: tuple[ComponentFact, ...]
    acts: tuple[Act, ...]
    steps: tuple[StepFact, ...]
    checks: tuple[CheckFact, ...]
    backups: tuple[BackupFact, ...]
    approvals: tuple[ApprovalFact, ...]
    down: DownFact | None
    slots: tuple[SlotFact, ...]
    final_due: datetime | None  # when blue is removed and the way back by traffic ends
    dropped: tuple[Drop, ...]
    notes: tuple[NoteFact, ...]
    series: tuple[Series, ...]
    weights: Mapping[str, tuple[tuple[datetime, int], ...]]  # component -> every change
    restarts: int
    attempts: int  # numbers (epochs) under which acts were written
    promoted_at: datetime | None
    exposed: timedelta  # how long green had traffic, up to the end of the release
    highest: int  # largest weight green ever had
    chain: ChainFact
    beyond: BeyondFact | None = None
    halfway: LimitFact | None = None

    @property
    def system(self) -> str:
        return self.spec.system

    @property
    def compress(self) -> int:
        """By how much the release's own waits were shortened; 1 in real life."""
        return self.spec.compress

    @property
    def weight(self) -> int:
        return max((part.weight for part in self.components), default=0)

    @property
    def waiting(self) -> tuple[ApprovalFact, ...]:
        """Questions nobody has answered yet."""
        return tuple(asked for asked in self.approvals if not asked.decision)

    @property
    def unanswered(self) -> tuple[ApprovalFact, ...]:
        """Questions that still need a person: no answer, and none noted."""
        return tuple(asked for asked in self.waiting if asked.noted is None)

    @property
    def step(self) -> StepFact | None:
        """The last step whose weight was set."""
        return next((step for step in reversed(self.steps) if step.set_at is not None), None)

    @property
    def step_number(self) -> int:
        """Position of `step` within its leg's plan; 0 before the first raise."""
        now = self.step
        return 0 if now is None else [s.name for s in self.steps if s.leg == now.leg].index(now.name) + 1

    @property
    def step_count(self) -> int:
        leg = self.steps[-1].leg if self.steps else 1
        return sum(step.leg == leg for step in self.steps)

    @property
    def following(self) -> StepFact | None:
        """The step that comes next, if the release goes on."""
        return next((step for step in self.steps if step.set_at is None and not step.shut), None)


def standing_of(gate: Gate, value: float | None, count: int | None) -> Standing:
    """Where a reading lies between the limits of its gate."""
    if value is None:
        return Standing.NONE
    if count is not None and count < gate.min_samples:
        return Standing.FEW
    if gate.fails(value):
        return Standing.OVER
    return Standing.GOOD if gate.passes(value) else Standing.BAND
