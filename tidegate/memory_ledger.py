"""
A ledger in memory, for rehearsals and simulations: the same rules, nothing kept, thousands of releases a second.

One thread at a time, as in a simulation. Its clock is handed in, so leases die when the story says so. With
`hashes=False` entries chain without digests, and bodies are kept as they are given: a run on the virtual clock has
nobody to tamper with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tidegate import ledger_rules as rules
from tidegate.ledger import (
    Draft,
    Entry,
    Freeze,
    Head,
    Lease,
    LookRow,
    Reading,
    ReleaseRow,
    SeenLook,
    broken_at,
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
        self._freezes: list[tuple[Freeze, bool]] = []  # and whether it was lifted
        self._watch: tuple[int, str, datetime] | None = None  # number, holder, until

    def now(self) -> datetime:
        return self._clock.now()

    # The release's row and its lease.

    def open(self, system: str, version: str, run_id: str, body: Mapping[str, Any], who: str) -> ReleaseRow:
        same = [
            kept.row
            for kept in self._kept.values()
            if (kept.row.system, kept.row.version) == (system, version)
        ]
        newest = max(same, key=lambda row: row.n, default=None)
        rules.may_begin(self._active(system), newest)
        row = rules.opened(system, version, newest.n + 1 if newest else 1, run_id, self.now())
        kept = _Kept(row)
        self._add(kept, rules.opening(body, who))
        self._kept[row.id] = kept
        return row

    def find(self, release: str) -> ReleaseRow | None:
        kept = self._kept.get(release)
        return kept.row if kept else None

    def releases(self, system: str | None = None, watched: bool | None = None) -> Sequence[ReleaseRow]:
        rows = [kept.row for kept in reversed(self._kept.values())]
        return [row for row in rows if system in (None, row.system) and watched in (None, row.watched)]

    def activate(self, release: str, epoch: int) -> None:
        kept = self._release(release)
        kept.row = rules.activated(kept.row, epoch, self._active(kept.row.system))

    def retire(self, release: str, *, watched: bool = True) -> None:
        kept = self._release(release)
        kept.row = rules.retired(kept.row, watched=watched)

    def adopt(self, release: str, run_id: str) -> None:
        kept = self._release(release)
        kept.row = replace(kept.row, run_id=run_id)

    def take(
        self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False
    ) -> Lease:
        kept, now = self._release(release), self.now()
        epoch = self._next_epoch(kept.row.system, above)
        if at_once:
            kept.row = rules.taken_at_once(kept.row, now, run_id, epoch, seconds, kept.down)
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
        return rules.dead_for(self._release(release).row, self.now())

    # The chain.

    def append(self, release: str, draft: Draft) -> Entry:
        kept = self._release(release)
        rules.admit(kept.row, draft, kept.down)
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
        if not self._is_current(row.watch):
            raise rules.watch_replaced(row.watch, self._watch[0] if self._watch else 0)
        kept.look, kept.looked_at = row, self.now()

    def look(self, release: str) -> SeenLook | None:
        kept = self._release(release)
        if kept.look is None:
            return None
        age = (self.now() - kept.looked_at).total_seconds()
        return SeenLook(kept.look, age, self._is_current(kept.look.watch))

    def watch_take(self, holder: str, seconds: float) -> int | None:
        number, held_by, until = self._watch or (0, "", self.now())
        if until > self.now() and held_by != holder:
            return None
        number += until <= self.now()
        self._watch = (number, holder, self.now() + timedelta(seconds=seconds))
        return number

    def watch_renew(self, number: int, seconds: float) -> bool:
        if self._watch is None or self._watch[0] != number:
            return False
        self._watch = (number, self._watch[1], self.now() + timedelta(seconds=seconds))
        return True

    def freeze(self, system: str, who: str, why: str, lasting: timedelta) -> Freeze:
        now = self.now()
        frozen = Freeze(len(self._freezes) + 1, system, who, why, now, now + lasting)
        self._freezes.append((frozen, False))
        return frozen

    def lift(self, system: str, who: str) -> int:
        standing = self.freezes(system)
        self._freezes = [(freeze, lifted or freeze in standing) for freeze, lifted in self._freezes]
        return len(standing)

    def freezes(self, system: str) -> Sequence[Freeze]:
        now = self.now()
        return [
            one for one, lifted in self._freezes if one.system == system and not lifted and one.until > now
        ]

    def put_readings(self, release: str, readings: Sequence[Reading]) -> None:
        self._release(release).readings += map(rules.without_nan, readings)

    def readings(self, release: str) -> Sequence[Reading]:
        return list(self._release(release).readings)
