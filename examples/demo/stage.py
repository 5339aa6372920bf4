"""
The stage of the demo: the shop's first version running behind the proxy, and customers who never stop.

Uses the same connectors that the shop's release spec names, so nothing here is special to the demo.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from blocks.installation import Installation
from blocks.process_platform_processes import end
from blocks.process_platform_state import Shelf
from blocks.sql_ledger import SqlLedger
from blocks.system_clock import SystemClock
from tidegate.world import World

ROOT = Path(__file__).parent.parent.parent
SHOP = ROOT / "examples" / "shop"
CUSTOMERS_FOR = 3600  # seconds; whoever forgets them does not find them tomorrow


def versions() -> dict[str, Any]:
    """The example's own map: which version a demo's name means, and what end it deserves."""
    told: dict[str, Any] = json.loads((SHOP / "releases.json").read_text("utf-8"))
    return told


class Stage:
    """The shop and its customers in one installation's home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.account = home / "customers.json"
        self._customers: subprocess.Popen[bytes] | None = None

    def clear(self) -> None:
        """Away with what an earlier demo left: its instances, routes, ledger and records. Prefect's database stays."""
        self.rest_instances()
        for name in ("platform", "proxy/routes", "wayback", "backups"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        for path in [*self.home.glob("ledger.db*"), *self.home.glob("shop.db*"), self.account]:
            path.unlink(missing_ok=True)

    def build(self, *wanted: str) -> None:
        """Build these versions' artifacts."""
        argv = [sys.executable, str(SHOP / "build.py"), *wanted, "--out", str(self.home / "artifacts")]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def world(self) -> World:
        """The shop's connectors; they load Prefect, which takes two seconds that nobody else has to wait."""
        from blocks.connect import read_spec, world

        installation = Installation.here()
        path = installation.spec_file("shop")
        spec = read_spec(path.read_bytes(), str(path), installation.compress)
        return world(spec, installation, SqlLedger(installation.ledger_url), SystemClock())

    def open_shop(self, version: str) -> None:
        """This version serves everything: the stable that a release finds."""
        stage = self.world()
        for name, part in stage.parts.items():
            source = stage.spec.components[name].source.replace("{version}", version)
            digest = part.registry.push(source, version)
            state = part.platform.create(f"shop/{version}/0", version, digest, stage.spec.components[name].instances)
            part.router.install(state.side)  # type: ignore[attr-defined]  # the embedded router can make its own route

    def let_customers_in(self, url: str, rate: int, *, forever: bool = False) -> None:
        """
        Customers are a process of their own: they alone count what was sent and what failed.

        With `forever` they outlive this process (`close` finds them by their pid file); still for an hour at most.
        """
        if forever and self._standing() is not None:
            return
        argv = [sys.executable, str(SHOP / "customers.py"), url, "--out", str(self.account), "--rate", str(rate)]
        with (self.home / "customers.log").open("ab") as log:
            self._customers = subprocess.Popen(
                [*argv, "--seconds", str(CUSTOMERS_FOR)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=forever,
            )
        if forever:
            (self.home / "customers.pid").write_text(str(self._customers.pid))

    def _standing(self) -> int | None:
        """The pid of customers that an earlier `make up` let in, if they are still here."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.home / "customers.pid").read_text())
            if str(self.account) in Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace"):
                return pid
        return None

    def wake_instances(self) -> None:
        """Start again what a reboot or `rest_instances` ended, on its old ports: the routes name them."""
        stage = self.world()
        for name, part in stage.parts.items():
            for path in sorted((self.home / "platform" / name).glob("*.json")):
                state = part.platform.status(path.stem)
                if state is not None and state.wanted:
                    part.platform.scale(path.stem, state.wanted)

    def rest_instances(self) -> None:
        """End every instance, and keep what is written of it: `wake_instances` finds the same sides again."""
        for name in ("api", "frontend"):
            for path in sorted((self.home / "platform" / name).glob("*.json")):
                record = Shelf(path.parent, path.stem).read()
                if record is not None:
                    end([copy.process for copy in record.copies], path.stem, grace=2.0)

    def counted(self) -> dict[str, Any]:
        """The customers' account as it is now; empty before the first one."""
        with contextlib.suppress(OSError, ValueError):
            told: dict[str, Any] = json.loads(self.account.read_text("utf-8"))
            return told
        return {}

    def close(self) -> None:
        """Customers leave (their last account is written), then the shop's instances end."""
        if self._customers is not None and self._customers.poll() is None:
            self._customers.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._customers.wait(5)
        pid = self._standing()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        (self.home / "customers.pid").unlink(missing_ok=True)

    def end_instances(self) -> None:
        for name in ("api", "frontend"):
            _end_instances(self.home / "platform" / name)


def _end_instances(folder: Path) -> None:
    """Every side that this folder's platform has written down, by the platform itself."""
    if not folder.is_dir():
        return
    from blocks.process_platform import ProcessPlatform

    platform = ProcessPlatform(component=folder.name, directory=folder, registry=folder, command=["true"])
    for side in sorted(folder.glob("*.json")):
        platform.remove(side.stem, timedelta(seconds=2))


def left_over(home: Path) -> list[int]:
    """Processes of an earlier, interrupted demo of this home, found by their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"TIDEGATE_HOME={home}\0".encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
    return found


def end_left_over(home: Path) -> int:
    """End them; how many there were."""
    pids = left_over(home)
    for kind in (signal.SIGTERM, signal.SIGKILL):
        for pid in left_over(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, kind)
        until = time.monotonic() + 5
        while left_over(home) and time.monotonic() < until:
            time.sleep(0.05)
    return len(pids)
