"""`tidegate status` over a real ledger, with no Prefect server anywhere."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.told_ledger import ROOT, asking, baking, looked, promoted, rolled_back, told
from tests.typed import Said, settle
from tidegate.ledger import Draft, Kind


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


@pytest.mark.proves("E7", "I25")
def test_status_says_step_weights_verdict_time_left_and_the_age_of_the_look(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(told(here, baking))
    said = Said(capsys, "status", "shop")
    assert said.code == 0
    for part in (
        "2 of 4",
        "asked 25 %, measured 25 %",
        "passed",
        "18m of this step's 30m",
        "looked ",
        "tidegate rollback shop",
    ):
        assert part in said.out
    assert "\x1b" not in said.out


@pytest.mark.proves("E11")
def test_a_question_is_shown_with_who_may_answer_the_deadline_and_the_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(here, asking("half"))
    said = Said(capsys, "status", "--exit-status")
    assert said.code == 4
    assert "kim, lee" in said.out
    assert "tidegate approve" in said.out
    assert "Run           http://127.0.0.1:9/runs/flow-run/" in said.out


@pytest.mark.proves("E10")
@pytest.mark.parametrize(("scenario", "code"), [(promoted, 0), (rolled_back, 3), (asking("go"), 4)])
def test_exit_status_tells_how_a_release_stands(
    here: Path, capsys: pytest.CaptureFixture[str], scenario: Any, code: int
) -> None:
    told(here, scenario)
    assert Said(capsys, "status", "shop", "--exit-status").code == code
    assert Said(capsys, "status", "shop").code == 0


def test_a_freeze_and_the_manual_lines_stand_in_the_status(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = told(here, baking)
    one.ledger.freeze("shop", "kim", "database maintenance", timedelta(hours=2))
    way = {"component": "api", "kind": "traefik", "address": {}, "by_hand": "turn it off at the wall"}
    record = {
        "schema": 1,
        "system": "shop",
        "release": one.release,
        "version": "2.0",
        "blue": "1.0",
        "state": "shifting",
    }
    (here / "wayback").mkdir()
    (here / "wayback" / "shop.json").write_text(json.dumps({**record, "written_at": "", "ways": [way]}))
    said = Said(capsys, "status")
    assert "kim until" in said.out
    assert "database maintenance" in said.out
    assert "turn it off at the wall" in said.out


@pytest.mark.proves("E9")
def test_status_as_json_has_the_release_its_weights_and_its_link(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looked(told(here, baking))
    (found,) = Said(capsys, "status", "shop", "--json").told["releases"]
    assert (found["release"], found["weight"], found["step"]) == ("shop/2.0/1", 25, {"n": 2, "of": 4})
    assert found["watch"]["weights"] == {"api": 25, "frontend": 25}
    assert found["link"].startswith("http://127.0.0.1:9/runs/flow-run/")


def _typed(*words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "tidegate.cli", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.proves("E8")
def test_piped_watching_is_one_dated_line_an_event_and_ctrl_c_leaves_the_release(here: Path) -> None:
    one = told(here, baking)
    process = _typed("status", "shop", "--watch")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(10)]
    one.ledger.append(one.release, Draft(Kind.NOTE, "paged", {"why": "somebody should look"}, "watch"))
    while "somebody should look" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], "the watching ended"
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on without you" in talk
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S", line) for line in lines)
    assert not any("\x1b" in line for line in lines)


@pytest.mark.proves("E10")
def test_watching_ends_with_the_release_and_says_how(here: Path) -> None:
    one = told(here, baking)
    process = _typed("status", "shop", "--watch")
    assert process.stdout is not None
    process.stdout.readline()
    ledger = one.ledger
    ledger.append(one.release, Draft(Kind.DOWN, "down/1", {"why": "too slow", "token": "1"}, "kim"))
    epoch = ledger.take(one.release, "run", 30, at_once=True).epoch
    body = {"event": "rolled-back", "at": "2026-11-24T09:00:00+00:00"}
    ledger.append(one.release, Draft(Kind.OUTCOME, "main/1/rollback/close-rollback/-/-/1", body, "rollback", epoch))
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "ROLLBACK decided by kim: too slow" in out
    assert out.splitlines()[-1].endswith("ROLLED BACK")


def test_a_ledger_that_is_not_there_yet_is_said_kindly(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("status",), ("audit",), ("approve",), ("report",), ("freeze",), ("release",)):
        said = Said(capsys, *words, "shop", *(("2.0",) if words == ("release",) else ()))
        assert said.code == 5, words
        assert "there is no ledger at" in said.err.lower()
        assert "tidegate up" in said.err
        assert not (here / "ledger.db").exists()
