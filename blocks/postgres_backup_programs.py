"""pg_dump and pg_restore: found for the server's version, run with a limit of time, their complaints told as ours."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from blocks.postgres_backup_server import FULL, Server, told
from tidegate.errors import ConnectorError, Denied, NotApplied

CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGAPPNAME": "tidegate backup"}
PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")
LOCK_SECONDS = 30  # a table that somebody rebuilds is waited for no longer
DUMP = ("--format=custom", f"--lock-wait-timeout={LOCK_SECONDS}s", "--no-password")
# Into a scratch database: nobody's roles, places and privileges, and nothing that would talk to other servers.
RESTORE = (
    "--exit-on-error", "--no-owner", "--no-privileges", "--no-tablespaces", "--no-comments", "--no-security-labels",
    "--no-publications", "--no-subscriptions", "--no-password",
)  # fmt: skip
ENVIRONMENT = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "passfile": "PGPASSFILE", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Programs:
    """Of one folder, fit for a server of this major version."""

    folder: Path
    major: int

    @classmethod
    def fit(cls, folder: Path | None, server: int) -> Programs:
        """
        Those in `folder`, else those of the server's own version, else those on the path; major versions, e.g. 16.

        Denied for older ones than the server: pg_dump refuses it, too, but only after it has connected.
        """
        for place in [folder] if folder else [*(Path(one.format(server)) for one in PLACES), *_on_path()]:
            version = _version(place / "pg_dump")
            if version is None:
                continue
            if version < server:
                raise Denied(
                    f"{place}/pg_dump is of version {version}, the server of version {server}: it cannot dump that",
                    f"Install PostgreSQL's client programs {server}, or name their folder as `programs`.",
                )
            return cls(place, version)
        where = folder or "any usual folder"
        raise Denied(f"there is no pg_dump in {where}", "Install PostgreSQL's client programs, or name `programs`.")

    def dump(self, server: Server, database: str, snapshot: str, into: Path) -> None:
        """All of the database as the snapshot sees it, in PostgreSQL's custom format."""
        words = [*DUMP, f"--snapshot={snapshot}", f"--file={into}", database]
        code, said = self._run("pg_dump", words, server)
        if code:
            raise told("pg_dump", said or f"ended with exit code {code}")

    def restore(self, server: Server, dump: Path, into: str) -> None:
        """Into an empty database; Denied when the dump cannot be restored, up to its end."""
        code, said = self._run("pg_restore", [*RESTORE, f"--dbname={into}", str(dump)], server)
        if code:
            raise self._not_restored(dump.parent.name, said or f"pg_restore ended with exit code {code}")

    def _not_restored(self, name: str, said: str) -> ConnectorError:
        why = told("pg_restore", said)
        if any(text in said for text in (*FULL, "connection to server", "server closed", "terminating connection")):
            return why
        if parameter := re.search(r'unrecognized configuration parameter "(\w+)"', said):
            return Denied(
                f"pg_restore {self.major} sets {parameter[1]}, which this older server does not know",
                "Name the client programs of the server's own version as `programs`.",
            )
        return Denied(f"{name} cannot be restored: {str(why)[:600]}", "Take another backup.")

    def _run(self, program: str, words: list[str], server: Server) -> tuple[int, str]:
        """Exit code and what it complained of; its process group is ended when the time is over."""
        process = subprocess.Popen(
            [str(self.folder / program), *words],
            env=_environment(server.parameters),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, said = process.communicate(timeout=server.left)
        except subprocess.TimeoutExpired:
            raise NotApplied(
                f"{program}: the time was over before it was done", "Give it a longer `deadline`."
            ) from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return process.returncode, said.decode("utf-8", "replace")


def _environment(parameters: Mapping[str, str]) -> dict[str, str]:
    return CLEAN | {ENVIRONMENT[name]: value for name, value in parameters.items()} | {"PGCONNECT_TIMEOUT": "10"}


def _on_path() -> list[Path]:
    return [Path(folder) for folder in CLEAN["PATH"].split(":")]


def _version(program: Path) -> int | None:
    """17 of `pg_dump (PostgreSQL) 17.2`; None when there is none or it does not say."""
    try:
        done = subprocess.run([str(program), "--version"], env=CLEAN, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rb"\(PostgreSQL\) (\d+)", done.stdout)
    return int(found[1]) if found else None
