"""
A whole installation that stands for many releases: server, runner, watch, proxy, shop and customers in one temp home.

As the demo starts them, with the shop's own spec made shorter. Tests end its processes from outside and look at what
is left; everything here that looks does so without the code under test (the chain by plain SQL, routes by their files).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import yaml

from blocks.installation import FILE
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from deployments.child import Child
from deployments.serve import Serving
from examples.demo.stage import Stage, end_left_over
from tests.house.tree import ROOT
from tidegate.errors import ConnectorError, TidegateError, Unreachable
from tidegate.story import State, Story

RATE = 100  # customers' requests a second: enough for a step's samples, and little for the machine
COMPRESS = 180
ENDS = (State.ROLLED_BACK, State.ABORTED, State.CLOSED)

Document = dict[str, Any]


def shorter(spec: Document) -> None:
    """The shop's spec for many quick releases: two steps of some seconds, few samples, one far verification."""
    spec["plan"] = "halves"
    spec["plans"]["halves"]["steps"] = [{"weight": 50, "bake": "12m"}, {"weight": 100, "bake": "12m"}]
    for gate in spec["gates"]:
        if "min_samples" in gate:
            gate |= {"min_samples": 20, "window": "30m"}
    spec["verification"]["slots"] = ["7d"]
    spec["cleanup"]["keep_blue"] = "8d"


class Line(NamedTuple):
    """One entry of a chain, as plain SQL reads it."""

    seq: int
    kind: str
    key: str
    body: dict[str, Any]
    epoch: int | None


def _prefer_any_port(home: Path) -> None:
    """As if this installation had run before on a free port: the default one is everybody's."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
    (home / FILE).write_text(json.dumps({"prefect_url": f"http://127.0.0.1:{port}/api"}), "utf-8")


class PatientRuns(PrefectRuns):
    """The test's own way to Prefect's API: it outlives the server that it killed."""

    def call(self, method: str, path: str, body: Any = None, *, missing_is_none: bool = False, tries: int = 4) -> Any:
        deadline = time.monotonic() + 120
        while True:
            try:
                return super().call(method, path, body, missing_is_none=missing_is_none, tries=tries)
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)


class StandingShop:
    """Use as a context: everything runs inside, and nothing after."""

    def __init__(
        self,
        home: Path,
        *,
        rate: int = RATE,
        compress: int = COMPRESS,
        lease: float = 4,
        grace: float = 4,
        edit: Callable[[Document], None] = shorter,
    ) -> None:
        self.home, self.rate, self.number = home, rate, 100
        self.root = home / "root"
        self._before = {name: os.environ.get(name) for name in ("TIDEGATE_HOME", "TIDEGATE_ROOT")}
        os.environ.update(TIDEGATE_HOME=str(home), TIDEGATE_ROOT=str(self.root))
        self.edit_spec(edit)
        settings = {
            "compress": compress,
            "seconds": {"grace": grace, "lease": lease},
            "values": {"shop_rate": str(rate // 2)},
        }
        _prefer_any_port(home)
        self.serving, self.stage = Serving(home, settings, fresh=True), Stage(home)
        self.keeper = threading.Thread(target=self.serving.keep, name="keeper", daemon=True)
        self.told: dict[str, Any] = {}

    def edit_spec(self, edit: Callable[[Document], None]) -> None:
        """The real spec, changed by `edit`, as this installation's own."""
        spec = yaml.safe_load((ROOT / "deployments" / "releases" / "shop.yaml").read_text("utf-8"))
        edit(spec)
        folder = self.root / "deployments" / "releases"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "shop.yaml").write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), "utf-8")

    def __enter__(self) -> Self:
        try:
            self.stage.build("1.0", "2.0", "2.1")
            self.told = self.serving.start()
            self.keeper.start()
            self.stage.open_shop("1.0")
            self.stage.let_customers_in(self.told["values"]["shop_url"], self.rate)
            self._await_deployments()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stage.close()
        self.serving.end()
        if self.keeper.is_alive():
            self.keeper.join(5)
        self.serving.stop()
        end_left_over(self.home)  # what a killed parent left behind; nobody starts an instance any more
        self.stage.end_instances()
        self.serving.stop(proxy=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _await_deployments(self) -> None:
        deadline = time.monotonic() + 90
        for flow in ("release", "rollback", "verify"):
            while True:
                with suppress(TidegateError):
                    self.runs.deployment(flow, "shop")
                    break
                assert time.monotonic() < deadline, "the runner has registered no deployments"
                time.sleep(0.2)

    # -- releases -----------------------------------------------------------------------------------------------------

    @cached_property
    def runs(self) -> PrefectRuns:
        """Prefect's API; a server that was killed or is busy is asked again for two minutes."""
        return PatientRuns(self.told["prefect_url"], timeout=20)

    @cached_property
    def ledger(self) -> SqlLedger:
        return SqlLedger(f"sqlite:///{self.home}/ledger.db")

    def new_version(self, like: str = "2.0") -> str:
        """A version that nobody has released yet, with the bytes of `like` but for its name."""
        self.number += 1
        name = f"{like}.{self.number}"
        for component in ("api", "frontend"):
            source, made = self.home / "artifacts" / like / component, self.home / "artifacts" / name / component
            shutil.copytree(source, made)
            told = json.loads((made / "version.json").read_text("utf-8"))
            (made / "version.json").write_text(json.dumps({**told, "version": name}, indent=2) + "\n", "utf-8")
        return name

    def start(self, version: str, **more: object) -> str:
        """Start a release as a person does; its flow run."""
        request = {"version": version, "reason": "a test", "requester": "a test", **more}
        return self.runs.start("release", "shop", {"request": request})

    def answer(self, story: Story, decision: str = "approve", **more: str) -> bool:
        """Answer what is asked now, by the resume that a person uses; whether it was taken."""
        for question in story.questions.values():
            given = {"decision": decision, "approver": "a test", "note": "-", **more}
            if question.gate in {"go", "leave-park"}:
                given.setdefault("plan", "halves")
            with suppress(ConnectorError):
                return not self.runs.resume(question.run_id, given)
        return False

    def end(self, release: str, within: float = 180) -> None:
        """Roll back what has not ended by itself."""
        self.runs.start("rollback", "shop", {"request": {"release": release, "reason": "the test gives up"}})
        deadline = time.monotonic() + within
        while not Story.of(self.ledger.entries(release)).over:
            assert time.monotonic() < deadline, f"{release} could not be ended"
            time.sleep(0.5)

    def tidy(self) -> None:
        """What a person does weeks later: end the sides that no route names any more (superseded releases' blue)."""
        world = self.stage.world()
        for component, part in world.parts.items():
            split = part.router.read().split
            named = {side.name for side in (split.stable, split.canary) if side} if split else set()
            for file in (self.home / "platform" / component).glob("*.json"):
                if named and file.stem not in named:
                    part.platform.remove(file.stem, world.spec.cleanup.grace)

    # -- looking ------------------------------------------------------------------------------------------------------

    def release_of(self, run_id: str) -> str:
        """The release that this run is about, or ""."""
        found = self._sql("select id from tidegate_release where run_id = ?", run_id)
        return str(found[0][0]) if found else ""

    def lines(self, release: str, after: int = 0) -> list[Line]:
        """The chain by plain SQL, fast enough to be asked a hundred times a second."""
        wanted = "select seq, kind, key, body, epoch from tidegate_entry where release = ? and seq > ? order by seq"
        return [
            Line(seq, kind, key, json.loads(body), epoch)
            for seq, kind, key, body, epoch in self._sql(wanted, release, after)
        ]

    def _sql(self, wanted: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.home}/ledger.db?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(wanted, values).fetchall()

    def child(self, name: str) -> int:
        """The pid of the server, the runner or the watch; 0 while it is being started again."""
        for child in self.serving.children:
            if child.name == name and child.process is not None and child.process.poll() is None:
                return child.process.pid
        return 0

    def process_of(self, run_id: str) -> int:
        """The pid of the process that runs this flow run; 0 while there is none."""
        wanted = f"PREFECT__FLOW_RUN_ID={run_id}\0".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if wanted in environ.read_bytes() and b"prefect" in (environ.parent / "cmdline").read_bytes():
                    return int(environ.parent.name)
        return 0

    def counted(self) -> Mapping[str, Any]:
        """The customers' account as it is now."""
        return self.stage.counted()

    def story(self, release: str) -> Story:
        """What the chain tells; empty while there is no such release."""
        return Story.of(self.ledger.entries(release)) if release else Story()

    # -- ending and starting its processes ----------------------------------------------------------------------------

    def without(self, name: str) -> Child:
        """`kill -9` this child, and nobody starts it again until `with_again`."""
        (child,) = (child for child in self.serving.children if child.name == name)
        self.serving.children.remove(child)
        if child.process is not None:
            child.process.kill()
            child.process.wait(10)
        return child

    def with_again(self, child: Child) -> None:
        child.start()
        self.serving.children.append(child)

    def log_tails(self, lines: int = 15) -> Iterator[str]:
        """The last lines of every log, for a test that failed."""
        for log in sorted((self.home / "logs").glob("*.log")):
            yield f"--- {log.name}"
            yield from log.read_text("utf-8", "replace").splitlines()[-lines:]
