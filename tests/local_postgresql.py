"""A PostgreSQL server of the tests' own: one temporary cluster on a free loopback port, gone at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30


def programs() -> Path | None:
    """The folder of the newest server programs (initdb, pg_ctl); None when this machine has none."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda found: int(found.parts[-3].split(".")[0]), default=None)
    on_path = shutil.which("initdb")
    return newest.parent if newest else Path(on_path).resolve().parent if on_path else None


@contextmanager
def server(found: Path, *, fsync: bool = False) -> Iterator[str]:
    """
    Run a server and give its URL, with a password, for SQLAlchemy.

    PostgreSQL refuses to run as root; then it runs as `postgres`, whom Debian's package brings along. Only a
    benchmark needs `fsync`.
    """
    home = Path(tempfile.mkdtemp(prefix="pg-"))  # not in pytest's folders: those are closed to other users
    secret = home / "password"
    secret.write_text(secrets.token_urlsafe(16))
    as_owner: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        for path in (home, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*as_owner, str(found / program), *arguments],
            cwd=home,
            stdin=subprocess.DEVNULL,
            # a file and not a pipe: the server inherits it and would keep a pipe open
            stdout=(home / "said").open("a"),
            stderr=subprocess.STDOUT,
            timeout=2 * START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{(home / 'said').read_text()}")

    cluster = str(home / "cluster")
    control = ("pg_ctl", "-D", cluster, "-w", "-t", str(START_SECONDS))
    port = _free_port()
    settings = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync={'on' if fsync else 'off'}"
    )
    try:
        run(
            "initdb", "-D", cluster, "-U", "tidegate", "-A", "scram-sha-256", f"--pwfile={secret}",
            "-E", "UTF8", "--locale=C", "-N",
        )  # fmt: skip
        run(*control, "-l", str(home / "log"), "-o", settings, "start")
        try:
            yield f"postgresql+psycopg://tidegate:{secret.read_text()}@127.0.0.1:{port}/postgres"
        finally:
            run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
