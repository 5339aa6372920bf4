"""A spec's own list of metrics, connected: its gates are read from it, and a server that hangs delays no look."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from blocks import connect
from blocks.installation import Installation
from blocks.scrape_metrics import ScrapeMetrics
from blocks.sql_ledger import SqlLedger
from blocks.system_clock import SystemClock
from tests.contract.json_pages import Pages, pages
from tests.house.tree import ROOT
from tests.unit.chains import Chain
from tests.unit.looking import BLUE, GREEN, MINE
from tidegate.ledger import Push
from tidegate.measuring import measured
from tidegate.seeing import samples_of
from tidegate.spec import Spec
from tidegate.traffic import Mark, Seen, Split
from tidegate.world import World


def connected(home: Path, page: Pages, patience: float) -> World:
    part: dict[str, Any] = {
        "source": "x", "artifact": {"use": "folder-registry", "directory": str(home / "registry")},
        "platform": {"use": "process-platform", "component": "api", "directory": str(home / "api"),
                     "registry": str(home / "registry"), "command": ["true"]},
        "router": {"use": "traefik-router", "directory": str(home / "routes"), "route": "shop",
                   "rule": "PathPrefix(`/`)", "api_url": page.url},
        "metrics": {"use": "scrape-metrics", "proxy": f"{page.url}/metrics", "route": "shop"},
    }  # fmt: skip
    gate = {"component": "api", "target": "at most 1 %"}
    spec = Spec.model_validate({
        "system": "shop", "description": "x", "components": {"api": part}, "plan": "all",
        "plans": {"all": {"steps": [{"weight": 100, "bake": "1m"}]}},
        "gates": [{**gate, "name": "told", "metric": "error_rate"}, {**gate, "name": "said", "metric": "complaints"}],
        "metrics": [
            {"name": "error_rate", "sources": [{"use": "http-json-metrics", "url": f"{page.url}/", "path": "errors"}]},
            {"name": "complaints", "scope": "all", "sources": [{"use": "pushed-metrics"}]},
        ],
    })  # fmt: skip
    installation = Installation(home, ROOT, f"sqlite:///{home}/ledger.db", "")
    ledger = SqlLedger(installation.ledger_url)
    ledger.create()
    return connect.world(spec, installation, ledger, SystemClock(), release=MINE, patience=patience)


@pytest.mark.proves("I6")
def test_a_look_beside_a_server_that_hangs_takes_no_time_and_nothing_passes(tmp_path: Path) -> None:
    with pages() as page:
        page.slow = 5.0
        world = connected(tmp_path, page, patience=0.0)
        story = Chain().claimed().weight().story
        began = time.monotonic()
        seen = {"api": Seen(Split(BLUE, GREEN, 5), Mark(MINE, 1))}
        samples = [samples_of(world, story, seen) for _ in range(20)][-1]
        assert time.monotonic() - began < 1.0
        assert samples["told"].value is None
        assert samples["told"].error == "is being asked, no answer yet"


def test_a_flow_waits_for_a_figure_of_the_list_and_of_what_was_pushed(tmp_path: Path) -> None:
    with pages() as page:
        page.say('{"errors": 0.02}')
        world = connected(tmp_path, page, patience=30.0)
        world.ledger.push("shop", Push("complaints", 3.0, "mina"))
        gates = {gate.name: gate for gate in world.spec.gates}
        told = measured(world, "api", "error_rate", GREEN, gates["told"].window)
        assert (told.value, told.error) == (0.02, "")
        assert measured(world, "api", "complaints", GREEN, gates["said"].window).value == 3.0
        assert isinstance(world.parts["api"].metrics, ScrapeMetrics), "what is made for every look is asked at once"
