"""Scenes on a standing shop: a release is started, things happen to it, and the last word of each thing is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from blocks.traefik_document import document_of, split_of
from tests.faults.sampler import COMPONENTS
from tests.faults.standing_shop import Document, StandingShop, shorter
from tests.house.tree import ROOT
from tidegate.story import State, Story

PATIENCE = 300.0  # seconds for one thing to happen; a machine that is shared may start a process in a minute
HELD = 4.0  # seconds for which a raise must not happen


def spec_with_a_question(spec: Document) -> None:
    """A second plan that asks before 100 %: an approval with traffic can park."""
    shorter(spec)
    first, last = spec["plans"]["halves"]["steps"]
    spec["plans"]["asked"] = {"steps": [dict(first), {**last, "approval": "half"}]}
    spec["approvals"].append({"name": "half", "ask": "Half is healthy. Everything?", "deadline": "24h"})


def hurried(spec: Document) -> None:
    """The readiness approval waits for eight seconds only."""
    spec_with_a_question(spec)
    spec["approvals"][0]["deadline"] = "8s"


@dataclass(slots=True)
class Scene:
    """One release, driven by a test as people drive it."""

    shop: StandingShop
    version: str
    run_id: str
    seen: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, shop: StandingShop, **request: object) -> Scene:
        version = shop.new_version()
        return cls(shop, version, shop.start(version, **request))

    @property
    def release(self) -> str:
        return f"shop/{self.version}/1"

    @property
    def story(self) -> Story:
        found = self.shop.ledger.find(self.release)
        return self.shop.story(self.release) if found else Story()

    def until(self, what: str, true: Callable[[], object]) -> None:
        """Wait for it; the logs' ends are in the failure."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                told = [f"{e.seq} {e.kind} {e.key} {dict(e.body)}" for e in self.shop.ledger.entries(self.release)[-6:]]
                raise AssertionError("\n".join([f"not in time: {what}", *told, *self.shop.log_tails()]))
            time.sleep(0.1)

    def answer(self, gate: str, decision: str = "approve", **more: str) -> None:
        """Wait for this question, then answer it by the resume that a person uses."""
        self.until(f"question {gate}", lambda: any(q.gate == gate for q in self.story.questions.values()))
        self.until(f"{gate} answered", lambda: self.shop.answer(self.story, decision, **more))

    def until_state(self, *states: State) -> None:
        self.until(f"{states}", lambda: self.story.state in states)

    def until_begun(self, kind: str, step: str) -> None:
        """An act of this kind and step has an intent and no outcome."""
        self.until(f"{kind} {step}", lambda: any(f"/{kind}/{step}/" in key for key in self.story.open))

    def until_shown(self, name: str, run_id: str = "") -> str:
        """Prefect shows the run like this; the run's message."""
        which = run_id or self.run_id
        self.until(f"Prefect shows {name}", lambda: self.shop.runs.state(which).name == name)
        told: dict[str, Any] = self.shop.runs.call("GET", f"/flow_runs/{which}")
        return str(told["state"]["message"])

    def weights(self) -> dict[str, int]:
        """What the routes' files show now."""
        found = dict[str, int]()
        for component in COMPONENTS:
            text = (self.shop.home / "proxy" / "routes" / f"shop-{component}.yaml").read_text("utf-8")
            split = split_of(f"shop-{component}", document_of(text))
            assert split is not None, text
            found[component] = split.weight
        return found

    def roll_back(self) -> None:
        self.shop.end(self.release, PATIENCE)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """`tidegate` as a person types it, in this installation's environment."""
    argv = [sys.executable, "-m", "tidegate.cli", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
