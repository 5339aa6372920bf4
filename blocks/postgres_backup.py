"""
Backups of one PostgreSQL database, each proven by restoring it into a scratch database of the same server.

A backup is a folder that is named for its release: `dump.pgc`, PostgreSQL's custom format, and `manifest.json` with
what the database held table by table, read in the very snapshot that was dumped. Nobody's reading or writing waits
for it. Roles, tablespaces and other databases are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from blocks.connector import Connector, machine_troubles
from blocks.postgres_backup_fingerprint import Fingerprint, fingerprint
from blocks.postgres_backup_programs import Programs
from blocks.postgres_backup_server import Server, password_file
from tidegate.errors import Denied
from tidegate.ports import BackupProof
from tidegate.quantities import Duration

DUMP, MANIFEST = "dump.pgc", "manifest.json"
NAME = r"^\w[\w.$ -]{0,62}$"  # a name with `=` or `://` would be read as a whole connection


class PostgresBackup(Connector):
    """Backups of one PostgreSQL database."""

    _block_type_name = "Backup of a PostgreSQL database"
    _block_type_slug = "postgres-backup"
    _description = "Dumps a PostgreSQL database while it is in use, and proves each dump by restoring it."

    database: str = Field(title="Database", description="Its name.", pattern=NAME, examples=["shop"])
    directory: Path = Field(
        Path(".tidegate/backups"), title="Directory", description="Where backups are kept.", examples=["/var/backups"]
    )
    host: str = Field("", title="Host", description="Name, address or folder of the socket; empty: this machine's.")
    port: int = Field(5432, ge=1, le=65535, title="Port")
    user: str = Field("", title="User", description="A role that may read everything, and create the scratch database.")
    password: SecretStr | None = Field(None, title="Password", description="Handed over in a file, never shown.")
    password_file: Path | None = Field(
        None, title="Password file", description="libpq's own (.pgpass), instead of a password."
    )
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = Field(
        "prefer", title="SSL mode", description="libpq's own words."
    )
    ca_file: Path | None = Field(None, title="CA file", description="Whom verify-ca and verify-full trust.")
    restore_into: str = Field(
        "",
        title="Restore into",
        description="Name of the scratch database, which is made and dropped; it must not exist. By default "
        "tidegate_proof_ and a few signs.",
        pattern=NAME[:-1] + "|^$",
    )
    must_hold: list[str] = Field(
        default_factory=list,
        title="Must hold",
        description="Tables that have to be in it: a backup of the wrong or a new, empty database is none. Those of "
        "other schemas than public with their schema.",
        examples=[["orders", "audit.events"]],
    )
    programs: Path | None = Field(
        None,
        title="Programs",
        description="Folder of pg_dump and pg_restore; by default those of the server's version, else of the path.",
        examples=["/usr/lib/postgresql/16/bin"],
    )
    deadline: Duration = Field(
        timedelta(hours=1), title="Deadline", description="For taking one, and again for proving it."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("a password or a password file, not both")
        if self.restore_into == self.database:
            raise ValueError(f"{self.database} would be restored into itself; name another database")
        return self

    def find(self, release: str) -> str | None:
        folder = self._folder(release)
        return str(folder) if (folder / MANIFEST).is_file() else None

    def take(self, release: str) -> str:
        """Dump the database as it is at one instant; a backup that this release has already is kept."""
        if found := self.find(release):
            return found
        with machine_troubles(f"the backup of {self.database}"):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.directory, prefix=".taking-"))
            try:
                with self._server() as server:
                    self._write(server, release, fresh)
                return self._keep(release, fresh)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def verify(self, location: str) -> BackupProof:
        """
        Restore it into the scratch database, read every row, compare, drop the scratch.

        Denied with the first thing that differs; Unreachable and NotApplied say nothing about the backup.
        """
        began, folder = time.monotonic(), self._inside(location)
        manifest, taken = _manifest(folder)
        with machine_troubles(f"proving {folder.name}"):
            dump = folder / DUMP
            size = dump.stat().st_size if dump.is_file() else 0
            if not size:
                raise Denied(f"{folder.name} is empty (0 of {manifest['size']:,} bytes are there)")
            with (
                self._server() as server,
                server.scratch(self.database, self._scratch()) as scratch,
                server.session(scratch) as session,
            ):
                programs = Programs.fit(self.programs, session.info.server_version // 10_000)
                programs.restore(server, dump, scratch)
                found = fingerprint(session)
            if difference := taken.difference(found):
                raise Denied(f"{folder.name} restores to another database: {difference}", "Take another backup.")
            digest = _digest(dump)
        if digest != manifest["sha256"]:
            raise Denied(f"{folder.name} restores to the same rows, but its file was changed since it was taken")
        return BackupProof(location, f"sha256:{digest}", size, taken.tables, time.monotonic() - began)

    def _folder(self, release: str) -> Path:
        """Readable, and still another one for another release: `shop/2.1/1` and `shop-2.1/1` read alike."""
        slug = re.sub(r"[^a-z0-9.]+", "-", release.lower()).strip(".-")[:60]
        return self.directory.absolute() / f"{slug or 'release'}-{hashlib.sha256(release.encode()).hexdigest()[:8]}"

    def _inside(self, location: str) -> Path:
        folder = Path(location)
        if "\0" in location or folder.parent.resolve() != self.directory.resolve() or not _is_folder(folder):
            raise Denied(f"{location[:200]!r} is no backup in {self.directory}")
        return folder

    def _scratch(self) -> str:
        return self.restore_into or f"tidegate_proof_{hashlib.sha256(self.database.encode()).hexdigest()[:8]}"

    @contextmanager
    def _server(self) -> Iterator[Server]:
        with tempfile.TemporaryDirectory(prefix="tidegate-backup-") as own:
            secret = self.password.get_secret_value() if self.password else ""
            given = {
                "host": self.host,
                "port": str(self.port),
                "user": self.user,
                "passfile": str(password_file(Path(own), secret) if secret else self.password_file or "/dev/null"),
                "sslmode": self.sslmode,
                "sslrootcert": str(self.ca_file or ""),
            }
            until = time.monotonic() + self.deadline.total_seconds()
            yield Server({name: value for name, value in given.items() if value}, until)

    def _write(self, server: Server, release: str, fresh: Path) -> None:
        with server.session(self.database) as session:
            programs = Programs.fit(self.programs, session.info.server_version // 10_000)
            session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            snapshot = session.execute("SELECT pg_export_snapshot()").fetchone()
            assert snapshot is not None
            # Before the dump: having read every table, we hold them all, and nobody can empty one in between.
            held = fingerprint(session)
            missing = [name for name in self.must_hold if name not in held.tables]
            if missing or not held.tables:
                raise Denied(
                    f"{self.database} holds no table{' ' + missing[0] if missing else ''}; is it the right database?",
                    "Nothing was kept.",
                )
            programs.dump(server, self.database, str(snapshot[0]), fresh / DUMP)
            version = session.info.server_version
        told = {
            "release": release,
            "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "database": self.database,
            "server_version": version,
            "pg_dump": programs.major,
            "size": (fresh / DUMP).stat().st_size,
            "sha256": _digest(fresh / DUMP),
            "holds": asdict(held),
        }
        (fresh / MANIFEST).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def _keep(self, release: str, fresh: Path) -> str:
        try:
            fresh.rename(self._folder(release))
        except OSError:
            if not self.find(release):  # else somebody was faster, with the same right to it
                raise
        return str(self._folder(release))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path) -> tuple[dict[str, Any], Fingerprint]:
    try:
        told = json.loads((folder / MANIFEST).read_text("utf-8"))
        holds = told["holds"]
        tables = {str(name): (int(rows), str(digest)) for name, (rows, digest) in holds["tables"].items()}
        held = Fingerprint(tables, tuple(str(one) for one in holds["structure"]))
        return {"size": int(told["size"]), "sha256": str(told["sha256"])}, held
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as why:
        raise Denied(f"{folder.name} has no usable manifest: {why}", "Take another backup.") from None
