"""
Files that have to be there, in a folder or in a commit, with texts that they have to hold or must not hold.

A commit is asked of git itself: what lies in the work tree beside it does not count.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Self

from pydantic import Field, model_validator

from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration

CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
MOST_TOLD = 20
LARGEST = 64 * 1024 * 1024  # bytes of a file that is searched


class RequiredFilesCheck(Connector):
    """Files that have to be there."""

    _block_type_name = "Required files"
    _block_type_slug = "required-files-check"
    _description = "Looks for files in a folder or in a commit, and for texts in them."

    files: list[str] = Field(
        title="Files",
        description="Paths, or patterns such as `**/*.js`; each has to lead to one file at least.",
        min_length=1,
        examples=[["docs/sla.md", ".github/workflows/*.yml"]],
    )
    commit: str = Field(
        "", title="Commit", description="Of the folder's git repository, e.g. {version}; empty: the folder as it is."
    )
    folder: Path | None = Field(None, title="Folder", description="By default where Tidegate runs.")
    contains: list[str] = Field(
        default_factory=list, title="Contains", description="Texts; each has to stand in one of the files."
    )
    forbids: list[str] = Field(
        default_factory=list, title="Forbids", description="Texts that stand in none of the files."
    )
    timeout: Duration = Field(timedelta(seconds=30), title="Time-out", description="For each question to git.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        known.named(self.commit)
        if self.commit.startswith("-"):
            raise ValueError(f"{self.commit!r} begins with a dash; git would take it for an option")
        for file in self.files:
            if not file.strip() or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
                raise ValueError(f"{file!r} is no path below the folder")
        if "" in (*self.contains, *self.forbids):
            raise ValueError("an empty text stands in every file")
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names every file that is missing and every line that is wrong; ERROR when nobody could look."""
        began = time.monotonic()
        try:
            with machine_troubles("the files"):
                place, found = self._found(facts)
                wrong = [*self._missing(found), *self._texts(facts, found)]
        except (Denied, UnicodeError) as why:
            return CheckResult(Verdict.ERROR, f"{why}; nothing was looked at")
        seconds = round(time.monotonic() - began, 3)
        if not wrong:
            told = f"{len(found):,} file{'' if len(found) == 1 else 's'} in {place}, as expected"
            return CheckResult(Verdict.PASS, told, seconds=seconds, figures={"files": len(found)})
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        told = "\n".join([f"in {place}:", *wrong[:MOST_TOLD], *more])
        return CheckResult(Verdict.FAIL, told, seconds=seconds, figures={"files": len(found), "wrong": len(wrong)})

    def _found(self, facts: Mapping[str, str]) -> tuple[str, list[str]]:
        """Where we looked, and the paths that match, sorted."""
        if self.commit:
            commit = known.filled(self.commit, facts)
            listed = self._git("ls-tree", "-r", "-z", "--name-only", f"{commit}^{{commit}}")
            names = listed.decode("utf-8", "replace").split("\0")
            matching = {name for name in names if name and any(_matches(name, one) for one in self.files)}
            return f"commit {commit[:40]}", sorted(matching)
        at = self._at()
        if not at.is_dir():
            raise Denied(f"there is no folder {at}")
        inside = {path for one in self.files for path in at.glob(one) if path.is_file()}
        return str(at), sorted(path.relative_to(at).as_posix() for path in inside)

    def _missing(self, found: list[str]) -> Iterator[str]:
        for one in self.files:
            if not any(_matches(name, one) for name in found):
                yield f"{one} is missing"

    def _texts(self, facts: Mapping[str, str], found: list[str]) -> Iterator[str]:
        wanted = set(self.contains)
        for name in found if self.contains or self.forbids else ():
            content = self._content(name, facts)
            wanted -= {text for text in wanted if text in content}
            for text in self.forbids:
                if (at := content.find(text)) >= 0:
                    yield f"{name}:{content.count(chr(10), 0, at) + 1} holds {text!r}"
        yield from (f"no file holds {text!r}" for text in self.contains if text in wanted)

    def _content(self, name: str, facts: Mapping[str, str]) -> str:
        if self.commit:
            content = self._git("cat-file", "blob", f"{known.filled(self.commit, facts)}:{name}")
        else:
            with (self._at() / name).open("rb") as file:
                content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Denied(f"{name} is larger than {LARGEST // 2**20} MiB")
        return content.decode("utf-8", "replace")

    def _at(self) -> Path:
        return (self.folder or Path.cwd()).absolute()

    def _git(self, *words: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", "-C", str(self._at()), *words],
                env=CLEAN,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout.total_seconds(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Denied(f"git {words[0]} did not end in time") from None
        if done.returncode:
            said = " ".join(done.stderr.decode("utf-8", "replace").split())
            raise Denied(f"git {words[0]} in {self._at()}: {said[:300]}")
        return done.stdout


def _matches(name: str, pattern: str) -> bool:
    """As a folder's own glob: `*` ends at a slash, `**` leads through any folders, none included."""
    return _parts(PurePosixPath(name).parts, PurePosixPath(pattern).parts)


def _parts(name: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "**":
        return any(_parts(name[skipped:], pattern[1:]) for skipped in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], pattern[0]) and _parts(name[1:], pattern[1:])
