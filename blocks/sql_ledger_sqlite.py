"""
The ledger's SQLite: a file for its owner alone, in WAL mode, every commit synced.

Readers never wait for a writer. A transaction that will write takes the lock at its start (`BEGIN
IMMEDIATE`): two readers that want to become writers at once would otherwise fail each other for nothing.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event, exc

CLOCK = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"  # exact to a millisecond


def engine(url: sa.URL, patience: float) -> sa.Engine:
    """Connections to the file of this URL, which has to be there: a deleted ledger is missing, not empty."""
    path = Path(url.database or "")

    def connect() -> sqlite3.Connection:
        place = f"{path.as_uri()}?mode=rw"
        connection = sqlite3.connect(place, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    made = sa.create_engine(url, creator=connect, hide_parameters=True, pool_timeout=patience)

    @event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(made, "connect")
    def remember(_: sqlite3.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["file"] = _inode(path)

    @event.listens_for(made, "checkout")
    def same_file(_: sqlite3.Connection, record: sa.pool.ConnectionPoolEntry, _proxy: object) -> None:
        # An open file that was deleted or replaced still takes writes, and nobody would ever read them.
        if record.info["file"] != _inode(path):
            raise exc.DisconnectionError("another file lies at the ledger's place")

    return made


def make_file(path: Path, patience: float) -> None:
    """Create folder (0700) and file (0600) and switch the file to WAL for good; OSError if that fails."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.suppress(PermissionError):  # another's file, which we may write
        path.chmod(0o600)
    deadline = time.monotonic() + patience
    while (mode := _switched_to_wal(path, patience)) is None:
        # SQLite does not wait for this lock by itself: another process is switching the same new file
        if time.monotonic() > deadline:
            raise OSError(f"another process has held {path.name} for {patience:g} s")
        time.sleep(0.02)
    if mode != "wal":
        raise OSError("the file system has no shared memory: use a folder of a local disk, or PostgreSQL")


def _switched_to_wal(path: Path, patience: float) -> str | None:
    """The journal mode that the file is in now; None while it is locked."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
            mode: str = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            return mode
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        raise


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
