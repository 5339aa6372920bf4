"""
A figure of a database: one statement that only reads, one row back.

The database itself forbids writing (a read-only transaction; SQLite's own mode), and ends a statement that takes too
long. PostgreSQL and SQLite; others have no such pair of switches that was tried here.
"""

from __future__ import annotations

import math
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa
from pydantic import Field, PrivateAttr, model_validator
from sqlalchemy import exc

from blocks.connector import Connector, Measuring, own_variable
from tidegate.errors import ConnectorError, Denied, NotUnderstood, Unreachable
from tidegate.ports import Sample
from tidegate.quantities import Duration, base_unit
from tidegate.traffic import Side

READS_ONLY = ("postgresql", "sqlite")
FIELDS = ("value", "count", "failed")


class SqlMetrics(Connector):
    """
    `SELECT ... AS value`, and where it has a meaning `AS count` (requests behind it) and `AS failed` (how many failed).

    Bound parameters, each where the statement names it: `:since` and `:until` (the gate's window), `:version`, `:side`,
    `:release`, `:system`. NULL and no row are no data.
    """

    _block_type_name = "SQL figure"
    _block_type_slug = "sql-metrics"
    _description = "A figure of a database by one statement that only reads (PostgreSQL, SQLite)."

    url_secret: str = Field("", title="URL", description="Name of our own variable with the database's URL.")
    database: str = Field("", title="SQLite file", description="Instead of a URL.")
    query: str = Field(title="Query", examples=["SELECT avg(failed) AS value, count(*) AS count FROM orders"])
    unit: str = Field("", title="Unit", description="Of the value there: %, ms, MB ...; empty: as it is.")
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", gt=timedelta(0), le=timedelta(minutes=1))
    every: Duration = Field(timedelta(seconds=30), title="Every", description="How often it is worth asking.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        base_unit(self.unit)
        if bool(self.url_secret) == bool(self.database):
            raise ValueError("a database is named by url_secret or by database: write one of them")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    @property
    def sided(self) -> bool:
        return ":version" in self.query or ":side" in self.query

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        row, now = self._row(side, window), datetime.now(UTC)
        if row is None:
            return Sample(metric, None, None, None, window, now)
        told = row._asdict()
        if "value" not in told:
            told = {"value": row[0]} if len(row) == 1 else told
        if "value" not in told or set(told) - set(FIELDS):
            raise NotUnderstood(f"the row has {', '.join(told)}; write AS value, and if need be AS count and AS failed")
        value, count, failed = (_number(name, told.get(name)) for name in FIELDS)
        requests, wrong = (None if one is None else round(one) for one in (count, failed))
        return Sample(metric, None if value is None else value * base_unit(self.unit), requests, wrong, window, now)

    def _row(self, side: Side, window: timedelta) -> sa.Row[Any] | None:
        now = datetime.now(UTC)
        facts = {**self._how.facts(side), "since": now - window, "until": now}
        statement = sa.text(self.query)
        named = set(statement.compile().params)
        if unknown := named - {"since", "until", "version", "side", "release", "system"}:
            raise NotUnderstood(f"the query names :{', :'.join(sorted(unknown))}, which is not known here")
        if missing := [name for name in named if not facts.get(name)]:
            raise Denied(f"{', '.join(missing)} is not known of this side now")
        engine = self._engine()
        try:
            with engine.connect() as connection, connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.execute(sa.text("SET TRANSACTION READ ONLY"))
                    told = f"SET LOCAL statement_timeout = {round(self.timeout.total_seconds() * 1000)}"
                    connection.execute(sa.text(told))
                else:
                    _end_after(connection, self.timeout.total_seconds())
                return connection.execute(statement, {name: facts[name] for name in named}).first()
        except exc.SQLAlchemyError as why:
            raise _told(why) from None
        finally:
            engine.dispose()

    def _engine(self) -> sa.Engine:
        """A new one for each figure: nothing stays open in somebody else's database."""
        try:
            url = sa.make_url(own_variable(self.url_secret) or f"sqlite:///{self.database}")
        except exc.ArgumentError:
            raise Denied(f"{self.url_secret} holds no database URL") from None
        seconds = math.ceil(self.timeout.total_seconds())
        if url.get_backend_name() == "sqlite":
            path = url.database or ""
            return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, timeout=seconds, check_same_thread=False))  # fmt: skip
        if url.get_backend_name() not in READS_ONLY:
            raise Denied(f"{url.get_backend_name()} is none of {', '.join(READS_ONLY)}")
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": seconds})


def _end_after(connection: sa.Connection, seconds: float) -> None:
    driver, until = connection.connection.driver_connection, time.monotonic() + seconds
    assert driver is not None
    driver.set_progress_handler(lambda: time.monotonic() > until, 10_000)


def _told(why: exc.SQLAlchemyError) -> ConnectorError:
    """Without the statement, its parameters and the URL, which SQLAlchemy's own sentence may hold."""
    said = str(getattr(why, "orig", None) or type(why).__name__).splitlines()[0][:300]
    again = isinstance(why, exc.OperationalError) or "canceling statement" in said
    return Unreachable(f"the database: {said}") if again else NotUnderstood(f"the database: {said}")


def _number(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NotUnderstood(f"{name} is {str(value)[:60]!r}, which is no number") from None
