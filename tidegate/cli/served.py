"""
The processes that `tidegate up` started for a home: which one it is, whether it lives, and the watch's lease.

A process is known by its number and its start: numbers are given again. Standard library only, but for the lease.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blocks.sql_ledger import SqlLedger

FILE = "serve.json"
PROGRAM = "deployments.serve"


@dataclass(frozen=True, slots=True)
class Served:
    """The process that keeps all others."""

    pid: int
    started: str  # as the system spells a process's start; "" where it cannot tell

    @property
    def lives(self) -> bool:
        found = started_at(self.pid)
        return found is not None and found == self.started


def served(home: Path) -> Served | None:
    """The process of this home, if it lives."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((home / FILE).read_text("utf-8"))
        found = Served(int(told["pid"]), str(told["started"]))
        if found.lives:
            return found
    with suppress(OSError, ValueError):  # started as `python -m deployments.serve`
        pid = int((home / "ready").read_text("ascii"))
        started = started_at(pid)
        if started is not None and PROGRAM in command_of(pid):
            return Served(pid, started)
    return None


def note(home: Path, pid: int) -> Served:
    """Write down which process serves this home."""
    found = Served(pid, started_at(pid) or "")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = home / f".{FILE}"
    new.write_text(json.dumps({"pid": found.pid, "started": found.started}) + "\n", "utf-8")
    new.replace(home / FILE)
    return found


def started_at(pid: int) -> str | None:
    """When a process began, as the system spells it; None when it is gone (or a zombie)."""
    with suppress(OSError):
        told = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return None if told[0] == "Z" else told[19]
    if Path("/proc/self/stat").exists():
        return None
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
    )
    told = shown.stdout.split(maxsplit=1)
    return None if len(told) < 2 or told[0].startswith("Z") else told[1].strip()


def command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ")
    shown = subprocess.run(
        ["ps", "-o", "command=", "-ww", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
    )
    return shown.stdout


def environment(home: Path, root: Path) -> dict[str, str]:
    """For a program of ours: it finds the project and the home wherever it is started."""
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TIDEGATE_HOME": str(home), "TIDEGATE_ROOT": str(root)}


@dataclass(frozen=True, slots=True)
class WatchLease:
    """Who watches now; `left` is negative once the lease has run out."""

    number: int
    holder: str
    until: datetime
    left: float  # seconds


def watch_lease(ledger: SqlLedger) -> WatchLease | None:
    """The watch's lease as the ledger holds it; None when there has been no watch yet."""
    import sqlalchemy as sa

    from blocks import sql_ledger_tables as tables

    wanted: sa.Select[Any] = sa.select(tables.watch, ledger.database.now.label("now"))
    with ledger.database.reading() as connection:
        found = connection.execute(wanted).mappings().first()
    if found is None or not found["number"]:
        return None
    left = (found["until"] - found["now"]).total_seconds()
    return WatchLease(found["number"], found["holder"], found["until"], left)
