"""
The story: what a release's chain tells, folded entry by entry.

State, weights, since when, why and who come from here and nowhere else; reports and status are views of it.
A Down is sticky: from it on the story's weight is 0 whatever outcomes follow (states.md, scenario 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from tidegate.ledger import Entry, Kind
from tidegate.traffic import Beyond


class State(StrEnum):
    PREPARING = "preparing"
    SHIFTING = "shifting"
    PROMOTED = "promoted"
    SUPERSEDED = "superseded"
    FINALIZED = "finalized"
    CLOSED = "closed"
    DOWN = "down"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"


OVER = frozenset({State.PROMOTED, State.SUPERSEDED, State.FINALIZED, State.CLOSED, State.ROLLED_BACK, State.ABORTED})
MOVABLE = frozenset({State.PREPARING, State.SHIFTING, State.PROMOTED, State.DOWN})  # a Down still means something
SUPERSEDABLE = frozenset({State.PROMOTED, State.FINALIZED, State.CLOSED})  # they carry traffic until a newer one does


FINALIZE = "finalize"  # the booked run that makes a release final: it is no slot, and has no outcome
FULL = 95  # %: the last weight of a plan may keep a few per cent back
T = TypeVar("T")
_ENDS = {"rolled-back": State.ROLLED_BACK, "aborted": State.ABORTED, "closed": State.CLOSED}


@dataclass(frozen=True, slots=True)
class DownDecision:
    """Who said no, when and why; the first one counts, later ones are only recorded."""

    who: str
    why: str
    at: datetime
    token: str
    seq: int
    despite: str = ""  # the way back that a person named, behind a point of no return


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An act that was begun and has no outcome yet."""

    key: str
    seq: int
    at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """An approval that waits for people."""

    gate: str
    key: str
    suspend_key: str
    asked_at: datetime
    deadline: datetime
    on_expiry: str
    traffic: bool
    run_id: str


@dataclass(slots=True)
class Story:
    """The fold; `add` the chain's entries in order."""

    release: str = ""
    state: State = State.PREPARING
    seq: int = 0
    opened: Mapping[str, Any] = field(default_factory=dict)
    opened_at: datetime | None = None
    requester: str = ""
    weights: dict[str, int] = field(default_factory=dict)
    weight_since: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # key -> event body
    answered_at: dict[str, datetime] = field(default_factory=dict)
    open: dict[str, OpenIntent] = field(default_factory=dict)
    claimed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    down: DownDecision | None = None
    questions: dict[str, Question] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    parked_since: datetime | None = None
    resting_since: datetime | None = None
    leg: int = 1
    promoted_at: datetime | None = None
    booked: dict[str, str] = field(default_factory=dict)  # slot -> due
    slots: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)  # booked slots without an outcome, the next one first
    final: set[str] = field(default_factory=set)
    superseded: str = ""  # who has the route now; said beside the state where this release had ended before
    restarts: int = 0
    digests: dict[str, set[str]] = field(default_factory=dict)  # component -> what its new versions may report
    baselines: dict[str, float] = field(default_factory=dict)  # metric -> what the version before did
    notes: list[Entry] = field(default_factory=list)
    step: str = ""  # the last step whose weight is set on some component
    plan: str = ""  # the traffic plan whose weights are set
    raised_at: dict[str, datetime] = field(default_factory=dict)  # step -> when its weight was first set, in this leg
    beyond: Beyond | None = None  # the point of no return that was crossed
    had_traffic: bool = False
    full_at: datetime | None = None  # when a weight of nearly all was set last, by its own event
    _derived: dict[str, tuple[object, Any]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Story:
        story = cls()
        for entry in entries:
            story.add(entry)
        return story

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def weight(self) -> int:
        """The largest weight on any component."""
        return max(self.weights.values(), default=0)

    def derived(self, name: str, of: object, made: Callable[[], T]) -> T:
        """
        What follows from this story and `of` (a spec) alone: made once, and forgotten with the next entry.

        A watch asks at every look what changes with an entry a day.
        """
        known = self._derived.get(name)
        if known is None or known[0] is not of:
            known = self._derived[name] = (of, made())
        found: T = known[1]
        return found

    def since(self, entries: Iterable[Entry]) -> None:
        """Add what came after."""
        for entry in entries:
            if entry.seq > self.seq:
                self.add(entry)

    def add(self, entry: Entry) -> None:
        self.seq = entry.seq
        self._derived.clear()
        match entry.kind:
            case Kind.OPENED:
                self.release, self.opened, self.opened_at = entry.release, entry.body, entry.at
                self.requester = entry.who
            case Kind.INTENT:
                self._begun(entry)
            case Kind.OUTCOME:
                self._outcome(entry)
            case Kind.DOWN:
                self._down(entry)
            case Kind.EXPIRY:
                self._expiry(entry)
            case Kind.SLOT:
                self.slots[str(entry.body["slot"])] = entry.body
                self.waiting.pop(str(entry.body["slot"]), None)
            case Kind.NOTE:
                self.notes.append(entry)
                self.restarts += entry.key == "restarted"

    def _begun(self, entry: Entry) -> None:
        self.open[entry.key] = OpenIntent(entry.key, entry.seq, entry.at, entry.body)
        if "/rest/" not in entry.key:
            self.resting_since = None  # a later run continues it
        if "question" in entry.body:
            asked = entry.body["question"]
            self.questions[entry.key] = Question(
                asked["gate"],
                entry.key,
                asked["suspend_key"],
                entry.at,
                datetime.fromisoformat(asked["deadline"]),
                asked["on_expiry"],
                bool(asked["traffic"]),
                asked["run_id"],
            )

    def _outcome(self, entry: Entry) -> None:
        body = entry.body
        self.answers[entry.key] = body
        self.answered_at[entry.key] = entry.at
        self.open.pop(entry.key, None)
        self.questions.pop(entry.key, None)
        self._traffic(entry, body)
        self._stage(entry, body)

    def _traffic(self, entry: Entry, body: Mapping[str, Any]) -> None:
        """What an outcome tells about routes and weights."""
        match body.get("event"):
            case "claimed":
                self.claimed[body["component"]] = body
                if self.state is State.PREPARING:
                    self.state = State.SHIFTING
                self._weigh(entry, body["component"], 0)
            case "weight-set":
                self._weigh(entry, body["component"], 0 if self.down else int(body["weight"]))
                _, _, self.plan, _, self.step, *_ = entry.key.split("/")
                self.raised_at.setdefault(self.step, entry.at)
                self.beyond = Beyond.from_json(body["beyond"]) if body.get("beyond") else self.beyond
                self.had_traffic = self.had_traffic or int(body["weight"]) > 0
                if int(body["weight"]) >= FULL:
                    at = datetime.fromisoformat(str(body.get("at") or entry.at))
                    self.full_at = max(at, self.full_at or at)
            case "parked" | "lowered":
                for component in self.weights:
                    self._weigh(entry, component, 0)
            case "made-final":
                self.final.add(body["component"])
                if self.final >= set(self.claimed) and self.state is State.PROMOTED:
                    self.state = State.FINALIZED

    def _stage(self, entry: Entry, body: Mapping[str, Any]) -> None:
        """What an outcome tells about the release's state and its conditions."""
        match body.get("event"):
            case "parked":
                self.parked_since = entry.at
                self.raised_at.clear()
            case "answered" if self.parked_since and body["decision"] == "approve":
                self.parked_since, self.leg = None, self.leg + 1
            case "rested":
                self.resting_since = entry.at
            case "promoted" if self.state is State.SHIFTING:
                self.state, self.promoted_at = State.PROMOTED, entry.at
            case "green-created":
                self.digests.setdefault(str(body["component"]), set()).add(str(body["digest"]))
            case "slots-booked":
                self._book(body["slots"])
            case "baseline-taken" if body.get("value") is not None:
                self.baselines[str(body["metric"])] = float(body["value"])
            case str(event) if event in _ENDS:
                self.state = _ENDS[event]

    def _book(self, slots: Mapping[str, str]) -> None:
        self.booked.update(slots)
        new = [slot for slot in slots if slot not in self.slots and slot != FINALIZE]
        waiting = self.waiting | {slot: datetime.fromisoformat(slots[slot]) for slot in new}
        self.waiting = dict(sorted(waiting.items(), key=lambda one: one[1]))

    def _weigh(self, entry: Entry, component: str, weight: int) -> None:
        if self.weights.get(component) != weight:
            self.weights[component] = weight
            self.weight_since[component] = entry.at

    def _down(self, entry: Entry) -> None:
        if self.state not in MOVABLE:
            self.notes.append(entry)  # too late to mean anything
            return
        body, despite = entry.body, str(entry.body.get("despite") or "")
        if self.down is None:
            self.down = DownDecision(
                entry.who, str(body["why"]), entry.at, str(body.get("token", "")), entry.seq, despite
            )
        elif despite:
            self.down = replace(self.down, despite=despite)  # decided before; accepted now
        self.state = State.DOWN
        for component in self.weights:
            self._weigh(entry, component, 0)

    def _expiry(self, entry: Entry) -> None:
        if entry.key == "superseded":
            if self.state in SUPERSEDABLE:
                self.superseded = str(entry.body.get("why") or "a newer release has claimed the route")
            if self.state is State.PROMOTED:
                self.state = State.SUPERSEDED
            return
        self.expired.add(entry.key.removeprefix("expired/"))

    def explains(self, component: str, weight: int) -> bool:
        """Whether this weight lies between the story's and an open intent's own (design 2.1)."""
        told = self.weights.get(component, 0)
        if weight == told:
            return True
        for intent in self.open.values():
            raising = intent.body.get("raise")
            if raising and raising["component"] == component and not self.down:
                low, high = sorted((told, int(raising["weight"])))
                if low <= weight <= high:
                    return True
            if intent.body.get("lowering") and weight <= told:
                return True
        return False
