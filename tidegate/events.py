"""
What happened, as it was observed: the answers a plan is sent, and what the ledger keeps as outcomes.

Frozen pydantic models: they cross processes as JSON. `event` names the kind in the ledger, and renaming one is a
breaking change (tests/unit/test_keys.py holds the list).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tidegate.ports import Verdict
from tidegate.traffic import Beyond


class Event(BaseModel):
    """Something that happened at `at` (UTC)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    at: datetime

    def to_body(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


class CheckRun(Event):
    """A check gave its answer."""

    event: Literal["check-run"] = "check-run"
    name: str
    component: str = ""
    verdict: Verdict
    evidence: str = ""
    remedy: str = ""
    seconds: float = 0.0
    figures: dict[str, float] = {}  # what it measured; a later release is compared with it
    waived: str = ""  # by whom, why and until when, where it may fail


class TurnTaken(Event):
    """The release holds its system's one row."""

    event: Literal["turn-taken"] = "turn-taken"


class BackupTaken(Event):
    event: Literal["backup-taken"] = "backup-taken"
    name: str
    location: str


class BackupProven(Event):
    """The backup was restored into a scratch place and compared; `verdict` is FAIL when it does not hold."""

    event: Literal["backup-proven"] = "backup-proven"
    name: str
    verdict: Verdict
    evidence: str
    tables: dict[str, int] = Field(default_factory=dict)  # rows
    size: int = 0  # bytes
    seconds: float = 0.0


class ArtifactPushed(Event):
    event: Literal["artifact-pushed"] = "artifact-pushed"
    component: str
    digest: str


class GreenCreated(Event):
    """Instances of the new version run beside blue; they get no traffic yet."""

    event: Literal["green-created"] = "green-created"
    component: str
    digest: str
    side: str
    urls: tuple[str, ...]
    blue: str = ""  # side that carries the traffic now
    blue_ready: int = 0


class BecameHealthy(Event):
    """All instances answer healthy with the release's digest (I17), or `verdict` says why not."""

    event: Literal["became-healthy"] = "became-healthy"
    component: str
    verdict: Verdict
    instances: int
    evidence: str = ""


class RoutesInspected(Event):
    """What a claim would have to clear or take over; empty: nothing is in the way."""

    event: Literal["routes-inspected"] = "routes-inspected"
    strangers: dict[str, str] = Field(default_factory=dict)  # component -> what stands there, as a sentence
    names: tuple[str, ...] = ()  # the stops and releases that an approval has to name


class Claimed(Event):
    event: Literal["claimed"] = "claimed"
    component: str
    stable: str
    canary: str
    epoch: int


class Answered(Event):
    """An approval's recorded verdict; `decision` is what counts, not the click."""

    event: Literal["answered"] = "answered"
    gate: str
    decision: Literal["approve", "reject", "park", "expired"]
    approver: str
    proved: bool = False
    note: str = ""
    plan: str = ""


class WeightSet(Event):
    """The route shows this weight, read back from the router; `beyond` as its mark tells it."""

    event: Literal["weight-set"] = "weight-set"
    component: str
    weight: int
    beyond: Beyond | None = None

    def to_body(self) -> dict[str, Any]:
        told = super().to_body()
        return told if self.beyond else {name: value for name, value in told.items() if name != "beyond"}


class Baked(Event):
    """The watch's judgement of a step."""

    event: Literal["baked"] = "baked"
    step: str
    verdict: Verdict
    sentence: str
    detail: dict[str, Any] = Field(default_factory=dict)


class Waited(Event):
    event: Literal["waited"] = "waited"
    name: str


class ActPerformed(Event):
    """A connector carried an act of the spec out, or `verdict` says why not."""

    event: Literal["act-performed"] = "act-performed"
    name: str
    verdict: Verdict
    evidence: str = ""


class Remembered(Event):
    """What ran before this release, by component."""

    event: Literal["remembered"] = "remembered"
    name: str
    versions: dict[str, str] = Field(default_factory=dict)


class BaselineTaken(Event):
    """A metric of the running version; None: it could not be measured."""

    event: Literal["baseline-taken"] = "baseline-taken"
    name: str
    metric: str
    value: float | None = None
    count: int | None = None
    evidence: str = ""


class Parked(Event):
    event: Literal["parked"] = "parked"
    why: str = ""


class Rested(Event):
    """`stop_after` was reached: the release rests until a later run continues it."""

    event: Literal["rested"] = "rested"
    stage: str


class Promoted(Event):
    """The plan's last weight is judged; late rollback stays possible while blue is kept."""

    event: Literal["promoted"] = "promoted"
    weight: int


class SlotsBooked(Event):
    event: Literal["slots-booked"] = "slots-booked"
    anchor: str
    slots: dict[str, datetime]


class Told(Event):
    """A notice went out, or (`dropped`) did not in time; nothing waits for it."""

    event: Literal["told"] = "told"
    notice: str
    dropped: str = ""


class ReportWritten(Event):
    event: Literal["report-written"] = "report-written"
    location: str = ""
    digest: str = ""
    dropped: str = ""


class Lowered(Event):
    """Green gets nothing any more, on every route of the release."""

    event: Literal["lowered"] = "lowered"
    why: str
    weights: dict[str, int]


class GreenStopped(Event):
    event: Literal["green-stopped"] = "green-stopped"
    component: str
    side: str = ""


class RollbackVerified(Event):
    """Blue answers and carries everything, or `verdict` says what does not hold."""

    event: Literal["rollback-verified"] = "rollback-verified"
    verdict: Verdict
    evidence: str
    seconds: float = 0.0  # from the Down to here


class SlotsCancelled(Event):
    event: Literal["slots-cancelled"] = "slots-cancelled"
    count: int


class RunEnded(Event):
    """The release's own flow run shows how the release ended."""

    event: Literal["run-ended"] = "run-ended"
    state: str


class RolledBack(Event):
    event: Literal["rolled-back"] = "rolled-back"


class Aborted(Event):
    """Ended before green had any traffic."""

    event: Literal["aborted"] = "aborted"
    why: str


class MadeFinal(Event):
    event: Literal["made-final"] = "made-final"
    component: str


class BlueRemoved(Event):
    event: Literal["blue-removed"] = "blue-removed"
    component: str
    side: str


class Closed(Event):
    """The last slot is answered; the watch stops looking."""

    event: Literal["closed"] = "closed"


class Figure(BaseModel):
    """
    A number that a scheduled run shows: a metric of its schedule, or a KPI with its light.

    `value` is None where nobody has a figure, `why` says why then; `unit` is the one in which its target is written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    metric: str
    value: float | None = None
    count: int | None = None  # requests behind it
    unit: str = ""
    target: str = ""
    light: Literal["", "green", "yellow", "red", "dark"] = ""  # of a KPI; dark: no figure
    why: str = ""


class Slotted(Event):
    """One verification slot's one outcome (I26)."""

    event: Literal["slotted"] = "slotted"
    slot: str
    outcome: Literal["PASS", "FAIL", "MISSED", "SUPERSEDED", "INCONCLUSIVE"]
    sentence: str
    due: datetime
    figures: tuple[Figure, ...] = ()


AnyEvent = Annotated[
    CheckRun | TurnTaken | BackupTaken | BackupProven | ArtifactPushed | GreenCreated | BecameHealthy
    | RoutesInspected | Claimed | Answered | WeightSet | Baked | Waited | ActPerformed | Remembered
    | BaselineTaken | Parked | Rested | Promoted | SlotsBooked | Told | ReportWritten | Lowered | GreenStopped
    | RollbackVerified | SlotsCancelled | RunEnded | RolledBack | Aborted | MadeFinal | BlueRemoved | Closed
    | Slotted,
    Field(discriminator="event"),
]  # fmt: skip
_EVENTS: TypeAdapter[Any] = TypeAdapter(AnyEvent)


def event_from(body: Mapping[str, Any]) -> Event:
    """The event that a ledger's outcome holds; ValueError for one that this version does not know."""
    found = _EVENTS.validate_python(dict(body))
    assert isinstance(found, Event)
    return found
