"""Start the installation's processes in the background and stay until they serve: server, deployments, watch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidegate.cli import here, terminal
from tidegate.cli.served import PROGRAM, Served, environment, note
from tidegate.errors import TidegateError

UP_WITHIN = 150.0  # seconds; a fresh database and a busy machine take 30
WATCH_WITHIN = 20.0


def start(home: Path) -> Served:
    """Start it, and stay until it serves; TidegateError with its last words when it does not."""
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    with (logs / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM],
            cwd=here.root(),
            env=environment(home, here.root()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the end of this terminal is not its end
        )
    running = note(home, process.pid)
    try:
        _wait("Starting Prefect's server and the proxy", lambda: _is_ready(home, process), UP_WITHIN)
        _wait("Bringing the deployments to Prefect", lambda: _serves(home, process), UP_WITHIN)
        _wait("Waiting for the watch", lambda: _watches(process), WATCH_WITHIN)
    except TidegateError:
        if process.poll() is None:
            process.terminate()
        raise
    return running


def _wait(what: str, done: Callable[[], bool], within: float) -> None:
    began = time.monotonic()
    terminal.tell(f"{what} ...")
    while not done():
        if time.monotonic() - began > within:
            raise TidegateError(f"{what}: not done within {within:.0f} s", f"see the logs in {here.home() / 'logs'}")
        time.sleep(0.2)


def _lives(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        log = here.home() / "logs" / "serve.log"
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-2:]
        raise TidegateError(f"it ended at once: {' '.join(lines) or 'it wrote nothing'}", f"see {log}")


def _is_ready(home: Path, process: subprocess.Popen[bytes]) -> bool:
    _lives(process)
    try:
        return (home / "ready").read_text("ascii").strip() == str(process.pid)
    except OSError:
        return False


def _serves(home: Path, process: subprocess.Popen[bytes]) -> bool:
    """Whether Prefect knows the deployments of every system that is offered."""
    from blocks.prefect_runs import PrefectRuns
    from deployments.offers import offered
    from tidegate.errors import ConnectorError

    _lives(process)
    runs = PrefectRuns(str(told(home)["prefect_url"]))
    systems = offered(here.root() / "deployments" / "releases")
    try:
        return all(runs.deployment(flow, system) for system in systems for flow in ("release", "rollback", "verify"))
    except ConnectorError:
        return False


def _watches(process: subprocess.Popen[bytes]) -> bool:
    from tidegate.cli.opened import Opened
    from tidegate.cli.served import watch_lease
    from tidegate.errors import LedgerUnavailable

    _lives(process)
    try:
        lease = watch_lease(Opened.here().ledger)
    except LedgerUnavailable:
        return False
    return lease is not None and lease.left > 0


def told(home: Path) -> dict[str, Any]:
    """What the installation has written of itself; empty before its first start."""
    from blocks.installation import FILE

    try:
        found: dict[str, Any] = json.loads((home / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
