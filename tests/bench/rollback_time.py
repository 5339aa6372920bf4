"""
Goal G4, run: from the start of `tidegate rollback` to the last new request that reached the new version.

A real Traefik with two routes, an instance of each version and customers as processes of their own, under full load; no
Prefect, no ledger, no metrics: the command has the way-back record and the router. The goal's run, and the same with
Prefect's server, what runs the flows and the watch up and running beside it:

    python -m tests.bench.rollback_time --runs 200 [--beside]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from blocks.wayback_folder import WayBackFolder
from deployments.serve import Serving
from tests.bench.zero_loss import BLUE, GREEN, _line, _program
from tests.house.tree import ROOT
from tidegate import kernel
from tidegate.traffic import Change, Seen, Setting, Side
from tidegate.wayback import Way, WayBack

ROUTES = {"api": "PathPrefix(`/api`)", "frontend": "PathPrefix(`/`)"}
WEIGHTS = (25, 50, 100)
SETTLES = 0.3  # seconds of traffic at the weight before the command starts
AFTERWARDS = 0.3  # seconds after its end in which nothing may reach green any more
GOAL_P99, GOAL_WORST = 1000.0, 3000.0  # milliseconds (reliability.md, G4)


@dataclass(slots=True)
class Figures:
    """Milliseconds from the command's start, one of each for every run."""

    last_green: list[float] = field(default_factory=list)  # to the last new request that green answered
    told: list[float] = field(default_factory=list)  # to what the command itself says, from its first line of code on
    ended: list[float] = field(default_factory=list)  # to the end of the command, ledger tried
    failed: int = 0
    requests: int = 0
    seconds: float = 0.0
    beside: str = "Prefect absent"

    def __str__(self) -> str:
        return (
            f"rollback, {len(self.last_green)} runs, {self.beside}: command start to last new green request "
            f"{_of(self.last_green)} ms; told by the command {_of(self.told)} ms; command ended {_of(self.ended)} ms; "
            f"{self.requests / self.seconds:,.0f} requests/s, failed {self.failed}, "
            f"load average {os.getloadavg()[0]:.1f}"
        )

    @property
    def good(self) -> bool:
        return _p99(self.last_green) <= GOAL_P99 and max(self.last_green) <= GOAL_WORST and not self.failed


def _of(times: list[float]) -> str:
    return f"p50 {median(times):.0f} p99 {_p99(times):.0f} worst {max(times):.0f}"


def _p99(times: list[float]) -> float:
    return quantiles(times, n=100, method="inclusive")[98] if len(times) > 1 else times[0]


class Stand:
    """A proxy with two routes, and customers who never stop."""

    def __init__(self, home: Path, ends: ExitStack) -> None:
        self.home = home
        proxy = TraefikProcess(home / "proxy")
        running = proxy.start()
        ends.callback(proxy.stop)
        blue, green = (ends.enter_context(_program("serve", version, "10")) for version in (BLUE, GREEN))
        self.blue, self.green = Side(BLUE, (_line(blue)["url"],)), Side(GREEN, (_line(green)["url"],))
        self.routers = {
            name: TraefikRouter(directory=proxy.routes, route=name, rule=rule, api_url=running.api_url)
            for name, rule in ROUTES.items()
        }
        for router in self.routers.values():
            router.install(self.blue)
        self.customers = ends.enter_context(_program("ask", running.web_url))
        self.records = WayBackFolder(home / "wayback")

    def begin(self, n: int) -> str:
        """Release n has some of the traffic, and its record lies where the command looks."""
        release, found = f"bench/{GREEN}/{n}", set[str]()
        for router in self.routers.values():
            mark = router.read().mark
            found |= {mark.stop.token} if mark and mark.stop else set()
            router.write(kernel.claim(release, n, self.green, found=found, over={f"bench/{GREEN}/{n - 1}"}))
            router.write(Change("raise", _raised(WEIGHTS[n % len(WEIGHTS)])))
        ways = tuple(
            Way(name, router.kind, router.address(), router.by_hand()) for name, router in self.routers.items()
        )
        self.records.write(WayBack("bench", release, GREEN, BLUE, "shifting", "2026-11-24T09:00:00+00:00", ways))
        return release

    def asked(self) -> dict[str, Any]:
        assert self.customers.stdin
        self.customers.stdin.write("told 10\n")
        self.customers.stdin.flush()
        return _line(self.customers)

    def roll_back(self, figures: Figures) -> None:
        """One run of the command as a person types it."""
        env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TIDEGATE_HOME": str(self.home)}
        argv = [sys.executable, "-m", "tidegate.cli", "rollback", "bench", "--json"]
        began = time.monotonic()
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=True)
        figures.ended.append((time.monotonic() - began) * 1000)
        figures.told.append(json.loads(done.stdout)["seconds"] * 1000)
        time.sleep(AFTERWARDS)
        last = self.asked()["green_asked_at"]
        figures.last_green.append(max(0.0, last - began) * 1000)


def _raised(weight: int) -> Any:
    def decide(seen: Seen) -> Setting:
        assert seen.split
        assert seen.mark
        return Setting(seen.split.at(weight), seen.mark)

    return decide


def rollback_time(home: Path, runs: int = 20, *, beside: bool = False) -> Figures:
    """Run it in this folder; `beside` a whole installation that is up."""
    figures = Figures()
    with ExitStack() as ends:
        if beside:
            serving = Serving(home)
            ends.callback(serving.stop)
            serving.start()
            figures.beside = "server, runner and watch up"
        began = time.monotonic()
        stand = Stand(home, ends)
        for n in range(1, runs + 1):
            stand.begin(n)
            time.sleep(SETTLES)
            stand.roll_back(figures)
        told = stand.asked()
    figures.requests, figures.failed = told["answered"], told["failed"]
    figures.seconds = time.monotonic() - began
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="rollbacks to measure (the goal's run: 200)")
    parser.add_argument("--beside", action="store_true", help="with Prefect's server, runner and watch up")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rollback-time-") as folder:
        figures = rollback_time(Path(folder), asked.runs, beside=asked.beside)
    print(figures)
    return 0 if figures.good else 1


if __name__ == "__main__":
    sys.exit(main())
