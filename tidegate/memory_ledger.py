"""
A ledger in memory, for rehearsals and simulations: the same rules, nothing outlives the process.

One thread at a time, as in a simulation. Its clock is handed in, so leases die when the story says so. With
`hashes=False` entries carry no digests and keep the bodies as they were given: on a virtual clock nobody
tampers, and a thousand releases fit into a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tidegate import ledger_rules as rules
from tidegate.ledger import (
    FIRST_HASH,
    Draft,
    Entry,
    Freeze,
    Head,
    Kind,
    Lease,
    LookRow,
    Push,
    Reading,
    ReleaseRow,
    SeenLook,
    broken_at,
    chain,
)
from tidegate.ports import Clock


class _Kept:
    """One release: its row, its chain, and what lies beside it."""

    __slots__ = ("chain", "down", "look", "looked_at", "once", "readings", "row")

    def __init__(self, row: ReleaseRow) -> None:
        self.row = row
        self.chain: list[Entry] = []
        self.once: dict[str, Entry] = {}
        self.down: int | None = None
        self.look: LookRow | None = None
        self.looked_at = row.opened_at
        self.readings: list[Reading] = []


class MemoryLedger:
    """Satisfies `tidegate.ledger.Ledger` without a database."""

    def __init__(self, clock: Clock, *, hashes: bool = True) -> None:
        self._clock = clock
        self._hashes = hashes
        self._kept: dict[str, _Kept] = {}
        self._epochs: dict[str, int] = {}
        self._active: dict[str, _Kept] = {}  # by system
        self._newest: dict[tuple[str, str], _Kept] = {}  # by system and version
        self._freezes: list[Freeze] = []
        self._pushed: list[tuple[str, Push]] = []
        self._lifted: dict[int, str] = {}  # freeze to who lifted it
        self._watch: rules.WatchLease | None = None

    def now(self) -> datetime:
        return self._clock.now()

    # The release's row and its lease.

    def open(self, system: str, version: str, run_id: str, body: Mapping[str, Any], who: str) -> ReleaseRow:
        active, newest = self._active.get(system), self._newest.get((system, version))
        rules.may_begin(active.row if active else None, newest.row if newest else None)
        row = rules.opened(system, version, newest.row.n + 1 if newest else 1, run_id, self.now())
        kept = _Kept(row)
        self._add(kept, rules.opening(body, who))
        self._kept[row.id] = self._newest[system, version] = kept
        return row

    def find(self, release: str) -> ReleaseRow | None:
        kept = self._kept.get(release)
        return kept.row if kept else None

    def releases(self, system: str | None = None, watched: bool | None = None) -> Sequence[ReleaseRow]:
        rows = [kept.row for kept in reversed(self._kept.values())]
        return [row for row in rows if system in (None, row.system) and watched in (None, row.watched)]

    def activate(self, release: str, epoch: int) -> None:
        kept = self._release(release)
        active = self._active.get(kept.row.system)
        kept.row = rules.activated(kept.row, epoch, active.row if active else None)
        self._active[kept.row.system] = kept

    def retire(self, release: str, *, watched: bool = True) -> None:
        kept = self._release(release)
        if kept.row.active:
            del self._active[kept.row.system]
        kept.row = rules.retired(kept.row, watched=watched)

    def adopt(self, release: str, run_id: str) -> None:
        kept = self._release(release)
        kept.row = replace(kept.row, run_id=run_id)

    def take(self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False) -> Lease:
        kept, now = self._release(release), self.now()
        epoch = self._next_epoch(kept.row.system, above)
        if at_once:
            rules.may_take_at_once(kept.row, kept.down)
            kept.row = rules.leased(kept.row, now, run_id, epoch, seconds)
        else:
            kept.row = rules.taken(kept.row, now, run_id, epoch, seconds)
        self._epochs[kept.row.system] = epoch
        return Lease(release, epoch, seconds)

    def renew(self, lease: Lease) -> bool:
        kept = self._release(lease.release)
        row = rules.renewed(kept.row, self.now(), lease)
        kept.row = row or kept.row
        return row is not None

    def give_back(self, lease: Lease) -> None:
        kept = self._release(lease.release)
        kept.row = rules.given_back(kept.row, lease)

    def fence(self, release: str, above: int = 0) -> int:
        kept = self._release(release)
        epoch = self._epochs[kept.row.system] = self._next_epoch(kept.row.system, above)
        kept.row = replace(kept.row, epoch=epoch)
        return epoch

    def lease_died(self, release: str) -> float | None:
        return rules.dead_for(self._release(release).row.lease_until, self.now())

    # The chain.

    def append(self, release: str, draft: Draft) -> Entry:
        kept = self._release(release)
        rules.admit(kept.row, draft, kept.down)
        key = rules.once(draft)
        if key in kept.once:
            raise rules.standing(kept.once[key])
        return self._add(kept, draft)

    def entries(self, release: str, after: int = 0) -> Sequence[Entry]:
        return self._release(release).chain[after:]

    def seq(self, release: str) -> int:
        return len(self._release(release).chain)

    def audit(self, release: str) -> int | None:
        """Without hashes there is nothing to examine: None."""
        entries = self._release(release).chain
        return broken_at(entries, Head(len(entries), entries[-1].hash)) if self._hashes else None

    # What lies beside the chain.

    def put_look(self, row: LookRow) -> None:
        kept = self._release(row.release)
        now = self.now()
        rules.may_look(self._watch, now, row.watch)
        kept.look, kept.looked_at = row, now

    def look(self, release: str) -> SeenLook | None:
        kept = self._release(release)
        if kept.look is None:
            return None
        now, watch = self.now(), self._watch
        current = watch is not None and watch.number == kept.look.watch and watch.lives(now)
        return SeenLook(kept.look, (now - kept.looked_at).total_seconds(), current)

    def watch_take(self, holder: str, seconds: float) -> int | None:
        taken = rules.watch_taken(self._watch, self.now(), holder, seconds)
        self._watch = taken or self._watch
        return taken.number if taken else None

    def watch_renew(self, number: int, seconds: float) -> bool:
        renewed = rules.watch_renewed(self._watch, self.now(), number, seconds)
        self._watch = renewed or self._watch
        return renewed is not None

    def freeze(self, system: str, who: str, why: str, lasting: timedelta) -> Freeze:
        now = self.now()
        frozen = Freeze(len(self._freezes) + 1, system, who, why, now, now + lasting)
        self._freezes.append(frozen)
        return frozen

    def lift(self, system: str, who: str) -> int:
        lifted = {freeze.id: who for freeze in self.freezes(system)}
        self._lifted |= lifted
        return len(lifted)

    def freezes(self, system: str) -> Sequence[Freeze]:
        now = self.now()
        mine = [freeze for freeze in self._freezes if freeze.system == system]
        return [freeze for freeze in mine if freeze.until > now and freeze.id not in self._lifted]

    def put_readings(self, release: str, readings: Sequence[Reading]) -> None:
        self._release(release).readings += map(rules.without_nan, readings)

    def readings(self, release: str) -> Sequence[Reading]:
        return list(self._release(release).readings)

    def push(self, system: str, pushed: Push) -> Push:
        kept = replace(rules.pushed(pushed), at=self.now())
        self._pushed.append((system, kept))
        return kept

    def pushes(self, system: str, since: datetime) -> Sequence[Push]:
        return [one for name, one in self._pushed if name == system and one.at is not None and one.at >= since]

    def _release(self, release: str) -> _Kept:
        kept = self._kept.get(release)
        if kept is None:
            raise rules.unknown(release)
        return kept

    def _next_epoch(self, system: str, above: int) -> int:
        return max(self._epochs.get(system, 0), above) + 1

    def _add(self, kept: _Kept, draft: Draft) -> Entry:
        release, seq, at = kept.row.id, len(kept.chain) + 1, self._clock.now()
        if self._hashes:
            previous = kept.chain[-1].hash if kept.chain else FIRST_HASH
            entry = chain(release, seq, replace(draft, body=rules.settled(draft.body)), at, previous)
        else:
            given = (draft.kind, draft.key, at, draft.epoch, draft.who, draft.body)
            entry = Entry(release, seq, *given, FIRST_HASH, FIRST_HASH)
        kept.chain.append(entry)
        if draft.kind in rules.ONCE:
            kept.once[f"{draft.kind}:{draft.key}"] = entry
        elif draft.kind is Kind.DOWN and kept.down is None:
            kept.down = seq
        return entry
