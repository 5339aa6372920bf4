"""Looking at the machine's processes, to count what is really there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """A process as /proc shows it."""

    pid: int
    parent: int
    command: str


def named(word: str) -> list[Seen]:
    """Living processes that carry this word in their command or environment, zombies excluded."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if word.encode() in command + environment and fields[0] not in "ZX":
            told = command.replace(b"\0", b" ").decode("utf-8", "replace")
            found.append(Seen(int(entry.name), int(fields[1]), told))
    return found


def zombies(of: int) -> list[int]:
    """Ended children that this process has not been told of."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdecimal() and fields[0] == "Z" and int(fields[1]) == of:
            found.append(int(entry.name))
    return found


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    """For what the kernel does by itself in a moment."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
