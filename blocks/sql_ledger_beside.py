"""
What lies beside a release's chain: the watch's look and lease, freezes, readings.

None of it is chained: a look is replaced at each round, a freeze ends, readings are evidence to which the
chain's digests point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from blocks import sql_ledger_tables as tables
from blocks.sql_ledger_database import Database
from tidegate import ledger_rules as rules
from tidegate.ledger import Freeze, LookRow, Push, Reading, SeenLook

LOOK = [field.name for field in fields(LookRow)]
READING = [tables.reading.c[field.name] for field in fields(Reading)]
PUSH = [tables.pushed.c[field.name] for field in fields(Push)]
FREEZE = [tables.freeze.c[field.name] for field in fields(Freeze)]
KNOWN = sa.select(tables.release.c.id).where(tables.release.c.id == sa.bindparam("release"))


class Beside:
    """The half of a SqlLedger that touches no chain."""

    def __init__(self, database: Database) -> None:
        self.database = database
        insert = database.upsert(tables.look)
        told = {name: insert.excluded[name] for name in [*LOOK, "looked_at"]}
        self._replacing_look = insert.on_conflict_do_update(index_elements=["release"], set_=told)
        locked = sa.select(tables.watch).where(tables.watch.c.only == 1).with_for_update().cte("locked")
        self._locking_watch = sa.select(locked, database.now.label("now"))

    def put_look(self, row: LookRow) -> None:
        with self.database.writing() as connection:
            self._must_know(connection, row.release)
            watch, now = self._watch(connection)
            rules.may_look(watch, now, row.watch)
            told = {name: getattr(row, name) for name in LOOK} | {"looked_at": now}
            connection.execute(self._replacing_look, told)

    def look(self, release: str) -> SeenLook | None:
        look, watch = tables.look, tables.watch
        wanted = sa.select(look, watch.c.number, watch.c.until, self.database.now.label("now"))
        wanted = wanted.select_from(look.join(watch, watch.c.only == 1)).where(look.c.release == release)
        with self.database.reading() as connection:
            found = connection.execute(wanted).mappings().first()
            if found is None:
                self._must_know(connection, release)
                return None
        age = (found["now"] - found["looked_at"]).total_seconds()
        current = found["number"] == found["watch"] and found["until"] > found["now"]
        return SeenLook(LookRow(**{name: found[name] for name in LOOK}), age, current)

    def watch_take(self, holder: str, seconds: float) -> int | None:
        with self.database.writing() as connection:
            watch, now = self._watch(connection)
            return self._keep_watch(connection, rules.watch_taken(watch, now, holder, seconds))

    def watch_renew(self, number: int, seconds: float) -> bool:
        with self.database.writing() as connection:
            watch, now = self._watch(connection)
            renewed = rules.watch_renewed(watch, now, number, seconds)
            return self._keep_watch(connection, renewed) is not None

    def freeze(self, system: str, who: str, why: str, lasting: timedelta) -> Freeze:
        with self.database.writing() as connection:
            since = connection.execute(sa.select(self.database.now)).scalar_one()
            row = sa.insert(tables.freeze).values(system=system, who=who, why=why, since=since, until=since + lasting)
            return Freeze(*connection.execute(row.returning(*FREEZE)).one())

    def lift(self, system: str, who: str) -> int:
        with self.database.writing() as connection:
            now = self.database.now
            lifting = sa.update(tables.freeze).where(self._in_force(system)).values(lifted_at=now, lifted_by=who)
            return connection.execute(lifting).rowcount

    def freezes(self, system: str) -> Sequence[Freeze]:
        wanted = sa.select(*FREEZE).where(self._in_force(system)).order_by(tables.freeze.c.id)
        with self.database.reading() as connection:
            return [Freeze(*found) for found in connection.execute(wanted)]

    def put_readings(self, release: str, readings: Sequence[Reading]) -> None:
        rows = [asdict(rules.without_nan(reading)) | {"release": release} for reading in readings]
        with self.database.writing() as connection:
            self._must_know(connection, release)
            if rows:
                connection.execute(sa.insert(tables.reading), rows)

    def readings(self, release: str) -> Sequence[Reading]:
        reading = tables.reading
        wanted = sa.select(*READING).where(reading.c.release == release).order_by(reading.c.id)
        with self.database.reading() as connection:
            self._must_know(connection, release)
            return [Reading(*found) for found in connection.execute(wanted)]

    def push(self, system: str, pushed: Push) -> Push:
        kept = asdict(rules.pushed(pushed)) | {"system": system}
        with self.database.writing() as connection:
            kept["at"] = connection.execute(sa.select(self.database.now)).scalar_one()
            connection.execute(sa.insert(tables.pushed), kept)
        return replace(pushed, at=kept["at"])

    def pushes(self, system: str, since: datetime) -> Sequence[Push]:
        pushed = tables.pushed
        mine = (pushed.c.system == system) & (pushed.c.at >= since)
        wanted = sa.select(*PUSH).where(mine).order_by(pushed.c.id)
        with self.database.reading() as connection:
            return [Push(*found) for found in connection.execute(wanted)]

    def _watch(self, connection: sa.Connection) -> tuple[rules.WatchLease, datetime]:
        """The watch's lease, locked until this transaction ends, and the ledger's instant after the lock."""
        found = connection.execute(self._locking_watch).mappings().one()
        return rules.WatchLease(found["number"], found["holder"], found["until"]), found["now"]

    def _keep_watch(self, connection: sa.Connection, watch: rules.WatchLease | None) -> int | None:
        if watch is None:
            return None
        connection.execute(sa.update(tables.watch).values(asdict(watch)))
        return watch.number

    def _in_force(self, system: str) -> sa.ColumnElement[bool]:
        freeze = tables.freeze
        return (freeze.c.system == system) & (freeze.c.until > self.database.now) & freeze.c.lifted_at.is_(None)

    def _must_know(self, connection: sa.Connection, release: str) -> None:
        if connection.scalar(KNOWN, {"release": release}) is None:
            raise rules.unknown(release)
