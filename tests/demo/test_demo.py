"""The main job as a newcomer runs it: a whole release of the real shop, from an empty home to a report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo.showing import failed_of_sent
from tests.house.tree import ROOT
from tidegate.report.seal import verify

LINES = 40  # what a person can take in (E4); the way there is progress, the end is one table, links, next commands


def demo(home: Path, name: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "examples.demo", "--release", name, "--home", str(home)]
    return subprocess.run(
        argv,
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=660,  # a slow machine is asked for less, and takes longer
        check=False,
    )


def account(home: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((home / "customers.json").read_text("utf-8"))
    return told


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: a second demo has to work as the first."""
    return tmp_path_factory.mktemp("demo")


@pytest.mark.timeout(700)
@pytest.mark.proves("E1", "E4", "rb.traffic", "app.pause", "gate.threshold", "sch.offsets", "slo.zero")
def test_a_good_version_is_promoted_and_no_customers_request_fails(home: Path) -> None:
    ran = demo(home, "good")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    assert failed_of_sent(account(home)) == 0
    steps = re.findall(r"│ (\d+)\s+│\s+(\d+) % │\s+([\d.]+) % │ (\w+)", ran.stdout)
    assert [(asked, verdict) for _, asked, _, verdict in steps] == [(w, "PASS") for w in ("5", "25", "50", "100")]
    assert all(abs(float(measured) - float(asked)) <= 2 for _, asked, measured, _ in steps)
    end = ran.stdout[ran.stdout.index("promoted  ") if "promoted  " in ran.stdout else ran.stdout.rindex("┏") :]
    assert len(end.splitlines()) <= LINES
    assert {"report", "UI", "shop"} <= set(re.findall(r"^  (\w+) ", ran.stdout, re.MULTILINE))
    report = next((home / "reports").glob("*/report.html")).read_text("utf-8")
    assert verify(report)


@pytest.mark.timeout(700)
@pytest.mark.proves("E22", "trg.instant", "rb.verify", "rb.stop_green", "I21")
def test_a_bad_version_is_shut_out_by_the_watch_and_the_report_says_why(home: Path) -> None:
    ran = demo(home, "bad")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SHUT by watch" in ran.stdout
    told = account(home)
    assert isinstance(told["failed"], int)
    assert isinstance(told["sent"], int)
    assert told["failed"] / told["sent"] < 0.01
    reports = [path.read_text("utf-8") for path in (home / "reports").glob("*/report.html")]
    assert any("error_rate" in text and "Rolled back" in text for text in reports)


@pytest.mark.timeout(700)
@pytest.mark.proves("E18")
def test_a_version_whose_approver_says_no_is_aborted_before_it_has_traffic(home: Path) -> None:
    ran = demo(home, "rejected")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert failed_of_sent(account(home)) == 0
    components = account(home)["components"]
    assert isinstance(components, dict)
    assert {version for lines in components.values() for version in lines} - {"unknown"} == {"1.0"}
