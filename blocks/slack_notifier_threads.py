"""Which thread is which release's: a small file that the flows and the watch of one machine share."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tidegate.errors import NotApplied

MOST = 200  # releases; the oldest are forgotten
AGAIN = 0.02  # seconds between two looks at a lock


@dataclass(frozen=True, slots=True)
class Thread:
    """Slack's names of a release's first message, and how many notices the thread holds."""

    channel: str
    ts: str
    notices: int = 1

    def longer(self) -> Thread:
        return replace(self, notices=self.notices + 1)


@dataclass(slots=True)
class Kept:
    """What the file says of one release; what is put here is written when the lock is let go."""

    thread: Thread | None


@dataclass(frozen=True, slots=True)
class Threads:
    """The file, made when it is missing, readable by its owner only."""

    file: Path

    @contextmanager
    def of(self, release: str, until: float) -> Iterator[Kept]:
        """
        This release's thread, under a lock: two processes that tell at once begin one thread, not two.

        NotApplied when another holds the lock until `until` (monotonic seconds). A file that is no JSON, or was written
        half, is begun anew: a second thread is better than a notice that nobody reads.
        """
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        try:
            self._lock(handle, until)
            known = _read(handle)
            kept = Kept(_thread(known.get(release)))
            yield kept
            if kept.thread is not None:
                known.pop(release, None)
                known[release] = {"channel": kept.thread.channel, "ts": kept.thread.ts, "notices": kept.thread.notices}
                _write(handle, dict(list(known.items())[-MOST:]))
        finally:
            os.close(handle)

    def _lock(self, handle: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise NotApplied(f"{self.file}: another message of this release is still under way") from None
                time.sleep(AGAIN)
            else:
                return


def _read(handle: int) -> dict[str, Any]:
    try:
        told = json.loads(os.pread(handle, os.fstat(handle).st_size, 0) or b"{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _thread(told: Any) -> Thread | None:
    match told:
        case {"channel": str(channel), "ts": str(ts), "notices": int(notices)}:
            return Thread(channel, ts, notices)
        case _:
            return None


def _write(handle: int, known: dict[str, Any]) -> None:
    text = json.dumps(known, indent=1).encode()
    os.ftruncate(handle, 0)
    os.pwrite(handle, text, 0)
