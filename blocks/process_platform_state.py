"""
What the process platform knows of a side: one file, written before an instance runs, gone after the last
ended.

    <directory>/<side>.json               digest, version, release; of each instance its process, port, starts
    <directory>/<side>.lock               held while instances are started or ended
    <directory>/<side>/<slot>-<digest>/   an instance's own unpacked artifact, its working directory
    <directory>/<side>/<slot>.ended       how it ended, by its keeper
    <directory>/logs/<side>.<slot>.log    what it printed; stays when the side goes, to be read then
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from blocks.process_platform_processes import Process, is_zombie
from tidegate.errors import Denied, NotUnderstood, Unreachable

SIDE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KEEPER_WRITES = 0.5  # seconds, on a busy machine, from an instance's end to the line about it
TAIL_BYTES, TAIL_LINES = 4096, 20


@dataclass(frozen=True, slots=True)
class Copy:
    """One instance as it was started."""

    slot: int  # 1, 2, 3 ...
    pid: int
    born: str
    port: int
    starts: int = 1
    logged: int = 0  # bytes that its log held before this start

    @property
    def process(self) -> Process:
        return Process(self.pid, self.born)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Record:
    """One side: what it runs, and its instances by slot."""

    side: str
    release: str
    version: str
    digest: str
    wanted: int
    copies: tuple[Copy, ...] = ()

    def having(self, copy: Copy) -> Record:
        others = [other for other in self.copies if other.slot != copy.slot]
        return replace(self, copies=tuple(sorted([*others, copy], key=lambda one: one.slot)))

    def without(self, gone: tuple[Copy, ...]) -> Record:
        return replace(self, copies=tuple(copy for copy in self.copies if copy not in gone))


def side_name(component: str, version: str, digest: str) -> str:
    """`api-2-1-0-3f2a9c1b`: fit for a metric label, a file name and a person."""
    if not DIGEST.fullmatch(digest):
        raise Denied(f"{digest[:80]!r} is no digest; one is written sha256: and 64 hexadecimal digits")
    slug = re.sub(r"[^a-z0-9]+", "-", version.lower())[:40].strip("-")
    return checked("-".join(part for part in (component, slug, digest[7:15]) if part))


def checked(name: str) -> str:
    """A side's name that can be a file's; Denied for every other."""
    if not SIDE_NAME.fullmatch(name):
        raise Denied(f"{name[:120]!r} is no side's name; one has lower case letters, digits and dashes, at most 100")
    return name


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one side's files lie."""

    directory: Path
    side: str

    @property
    def file(self) -> Path:
        return self.directory / f"{self.side}.json"

    @property
    def folder(self) -> Path:
        return self.directory / self.side

    def log(self, slot: int) -> Path:
        return self.directory / "logs" / f"{self.side}.{slot}.log"

    @property
    def lock(self) -> Path:
        return self.directory / f"{self.side}.lock"

    def logged(self, slot: int) -> int:
        try:
            return self.log(slot).stat().st_size
        except FileNotFoundError:
            return 0

    def ended(self, slot: int) -> Path:
        return self.folder / f"{slot}.ended"

    def read(self) -> Record | None:
        try:
            return _record(json.loads(self.file.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as wrong:
            raise NotUnderstood(
                f"{self.file} does not say what runs: {wrong}",
                "End the instances by hand (`ps` shows them by the side's name), then remove the file.",
            ) from None

    def write(self, record: Record) -> None:
        """Whole or not at all, readable by its owner only."""
        fresh = self.directory / f".{self.side}.fresh"
        fresh.touch(mode=0o600)
        with fresh.open("w") as file:
            json.dump(asdict(record), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.file)

    def end_of(self, copy: Copy) -> str:
        """How this instance ended, in words."""
        deadline = time.monotonic() + KEEPER_WRITES
        while (code := self._code_of(copy)) is None and is_zombie(copy.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        if code is None:
            return "ended while nobody looked"
        return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"

    def _code_of(self, copy: Copy) -> int | None:
        try:
            told = json.loads(self.ended(copy.slot).read_text("utf-8"))
            return int(told["code"]) if told["pid"] == copy.pid else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def tail(self, copy: Copy) -> str:
        """The last lines that an instance printed since its start: the app's own reason."""
        try:
            with self.log(copy.slot).open("rb") as file:
                file.seek(max(copy.logged, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        lines = ["".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in text.splitlines()]
        return "\n".join(lines[-TAIL_LINES:])

    @contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """The right to start and end instances of this side; Unreachable when another holds it too long."""
        for folder in (self.directory, self.directory / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        deadline = time.monotonic() + patience
        while True:
            with self.lock.open("w") as file:
                if _taken(file.fileno()) and _same(file.fileno(), self.lock):
                    yield
                    return
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"{self.side}: another process has been starting or ending instances for {patience:g} s"
                )
            time.sleep(0.05)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same(file: int, path: Path) -> bool:
    """Whether the lock that we hold is still the one that others find; it goes when its side goes."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _record(told: dict[str, Any]) -> Record:
    copies = tuple(
        Copy(int(c["slot"]), int(c["pid"]), str(c["born"]), int(c["port"]), int(c["starts"]), int(c["logged"]))
        for c in told["copies"]
    )
    release, version, digest = (str(told[name]) for name in ("release", "version", "digest"))
    return Record(str(told["side"]), release, version, digest, int(told["wanted"]), copies)
