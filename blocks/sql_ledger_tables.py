"""
The ledger's tables: the same eight in SQLite and PostgreSQL.

Instants are whole microseconds since 1970 (UTC) and JSON is text: both read back exactly as they were hashed,
whatever the database. The names begin with `tidegate_` since a PostgreSQL may hold Prefect's tables as well.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

VERSION = 1  # of these tables; another one is refused, never guessed at
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class Told(TypeDecorator[dict[str, Any]]):
    """A mapping, kept as the JSON that the chain's hashes are made of (NaN passes: looks may hold one)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, Any] | None:
        told: dict[str, Any] | None = None if value is None else json.loads(value)
        return told


# SQLite counts a primary key by itself only where it is called INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")
_all = MetaData()


def _one_active(table: Table) -> Index:
    where = text("active")
    return Index("tidegate_one_active", table.c.system, unique=True, sqlite_where=where, postgresql_where=where)


schema = Table("tidegate_schema", _all, Column("version", Integer, nullable=False))

system = Table(
    "tidegate_system",
    _all,
    Column("name", String, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)

release = Table(
    "tidegate_release",
    _all,
    Column("serial", _Serial, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("system", String, nullable=False),
    Column("version", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("run_id", String, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("watched", Boolean, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("lease_until", Instant),
    Column("opened_at", Instant, nullable=False),
    Column("head_seq", Integer, nullable=False),  # the last entry: tells of a chain cut at its end
    Column("head_hash", String(64), nullable=False),
    Column("down", Integer),  # seq of the first Down
    UniqueConstraint("system", "version", "n"),
)
_one_active(release)

entry = Table(
    "tidegate_entry",
    _all,
    Column("release", String, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("once", String),  # kind and key of what can stand only once; NULLs are all different
    Column("at", Instant, nullable=False),
    Column("epoch", BigInteger),
    Column("who", String, nullable=False),
    Column("body", Told, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("release", "once"),
)

look = Table(
    "tidegate_look",
    _all,
    Column("release", String, primary_key=True),
    Column("looked_at", Instant, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("step", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("router_read", Boolean, nullable=False),
    Column("can_lower", Boolean, nullable=False),
    Column("wayback_here", Boolean, nullable=False),
    Column("watch", BigInteger, nullable=False),
    Column("against", Text, nullable=False),
    Column("weights", Told, nullable=False),
    Column("detail", Told, nullable=False),
    Column("state", Told, nullable=False),
)

watch = Table(
    "tidegate_watch",
    _all,
    Column("only", Integer, primary_key=True, autoincrement=False),  # one row, locked by whoever changes it
    Column("number", BigInteger, nullable=False),  # 0: there has been no watch yet
    Column("holder", String, nullable=False),
    Column("until", Instant, nullable=False),
)

freeze = Table(
    "tidegate_freeze",
    _all,
    Column("id", _Serial, primary_key=True),
    Column("system", String, nullable=False, index=True),
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("lifted_at", Instant),
    Column("lifted_by", String),
)

reading = Table(
    "tidegate_reading",
    _all,
    Column("id", _Serial, primary_key=True),
    Column("release", String, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("component", String, nullable=False),
    Column("side", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("value", Float(53)),
    Column("count", BigInteger),
)

pushed = Table(
    "tidegate_pushed",
    _all,
    Column("id", _Serial, primary_key=True),
    Column("system", String, nullable=False),
    Column("name", String, nullable=False),
    Column("value", Float(53)),  # NULL: an event
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("tidegate_pushed_when", "system", "at"),
)

create_all = _all.create_all
