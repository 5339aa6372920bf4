"""
Backups of one SQLite database, each proven by restoring it.

A backup is a folder that is named for its release: `copy.sqlite`, taken by SQLite's own online backup while the
database is in use, and `manifest.json` with what it holds table by table. Nobody waits for it when the database is
in WAL mode; else writers wait as long as the copy takes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field

from blocks.connector import Connector, machine_troubles
from blocks.sqlite_backup_fingerprint import Fingerprint, Unreadable, fingerprint
from tidegate.errors import Denied, NotApplied
from tidegate.ports import BackupProof
from tidegate.quantities import Duration

COPY, MANIFEST = "copy.sqlite", "manifest.json"
BUSY = 30.0  # seconds to wait for a writer that holds a database which is not in WAL mode
PAGES = 4096  # a step of the copy; after each we look at the deadline
OURS_TO_MEND = {  # the machine's state, not the backup's
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_LOCKED,
}


class SqliteBackup(Connector):
    """Backups of one SQLite database."""

    _block_type_name = "Backup of a SQLite database"
    _block_type_slug = "sqlite-backup"
    _description = "Copies a SQLite database while it is in use, and proves each copy by restoring it."

    database: Path = Field(title="Database", description="The SQLite file.", examples=["/var/lib/shop/shop.sqlite"])
    directory: Path = Field(title="Directory", description="Where backups are kept.", examples=["/var/backups/shop"])
    must_hold: list[str] = Field(
        default_factory=list,
        title="Must hold",
        description="Tables that have to be in it: a backup of the wrong or a new, empty database is none.",
        examples=[["orders", "customers"]],
    )
    deadline: Duration = Field(
        timedelta(minutes=10), title="Deadline", description="For taking one, and again for proving it."
    )

    def find(self, release: str) -> str | None:
        folder = self._folder(release)
        return str(folder) if (folder / MANIFEST).is_file() else None

    def take(self, release: str) -> str:
        """Copy the database as it is at one instant; a backup that this release has already is kept."""
        if found := self.find(release):
            return found
        if not self.database.is_file():
            raise Denied(f"there is no database {self.database}", "Correct `database`; nothing was copied.")
        with machine_troubles(f"the backup of {self.database.name}"), _sqlite_troubles(self.database):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.directory, prefix=".taking-"))
            try:
                self._write(release, fresh)
                return self._keep(release, fresh)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def verify(self, location: str) -> BackupProof:
        """Restore it beside itself, read every row, compare; Denied with the first thing that differs."""
        began, folder = time.monotonic(), self._inside(location)
        manifest, taken = _manifest(folder)
        with machine_troubles(f"proving {folder.name}"):
            scratch = Path(tempfile.mkdtemp(dir=self.directory, prefix=".scratch-"))
            try:
                found = self._restored(folder / COPY, scratch / "restored.sqlite", manifest)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            if difference := taken.difference(found):
                raise Denied(f"{folder.name} restores to another database: {difference}", "Take another backup.")
            digest = _digest(folder / COPY)
        if digest != manifest["sha256"]:
            raise Denied(f"{folder.name} restores to the same rows, but its file was changed since it was taken")
        seconds = time.monotonic() - began
        return BackupProof(location, f"sha256:{digest}", manifest["size"], taken.tables, seconds)

    def _folder(self, release: str) -> Path:
        """Readable, and still another one for another release: `shop/2.1/1` and `shop-2.1/1` read alike."""
        slug = re.sub(r"[^a-z0-9.]+", "-", release.lower()).strip(".-")[:60]
        return self.directory / f"{slug or 'release'}-{hashlib.sha256(release.encode()).hexdigest()[:8]}"

    def _inside(self, location: str) -> Path:
        folder = Path(location)
        if folder.parent.resolve() != self.directory.resolve() or folder.is_symlink() or not folder.is_dir():
            raise Denied(f"{location[:200]!r} is no backup in {self.directory}")
        return folder

    def _write(self, release: str, fresh: Path) -> None:
        copy, until = fresh / COPY, time.monotonic() + self.deadline.total_seconds()
        with closing(_opened(self.database, "ro", until)) as source:
            # One instant: from its first read on, this transaction sees nothing that others write.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            _copy(source, copy, until)
        with closing(_opened(copy, "rw", until)) as database:
            database.execute("PRAGMA journal_mode = DELETE")  # one file, whatever mode the source is in
            held = fingerprint(database)
        missing = [name for name in self.must_hold if name not in held.tables]
        if missing or not held.tables:
            raise Denied(
                f"{self.database} holds no table{' ' + missing[0] if missing else ''}; is it the right database?",
                "Nothing was kept.",
            )
        told = {
            "release": release,
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "database": str(self.database),
            "size": copy.stat().st_size,
            "sha256": _digest(copy),
            "holds": asdict(held),
        }
        (fresh / MANIFEST).write_text(json.dumps(told, indent=2) + "\n", "utf-8")

    def _keep(self, release: str, fresh: Path) -> str:
        try:
            fresh.rename(self._folder(release))
        except OSError:
            if not self.find(release):  # else somebody was faster, with the same right to it
                raise
        return str(self._folder(release))

    def _restored(self, copy: Path, into: Path, manifest: dict[str, Any]) -> Fingerprint:
        size = copy.stat().st_size if copy.is_file() else 0
        short = f" ({size:,} of {manifest['size']:,} bytes are there)" if size != manifest["size"] else ""
        if not size:
            raise Denied(f"{copy.parent.name} is empty{short}", "Take another backup.")
        until = time.monotonic() + self.deadline.total_seconds()
        try:
            with closing(_opened(copy, "ro", until)) as source:
                _copy(source, into, until)
            with closing(_opened(into, "ro", until)) as database:
                found = fingerprint(database)
                unsound = [str(row[0]) for row in database.execute("PRAGMA integrity_check(1)")]
        except (sqlite3.DatabaseError, Unreadable) as why:
            if getattr(why, "sqlite_errorcode", None) in OURS_TO_MEND:
                raise NotApplied(f"{copy.parent.name} could not be restored now: {why}") from None
            raise Denied(f"{copy.parent.name} cannot be restored: {why}{short}", "Take another backup.") from None
        if unsound != ["ok"]:
            raise Denied(f"{copy.parent.name} is unsound when restored: {unsound[0]}", "Take another backup.")
        return found


def _opened(path: Path, mode: str, until: float) -> sqlite3.Connection:
    """A connection that gives up by itself (as "interrupted") when its time is over."""
    place = f"file:{quote(str(path.absolute()))}?mode={mode}"
    patience = max(0.0, min(BUSY, until - time.monotonic()))
    database = sqlite3.connect(place, uri=True, isolation_level=None, timeout=patience)
    database.set_progress_handler(lambda: time.monotonic() > until, 100_000)
    return database


def _copy(source: sqlite3.Connection, into: Path, until: float) -> None:
    def look(_status: int, left: int, pages: int) -> None:
        if time.monotonic() > until:
            raise NotApplied(f"the time was over when {pages - left:,} of {pages:,} pages were copied")

    with closing(sqlite3.connect(into)) as target:
        source.backup(target, pages=PAGES, progress=look)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path) -> tuple[dict[str, Any], Fingerprint]:
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
        holds = told["holds"]
        tables = {str(name): (int(rows), str(digest)) for name, (rows, digest) in holds["tables"].items()}
        held = Fingerprint(tables, str(holds["structure"]), int(holds["broken_references"]))
        return {"size": int(told["size"]), "sha256": str(told["sha256"])}, held
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        raise Denied(f"{folder.name} has no usable manifest: {why}", "Take another backup.") from None


@contextmanager
def _sqlite_troubles(database: Path) -> Iterator[None]:
    """A database that is busy or a disk that is full may be asked again; a damaged one not."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.InterfaceError) as why:
        raise NotApplied(f"{database}: {why}") from None
    except (sqlite3.DatabaseError, Unreadable) as why:
        raise Denied(f"{database} cannot be read: {why}", "Nothing was kept.") from None
