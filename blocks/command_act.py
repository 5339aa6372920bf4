"""
A command that carries out an act of a release: a build, a push, a deployment script.

A command does not remember what it did. Where a second run would do harm after a crash, `done` names a command that
says whether it is done already; without one it is run again.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from blocks.command_environment import Variables, given, variables
from blocks.command_running import CLEAN, NotStarted, Ran, passed_on, run
from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied, Unreachable
from tidegate.quantities import Duration
from tidegate.spec import Spec

GIT_SECONDS = 120
MOST_EVIDENCE = 4000  # signs; the end of a long output tells most


class CommandAct(Connector):
    """A command that carries out an act."""

    _block_type_name = "Command that does something"
    _block_type_slug = "command-act"
    _description = "Runs a command without a shell; exit code 0 means that it is done."

    argv: list[str] = Field(
        title="Arguments",
        description="Program and arguments. {release}, {system}, {version}, {previous} and {date} are filled in, not "
        "in the program's own name.",
        min_length=1,
        examples=[["/usr/bin/npm", "run", "build"]],
    )
    done_argv: list[str] = Field(
        default_factory=list,
        title="Done",
        description="A command that ends with 0 when it is done for this release already. Without one the act is run "
        "again when nobody knows whether it was.",
    )
    folder: Path | None = Field(None, title="Folder", description="Where it runs; by default where Tidegate does.")
    worktree: Literal["", "previous", "version"] = Field(
        "",
        title="Work tree",
        description="Run it in a fresh work tree of the folder's git repository, at the version before or at this "
        "one; what is checked out stays as it is.",
    )
    environment: str | dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Plain values beside PATH and LANG, or the name of one of the spec's environments, whose "
        "variables it gets.",
    )
    inherit: list[str] = Field(
        default_factory=list,
        title="Inherit",
        description="Names of variables that are passed on.",
        examples=[["HOME", "SSH_AUTH_SOCK"]],
    )
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict, title="Secrets", description="Environment values that are starred out where printed."
    )
    timeout: Duration = Field(timedelta(minutes=10), title="Time-out", description="Then all it started is killed.")
    failed: str = Field("", title="Failed", description="What is said first when it fails.")
    only_lines: str = Field("", title="Only lines", description="Of its output, only lines with this text are kept.")
    _variables: Variables = PrivateAttr(default=())

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for argv in filter(None, (self.argv, self.done_argv)):
            if known.named(argv[0]):
                raise ValueError(f"{argv[0]!r}: a program is named by the spec alone, nothing is filled in")
            for word in argv[1:]:
                known.named(word)
        return self

    def told_of(self, spec: Spec) -> Self:
        self._variables = variables(spec, self.environment)
        return self

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """What `done_argv` says; "" without one."""
        if not self.done_argv:
            return ""
        ran = self._run(self.done_argv, facts)
        return _short(ran.told) if ran.code == 0 and not ran.stopped else ""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        """Run it; Denied when it says no or cannot be started, Unreachable when it did not end in time."""
        ran = self._run(self.argv, facts)
        told = _short(self._kept(ran))
        said = f"{self.failed} {told}".strip()
        if ran.stopped:
            raise Unreachable(said, "Whether it was done is not known; look before it is run again.")
        if ran.code != 0:
            raise Denied(said)
        return told

    def _run(self, argv: list[str], facts: Mapping[str, str]) -> Ran:
        words = [argv[0], *(known.filled(word, facts) for word in argv[1:])]
        secret = {name: value.get_secret_value() for name, value in self.secrets.items()}
        plain = self.environment if isinstance(self.environment, dict) else given(self._variables, facts)
        with machine_troubles(argv[0]), self._place(facts) as folder:
            try:
                environment = CLEAN | passed_on(self.inherit) | plain | secret
                return run(words, str(folder), environment, self.timeout, list(secret.values()))
            except NotStarted as why:
                raise Denied(str(why)) from None

    @contextmanager
    def _place(self, facts: Mapping[str, str]) -> Iterator[Path]:
        folder = self.folder or Path.cwd()
        if not self.worktree:
            yield folder
            return
        commit = known.fact(self.worktree, facts)
        with tempfile.TemporaryDirectory(prefix="tidegate-act-") as own:
            tree = Path(own) / "tree"
            _git(folder, "worktree", "add", "--detach", str(tree), commit)
            try:
                yield tree
            finally:
                _git(folder, "worktree", "remove", "--force", str(tree))

    def _kept(self, ran: Ran) -> str:
        if not self.only_lines:
            return ran.told
        first, _, output = ran.told.partition("\n")
        return "\n".join([first, *(line for line in output.splitlines() if self.only_lines in line)])


def _git(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env=CLEAN, capture_output=True, timeout=GIT_SECONDS, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise Denied(f"git {words[0]} {words[1]} in {folder}: {said[:300]}")


def _short(text: str) -> str:
    return text if len(text) <= MOST_EVIDENCE else f"{text[:500]}\n...\n{text[500 - MOST_EVIDENCE :]}"
