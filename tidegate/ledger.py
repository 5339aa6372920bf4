"""
The ledger: what an entry is, how entries chain, and what a ledger must be able to do.

Append-only, one hash chain per release, the truth about it (design 2.5). `blocks/sql_ledger.py` keeps it in SQLite or
PostgreSQL; `tidegate/memory_ledger.py` keeps it in memory for rehearsals. The fold over it is `tidegate/story.py`.

Five kinds of entry besides the first one: acts (intent, outcome: the lease holder), notes (anybody; they change no
state), slot outcomes (a verify run; unique key), expiries (the watch; unique key), Down (anybody; no epoch, sticky).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

SCHEMA = 1
FIRST_HASH = "0" * 64


class Kind(StrEnum):
    OPENED = "opened"  # the first entry: spec bytes, digest, request, stops found
    INTENT = "intent"  # an act is about to be carried out
    OUTCOME = "outcome"  # what was observed of it; one per key
    NOTE = "note"
    SLOT = "slot"
    EXPIRY = "expiry"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before the ledger gives it a place. `epoch` is set for acts and checked against the release's row."""

    kind: Kind
    key: str
    body: Mapping[str, Any] = field(default_factory=dict)
    who: str = ""
    epoch: int | None = None
    forbids_down: bool = False  # an intent of the release's own plan: refused (Fenced) once a Down stands


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a release's chain; `at` is the database's clock."""

    release: str
    seq: int  # 1, 2, 3 ...
    kind: Kind
    key: str
    at: datetime
    epoch: int | None
    who: str
    body: Mapping[str, Any]
    previous: str
    hash: str


def entry_hash(release: str, seq: int, draft: Draft, at: datetime, previous: str) -> str:
    """SHA-256 over the entry's canonical JSON and the hash before it (I23)."""
    told = [release, seq, draft.kind, draft.key, at.isoformat(), draft.epoch, draft.who, draft.body, previous]
    return hashlib.sha256(canonical(told)).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON with one spelling: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def chain(release: str, seq: int, draft: Draft, at: datetime, previous: str) -> Entry:
    """The entry that follows `previous` in a release's chain."""
    digest = entry_hash(release, seq, draft, at, previous)
    return Entry(release, seq, draft.kind, draft.key, at, draft.epoch, draft.who, draft.body, previous, digest)


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's place and hash, kept apart from the chain: it tells of a cut at the end."""

    seq: int
    hash: str


def broken_at(entries: Sequence[Entry], head: Head | None = None) -> int | None:
    """
    The seq at which a chain stops holding, or None: any change, loss, swap or insertion is found (I23).

    A chain cut at its end still chains: only a `head` kept elsewhere tells (the release's row, a message
    sent outside). With an older head, hand in the entries up to its seq.
    """
    previous, expected = FIRST_HASH, 1
    for entry in entries:
        draft = Draft(entry.kind, entry.key, entry.body, entry.who, entry.epoch)
        right = entry_hash(entry.release, entry.seq, draft, entry.at, previous)
        if entry.seq != expected or entry.previous != previous or entry.hash != right:
            return expected
        previous, expected = entry.hash, expected + 1
    return expected if head is not None and head != Head(expected - 1, previous) else None


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """What the ledger keeps beside a release's chain, to find it and to fence its writers."""

    id: str  # system/version/n
    system: str
    version: str
    n: int
    epoch: int  # of the attempt that may append acts now
    run_id: str  # flow run that last held it
    active: bool  # holds its system's one row
    watched: bool  # the watch looks at it
    lease_until: datetime | None  # None: given back
    opened_at: datetime
    over: bool = False  # retired: promoted, rolled back or aborted


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to perform a release's acts for a few seconds."""

    release: str
    epoch: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LookRow:
    """
    One look of the watch: heartbeat, verdict and proof at once (design 2.2).

    `step` names the last bake that is complete ("" before the first raise); `verdict` is that of the bake under way;
    `against` says what speaks against any raise now ("": nothing); `weights` is what the routers showed. A raise needs
    `seq` at or past its own intent, the step before complete, nothing against it, `router_read`, `can_lower` and
    `wayback_here`.
    """

    release: str
    seq: int
    step: str
    verdict: str
    sentence: str
    router_read: bool
    can_lower: bool
    wayback_here: bool
    watch: int  # the watch's lease number
    against: str = ""
    weights: Mapping[str, int] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)  # for people: metrics, bake progress, hold deadline
    state: Mapping[str, Any] = field(default_factory=dict)  # the watch's own memory, for its successor


@dataclass(frozen=True, slots=True)
class SeenLook:
    """A look row as read back: `age` by the database's clock; `current` when its watch still holds the lease."""

    row: LookRow
    age: float
    current: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """A person's "no raise now": it ends by itself, or is lifted."""

    id: int
    system: str
    who: str
    why: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value, kept beside the chain as evidence."""

    at: datetime
    component: str
    side: str
    metric: str
    value: float | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Push:
    """Something that was told from outside: a value of a metric, or an event (which has none)."""

    name: str  # of the metric, or of the event
    value: float | None
    who: str
    why: str = ""
    at: datetime | None = None  # the ledger's clock; None: not written yet


class Ledger(Protocol):
    """
    What a ledger must be able to do. Leases, deadlines and ages are compared with the ledger's own clock.

    Raises LedgerUnavailable when it cannot be read or written now, Fenced when a writer's number is old, a Down
    stands in an intent's way, or a unique key is taken (the standing entry is in the message).
    """

    def open(self, system: str, version: str, run_id: str, body: Mapping[str, Any], who: str) -> ReleaseRow:
        """A new release with its first entry; n = 1 + the last of this version. AlreadyReleasing when a
        release of the system is active or this version is still under way.
        """

    def find(self, release: str) -> ReleaseRow | None: ...

    def releases(self, system: str | None = None, watched: bool | None = None) -> Sequence[ReleaseRow]:
        """Newest first."""

    def activate(self, release: str, epoch: int) -> None:
        """Take the system's unique row; AlreadyReleasing names who holds it."""

    def retire(self, release: str, *, watched: bool = True) -> None:
        """Give the system's row back; with watched=False the watch stops looking, too."""

    def adopt(self, release: str, run_id: str) -> None:
        """Another flow run is this release's run from now on."""

    def take(self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False) -> Lease:
        """
        A fresh epoch, 1 + the larger of the system's number and `above`; Fenced while another's lease lives.

        Epochs are one sequence per system. The same call is the rollback's, the finalize run's and each attempt's.
        `at_once` does not wait for a living lease: allowed only once a Down stands (Fenced otherwise).
        """

    def renew(self, lease: Lease) -> bool:
        """False when the release has a newer epoch, or the lease was given back."""

    def give_back(self, lease: Lease) -> None:
        """The lease ends now by its holder's own will: not dead."""

    def fence(self, release: str, above: int = 0) -> int:
        """Make older numbers useless without taking the lease: a fresh epoch on the release's row; returned."""

    def lease_died(self, release: str) -> float | None:
        """Seconds since a lease ran out without being given back; None when it lives, or none is out."""

    def append(self, release: str, draft: Draft) -> Entry:
        """One transaction: lock the row, check epoch (acts) and Down (forbids_down), next seq, insert."""

    def entries(self, release: str, after: int = 0) -> Sequence[Entry]: ...

    def seq(self, release: str) -> int: ...

    def audit(self, release: str) -> int | None:
        """The seq at which the chain, read with its head, stops holding; None when it is whole and right."""

    def put_look(self, row: LookRow) -> None:
        """Replace the release's look row; Fenced without the watch's current lease number."""

    def look(self, release: str) -> SeenLook | None: ...

    def watch_take(self, holder: str, seconds: float) -> int | None:
        """The watch's lease number, a new one for each new holder; None while another watch's lease lives."""

    def watch_renew(self, number: int, seconds: float) -> bool: ...

    def freeze(self, system: str, who: str, why: str, lasting: timedelta) -> Freeze: ...

    def lift(self, system: str, who: str) -> int:
        """End all freezes of a system; how many were lifted."""

    def freezes(self, system: str) -> Sequence[Freeze]:
        """Those in force now."""

    def put_readings(self, release: str, readings: Sequence[Reading]) -> None: ...

    def readings(self, release: str) -> Sequence[Reading]: ...

    def push(self, system: str, pushed: Push) -> Push:
        """Keep it with the ledger's instant; a value and an event of one name are told apart by having a value."""

    def pushes(self, system: str, since: datetime) -> Sequence[Push]:
        """What was told of this system since then, oldest first."""

    def now(self) -> datetime:
        """The ledger's own clock, UTC."""
