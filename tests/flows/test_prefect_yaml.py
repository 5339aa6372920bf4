"""`prefect deploy --all` and a process worker, as an installation with a work pool has them, on a server of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from tests.house.tree import ROOT

pytestmark = pytest.mark.timeout(400)
PATIENCE = 120.0  # seconds; a fresh server takes 15, on a loaded machine 60


class Pool:
    """A server, a home, and Prefect's own command line."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = chosen.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TIDEGATE_"))}
        self.env = {
            **keep,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "TIDEGATE_HOME": str(self.home),
            "COLUMNS": "200",
        }

    def prefect(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "prefect", *words]
        return subprocess.run(
            argv, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    @contextmanager
    def running(self, *words: str) -> Iterator[None]:
        """One of Prefect's own processes, in a group of its own; its log lies in the folder."""
        argv = [sys.executable, "-m", "prefect", *words]
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(argv, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)

    def await_server(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/health", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise AssertionError((self.folder / "server.log").read_text("utf-8")[-2000:])


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    made = Pool(tmp_path_factory.mktemp("pool"))
    made.home.mkdir(mode=0o700)
    SqlLedger(f"sqlite:///{made.home}/ledger.db").create()
    with made.running("server", "start", "--host", "127.0.0.1", "--port", str(made.port)):
        made.await_server()
        created = made.prefect("work-pool", "create", "--type", "process", "tidegate")
        assert created.returncode == 0, created.stderr
        deployed = made.prefect("--no-prompt", "deploy", "--all")
        assert deployed.returncode == 0, f"{deployed.stdout}\n{deployed.stderr}"
        yield made


def _deployments(pool: Pool) -> list[dict[str, Any]]:
    found = httpx.post(f"{pool.url}/deployments/filter", json={}, timeout=30)
    found.raise_for_status()
    told: list[dict[str, Any]] = found.json()
    return told


def test_every_flow_has_its_deployment_with_its_form(pool: Pool) -> None:
    told = {one["entrypoint"]: one for one in _deployments(pool)}
    assert set(told) == {"flows/release.py:release", "flows/rollback.py:rollback", "flows/verify.py:verify"}
    assert all(one["name"] == "shop" and one["work_pool_name"] == "tidegate" for one in told.values())
    form = told["flows/release.py:release"]["parameter_openapi_schema"]["definitions"]["ReleaseRequest"]
    assert form["required"] == ["version"]
    assert list(form["properties"])[:3] == ["version", "reason", "requester"]


def test_the_worker_finds_the_project_wherever_prefect_was_started(pool: Pool) -> None:
    for one in _deployments(pool):
        steps = [step for step in one["pull_steps"] for step in step.items()]
        assert [step[1]["directory"] for step in steps] == [str(ROOT)]


def test_a_worker_runs_the_flow_and_the_release_is_refused_with_the_plans_there_are(pool: Pool) -> None:
    runs = PrefectRuns(pool.url, timeout=30)
    request = {"version": "2.0", "plan": "no-such-plan"}
    with pool.running("worker", "start", "--pool", "tidegate", "--type", "process"):
        run_id = runs.start("release", "shop", {"request": request})
        deadline = time.monotonic() + PATIENCE
        while runs.state(run_id).type not in ("FAILED", "CRASHED", "COMPLETED") and time.monotonic() < deadline:
            time.sleep(0.3)
    state = runs.call("GET", f"/flow_runs/{run_id}")["state"]
    assert (state["type"], state["name"]) == ("FAILED", "Refused"), (pool.folder / "worker.log").read_text("utf-8")
    assert state["message"] == "no plan 'no-such-plan' in shop.yaml plans: canary, halves"
    assert SqlLedger(f"sqlite:///{pool.home}/ledger.db").releases("shop") == [], "nothing was begun"
