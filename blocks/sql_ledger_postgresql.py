"""
The ledger's PostgreSQL: sessions that wait for nothing long, commits that are on the disk when they return.

PostgreSQL's own time-outs are shorter than our patience, since they say what they waited for; a server that is
frozen or cut off keeps none of them, so that a deadline on this side hangs up.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

LOOK_SECONDS = 0.05  # how often deadlines are looked at while transactions are open
CLOCK = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
CREATING = sa.text("SELECT pg_advisory_xact_lock(1910401662)")  # any number, the same for all who create tables


def engine(url: sa.URL, patience: float) -> sa.Engine:
    """Connections whose sessions give up by themselves: a frozen client loses its transaction and lock."""
    session = {
        "lock_timeout": max(1, round(patience * 600)),  # milliseconds; the first to fire, since it says most
        "statement_timeout": max(1, round(patience * 800)),
        "idle_in_transaction_session_timeout": round(patience * 1000),
        "synchronous_commit": "on",
    }
    made = sa.create_engine(url, hide_parameters=True, pool_timeout=patience)

    @event.listens_for(made, "do_connect")
    def connect(dialect: Any, _: object, _args: object, wanted: dict[str, Any]) -> Any:
        ours = " ".join(f"-c {name}={value}" for name, value in session.items())
        wanted["options"] = f"{wanted.get('options', '')} {ours}".strip()
        wanted.setdefault("application_name", "tidegate")
        return _connected(dialect, wanted, patience)

    return made


class _Deadlines:
    """Hangs up on servers that do not answer in time: one thread, asleep while no transaction is open."""

    def __init__(self) -> None:
        self._until: dict[socket.socket, float] = {}
        self._open = threading.Event()
        self._birth = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, line: socket.socket, seconds: float) -> Iterator[None]:
        self._until[line] = time.monotonic() + seconds
        self._open.set()
        with self._birth:
            if self._thread is None or not self._thread.is_alive():  # a fork leaves the thread behind
                self._thread = threading.Thread(target=self._run, name="ledger-deadlines", daemon=True)
                self._thread.start()
        try:
            yield
        except sa.exc.DBAPIError:
            if line in self._until:
                raise
            raise TimeoutError(f"no answer within {seconds:.1f} s") from None
        finally:
            self._until.pop(line, None)

    def _run(self) -> None:
        while self._open.wait():
            self._open.clear()
            now = time.monotonic()
            for line in [line for line, until in list(self._until.items()) if until < now]:
                self._until.pop(line, None)
                with contextlib.suppress(OSError):  # closed a moment ago
                    line.shutdown(socket.SHUT_RDWR)
            time.sleep(LOOK_SECONDS)
            if self._until:
                self._open.set()


_deadlines = _Deadlines()


@contextmanager
def deadline(connection: sa.Connection, seconds: float) -> Iterator[None]:
    """Within this block the server answers in time, or the line is cut (TimeoutError)."""
    driver: Any = connection.connection.driver_connection
    with socket.socket(fileno=os.dup(driver.fileno())) as line, _deadlines.over(line, seconds):
        yield


def _connected(dialect: Any, wanted: dict[str, Any], patience: float) -> Any:
    """A connection in time: libpq's own limit is 2 s or more, and does not count the name server."""
    made: list[Any] = []
    failed: list[Exception] = []
    late = threading.Event()

    def connect() -> None:
        try:
            made.append(dialect.connect(**wanted, connect_timeout=max(2, round(patience))))
        except dialect.loaded_dbapi.Error as error:
            failed.append(error)
        if late.is_set() and made:
            made[0].close()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(patience)
    if failed:
        raise failed[0]
    if not made:
        late.set()
        raise dialect.loaded_dbapi.OperationalError(f"no connection within {patience:g} s")
    return made[0]
