"""
Prefect's server, with a shorter wait for SQLite's write lock: `python -m deployments.server --host H --port P`.

Prefect waits up to 60 s for that lock in a thread per connection. Should its event loop meanwhile free a forgotten
cursor of that very connection, it waits for the thread and holds Python's own lock, and whoever holds the write lock
cannot give it back: the whole server stands still for the rest of the 60 s. With a short wait it stands still for as
long at most, and the caller is told 503 and asks again (docs/decisions/0005-a-short-wait-for-sqlites-lock.md).
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

LONGEST = 4000  # milliseconds
DONE = "tidegate_short_wait"


def listen() -> None:
    """From now on each SQLite connection of this process waits that long at most."""
    event.listen(Pool, "checkout", _short_wait)


def _short_wait(connection: Any, record: Any, _: Any) -> None:
    """Once a connection; on checkout, because Prefect's own setting comes with the connection's making."""
    if DONE in record.info:
        return
    record.info[DONE] = True
    if "sqlite" in type(connection).__module__:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {LONGEST}")
        cursor.close()


def main() -> None:
    """`prefect server start` in this process."""
    listen()
    sys.argv = ["prefect", "server", "start", *sys.argv[1:]]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()
