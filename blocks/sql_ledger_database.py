"""
How the ledger reaches its database: transactions that hold or leave nothing, and never wait for long.

SQLite and PostgreSQL differ here and in the two files named after them, nowhere else. Whatever a database
says no to leaves as LedgerUnavailable: one sentence, without the password that a driver's own traceback
might show.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from blocks import sql_ledger_postgresql, sql_ledger_sqlite
from blocks import sql_ledger_tables as tables
from tidegate.errors import LedgerUnavailable
from tidegate.ports import Clock


class Database:
    """
    A ledger's database by its URL; `patience` (seconds) bounds every wait, from connecting to commit.

    `clock` takes the place of the database's own in every statement (tests: nothing has to sleep).
    """

    def __init__(self, url: str, patience: float, clock: Clock | None) -> None:
        self.url = _understood(url)
        self.patience = patience
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        self._product = sql_ledger_sqlite if self._is_sqlite else sql_ledger_postgresql
        self._engine = self._product.engine(self.url, patience)
        self._known = False  # whether the tables were seen to be of our version
        # The ledger's instant, to be read inside a statement; built once, like the statements it stands in.
        self.now: sa.ColumnElement[datetime] = (
            sa.type_coerce(sa.literal_column(self._product.CLOCK), tables.Instant)
            if clock is None
            else sa.bindparam(None, callable_=clock.now, type_=tables.Instant)
        )

    def __repr__(self) -> str:
        return self.url.set(query={}).render_as_string(hide_password=True)

    def upsert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that can say what happens when the row is there."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that writes nothing and waits for no writer."""
        with self._clearly("read"), self._session(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction: when this ends, all of it is on the disk; when it raises, nothing is."""
        with self._clearly("written"), self._session(writes=True) as connection, connection.begin():
            yield connection

    def create(self) -> None:
        """Make what is not there yet: folder (0700), file (0600), tables. Any number may do so at once."""
        with self._clearly("created"):
            if self._is_sqlite:
                sql_ledger_sqlite.make_file(Path(self.url.database or ""), self.patience)
            with self._engine.execution_options(writes=True).begin() as connection:
                if not self._is_sqlite:
                    connection.execute(sql_ledger_postgresql.CREATING)
                tables.create_all(connection)
                if connection.scalar(sa.select(tables.schema.c.version)) is None:
                    connection.execute(sa.insert(tables.schema).values(version=tables.VERSION))
                    nobody = {"only": 1, "number": 0, "holder": "", "until": tables.EPOCH}
                    connection.execute(sa.insert(tables.watch).values(nobody))
        with self.reading():
            pass

    def close(self) -> None:
        """End the connections; a later call opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[sa.Connection]:
        began = time.monotonic()
        connection = self._engine.execution_options(writes=writes).connect()
        left = max(0.0, began + self.patience - time.monotonic())
        in_time = nullcontext() if self._is_sqlite else sql_ledger_postgresql.deadline(connection, left)
        with in_time, connection:
            if not self._known:
                self._check_version(connection)
                connection.rollback()
            yield connection

    def _check_version(self, connection: sa.Connection) -> None:
        if not sa.inspect(connection).has_table(tables.schema.name):
            raise LedgerUnavailable(f"the ledger {self!r} has no tables yet", "create it first: `tidegate up` does")
        found = connection.scalar(sa.select(tables.schema.c.version))
        if found != tables.VERSION:
            raise LedgerUnavailable(
                f"the ledger {self!r} has tables of version {found}, this Tidegate knows {tables.VERSION}",
                "use the Tidegate that wrote it; rolling back works without the ledger",
            )
        self._known = True

    @contextmanager
    def _clearly(self, done: str) -> Iterator[None]:
        try:
            yield
        except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, OSError) as error:
            said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise LedgerUnavailable(
                f"the ledger {self!r} cannot be {done} now: {said}",
                "nothing is raised until it can; lowering goes on without it",
            ) from None


def _understood(url: str) -> sa.URL:
    """The URL with its driver; what this ledger does not speak is refused without being shown."""
    allowed = "a ledger's URL is sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        made = sa.make_url(url)
    except exc.ArgumentError:
        raise LedgerUnavailable(f"the ledger's URL cannot be read: {allowed}") from None
    name = made.get_backend_name()
    if name in {"postgresql", "postgres"}:
        return made.set(drivername="postgresql+psycopg")
    if name == "sqlite" and made.database and made.database != ":memory:":
        return made.set(drivername="sqlite", database=str(Path(made.database).expanduser().absolute()))
    raise LedgerUnavailable(f"no ledger can be kept in {name!r} like this: {allowed}")
