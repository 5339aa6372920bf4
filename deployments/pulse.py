"""
Whether Prefect's server still writes, asked from a thread of its own.

A server that hangs is worse than a dead one: every call waits for its deadline. Prefect's server on SQLite has been
seen to answer nothing for a minute, while its process lived (docs/decisions/0005-a-short-wait-for-sqlites-lock.md).
"""

from __future__ import annotations

import threading
import time

from blocks.prefect_runs import PrefectRuns
from tidegate.errors import TidegateError, Unreachable

EVERY = 5.0  # seconds between two questions
WAITS = 15.0  # seconds for one answer


class Pulse:
    """The instant of the server's last write, by the elapsed clock."""

    def __init__(self, url: str, *, every: float = EVERY, waits: float = WAITS) -> None:
        self.url, self.every, self.waits, self.written = url, every, waits, 0.0
        self._thread = threading.Thread(target=self._ask, daemon=True, name="pulse")

    def start(self) -> None:
        self._thread.start()

    def silent_for(self, since: float) -> float:
        """Seconds since the last write, or since that instant, whichever is later."""
        return time.monotonic() - max(self.written, since)

    def _ask(self) -> None:
        runs = PrefectRuns(self.url, timeout=self.waits)
        while True:
            try:  # the flow `release` exists: nothing new appears, and yet the server takes its write lock
                runs.call("POST", "/flows/", {"name": "release"}, tries=1)
                self.written = time.monotonic()
            except Unreachable:
                pass
            except (TidegateError, ValueError):  # an answer we do not like, or no JSON, is no silence
                self.written = time.monotonic()
            time.sleep(self.every)
