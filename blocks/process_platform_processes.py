"""
Processes as the process platform needs them: who somebody is, how to start one, how to end some.

A process is known by its id and its birth, because ids are used again: what carries our id and another
birth is a stranger and is never touched. A group of ours that lost its leader is known by the side in its
environment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tidegate.errors import NotApplied

KEEPER = Path(__file__).with_name("process_platform_keeper.py")
OWNER = "TIDEGATE_SIDE"  # in every instance's environment
PROC = Path("/proc")
STARTING = 10.0  # seconds for the keeper to fork; a busy machine needs 0.1
KILLED = 5.0  # seconds for the kernel to end what got SIGKILL
POLL = 0.02
ENDED = ("Z", "X")  # states of a process that runs no more


@dataclass(frozen=True, slots=True)
class Process:
    """One process that we started: its id, which is its group's too, and its birth."""

    pid: int
    born: str

    @property
    def lives(self) -> bool:
        return bool(self.born) and born(self.pid) == self.born


@dataclass(frozen=True, slots=True)
class Order:
    """What the keeper is told; it reaches it by standard input, since arguments are visible to everybody."""

    command: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    log: str
    ended: str


@contextmanager
def held_back(order: Order, label: str) -> Iterator[Process]:
    """
    A process that is there but waits: it runs when the body ends well, and has never run when it does not.

    The body writes it down. NotApplied when it cannot be started.
    """
    command = [sys.executable, "-I", "-S", str(KEEPER), label]
    keeper = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    # The keeper is our child until we end; somebody has to be told of its own end, or it stays as a zombie.
    threading.Thread(target=keeper.wait, name=f"keeper of {label}", daemon=True).start()
    too_late = threading.Timer(STARTING, keeper.kill)
    too_late.start()
    with keeper.stdin, keeper.stdout:
        try:
            keeper.stdin.write(json.dumps(asdict(order)) + "\n")
            keeper.stdin.flush()
            answer = keeper.stdout.readline().strip()
        finally:
            too_late.cancel()
        if not answer.isdecimal():
            raise NotApplied(f"{label} could not be started: its keeper ended, or took more than {STARTING:g} s")
        yield Process(int(answer), born(int(answer)))
        keeper.stdin.write("go\n")


def end(groups: Sequence[Process], owner: str, grace: float) -> None:
    """SIGTERM to each group, `grace` seconds to finish, SIGKILL to the rest; NotApplied if some stay."""
    deadline = time.monotonic() + grace
    _signal(groups, owner, signal.SIGTERM)
    while (left := _members(groups, owner)) and time.monotonic() < deadline:
        time.sleep(POLL)
    deadline = time.monotonic() + KILLED
    while left:
        _signal(groups, owner, signal.SIGKILL)
        time.sleep(POLL)
        left = _members(groups, owner)
        if left and time.monotonic() > deadline:
            raise NotApplied(f"{owner}: processes {sorted(left)} do not end, not even by SIGKILL")


def _signal(groups: Sequence[Process], owner: str, number: signal.Signals) -> None:
    for leader in groups:
        with suppress(ProcessLookupError):
            if leader.lives:
                os.killpg(leader.pid, number)
                continue
        for pid in _members([leader], owner):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _members(groups: Sequence[Process], owner: str) -> set[int]:
    """Whoever lives of these groups, strangers excluded."""
    by_group = _groups()
    ours: set[int] = set()
    for leader in groups:
        members = by_group.get(leader.pid, set())
        if leader.lives:
            ours |= members
        elif leader.pid not in members:  # else the id is a stranger's by now, and so is the group
            ours |= {pid for pid in members if _owner(pid) == owner}
    return ours


def _groups() -> dict[int, set[int]]:
    """Every living process by its group."""
    groups = defaultdict(set)
    for pid, status, group, _ in _table():
        if not status.startswith(ENDED):
            groups[group].add(pid)
    return groups


def born(pid: int) -> str:
    """When this process began, as something to compare; empty when it is gone or only a zombie."""
    if not PROC.joinpath("self/stat").exists():
        found = [row for row in _listed("-p", str(pid)) if row[0] == pid]
    else:
        found = [row for row in (_stat(pid),) if row]
    return found[0][3] if found and not found[0][1].startswith(ENDED) else ""


def is_zombie(pid: int) -> bool:
    """Whether it has ended, and nobody has been told yet: its keeper is just writing down how."""
    row = _stat(pid)
    return row is not None and row[1] == "Z"


Row = tuple[int, str, int, str]  # id, state, group, birth


def _table() -> Iterator[Row]:
    if not PROC.joinpath("self/stat").exists():
        yield from _listed("-A")
        return
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (row := _stat(int(entry.name))):
            yield row


def _stat(pid: int) -> Row | None:
    try:
        text = PROC.joinpath(str(pid), "stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The name in brackets may hold anything, brackets included; the fields after it are numbers (proc(5)).
    fields = text[text.rindex(")") + 2 :].split()
    return pid, fields[0], int(fields[2]), f"{_boot()}:{fields[19]}"


@cache
def _boot() -> str:
    """Births count from the machine's start; the same number means another process after the next one."""
    try:
        return PROC.joinpath("sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "?"


def _listed(*which: str) -> list[Row]:
    """The same from ps, where there is no /proc (macOS). Its births have whole seconds."""
    command = ["ps", *which, "-o", "pid=,stat=,pgid=,lstart="]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
        env={"LC_ALL": "C", "PATH": os.defpath},
    )
    rows = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    return [(int(pid), status, int(group), began) for pid, status, group, began in rows]


def _owner(pid: int) -> str:
    """The side that a process names in its environment; empty where that cannot be read."""
    try:
        environment = PROC.joinpath(str(pid), "environ").read_bytes()
    except OSError:
        return ""
    named = [part for part in environment.split(b"\0") if part.startswith(OWNER.encode() + b"=")]
    return named[0].partition(b"=")[2].decode("utf-8", "replace") if named else ""
