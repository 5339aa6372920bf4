"""
A command that checks something: its exit code is the verdict, what it prints the evidence.

Never a shell: an argument list, a clean environment, a folder of its own, no input, limits on time and output, and
its whole process group ends with it (reliability.md F119, C15, C17).
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from blocks.command_running import CLEAN, NotStarted, passed_on, run
from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration


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
        secrets = [secret.get_secret_value() for secret in self.secrets.values()]
        try:
            ran = run(argv, folder, self._environment(), self.timeout, secrets)
        except NotStarted as why:
            return CheckResult(Verdict.ERROR, str(why))
        if ran.stopped:
            return CheckResult(Verdict.INCONCLUSIVE, ran.told, seconds=ran.seconds)
        verdict = Verdict.PASS if ran.code == self.exit_code else Verdict.FAIL
        return CheckResult(verdict, ran.told, seconds=ran.seconds, figures={"exit_code": ran.code})

    def _environment(self) -> dict[str, str]:
        secret = {name: value.get_secret_value() for name, value in self.secrets.items()}
        return CLEAN | passed_on(self.inherit) | self.environment | secret
