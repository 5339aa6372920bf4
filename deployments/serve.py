"""
Everything on one machine: Prefect's server, what runs the flows, the watch, the embedded proxy; started and kept.

`python -m deployments.serve` stays in the foreground; `tidegate up` starts it in the background. Whatever dies is
started again. Ports are chosen once per installation and kept; a port that is taken by then is replaced, and named.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from blocks.installation import FILE, SERVING
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from blocks.traefik_process import TraefikProcess
from deployments.child import ROOT, Child
from deployments.pulse import Pulse
from tidegate.errors import TidegateError

PORTS = 3  # tries
HANGS_AFTER = 60.0  # seconds without one write: a loaded machine's server has needed 20
UP_WITHIN = 90.0  # seconds until the server answers; a fresh database takes 15


class Serving:
    """The installation's processes, in the order they need each other."""

    def __init__(self, home: Path, settings: dict[str, Any] | None = None, *, fresh: bool = False) -> None:
        self.home, self.settings, self.fresh = home, settings or {}, fresh
        self.going = True
        self.children: list[Child] = []
        self.notes: list[str] = []

    def start(self, meanwhile: Callable[[], object] = lambda: None) -> dict[str, Any]:
        """
        Start all; what was written to installation.json. TidegateError names what did not come up.

        `meanwhile` runs while the server starts: the proxy stands, the file tells where, and nothing answers for
        Prefect yet. What it raises is raised here, when the server is up.
        """
        os.umask(0o077)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        SqlLedger(os.environ.get("TIDEGATE_LEDGER_URL", f"sqlite:///{self.home}/ledger.db")).create()
        proxy = TraefikProcess(self.home / "proxy").start()
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True, mode=0o700)
        values = {"shop_url": proxy.web_url, "proxy_url": proxy.web_url}
        values |= {"proxy_api": proxy.api_url, "proxy_metrics": proxy.metrics_url}
        told = self._told(values)
        _write(self.home / FILE, told)
        with ThreadPoolExecutor(1, "meanwhile") as beside:
            going = beside.submit(meanwhile)
            url = self._start_server(logs)
            if self.fresh:
                PrefectRuns(url, timeout=10).cancel_all()
            going.result()
        told = {**told, "prefect_url": url, "pid": os.getpid(), "notes": self.notes}
        _write(self.home / FILE, told)  # what runner and watch have waited for
        return told

    def _start_server(self, logs: Path) -> str:
        """Our own Prefect server, and beside it those that use it: they load while it starts; its address."""
        for _ in range(PORTS):
            port = self._port()
            url = f"http://127.0.0.1:{port}/api"
            env = self._environment(url, port)
            server = [sys.executable, "-m", "deployments.server", "--host", "127.0.0.1", "--port", str(port)]
            self.children = [Child("server", server, env, logs / "server.log"), *self._users(env, logs)]
            for child in self.children:
                child.start()
            if self._await_server(url):
                return url
            self.stop()
        raise TidegateError(f"other programs took {PORTS} ports while a server was starting", "try again")

    def _users(self, env: dict[str, str], logs: Path) -> list[Child]:
        """
        Customers come first on a machine that everything shares: starting a flow costs two seconds of a whole core, so
        the runner steps behind them.
        """
        told = {**env, SERVING: str(os.getpid())}
        return [
            Child(name, [sys.executable, "-m", f"deployments.{name}"], told, logs / f"{name}.log", nice=nice)
            for name, nice in (("runner", 3), ("watch", 0))
        ]

    def _told(self, values: dict[str, str]) -> dict[str, Any]:
        """All but Prefect's address; that of last time stands until the server is up: its port is tried first."""
        given = dict(self.settings)
        values |= given.pop("values", {})
        last = {"prefect_url": url} if (url := self._last_url()) else {}
        return {"id": self._id(), **last, **given, "values": values}

    def _id(self) -> str:
        """One name for this ledger: two ledgers over one Prefect must not answer each other's bookings."""
        path = self.home / "ledger.id"
        if self.fresh or not path.exists():
            path.write_text(uuid.uuid4().hex[:12])
        return path.read_text()

    def _port(self) -> int:
        """The port of last time, if it is free; else another, which is named."""
        try:
            wanted = int(self._last_url().split(":")[2].split("/")[0])
        except (ValueError, IndexError):
            wanted = 4200
        if _free(wanted):
            return wanted
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            other: int = chosen.getsockname()[1]
        self.notes.append(f"port {wanted} is taken; Prefect's UI is at {other}")
        return other

    def _last_url(self) -> str:
        try:
            return str(json.loads((self.home / FILE).read_text("utf-8"))["prefect_url"])
        except (OSError, ValueError, KeyError):
            return ""

    def _environment(self, url: str, port: int) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return {
            **keep,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "TIDEGATE_HOME": str(self.home),
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_API_URL": url,
            "PREFECT_UI_API_URL": url,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_RUNNER_POLL_FREQUENCY": "1",
            "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
            "PREFECT_API_REQUEST_TIMEOUT": "5",  # a dead server must not hold a run for minutes (docs/prefect.md)
            "PREFECT_CLIENT_MAX_RETRIES": "2",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url.removesuffix("/api"),
        }

    def _await_server(self, url: str) -> bool:
        """Until it answers; False when it is a stranger's: two that start at once may both find one port free."""
        deadline, server = time.monotonic() + UP_WITHIN, self.children[0]
        while time.monotonic() < deadline:
            if server.process is not None and server.process.poll() is not None:
                if not _free(int(url.split(":")[2].split("/")[0])):
                    return False
                raise TidegateError(f"Prefect's server ended at once: {_last(server.log)}", f"see {server.log}")
            try:
                asked = f"{url}/admin/settings"
                with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310  # our own loopback address
                    told = Path(str(json.load(answer).get("home")))
                return told.resolve() == (self.home / "prefect").resolve()
            except (OSError, ValueError):
                time.sleep(0.1)
        raise TidegateError(f"Prefect's server did not answer within {UP_WITHIN:.0f} s", f"see {server.log}")

    def keep(self) -> None:
        """Until told to stop."""
        proxy, server = TraefikProcess(self.home / "proxy"), self.children[0]
        pulse = Pulse(str(server.env["PREFECT_API_URL"]))
        pulse.start()
        while self.going:
            if pulse.silent_for(server.started) > HANGS_AFTER:
                server.hangs(f"did not write for {HANGS_AFTER:.0f} s")
            for child in self.children:
                child.keep()
            if proxy.running() is None:
                proxy.start()
            time.sleep(0.3)

    def stop(self, *, proxy: bool = False) -> None:
        """End the children; the proxy goes on serving unless asked otherwise: customers are not ours to cut off."""
        for child in self.children[1:]:
            child.ask_to_end()  # all at once: each takes seconds; the server, which is the first, after them
        for child in reversed(self.children):
            child.stop()
        if proxy:
            TraefikProcess(self.home / "proxy").stop()

    def end(self, *_: int | FrameType | None) -> None:
        self.going = False


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write(path: Path, told: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.touch()
    new.chmod(0o600)  # values may be secrets
    new.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    new.replace(path)


def _last(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing"


def main() -> int:
    home = Path(os.environ.get("TIDEGATE_HOME", ".tidegate")).resolve()
    settings = json.loads(os.environ.get("TIDEGATE_SETTINGS", "{}"))
    serving = Serving(home, settings)
    signal.signal(signal.SIGTERM, serving.end)
    signal.signal(signal.SIGINT, serving.end)
    try:
        serving.start()
        (home / "ready").write_text(str(os.getpid()))
        serving.keep()
    except TidegateError as no:
        print(f"{no}\n{no.advice}", file=sys.stderr)
        return 1
    finally:
        (home / "ready").unlink(missing_ok=True)
        serving.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
