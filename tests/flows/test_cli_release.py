"""The commands against all real parts: `tidegate up`, the shop and its customers, Prefect, the watch, the proxy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.demo.stage import Stage
from tests.told_ledger import ROOT

pytestmark = pytest.mark.timeout(400)
RATE = 60  # customers' requests a second: too few for a verdict at 5 %, so that the release stays there for 45 s
SETTINGS = {"compress": 180, "seconds": {"grace": 20, "lease": 10}, "values": {"shop_rate": str(RATE // 2)}}


class Installation:
    """A home in which `tidegate up` was typed, with version 1.0 of the shop behind the proxy."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TIDEGATE_"))},
            "PYTHONPATH": str(ROOT),
            "TIDEGATE_HOME": str(home),
            "TIDEGATE_SETTINGS": json.dumps(SETTINGS),
        }

    def type(self, *words: str, within: float = 240) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tidegate.cli", *words]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=within, check=False)

    def told(self, *words: str) -> dict[str, Any]:
        done = self.type(*words, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def until_weight(self, wanted: int, within: float = 90) -> None:
        """The router itself shows this much for green; the status says what it measured."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            (release,) = self.told("status", "shop")["releases"]
            weights = (release["watch"] or {}).get("weights") or {}
            if weights and set(weights.values()) == {wanted}:
                return
            time.sleep(0.5)
        raise AssertionError(f"the shop was never seen at {wanted} %")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("installation"))
    stage = Stage(made.home)
    try:
        up = made.type("up")
        assert up.returncode == 0, up.stderr
        stage.build("1.0", "2.0")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("TIDEGATE_HOME", str(made.home))
            stage.open_shop("1.0")
        values = json.loads((made.home / "installation.json").read_text("utf-8"))["values"]
        stage.let_customers_in(values["shop_url"], RATE)
        yield made
    finally:
        stage.close()
        made.type("down", "--proxy")
        stage.end_instances()


def test_up_twice_is_up_once_and_doctor_finds_nothing(installation: Installation) -> None:
    again = installation.type("up")
    assert again.returncode == 0
    assert "is up already" in again.stdout
    doctor = installation.type("doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "All well." in doctor.stdout


@pytest.mark.proves("E10", "E11", "E17", "E18")
def test_a_release_waits_for_a_person_is_rejected_and_ends_aborted(installation: Installation) -> None:
    first = installation.type("release", "shop", "2.0", "--wait", "person", "--reason", "to be rejected")
    assert first.returncode == 4, first.stderr + first.stdout
    assert "/runs/flow-run/" in first.stdout
    assert "It waits for people (go): tidegate approve shop" in first.stdout
    second = installation.type("release", "shop", "2.0")
    assert second.returncode == 6
    assert "to be rejected" in second.stderr
    parked = installation.type("park", "shop")
    assert parked.returncode == 6
    assert "it takes: approve, reject" in parked.stderr.lower()
    no = installation.type("reject", "shop", "--note", "not today", "--name", "kim")
    assert no.returncode == 0, no.stderr
    assert "kim (identity unproved) says reject to go" in no.stdout
    twice = installation.type("approve", "shop")
    assert twice.returncode == 6
    assert "answered already" in twice.stderr
    watched = installation.type("status", "shop", "--watch")
    assert watched.returncode == 8, watched.stdout
    assert "not today" in watched.stdout


@pytest.mark.proves("E10", "rb.traffic")
def test_an_approved_release_rolled_back_by_hand_ends_as_rolled_back(installation: Installation) -> None:
    argv = [sys.executable, "-m", "tidegate.cli", "release", "shop", "2.0", "--wait", "--reason", "to be rolled back"]
    following = subprocess.Popen(argv, env=installation.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert following.stdout is not None
    for line in following.stdout:
        if "waits for people" in line:
            break
    yes = installation.type("approve", "shop", "go", "--plan", "canary")
    assert yes.returncode == 0, yes.stderr
    installation.until_weight(5)
    back = installation.type("rollback", "shop", "--reason", "orders are lost")
    assert back.returncode == 0, back.stdout + back.stderr
    assert "5 % -> 0 %" in back.stdout
    out, _ = following.communicate(timeout=120)
    assert following.returncode == 3, out
    assert "orders are lost" in out
    assert installation.type("status", "shop", "--exit-status").returncode == 3
    assert installation.type("audit", "shop").returncode == 0
    report = installation.told("report", "shop")
    assert installation.type("report", "--verify", report["file"]).returncode == 0


def test_down_ends_exactly_that_and_says_what_stays(installation: Installation) -> None:
    done = installation.type("down")
    assert done.returncode == 0, done.stderr
    assert "Every version's instances keep running" in done.stdout
    assert "The proxy goes on serving them" in done.stdout
    status = installation.type("approve", "shop")
    assert status.returncode in (5, 6)
    assert installation.type("down").stdout.startswith("Nothing of")
