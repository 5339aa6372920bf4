"""What `tidegate rollback` stands on: a real proxy with two routes, two instances and the record; nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from blocks.wayback_folder import WayBackFolder
from tests.contract.backends import Backend, side
from tidegate import kernel
from tidegate.traffic import Change, Seen, Setting
from tidegate.wayback import Way, WayBack

ROOT = Path(__file__).parents[2]
RELEASE = "shop/2.0/1"
DEAD = "http://127.0.0.1:9/api"  # nothing listens there
ROUTES = {"api": "/api", "frontend": "/"}


class Stand:
    """A home with a proxy, two routes on which 2.0 carries 25 %, and the way-back record that the watch would write."""

    def __init__(self, home: Path, blue: Backend, green: Backend) -> None:
        self.home, self.blue, self.green = home, blue, green
        self.proxy = TraefikProcess(home / "proxy")
        running = self.proxy.start()
        self.url = running.web_url
        self.routers = {
            name: TraefikRouter(
                directory=self.proxy.routes, route=f"shop-{name}", rule=f"PathPrefix(`{path}`)", api_url=running.api_url
            )
            for name, path in ROUTES.items()
        }
        for router in self.routers.values():
            router.install(side(blue))
            router.write(kernel.claim(RELEASE, 1, side(green)))
        self.set(25)
        self.records = WayBackFolder(home / "wayback")
        self.write_record()

    def set(self, weight: int) -> None:
        def decide(seen: Seen) -> Setting:
            assert seen.split is not None
            assert seen.mark is not None
            return Setting(seen.split.at(weight), seen.mark)

        for router in self.routers.values():
            router.write(Change("raise", decide))

    def write_record(self, **changed: Any) -> WayBack:
        ways = tuple(
            Way(name, router.kind, router.address(), router.by_hand()) for name, router in self.routers.items()
        )
        at = "2026-11-24T09:00:00+00:00"
        record = WayBack("shop", RELEASE, "2.0", "1.0", "shifting", at, ways, f"sqlite:///{self.home}/ledger.db")
        self.records.write(replace(record, **changed))
        return record

    def roll_back(self, *words: str, python: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words, python=python), check=False, env=self.env(**env), **HOW)

    def argv(self, *words: str, python: tuple[str, ...] = ()) -> list[str]:
        return [sys.executable, *(python or ("-m", "tidegate.cli")), "rollback", *words]

    def env(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "TIDEGATE_HOME": str(self.home),
            "PREFECT_API_URL": DEAD,
            **more,
        }

    def weights(self) -> list[int]:
        return [router.read().weight for router in self.routers.values()]

    def marks(self) -> list[Any]:
        return [router.read().mark for router in self.routers.values()]


HOW: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 30, "stdin": subprocess.DEVNULL}
# As in a broken environment: no site packages, no variables of Python's, the repository alone on the path.
BARE = (
    "-S",
    "-I",
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tidegate.cli import main; sys.exit(main())",
)
