"""
Keeps artifacts in a folder of this machine, each under the digest of its content.

An artifact is stored as one tar file that says nothing but paths, contents and whether a file may be run:
no times, no owners, sorted. Its SHA-256 is the digest, so anybody can check one with `sha256sum`, and the
same folder gives the same digest on every machine. `<directory>/sha256/<64 digits>.tar` is written once and
never again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO

from pydantic import Field

from blocks.connector import Connector, machine_troubles
from tidegate.errors import Denied, NotApplied

DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class FolderRegistry(Connector):
    """Artifacts in a folder, by digest."""

    _block_type_name = "Artifacts in a folder"
    _block_type_slug = "folder-registry"
    _description = "Keeps artifacts by the digest of their content, in a folder of this machine."

    directory: Path = Field(
        title="Directory",
        description="Where the artifacts are kept.",
        examples=["/var/lib/tidegate/registry"],
    )
    leave_out: list[str] = Field(
        default_factory=lambda: [".git", "__pycache__"],
        title="Leave out",
        description="Names of files and folders that are no part of an artifact, wherever they lie.",
    )

    def push(self, source: str, version: str = "") -> str:
        """
        Store this folder and return its digest; what is stored already is compared and left as it is.

        Denied for what no artifact can hold (links, devices) and when the stored one is damaged; NotApplied
        when the folder changes while it is read.
        """
        folder = Path(source)
        if not folder.is_dir():
            raise Denied(f"there is no folder {source}; an artifact is pushed from one", "Build it first.")
        with machine_troubles(f"{source} could not be stored"):
            store = self.directory / "sha256"
            store.mkdir(mode=0o755, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=store, prefix=".pushing-"))
            try:
                return self._store(folder, fresh / "artifact")
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def exists(self, digest: str) -> bool:
        """Whether it is here, read whole and compared; Denied when something else lies under its name."""
        stored = self._stored(digest)
        with machine_troubles(digest[:19]):
            try:
                with stored.open("rb") as file:
                    self._compare(file, digest, stored)
            except FileNotFoundError:
                return False
            return True

    def fetch(self, digest: str, into: Path) -> None:
        """Unpack it into a folder that is not there yet, after comparing it with its digest."""
        stored = self._stored(digest)
        if into.exists():
            raise Denied(f"{into} is there already; an artifact is unpacked into a new folder")
        if not self.exists(digest):
            raise Denied(f"the registry {self.directory} holds no {digest}", "Push it first.")
        with machine_troubles(f"{digest[:19]} could not be unpacked"):
            fresh = Path(tempfile.mkdtemp(dir=into.parent, prefix=".unpacking-"))
            try:
                with stored.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
                    for member in archive:
                        _unpack(archive, member, fresh)
                fresh.rename(into)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def _store(self, folder: Path, fresh: Path) -> str:
        with fresh.open("x+b") as file:
            self._write(folder, file)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if not self.exists(digest):
            fresh.chmod(0o444)
            fresh.rename(self._stored(digest))
        return digest

    def _stored(self, digest: str) -> Path:
        found = DIGEST.fullmatch(digest)
        if not found:
            raise Denied(f"{digest[:80]!r} is no digest; one is written sha256: and 64 hexadecimal digits")
        return self.directory / "sha256" / f"{found[1]}.tar"

    def _compare(self, file: BufferedReader, digest: str, stored: Path) -> None:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if f"sha256:{found}" != digest:
            raise Denied(
                f"{stored} is damaged: its content is sha256:{found[:12]}...",
                "Look who wrote there, remove the file and push the artifact again.",
            )

    def _write(self, folder: Path, into: IO[bytes]) -> None:
        count = 0
        with tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in self._found(folder):
                _add(archive, path, path.relative_to(folder))
                count += path.is_file()
        if not count:
            raise Denied(f"{folder} holds no file; an artifact holds at least one")

    def _found(self, folder: Path) -> Iterator[Path]:
        """Everything below, each folder before what it holds, in the order of the names' bytes."""
        for path in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
            if path.name in self.leave_out:
                continue
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from self._found(path)


def _add(archive: tarfile.TarFile, path: Path, inside: Path) -> None:
    """One file or folder, without anything that differs between machines."""
    try:
        name = inside.as_posix().encode("utf-8").decode("utf-8")
    except UnicodeEncodeError:
        raise Denied(f"the name of {str(inside)!a} is not UTF-8; names in an artifact are") from None
    entry = tarfile.TarInfo(name)
    before = path.lstat()
    if stat.S_ISDIR(before.st_mode):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    if not stat.S_ISREG(before.st_mode):
        kind = "a link" if stat.S_ISLNK(before.st_mode) else "a device, pipe or socket"
        raise Denied(f"{inside} is {kind}; an artifact holds files and folders only", "Put the file itself there.")
    entry.mode, entry.size = 0o755 if before.st_mode & stat.S_IXUSR else 0o644, before.st_size
    try:
        with path.open("rb") as file:
            archive.addfile(entry, file)
            after = os.fstat(file.fileno())
    except OSError as why:
        raise NotApplied(f"{inside} could not be read whole: {why.strerror or why}") from None
    if _state(after) != _state(before):
        raise NotApplied(f"{inside} changed while it was read", "Push again when the build has ended.")


def _state(of: os.stat_result) -> tuple[int, ...]:
    return of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    """One file or folder; a link, a device or a path that leads elsewhere was never pushed by us."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        raise Denied(f"the artifact holds {member.name[:80]!r}, which is no plain file or folder inside it")
    if member.isdir():
        (into / path).mkdir(exist_ok=True)
        return
    source = archive.extractfile(member)
    assert source is not None
    with (into / path).open("xb") as file:
        shutil.copyfileobj(source, file)
    (into / path).chmod(0o755 if member.mode & 0o100 else 0o644)
