"""
How a command is run: never by a shell, in a clean environment, without input, with limits on time and output.

Its whole process group ends with it (reliability.md F119, C15, C17).
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from blocks.command_check_output import Output
from tidegate.quantities import spoken

CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
SHORTEST, LONGEST = 0.002, 0.05  # seconds between two looks at a command that is silent


class NotStarted(Exception):
    """There is no such program or folder, or we may not use it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed, without secrets."""

    command: str
    code: int
    stopped: str  # why it was ended before its time; "" when it ended by itself
    output: str
    seconds: float

    @property
    def told(self) -> str:
        """``npm run lint` ended with exit code 0 after 2.1 s.`, then its output."""
        by_itself = f"ended with exit code {self.code}" if self.code >= 0 else f"was killed by signal {-self.code}"
        ended = self.stopped or by_itself
        return f"`{self.command}` {ended} after {self.seconds:.1f} s.\n{self.output}".rstrip()


def run(
    argv: Sequence[str], folder: str, environment: Mapping[str, str], timeout: timedelta, secrets: Sequence[str] = ()
) -> Ran:
    """Run it to its end, or end it when the time is over or it prints without end; NotStarted when there is none."""
    began, shown = time.monotonic(), one_line(shlex.join(argv))
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as why:
        told = getattr(why, "strerror", None) or str(why)
        where = getattr(why, "filename", None) or argv[0]
        raise NotStarted(f"`{shown}` could not be started: {where}: {told}") from None
    assert process.stdout is not None
    output = Output(secrets)
    with process.stdout:
        stopped = _read(process.pid, process.stdout.fileno(), output, began + timeout.total_seconds())
    code, seconds = process.wait(), round(time.monotonic() - began, 3)
    return Ran(output.starred(shown), code, stopped.format(spoken(timeout)), output.text(), seconds)


def one_line(command: str) -> str:
    """The command as it may be shown."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in command[:300])


def passed_on(names: Sequence[str]) -> dict[str, str]:
    """Those of our own variables that are named and set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def _read(pid: int, pipe: int, output: Output, until: float) -> str:
    """
    Take what it prints until it ends, then end its group; why it was ended before its time, or nothing.

    The process is reaped by the caller only after that: until then no other process can have its number.
    """
    os.set_blocking(pipe, False)
    pause = SHORTEST
    try:
        while True:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
            chunk = _available(pipe)
            output.take(chunk)
            if ended and not chunk:
                return ""
            if output.endless:
                return "was ended because it printed without end"
            if time.monotonic() > until:  # when it has ended, something that it left behind prints on
                return "" if ended else "was ended because it did not end within {}"
            pause = SHORTEST if chunk else min(2 * pause, LONGEST)
            if not chunk:
                time.sleep(pause)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _available(pipe: int) -> bytes:
    try:
        return os.read(pipe, 64 * 1024)
    except BlockingIOError:
        return b""
