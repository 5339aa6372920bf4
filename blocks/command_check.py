"""
A command that checks something: its exit code is the verdict, what it prints the evidence.

Never a shell: an argument list, a clean environment, a folder of its own, no input, limits on time and output, and
its whole process group ends with it (reliability.md F119, C15, C17).
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from blocks.command_check_output import Output
from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken

CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
SHORTEST, LONGEST = 0.002, 0.05  # seconds between two looks at a command that is silent


class CommandCheck(Connector):
    """A command whose exit code is the verdict."""

    _block_type_name = "Command"
    _block_type_slug = "command-check"
    _description = "Runs a command without a shell; its exit code decides, its output is the evidence."

    argv: list[str] = Field(
        title="Arguments",
        description="Program and arguments. {release}, {system}, {version}, {component}, {url} and {digest} are "
        "filled in, not in the program's own name.",
        min_length=1,
        examples=[["/usr/bin/python3", "scripts/check.py", "{version}"]],
    )
    folder: Path | None = Field(
        None, title="Folder", description="Where it runs; by default in a new, empty folder of its own."
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Plain values beside PATH and LANG; nothing else of our own environment is passed on.",
    )
    inherit: list[str] = Field(
        default_factory=list,
        title="Inherit",
        description="Names of variables that are passed on after all.",
        examples=[["HOME", "SSH_AUTH_SOCK"]],
    )
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        title="Secrets",
        description="Environment values that are starred out wherever the command prints them.",
    )
    timeout: Duration = Field(
        timedelta(minutes=5), title="Time-out", description="After it the command and all it started is killed."
    )
    exit_code: int = Field(0, ge=0, le=255, title="Exit code", description="The one that means passed.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if known.named(self.argv[0]):
            raise ValueError(f"{self.argv[0]!r}: a program is named by the spec alone, nothing is filled in")
        for word in self.argv[1:]:
            known.named(word)
        if twice := sorted(set(self.environment) & set(self.secrets)):
            raise ValueError(f"{', '.join(twice)} stands in environment and in secrets; once is allowed")
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        try:
            argv = [self.argv[0], *(known.filled(word, facts) for word in self.argv[1:])]
        except Denied as why:
            return CheckResult(Verdict.ERROR, f"{why}; the command was not run")
        with machine_troubles(self.argv[0]), tempfile.TemporaryDirectory(prefix="tidegate-check-") as own:
            return self._run(argv, str(self.folder or own))

    def _run(self, argv: list[str], folder: str) -> CheckResult:
        began, shown = time.monotonic(), _one_line(shlex.join(argv))
        try:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as why:
            told = getattr(why, "strerror", None) or str(why)
            where = getattr(why, "filename", None) or argv[0]
            return CheckResult(Verdict.ERROR, f"`{shown}` could not be started: {where}: {told}")
        assert process.stdout is not None
        output = Output([secret.get_secret_value() for secret in self.secrets.values()])
        with process.stdout:
            stopped = _read(process.pid, process.stdout.fileno(), output, began + self.timeout.total_seconds())
        code, seconds = process.wait(), round(time.monotonic() - began, 3)
        if stopped:
            verdict, ended = Verdict.INCONCLUSIVE, stopped.format(spoken(self.timeout))
        else:
            verdict = Verdict.PASS if code == self.exit_code else Verdict.FAIL
            ended = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        evidence = f"`{output.starred(shown)}` {ended} after {seconds:.1f} s.\n{output.text()}".rstrip()
        return CheckResult(verdict, evidence, seconds=seconds, figures={} if stopped else {"exit_code": code})

    def _environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in self.inherit if name in os.environ}
        secret = {name: value.get_secret_value() for name, value in self.secrets.items()}
        return CLEAN | passed | self.environment | secret


def _one_line(command: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in command[:300])


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
