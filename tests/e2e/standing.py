"""
A whole system that stands for a test: server, runner, watch, proxy, shop and customers, as `make up` leaves them.

Everything lies in one temporary home; whatever was started there ends with the test.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.installation import FILE
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from examples.demo.stage import end_left_over
from tests.house.tree import ROOT
from tidegate.errors import LedgerUnavailable, Unreachable
from tidegate.ledger import Entry
from tidegate.ports import RunState
from tidegate.story import State, Story

RATE = 200  # customers' requests a second: a half of it is enough for every gate, and leaves the machine usable
COMPRESS = 120  # the quick plan's hour is thirty seconds
GRACE = 8.0
PATIENCE = 90.0  # seconds for anything to happen at all; a loaded machine needs twenty to start a flow

T = TypeVar("T")


class Standing:
    """The standing system: its addresses, its ledger, and the little that tests do with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        told: dict[str, Any] = json.loads((home / FILE).read_text("utf-8"))
        self.api, self.shop = str(told["prefect_url"]), str(told["values"]["shop_url"])
        self.ui = self.api.removesuffix("/api")
        self.runs = PrefectRuns(self.api, timeout=15)
        self.ledger = SqlLedger(f"sqlite:///{home}/ledger.db")

    # -- what a person does ------------------------------------------------------------------------------------------

    def release(self, version: str = "2.0", plan: str = "halves", reason: str = "a test") -> str:
        """Start a release; the run's id."""
        request = {"version": version, "reason": reason, "requester": "a test", "plan": plan}
        return self.runs.start("release", "shop", {"request": request}, tags=["tidegate", "system:shop"])

    def approve(self, run_id: str, decision: str = "approve", plan: str = "halves") -> str:
        """Wait until the run is suspended, and answer; the release's id."""
        self.await_state(run_id, "Suspended")
        answer = {"decision": decision, "approver": "kim", "note": "-", "plan": plan}
        self.await_(lambda: self.runs.resume(run_id, answer) == "", f"the answer to {run_id} is taken")
        return self.release_of(run_id)

    def to_half(self, version: str = "2.0") -> tuple[str, str]:
        """A release whose green has half of the traffic, in the first bake; run and release."""
        run_id = self.release(version)
        release = self.approve(run_id)
        self.await_(lambda: self.weights() == [50, 50], f"{release} stands at 50 %")
        return run_id, release

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Prefect's API, as its UI uses it."""
        return self.runs.call(method, path, body, tries=6)

    def set_state(self, run_id: str, kind: str, name: str = "", *, force: bool = True) -> None:
        """*Change state*, *Cancel* and *Retry* of a run's menu."""
        state = {"type": kind, "name": name or kind.title()}
        answer = self.call("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": force})
        assert answer["status"] == "ACCEPT", answer

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        return _tool(self.home, "-m", "tidegate.cli", *words, within=60)

    # -- what a person sees ------------------------------------------------------------------------------------------

    def release_of(self, run_id: str) -> str:
        """The release that this run began, from the ledger."""

        def mine() -> str:
            return next((row.id for row in self.ledger.releases("shop") if self.began(row.id) == run_id), "")

        return self.await_(mine, f"run {run_id} has a release")

    def began(self, release: str) -> str:
        """The run that began this release or goes on with it."""
        row = self.ledger.find(release)
        return row.run_id if row is not None else ""

    def entries(self, release: str) -> list[Entry]:
        return list(self.ledger.entries(release))

    def story(self, release: str) -> Story:
        return Story.of(self.entries(release))

    def weights(self) -> list[int]:
        """What the routes' files say of green, api first."""
        return [self.route(name)["weight"] for name in ("api", "frontend")]

    def route(self, component: str) -> dict[str, Any]:
        """Weight of green and mark of this component's route, read without any code of ours."""
        lines = (self.home / "proxy" / "routes" / f"shop-{component}.yaml").read_text("utf-8").splitlines()
        mark = json.loads(lines[0].removeprefix("# tidegate-mark: "))
        services = json.loads("\n".join(line for line in lines if not line.startswith("#")))["http"]["services"]
        split = services[f"shop-{component}"]["weighted"]["services"]
        return {"mark": mark, "weight": split[1]["weight"] if len(split) > 1 else 0}

    def customers(self) -> dict[str, Any]:
        """The customers' own account, at most a second old."""
        account: dict[str, Any] = json.loads((self.home / "customers.json").read_text("utf-8"))
        return account

    # -- waiting -----------------------------------------------------------------------------------------------------

    def await_(self, what: Callable[[], T], told: str, within: float = PATIENCE) -> T:
        """Until it is true; AssertionError names what did not come."""
        deadline = time.monotonic() + within
        while True:
            try:
                found = what()
            except (LedgerUnavailable, Unreachable):  # a busy machine; asked again
                found = None
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"within {within:.0f} s it did not happen that {told}")
            time.sleep(0.1)

    def await_state(self, run_id: str, name: str, within: float = PATIENCE) -> RunState:
        """Until Prefect shows this name for the run."""
        shown = RunState(run_id, None)

        def there() -> bool:
            nonlocal shown
            shown = self.runs.state(run_id)
            return shown.name == name

        try:
            self.await_(there, "")
        except AssertionError:
            raise AssertionError(
                f"{run_id} shows {shown.name or 'nothing'}, not {name}, after {within:.0f} s"
            ) from None
        return shown

    def await_story(self, release: str, state: State, within: float = PATIENCE) -> Story:
        """Until the chain tells this state."""
        story = self.story(release)

        def there() -> bool:
            nonlocal story
            story = self.story(release)
            return story.state is state

        try:
            self.await_(there, "", within)
        except AssertionError:
            raise AssertionError(f"{release} is {story.state} after {within:.0f} s, not {state}") from None
        return story

    def settle(self) -> None:
        """Until nothing is active and all traffic is where the last release left it: the next one may begin."""
        self.await_(lambda: not any(row.active for row in self.ledger.releases("shop")), "nothing is active")


@contextmanager
def standing_system(home: Path, rate: int = RATE, compress: int = COMPRESS) -> Iterator[Standing]:
    """Start it, and end it whatever happened."""
    options = ["--rate", str(rate), "--compress", str(compress), "--grace", str(GRACE)]
    _choose_port(home)
    try:
        up = _tool(home, "-m", "examples.demo.standing", "up", "--home", str(home), *options, within=280)
        assert up.returncode == 0, f"{up.stdout}\n{up.stderr}"
        yield Standing(home)
    finally:
        _tool(home, "-m", "examples.demo.standing", "down", "--home", str(home), within=90)
        end_left_over(home)


def _choose_port(home: Path) -> None:
    """Not the port that everybody tries first: several of these may start at once on one machine."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        told = {"prefect_url": f"http://127.0.0.1:{chosen.getsockname()[1]}/api"}
    home.mkdir(exist_ok=True, mode=0o700)
    (home / FILE).write_text(json.dumps(told), "utf-8")


def _tool(home: Path, *words: str, within: float) -> subprocess.CompletedProcess[str]:
    """One of our programs, in this home and with nothing of the tester's own Prefect."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TIDEGATE_"))}
    env = {**keep, "PYTHONPATH": str(ROOT), "TIDEGATE_HOME": str(home)}
    argv = [sys.executable, *words]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=within, check=False)
