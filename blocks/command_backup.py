"""
Backups that a project's own command takes: its result is looked at, written down and proven, not believed.

The command writes `{file}`, or prints the path of what it wrote as its last line. `holds` and `proof` print what the
source holds and what a restore of the backup holds, a line each: `table rows checksum`; without a `proof` only size
and content of the file are looked at again, and that is said. `restore` is the way back: it is never run as a proof.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from blocks.command_backup_manifest import MANIFEST, Manifest, counted, difference, digest
from blocks.command_environment import Variables, given, variables
from blocks.command_running import CLEAN, NotStarted, Ran, passed_on, run
from blocks.connector import Connector, machine_troubles
from tidegate import facts as known
from tidegate.errors import Denied, NotApplied
from tidegate.language.limits import AnyLimit, limit
from tidegate.ports import BackupProof
from tidegate.quantities import Duration
from tidegate.spec import Spec

FILE = "backup"


class CommandBackup(Connector):
    """Backups by a command of the project."""

    _block_type_name = "Backup by a command"
    _block_type_slug = "command-backup"
    _description = "Runs the project's own backup command, and looks at what came of it."

    argv: list[str] = Field(
        title="Arguments",
        description="Program and arguments. It writes {file}, or prints the path of what it wrote as its last line; "
        "{release} and {version} are filled in, too.",
        min_length=1,
        examples=[["mongodump", "--archive={file}", "--gzip"], ["./scripts/backup.sh"]],
    )
    directory: Path = Field(
        Path(".tidegate/backups"), title="Directory", description="Where {file} and what is known of it are kept."
    )
    size: AnyLimit = Field(default_factory=lambda: limit("at least 1B"), title="Size", description="Of the file.")
    holds: list[str] = Field(
        default_factory=list,
        title="Holds",
        description="A command that prints what the source holds: `table rows checksum`, a line each.",
    )
    proof: list[str] = Field(
        default_factory=list,
        title="Proof",
        description="A command that restores {location} into a scratch place and prints the same of it.",
    )
    restore: list[str] = Field(
        default_factory=list,
        title="Restore",
        description="The way back, with {location}; written down, and never run as a proof.",
    )
    collections: list[str] = Field(
        default_factory=list, title="Collections", description="Tables that the proof has to name."
    )
    folder: Path | None = Field(None, title="Folder", description="Where they run; by default where Tidegate does.")
    environment: str | dict[str, str] = Field(
        default_factory=dict,
        title="Environment",
        description="Plain values beside PATH and LANG, or the name of one of the spec's environments; what follows "
        "a step there is left out.",
    )
    inherit: list[str] = Field(
        default_factory=list, title="Inherit", description="Names of variables that are passed on."
    )
    uri_secret: str = Field(
        "", title="Address", description="Name of the variable with the database's address: passed on, never shown."
    )
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict, title="Secrets", description="Environment values that are starred out where printed."
    )
    deadline: Duration = Field(timedelta(hours=1), title="Deadline", description="For each of the commands.")
    _variables: Variables = PrivateAttr(default=())

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for argv in filter(None, (self.argv, self.holds, self.proof, self.restore)):
            for word in argv:
                known.named(word.replace("{file}", "").replace("{location}", ""))
        return self

    def told_of(self, spec: Spec) -> Self:
        self._variables = tuple(one for one in variables(spec, self.environment) if not one.follows)
        return self

    def find(self, release: str) -> str | None:
        folder = self._folder(release)
        return str(folder) if (folder / MANIFEST).is_file() else None

    def take(self, release: str) -> str:
        """Run the command; Denied when it fails or what it wrote is no backup. One that is there already is kept."""
        if found := self.find(release):
            return found
        with machine_troubles(self.argv[0]):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.directory.absolute(), prefix=".taking-"))
            try:
                self._write(release, fresh)
                return self._keep(release, fresh)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def verify(self, location: str) -> BackupProof:
        """Look at it again and restore it by `proof`; Denied when it is another one than was taken."""
        began, folder = time.monotonic(), self._inside(location)
        told = Manifest.read(folder)
        file = folder / told.file  # an absolute path stays what it is
        with machine_troubles(f"proving {folder.name}"):
            if not file.is_file():
                raise Denied(f"{folder.name}: {file} is gone", "Take another backup.")
            tables = dict(told.holds)
            if self.proof:
                ran = self._run(self.proof, told.release, {"location": str(file)})
                tables = counted(ran.output, self.proof[0])
            if told.holds and (other := difference(told.holds, tables)):
                raise Denied(f"{folder.name} restores to another database: {other}", "Take another backup.")
            if missing := [name for name in self.collections if name not in tables]:
                how = f"{self.proof[0]} does not count it" if self.proof else "no `proof` counts it"
                raise Denied(f"{folder.name}: nobody knows whether {missing[0]} is in it: {how}")
            if digest(file) != told.sha256:
                raise Denied(f"{folder.name}: {file.name} was changed since it was taken", "Take another backup.")
        seconds = time.monotonic() - began
        proven = tables if self.proof else {}
        return BackupProof(location, f"sha256:{told.sha256}", told.size, proven, seconds)

    def _write(self, release: str, fresh: Path) -> None:
        ran = self._run(self.argv, release, {"file": str(fresh / FILE)})
        file = fresh / FILE if any("{file}" in word for word in self.argv) else self._printed(ran)
        size = file.stat().st_size if file.is_file() else 0
        if not file.is_file() or not self.size.holds(size):
            told = f"{size:,} bytes; wanted: {self.size.said}" if file.is_file() else "no file"
            raise Denied(f"{self.argv[0]} ended well, but wrote {told}", "Nothing was kept.")
        holds = counted(self._run(self.holds, release, {}).output, self.holds[0]) if self.holds else {}
        kept = file.name if file.parent == fresh else str(file)
        final = self._folder(release) / FILE if file.parent == fresh else file
        way_back = [word.replace("{location}", str(final)) for word in self.restore]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        Manifest(release, now, kept, size, digest(file), ran.output[-2000:], way_back, holds).write(fresh)

    def _printed(self, ran: Ran) -> Path:
        lines = ran.output.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        if not last:
            raise Denied(f"{self.argv[0]} printed no path of a backup", "Let it write {file}, or print the path last.")
        return (self._at() / last).resolve()

    def _run(self, argv: Sequence[str], release: str, places: dict[str, str]) -> Ran:
        """Its end, which was a good one; Denied with what it printed when it was not."""
        about = {"release": release, "version": release.split("/")[1] if "/" in release else ""}
        words = [self._filled(word, about, places) for word in argv]
        secret = {name: value.get_secret_value() for name, value in self.secrets.items()}
        hidden = [*secret.values(), os.environ.get(self.uri_secret, "") if self.uri_secret else ""]
        plain = self.environment if isinstance(self.environment, dict) else given(self._variables, {})
        passed = passed_on([*self.inherit, self.uri_secret])
        try:
            ran = run(words, str(self._at()), CLEAN | passed | plain | secret, self.deadline, hidden)
        except NotStarted as why:
            raise Denied(str(why)) from None
        if ran.stopped:
            raise NotApplied(ran.told[:2000])
        if ran.code:
            raise Denied(ran.told[-2000:], "Nothing was kept.")
        return ran

    def _filled(self, word: str, about: dict[str, str], places: dict[str, str]) -> str:
        # Ours first, and split at them: a folder's name is no template.
        for name, place in places.items():
            if f"{{{name}}}" in word:
                return place.join(known.filled(part, about) for part in word.split(f"{{{name}}}"))
        return known.filled(word, about)

    def _at(self) -> Path:
        return (self.folder or Path.cwd()).absolute()

    def _folder(self, release: str) -> Path:
        """Readable, and still another one for another release: `shop/2.1/1` and `shop-2.1/1` read alike."""
        slug = re.sub(r"[^a-z0-9.]+", "-", release.lower()).strip(".-")[:60]
        return self.directory.absolute() / f"{slug or 'release'}-{hashlib.sha256(release.encode()).hexdigest()[:8]}"

    def _inside(self, location: str) -> Path:
        folder = Path(location)
        ours = "\0" not in location and folder.parent.resolve() == self.directory.resolve()
        if not ours or folder.is_symlink() or not folder.is_dir():
            raise Denied(f"{location[:200]!r} is no backup in {self.directory}")
        return folder

    def _keep(self, release: str, fresh: Path) -> str:
        try:
            fresh.rename(self._folder(release))
        except OSError:
            if not self.find(release):  # else somebody was faster, with the same right to it
                raise
        return str(self._folder(release))
