"""
What a ledger allows, decided on values: one page for SQLite, PostgreSQL and memory.

A ledger locks the release's row, hands it in with its own clock's instant, and keeps the row that comes back.
Nothing here reads or writes; whatever is not allowed is raised, and then nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite, isnan
from typing import Any

from tidegate.errors import AlreadyReleasing, Fenced, LedgerMismatch, Refused
from tidegate.ledger import Draft, Entry, Kind, Lease, Push, Reading, ReleaseRow, canonical

ACTS = frozenset({Kind.INTENT, Kind.OUTCOME})  # only who holds the release's number appends these
ONCE = frozenset({Kind.OUTCOME, Kind.SLOT, Kind.EXPIRY})  # one entry a key


def opened(system: str, version: str, n: int, run_id: str, at: datetime) -> ReleaseRow:
    """The row of a new release; nobody may append acts (epoch 0) until somebody takes it."""
    if not system or "/" in system or not version:
        raise ValueError(f"a release is named system/version/n: {system!r} and {version!r} do not make one")
    return ReleaseRow(f"{system}/{version}/{n}", system, version, n, 0, run_id, False, True, None, at)


def opening(body: Mapping[str, Any], who: str) -> Draft:
    """A chain's first entry."""
    return Draft(Kind.OPENED, "opened", body, who)


def may_begin(active: ReleaseRow | None, newest: ReleaseRow | None) -> None:
    """A release begins when no release of its system is active and the last one of its version is over."""
    if active is not None:
        raise already_releasing(active)
    if newest is not None and not newest.over:
        raise already_releasing(newest)


def already_releasing(row: ReleaseRow) -> AlreadyReleasing:
    """The refusal that says who is in the way, since when, and under which flow run."""
    doing = "is being released" if row.active else "is being prepared"
    return AlreadyReleasing(
        f"{row.system}: version {row.version} {doing} as {row.id}"
        f" since {row.opened_at:%Y-%m-%d %H:%M:%S} UTC by flow run {row.run_id}",
        f"let it end, or end it: tidegate rollback {row.system}",
    )


def activated(row: ReleaseRow, epoch: int, active: ReleaseRow | None) -> ReleaseRow:
    """The release holds its system's one row; asking again changes nothing."""
    _own(row, epoch)
    if row.over:
        raise Fenced(f"{row.id} is over: its system's row is not for it any more", "start a new release")
    if active is not None and active.id != row.id:
        raise already_releasing(active)
    return replace(row, active=True)


def retired(row: ReleaseRow, *, watched: bool) -> ReleaseRow:
    """The release is over; a watch that has stopped looking at it does not begin again."""
    return replace(row, active=False, over=True, watched=row.watched and watched)


def taken(row: ReleaseRow, now: datetime, run_id: str, epoch: int, seconds: float) -> ReleaseRow:
    """The row under a fresh lease unless one lives; a dead attempt of the same run has to run out, too."""
    if row.lease_until is not None and row.lease_until > now:
        left = (row.lease_until - now).total_seconds()
        raise Fenced(
            f"{row.id} is held by flow run {row.run_id} (epoch {row.epoch}) for another {left:.1f} s",
            "ask again once that lease has run out or was given back",
        )
    return leased(row, now, run_id, epoch, seconds)


def may_take_at_once(row: ReleaseRow, down: int | None) -> None:
    """A rollback does not wait for the lease of what it rolls back; `down` is the first Down's seq."""
    if down is None:
        raise Fenced(f"{row.id}: no Down stands, so its lease cannot be taken at once")


def leased(row: ReleaseRow, now: datetime, run_id: str, epoch: int, seconds: float) -> ReleaseRow:
    """The row under a fresh lease, whoever held it before."""
    return replace(row, epoch=epoch, run_id=run_id, lease_until=now + timedelta(seconds=seconds))


def renewed(row: ReleaseRow, now: datetime, lease: Lease) -> ReleaseRow | None:
    """
    The row with a longer lease; None when a newer epoch is out or the lease was given back.

    One that ran out while nobody took it lives again. One that was given back does not: a side thread's late
    renewal would leave a lease that dies, and the watch would start the run again.
    """
    if row.epoch != lease.epoch or row.lease_until is None:
        return None
    return replace(row, lease_until=now + timedelta(seconds=lease.seconds))


def given_back(row: ReleaseRow, lease: Lease) -> ReleaseRow:
    """No lease is out; whoever was fenced has nothing to give back, and the watch goes on seeing it dead."""
    return replace(row, lease_until=None) if row.epoch == lease.epoch else row


def dead_for(lease_until: datetime | None, now: datetime) -> float | None:
    """Seconds since the lease ran out without being given back."""
    if lease_until is None or lease_until > now:
        return None
    return (now - lease_until).total_seconds()


def once(draft: Draft) -> str | None:
    """What can stand only once in a chain; None for an entry that may be repeated."""
    return f"{draft.kind}:{draft.key}" if draft.kind in ONCE else None


def admit(row: ReleaseRow, draft: Draft, down: int | None) -> None:
    """May this entry follow? An act needs its release's number, an intent of the plan that no Down stands."""
    if draft.kind is Kind.OPENED:
        raise ValueError("a release's first entry is written by open(), and only once")
    if draft.kind in ACTS:
        _own(row, draft.epoch)
    if draft.forbids_down and down is not None:
        raise Fenced(f"{row.id}: a Down stands (entry {down}), nothing of its plan begins any more")


def standing(entry: Entry) -> Fenced:
    """The refusal of a second entry under a key that can have one."""
    body = canonical(entry.body).decode()
    return Fenced(
        f"{entry.release}: {entry.kind} {entry.key!r} stands already, entry {entry.seq}"
        f" of {entry.at:%Y-%m-%d %H:%M:%S} UTC by {entry.who or 'nobody'}: {body}"
    )


def settled(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it will be read back, since this is what gets hashed (JSON makes 10 as a key "10")."""
    read_back: dict[str, Any] = json.loads(canonical(body))
    return read_back


@dataclass(frozen=True, slots=True)
class WatchLease:
    """Which watch may write look rows, and until when; numbers only grow."""

    number: int
    holder: str
    until: datetime

    def lives(self, now: datetime) -> bool:
        return self.until > now


def watch_taken(watch: WatchLease | None, now: datetime, holder: str, seconds: float) -> WatchLease | None:
    """The holder's lease, None while another's lives; once it ran out, even its holder gets a new number."""
    until = now + timedelta(seconds=seconds)
    if watch is None or not watch.lives(now):
        return WatchLease(watch.number + 1 if watch else 1, holder, until)
    return replace(watch, until=until) if watch.holder == holder else None


def watch_renewed(watch: WatchLease | None, now: datetime, number: int, seconds: float) -> WatchLease | None:
    """The same lease for longer (0 seconds: given back); None once a newer number is out."""
    if watch is None or watch.number != number:
        return None
    return WatchLease(number, watch.holder, now + timedelta(seconds=seconds))


def may_look(watch: WatchLease | None, now: datetime, number: int) -> None:
    """Only the current watch writes looks: a frozen one that wakes up must not speak for the present."""
    if watch is None or watch.number != number:
        raise Fenced(f"watch {number} has been replaced by watch {watch.number if watch else 0}: its look is refused")
    if not watch.lives(now):
        raise Fenced(f"the lease of watch {number} has run out: its look is refused", "take the watch's lease again")


def without_nan(reading: Reading) -> Reading:
    """NaN is no value; databases differ in what they make of it."""
    return replace(reading, value=None) if reading.value is not None and isnan(reading.value) else reading


def pushed(told: Push) -> Push:
    """Whoever tells something says who they are; what is no number is no value."""
    if told.value is not None and not isfinite(told.value):
        raise Refused(f"{told.value} is no value of {told.name}")
    if not told.who.strip():
        raise Refused(f"{told.name}: nobody says who told this")
    return told


def unknown(release: str) -> LedgerMismatch:
    """The answer to a release's name that was never opened here."""
    return LedgerMismatch(f"this ledger knows no release {release!r}", "is it another installation's ledger?")


def _own(row: ReleaseRow, epoch: int | None) -> None:
    if epoch != row.epoch:
        raise Fenced(f"{row.id} belongs to epoch {row.epoch} by now, not to {epoch}: another has taken over")
