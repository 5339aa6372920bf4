"""
The ledger in SQLite or PostgreSQL: each verb one transaction, decided by `tidegate.ledger_rules`.

A verb that writes locks the rows that it decides upon (the system's before the release's: nobody waits in a
circle), reads the database's clock after the lock, and writes all or nothing. What lies beside the chain is
in the base class. Importing this file imports no Prefect: the watch and `tidegate rollback` stay light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from blocks import sql_ledger_tables as tables
from blocks.sql_ledger_beside import Beside
from blocks.sql_ledger_database import Database
from tidegate import ledger_rules as rules
from tidegate.ledger import FIRST_HASH, Draft, Entry, Head, Kind, Lease, ReleaseRow, broken_at, chain
from tidegate.ports import Clock

_release, _entry = tables.release.c, tables.entry.c
ROW = [_release[field.name] for field in fields(ReleaseRow)]
ENTRY = [_entry[field.name] for field in fields(Entry)]
# Built once: SQLAlchemy takes longer to build these than the database to run them.
CHANGE = sa.update(tables.release).where(_release.id == sa.bindparam("which"))
INSERT = sa.insert(tables.entry)
SAME_KEY = sa.select(*ENTRY).where(_entry.release == sa.bindparam("release"), _entry.once == sa.bindparam("once"))


class _Locked(NamedTuple):
    """A release's row, ours until the transaction ends."""

    row: ReleaseRow
    head: Head
    down: int | None
    now: datetime


class SqlLedger(Beside):
    """
    Satisfies `tidegate.ledger.Ledger` by a database URL; call `create()` once before the first use.

    `patience` (seconds) bounds every wait: 5 for work, 1 on the way down. Tests hand in a `clock`.
    After a database's restart the first call may say LedgerUnavailable; the next one connects anew.
    """

    def __init__(self, url: str, patience: float = 5.0, clock: Clock | None = None) -> None:
        super().__init__(Database(url, patience, clock))
        # The clock stands outside the part that locks, so that it is read after any wait for the lock.
        held = sa.select(tables.release).where(_release.id == sa.bindparam("which")).with_for_update().cte("held")
        self._locking = sa.select(held, self.database.now.label("now"))

    def __repr__(self) -> str:
        return f"SqlLedger({self.database!r})"

    def create(self) -> None:
        """Make what is not there yet; several processes may call this at once."""
        self.database.create()

    def close(self) -> None:
        """End the connections; a later call opens new ones."""
        self.database.close()

    def now(self) -> datetime:
        with self.database.reading() as connection:
            return connection.execute(sa.select(self.database.now)).scalar_one()

    # The release's row and its lease.

    def open(self, system: str, version: str, run_id: str, body: Mapping[str, Any], who: str) -> ReleaseRow:
        with self.database.writing() as connection:
            self._lock_system(connection, system)
            same = (_release.system == system) & (_release.version == version)
            newest = self._first(connection, same, _release.n.desc())
            rules.may_begin(self._active(connection, system), newest)
            now = connection.execute(sa.select(self.database.now)).scalar_one()
            row = rules.opened(system, version, newest.n + 1 if newest else 1, run_id, now)
            head = {"head_seq": 0, "head_hash": FIRST_HASH}
            connection.execute(sa.insert(tables.release).values(asdict(row) | head))
            self._add(connection, _Locked(row, Head(0, FIRST_HASH), None, now), rules.opening(body, who))
            return row

    def find(self, release: str) -> ReleaseRow | None:
        with self.database.reading() as connection:
            return self._first(connection, _release.id == release)

    def releases(self, system: str | None = None, watched: bool | None = None) -> Sequence[ReleaseRow]:
        wanted = sa.select(*ROW).order_by(_release.serial.desc())
        if system is not None:
            wanted = wanted.where(_release.system == system)
        if watched is not None:
            wanted = wanted.where(_release.watched == watched)
        with self.database.reading() as connection:
            return [ReleaseRow(*found) for found in connection.execute(wanted)]

    def activate(self, release: str, epoch: int) -> None:
        with self.database.writing() as connection:
            system = self._system_of(connection, release)
            self._lock_system(connection, system)
            active = self._active(connection, system)
            self._keep(connection, rules.activated(self._lock(connection, release).row, epoch, active))

    def retire(self, release: str, *, watched: bool = True) -> None:
        with self.database.writing() as connection:
            self._keep(connection, rules.retired(self._lock(connection, release).row, watched=watched))

    def adopt(self, release: str, run_id: str) -> None:
        with self.database.writing() as connection:
            self._keep(connection, replace(self._lock(connection, release).row, run_id=run_id))

    def take(self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False) -> Lease:
        with self.database.writing() as connection:
            epoch = self._next_epoch(connection, release, above)
            row, _, down, now = self._lock(connection, release)
            if at_once:
                rules.may_take_at_once(row, down)
                row = rules.leased(row, now, run_id, epoch, seconds)
            else:
                row = rules.taken(row, now, run_id, epoch, seconds)
            self._keep(connection, row)
            return Lease(release, epoch, seconds)

    def renew(self, lease: Lease) -> bool:
        with self.database.writing() as connection:
            row, _, _, now = self._lock(connection, lease.release)
            renewed = rules.renewed(row, now, lease)
            if renewed is not None:
                self._keep(connection, renewed)
            return renewed is not None

    def give_back(self, lease: Lease) -> None:
        with self.database.writing() as connection:
            self._keep(connection, rules.given_back(self._lock(connection, lease.release).row, lease))

    def fence(self, release: str, above: int = 0) -> int:
        with self.database.writing() as connection:
            epoch = self._next_epoch(connection, release, above)
            self._keep(connection, replace(self._lock(connection, release).row, epoch=epoch))
            return epoch

    def lease_died(self, release: str) -> float | None:
        wanted = sa.select(_release.lease_until, self.database.now).where(_release.id == release)
        with self.database.reading() as connection:
            found = connection.execute(wanted).first()
        if found is None:
            raise rules.unknown(release)
        return rules.dead_for(*found)

    # The chain.

    def append(self, release: str, draft: Draft) -> Entry:
        with self.database.writing() as connection:
            locked = self._lock(connection, release)
            rules.admit(locked.row, draft, locked.down)
            if (once := rules.once(draft)) is not None:
                same = connection.execute(SAME_KEY, {"release": release, "once": once})
                if (found := same.first()) is not None:
                    raise rules.standing(_read(found))
            return self._add(connection, locked, draft)

    def entries(self, release: str, after: int = 0) -> Sequence[Entry]:
        wanted = sa.select(*ENTRY).where(_entry.release == release, _entry.seq > after).order_by(_entry.seq)
        with self.database.reading() as connection:
            found = [_read(one) for one in connection.execute(wanted)]
            if not found:
                self._must_know(connection, release)
            return found

    def seq(self, release: str) -> int:
        with self.database.reading() as connection:
            seq: int | None = connection.scalar(sa.select(_release.head_seq).where(_release.id == release))
        if seq is None:
            raise rules.unknown(release)
        return seq

    def audit(self, release: str) -> int | None:
        both = tables.release.outerjoin(tables.entry, _entry.release == _release.id)
        wanted = sa.select(_release.head_seq, _release.head_hash, *ENTRY).select_from(both)
        with self.database.reading() as connection:  # one statement: chain and head of one instant
            found = connection.execute(wanted.where(_release.id == release).order_by(_entry.seq)).all()
        if not found:
            raise rules.unknown(release)
        entries = [_read(row[2:]) for row in found if row[2] is not None]
        return broken_at(entries, Head(*found[0][:2]))

    # Rows, locked and kept.

    def _first(
        self, connection: sa.Connection, where: sa.ColumnElement[bool], *order: sa.ColumnElement[Any]
    ) -> ReleaseRow | None:
        found = connection.execute(sa.select(*ROW).where(where).order_by(*order).limit(1)).first()
        return ReleaseRow(*found) if found else None

    def _active(self, connection: sa.Connection, system: str) -> ReleaseRow | None:
        return self._first(connection, (_release.system == system) & _release.active)

    def _system_of(self, connection: sa.Connection, release: str) -> str:
        found: str | None = connection.scalar(sa.select(_release.system).where(_release.id == release))
        if found is None:
            raise rules.unknown(release)
        return found

    def _lock_system(self, connection: sa.Connection, name: str) -> int:
        """The system's newest epoch; nobody else counts it up before this transaction ends."""
        new = self.database.upsert(tables.system).values(name=name, epoch=0)
        connection.execute(new.on_conflict_do_nothing(index_elements=["name"]))
        row = sa.select(tables.system.c.epoch).where(tables.system.c.name == name)
        epoch: int = connection.execute(row.with_for_update()).scalar_one()
        return epoch

    def _next_epoch(self, connection: sa.Connection, release: str, above: int) -> int:
        system = self._system_of(connection, release)
        epoch = max(self._lock_system(connection, system), above) + 1
        connection.execute(sa.update(tables.system).where(tables.system.c.name == system).values(epoch=epoch))
        return epoch

    def _lock(self, connection: sa.Connection, release: str) -> _Locked:
        found = connection.execute(self._locking, {"which": release}).mappings().first()
        if found is None:
            raise rules.unknown(release)
        row = ReleaseRow(**{column.name: found[column.name] for column in ROW})
        return _Locked(row, Head(found["head_seq"], found["head_hash"]), found["down"], found["now"])

    def _keep(self, connection: sa.Connection, row: ReleaseRow) -> None:
        connection.execute(CHANGE, asdict(row) | {"which": row.id})

    def _add(self, connection: sa.Connection, locked: _Locked, draft: Draft) -> Entry:
        (row, head, down, now), settled = locked, replace(draft, body=rules.settled(draft.body))
        entry = chain(row.id, head.seq + 1, settled, now, head.hash)
        told = {column.name: getattr(entry, column.name) for column in ENTRY} | {"once": rules.once(draft)}
        connection.execute(INSERT, told)
        if draft.kind is Kind.DOWN and down is None:
            down = entry.seq
        kept = {"head_seq": entry.seq, "head_hash": entry.hash, "down": down}
        connection.execute(CHANGE, kept | {"which": row.id})
        return entry


def _read(found: Sequence[Any]) -> Entry:
    release, seq, kind, *rest = found
    return Entry(release, seq, Kind(kind), *rest)
