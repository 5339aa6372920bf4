"""
What a release costs beside what Prefect costs: a release without bakes against a bare flow of as many empty tasks.

Both run in this process, in turn, on one Prefect server. Real are server, flow and task runs, plan, ledger (SQLite),
kernel, the watch's looks (every 50 ms), registry, backup, notices and report. Stand-ins take the place of what would
dominate and is no overhead: proxy, instances and metrics (each answers at once), approval and checks (none), bookings.
Measured is what a person sees: from the call of the flow until Prefect shows every task as completed (it records them
after the fact, 40 ms of its processor each). What the release sleeps until the watch has looked is told apart, and
counted.

    python -m tests.bench.overhead --runs 9
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from prefect import flow, task
from prefect.runtime import flow_run
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_LEVEL,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

from blocks import connect
from blocks.folder_reports import FolderReports
from blocks.installation import Installation
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from blocks.system_clock import SystemClock
from blocks.wayback_folder import WayBackFolder
from tasks.retrying import EFFECT
from tasks.running import perform_plan
from tasks.session import Session
from tests.house.tree import ROOT
from tidegate.attempt import begin_attempt
from tidegate.ledger import ReleaseRow
from tidegate.lookout import Lookout
from tidegate.ports import Instance, PlatformState, Sample
from tidegate.release import release
from tidegate.spec import Spec
from tidegate.traffic import Change, Mark, Seen, Side, Split
from tidegate.world import Part, World

GOAL = 1.5
LOOKS = 0.05  # seconds between two looks
GOOD = {"error_rate": 0.001, "latency_p95": 0.02, "memory": 50e6}


class Instances:
    """Two healthy instances of whatever was asked for; the real digest is what they report."""

    def __init__(self, component: str) -> None:
        self.component, self.digests = component, {f"{component}-0": "sha256:" + "0" * 64}

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        name = f"{self.component}-{version}"
        self.digests[name] = digest
        state = self.status(name)
        assert state is not None
        return state

    def status(self, side_name: str) -> PlatformState | None:
        urls = tuple(f"http://127.0.0.1:{port}" for port in (1, 2))
        digest = self.digests[side_name]
        copies = tuple(Instance(f"{side_name}-{n}", url, True, digest) for n, url in enumerate(urls))
        return PlatformState(Side(side_name, urls), copies, 2)

    def scale(self, side_name: str, wanted: int) -> PlatformState:
        raise NotImplementedError

    def remove(self, side_name: str, grace: timedelta) -> None:
        raise NotImplementedError


class Route:
    """A route that compares and sets at once."""

    kind, compares = "memory", True

    def __init__(self, stable: Side) -> None:
        self.seen = Seen(Split(stable), Mark())
        self.lock = threading.Lock()

    def read(self) -> Seen:
        return self.seen

    def write(self, change: Change) -> Seen:
        with self.lock:
            decided = change.decide(self.seen)
            self.seen = Seen(decided.split, decided.mark)
            return self.seen

    def drained(self, side: Side) -> bool | None:
        return True

    def by_hand(self) -> str:
        return "nothing to do by hand"

    def address(self) -> dict[str, Any]:
        return {}


class Healthy:
    """Every metric of every side is as it should be."""

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        count = None if metric == "memory" else 1000
        return Sample(metric, GOOD[metric], count, 1 if metric == "error_rate" else None, window, datetime.now(UTC))


class CountedSleep(SystemClock):
    """The system's clock, which knows how long it has slept."""

    slept = 0.0

    def sleep(self, seconds: float) -> None:
        began = time.monotonic()
        super().sleep(seconds)
        self.slept += time.monotonic() - began


def without_bakes(home: Path) -> tuple[bytes, Spec]:
    """The shop's own spec: its four steps, two components, six gates; nothing to wait for."""
    told = yaml.safe_load((ROOT / "deployments" / "releases" / "shop.yaml").read_text("utf-8"))
    told |= {"readiness": None, "approvals": [], "checks": [], "looking": {"every": f"{LOOKS * 1000:.0f}ms"}}
    told["verification"]["checks"] = []
    for plan in told["plans"].values():
        for step in plan["steps"]:
            step["bake"] = "0s"
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True).encode()
    (home / "shop.yaml").write_bytes(text)
    return text, connect.read_spec(text, "shop.yaml")


class Bench:
    """One installation in a folder, and its watch in a thread."""

    def __init__(self, home: Path) -> None:
        self.home, self.text, self.versions = home, *without_bakes(home)[:1], 0
        self.ledger = SqlLedger(f"sqlite:///{home}/ledger.db")
        self.ledger.create()
        values = dict.fromkeys(("shop_url", "proxy_url", "proxy_api", "proxy_metrics"), "http://127.0.0.1:9")
        values |= {"home": str(home), "root": str(ROOT), "python": sys.executable, "shop_rate": "100"}
        installation = Installation(home, ROOT, f"sqlite:///{home}/ledger.db", "", values=values)
        self.clock = CountedSleep()
        self.session = Session(installation, self.ledger, PrefectRuns("http://127.0.0.1:9/api"), self.clock)
        with closing(sqlite3.connect(home / "shop.db")) as shop, shop:
            shop.execute("create table orders (id integer primary key)")
        self.world = self._world()
        self.lookout = Lookout(self.ledger, SystemClock(), lambda *_: self.world)
        self.going = True

    def _world(self) -> World:
        session = self.session
        spec = connect.read_spec(self.text, "shop.yaml")
        reports = FolderReports(self.home / "reports", self.ledger, session.frozen_spec)
        whole = connect.world(
            spec,
            session.installation,
            self.ledger,
            session.clock,
            wayback=WayBackFolder(self.home / "wayback"),
            reports=reports,
        )
        parts = {
            name: Part(Instances(name), Route(Side(f"{name}-0", ("http://127.0.0.1:1",))), part.registry, Healthy())
            for name, part in whole.parts.items()
        }
        return dataclasses.replace(whole, parts=parts)

    def opened(self) -> ReleaseRow:
        self.versions += 1
        version = str(self.versions)
        for component in self.world.parts:
            artifact = self.home / "artifacts" / version / component
            artifact.mkdir(parents=True)
            (artifact / "version").write_text(f"{component} {version}")
        body = {"system": "shop", "spec": self.text.decode(), "compress": 1, "request": {"version": version}}
        return self.ledger.open("shop", version, str(flow_run.id), {**body, "stops_found": {}, "named": []}, "bench")

    def watch(self) -> None:
        self.lookout.number = self.ledger.watch_take("bench", 3600) or 0
        while self.going:
            began = time.monotonic()
            self.lookout.round()
            time.sleep(max(0.0, LOOKS - (time.monotonic() - began)))

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.going = False
            thread.join(5)


@dataclasses.dataclass(frozen=True, slots=True)
class Body:
    """What a flow's body says of itself: its run, its tasks, its seconds, and those of them that it slept."""

    run_id: str
    tasks: int
    seconds: float
    slept: float
    shown: float = 0.0  # seconds from the call until Prefect shows all of it

    @property
    def worked(self) -> float:
        return self.shown - self.slept


@flow(name="a release without bakes", validate_parameters=False, persist_result=False)
def release_flow(bench: Bench, told: list[Body]) -> Any:
    began, slept = time.monotonic(), bench.clock.slept
    row = bench.opened()
    attempt = begin_attempt(bench.world, row, str(flow_run.id), 30, "bench")
    shown = perform_plan(bench.session, attempt, release(bench.world.spec))
    tasks = sum(entry.kind == "outcome" for entry in bench.ledger.entries(row.id))
    told.append(Body(str(flow_run.id), tasks, time.monotonic() - began, bench.clock.slept - slept))
    return shown


@task(task_run_name="nothing {number}", **EFFECT)
def nothing(number: int) -> int:
    return number


@flow(name="a bare flow", validate_parameters=False, persist_result=False)
def bare_flow(tasks: int, told: list[Body]) -> None:
    began = time.monotonic()
    for number in range(tasks):
        nothing(number)
    told.append(Body(str(flow_run.id), tasks, time.monotonic() - began, 0.0))


@dataclasses.dataclass(frozen=True, slots=True)
class Figures:
    """Bodies in the order they were measured."""

    releases: list[Body]
    bares: list[Body]

    @property
    def ratio(self) -> float:
        """All that a person waits for against the same, of medians: what the release sleeps is counted, too."""
        waited = _median(self.releases, "worked") + _median(self.releases, "slept")
        return waited / _median(self.bares, "worked")

    def __str__(self) -> str:
        bodies = _median(self.releases, "seconds") - _median(self.releases, "slept"), _median(self.bares, "seconds")
        mine, slept = _median(self.releases, "worked"), _median(self.releases, "slept")
        theirs, tasks = _median(self.bares, "worked"), self.bares[0].tasks
        return (
            f"overhead: a release of {tasks} tasks {mine + slept:.2f} s, {slept:.2f} s of them asleep until the watch "
            f"had looked; a bare flow of as many empty tasks {theirs:.2f} s; ratio {self.ratio:.2f} "
            f"(goal {GOAL}); in the flow's own process {(bodies[0] - bodies[1]) / tasks * 1000:.0f} ms more an act; "
            f"medians of {len(self.bares)} runs each; load average {os.getloadavg()[0]:.1f}"
        )


def _median(bodies: list[Body], name: str) -> float:
    return float(statistics.median(getattr(body, name) for body in bodies))


def shown(bodies: list[Body], call: Callable[[list[Body]], Any]) -> None:
    """Call a flow, and wait until Prefect shows all its tasks as completed."""
    told, began = list[Body](), time.monotonic()
    call(told)
    (body,) = told
    wanted = {
        "flow_runs": {"id": {"any_": [body.run_id]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    runs = PrefectRuns(str(PREFECT_API_URL.value()), timeout=30)
    while runs.call("POST", "/task_runs/count", wanted) < body.tasks:
        assert time.monotonic() < began + 120, "Prefect does not show all tasks"
        time.sleep(0.02)
    bodies.append(dataclasses.replace(body, shown=time.monotonic() - began))


def overhead(home: Path, runs: int = 3) -> Figures:
    """In turn, so that both meet the same machine; the first of each is a warm-up."""
    releases, bares = list[Body](), list[Body]()
    quiet = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_LEVEL: "WARNING"}
    with prefect_test_harness(server_startup_timeout=180), temporary_settings(quiet):
        bench = Bench(home)
        with bench.watched():
            for _ in range(runs + 1):
                shown(releases, lambda told: release_flow(bench, told))
                shown(bares, lambda told: bare_flow(releases[-1].tasks, told))
    return Figures(releases[1:], bares[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    os.environ["PREFECT_LOGGING_SERVER_LEVEL"] = "CRITICAL"  # a server that is ended says so at length
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        figures = overhead(Path(folder), asked.runs)
    print(figures)
    return 0 if figures.ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
