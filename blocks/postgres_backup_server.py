"""
The PostgreSQL server as a backup meets it: sessions that end in time, a scratch database, and its errors told as ours.

The password is in no argument and in no variable: libpq reads it from a file that its owner alone can read.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql

from tidegate.errors import ConnectorError, Denied, NotApplied, Unreachable

CONNECT_SECONDS = 10
OURS = "scratch database of Tidegate, which proves a backup in it; dropped when that is done"
REFUSED = ("authentication failed", "no pg_hba.conf", "does not exist", "permission denied", "no password supplied")
FULL = ("No space left on device", "disk full", "could not extend file")
GONE = ("could not connect", "connection to server", "server closed the connection", "terminating connection")


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is and who we are there; `parameters` are libpq's, without a password."""

    parameters: dict[str, str]
    until: float  # on time.monotonic(): everything has to be done by then

    @property
    def left(self) -> float:
        """Seconds; NotApplied when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise NotApplied("the time was over before it was done", "Give it a longer `deadline`.")
        return left

    @contextmanager
    def session(self, database: str) -> Iterator[Connection]:
        """A session in which each statement commits; the server itself cancels what takes too long."""
        limits = f"-c statement_timeout={int(self.left * 1000) + 1} -c idle_in_transaction_session_timeout=0"
        place = {**self.parameters, "options": limits, "connect_timeout": str(CONNECT_SECONDS)}
        with database_troubles(database):
            connection = psycopg.connect(**place, dbname=database, autocommit=True)  # type: ignore[arg-type]
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def scratch(self, source: str, name: str) -> Iterator[str]:
        """
        An empty database of this name, of the source's encoding and locale, and nobody else's until it is dropped.

        What is left of a proof that died is dropped first; Denied for a database that is not ours.
        """
        lock = int.from_bytes(hashlib.sha256(f"tidegate {name}".encode()).digest()[:8], signed=True)
        with self.session(source) as at_work:
            at_work.execute("SELECT pg_advisory_lock(%s)", (lock,))
            _drop(at_work, name, must_be_ours=True)
            _create(at_work, name)
            try:
                yield name
            finally:
                at_work.execute("SET statement_timeout = '60s'")
                _drop(at_work, name, must_be_ours=False)


def _create(at_work: Connection, name: str) -> None:
    found = at_work.execute(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert found is not None
    likewise = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
    at_work.execute(likewise.format(sql.Identifier(name), *map(sql.Literal, found)))
    at_work.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(OURS)))
    at_work.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _drop(at_work: Connection, name: str, *, must_be_ours: bool) -> None:
    found = at_work.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
    ).fetchone()
    if found is None:
        return
    if must_be_ours and found[0] != OURS:
        raise Denied(
            f"the server has a database {name} already, and it is no scratch of ours",
            "Name another one as `restore_into`; nothing was restored and nothing dropped.",
        )
    force = sql.SQL(" WITH (FORCE)") if at_work.info.server_version >= 130_000 else sql.SQL("")
    at_work.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)) + force)


@contextmanager
def database_troubles(what: str) -> Iterator[None]:
    """A server that is gone, full or busy may be asked again; one that refuses us or cannot read its own pages not."""
    try:
        yield
    except psycopg.Error as why:
        raise told(what, str(why).strip(), why.sqlstate or "") from None


def told(what: str, said: str, code: str = "") -> ConnectorError:
    """What the server or one of its programs said, as the error that it is; `code` is PostgreSQL's own, if known."""
    words = f"{what}: {' '.join(said.split())[:600]}"
    if code == "57014":
        return NotApplied(f"{what}: the time was over before it was done", "Give it a longer `deadline`.")
    if code[:2] in {"53", "55", "40"} or any(text in said for text in FULL):  # full, locked, a conflict
        return NotApplied(words)
    if any(text in said for text in REFUSED) or code[:2] in {"28", "3D", "42"}:
        return Denied(words, "Correct `database`, `user` or `password`, or let this role read everything.")
    if code[:2] in {"", "08", "57"} and any(text in said for text in (*GONE, "timeout", "lost")):
        return Unreachable(words)
    return Denied(words) if code else NotApplied(words)


def password_file(folder: Path, password: str) -> Path:
    """In libpq's own form, for any server and database: colons and backslashes are escaped."""
    file = folder / "password"
    file.touch(mode=0o600)
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    file.write_text(f"*:*:*:*:{escaped}\n", "utf-8")
    return file
