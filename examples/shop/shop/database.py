"""
The shop's SQLite file, in WAL mode: readers never wait for the writer.

Several instances, of several versions, share one file. So migrations only ever add: what an older version
reads and writes stays as it was.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shop.release import Unusable

LOCK_WAIT = 5.0  # seconds that a write waits for another instance's
PLAIN = "SELECT id, name, text, cents FROM products"
REVIEWED = (
    "SELECT p.id, p.name, p.text, p.cents, round(avg(r.stars), 1) AS stars, count(r.id) AS reviews "
    "FROM products p LEFT JOIN reviews r ON r.product = p.id"
)


class Database:
    """One connection to read by, one to write by from a thread of its own."""

    def __init__(self, path: Path, migrations: Path) -> None:
        if not path.parent.is_dir():
            raise Unusable(f"SHOP_DATABASE is {path}, but there is no folder {path.parent}.")
        self.path, self.migrations = path, migrations
        self.writes = connect(path)
        patiently(lambda: self.writes.execute("PRAGMA journal_mode = WAL"))
        self.reads = connect(path)
        # Writes may have to wait, for a lock or the disk; the requests of others must not wait with them.
        self.writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")

    def migrate(self) -> list[str]:
        """Run what this database has not seen yet, each in one transaction; the names of what was run."""
        done = []
        for number, script in enumerate(sorted(self.migrations.glob("*.sql")), start=1):
            self.writes.execute("BEGIN IMMEDIATE")  # a second instance waits here, and then finds nothing to do
            try:
                if self.writes.execute("PRAGMA user_version").fetchone()["user_version"] < number:
                    for statement in script.read_text().split(";\n"):
                        self.writes.execute(statement)
                    self.writes.execute(f"PRAGMA user_version = {number}")
                    done.append(script.name)
                self.writes.execute("COMMIT")
            except BaseException:
                self.writes.execute("ROLLBACK")
                raise
        return done

    def products(self, *, reviews: bool) -> list[dict[str, Any]]:
        """The whole catalogue."""
        query = f"{REVIEWED} GROUP BY p.id ORDER BY p.id" if reviews else f"{PLAIN} ORDER BY id"
        return list(self.reads.execute(query))

    def product(self, number: int, *, reviews: bool) -> dict[str, Any] | None:
        """One product, or None."""
        query = f"{REVIEWED} WHERE p.id = ? GROUP BY p.id" if reviews else f"{PLAIN} WHERE id = ?"
        return one(self.reads.execute(query, (number,)))

    def order(self, number: int) -> dict[str, Any] | None:
        """One order, or None."""
        query = "SELECT id, product, quantity, cents, at FROM orders WHERE id = ?"
        return one(self.reads.execute(query, (number,)))

    async def place_order(self, product: int, quantity: int) -> dict[str, Any] | None:
        """Write an order at today's price; None when there is no such product."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.writer, self.insert, product, quantity)

    def insert(self, product: int, quantity: int) -> dict[str, Any] | None:
        """The write itself; one statement, so it needs no transaction around it."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return one(
            self.writes.execute(
                "INSERT INTO orders (product, quantity, cents, at) "
                "SELECT id, ?, cents * ?, ? FROM products WHERE id = ? "
                "RETURNING id, product, quantity, cents, at",
                (quantity, quantity, at, product),
            )
        )

    def check(self) -> str:
        """
        Read from the file as it is now: "ok", or the reason why not.

        By a new connection: the others would go on reading a file that was taken away.
        """
        try:
            fresh = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.5)
            try:
                count = fresh.execute("SELECT count(*) FROM products").fetchone()[0]
            finally:
                fresh.close()
        except sqlite3.Error as error:
            return f"cannot be read: {error}"
        return "ok" if count else "holds no products"

    def close(self) -> None:
        """After the last write."""
        self.writer.shutdown()
        self.reads.close()
        self.writes.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection that commits each statement and gives rows as dicts."""
    connection = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False)
    connection.row_factory = lambda cursor, row: {
        column[0]: value for column, value in zip(cursor.description, row, strict=True)
    }
    connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode a crash of ours loses nothing
    return connection


def one(rows: sqlite3.Cursor) -> dict[str, Any] | None:
    """The one row, with the statement brought to its end: an open one would keep its lock."""
    found = rows.fetchall()
    return found[0] if found else None


def patiently(act: Callable[[], object]) -> None:
    """Try again for a while: turning WAL on does not wait for an instance that is just doing the same."""
    until = time.monotonic() + LOCK_WAIT
    while True:
        try:
            act()
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
