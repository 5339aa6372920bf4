"""What `tidegate plan` and `tidegate check` tell of a step's sight: text, JSON, page, warnings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.test_warnings import GATE, found, plain
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.timetable import foresight
from tidegate.timetable.picture import page
from tidegate.timetable.text import as_json, as_lines
from tidegate.timetable.walk import timetable

BEGINS = datetime(2026, 11, 30, 9, tzinfo=UTC)


def at(traffic: str) -> Spec:
    metric: dict[str, Any] = {"name": "error_rate", "sources": [specs.NOWHERE], "traffic": traffic}
    return plain(metrics=[metric], gates=[{**GATE, "min_samples": 20}])


@pytest.fixture(scope="module")
def quiet() -> Spec:
    return at("0.2/s")


def test_a_blind_step_is_told_with_the_bake_and_the_probes_that_would_help(quiet: Spec) -> None:
    lines = as_lines(timetable(quiet, BEGINS, "v"), {})
    told = next(line for line in lines if line.strip().startswith("5 % for 10m: "))
    assert "points of failures" in told or "nothing" in told
    warning = lines[lines.index(told) + 1]
    assert "warning: blind: " in warning
    assert "bake it for " in warning
    assert "one probe a second" in warning


def test_check_warns_of_blind_steps_and_only_notes_those_that_a_limit_s_warning_tells(quiet: Spec) -> None:
    said = [str(one) for one in found(quiet) if "blind: " in one.says]
    assert any(one.startswith("warning: plans.canary: 100 % for 10m, api at 0.2/s: blind: ") for one in said)
    assert any(one.startswith("note: plans.canary: 5 % for 10m, api at 0.2/s: blind: ") for one in said)


def test_a_step_that_sees_is_told_with_times_and_harm_and_warns_of_nothing() -> None:
    spec = at("100/s")
    told = next(line for line in foresight.as_text(spec, spec.plan) if "5 % for 10m: " in line)
    assert "half within" in told
    assert "requests harmed" in told
    assert not [one for one in found(spec) if "blind" in one.says and "100 % for" not in one.says]


def test_the_step_without_stable_traffic_is_advised_to_keep_some() -> None:
    said = [one.says for one in found(at("100/s")) if "blind" in one.says]
    assert said
    assert all("100 % for 10m" in one and "keep 4 % on stable" in one for one in said)


def test_json_and_page_have_every_step(quiet: Spec) -> None:
    told = timetable(quiet, BEGINS, "v")
    steps = as_json(told)["foresight"]
    assert [one["step"] for one in steps] == [step.name for step in quiet.plans[quiet.plan].steps if step.bake]
    assert json.loads(json.dumps(steps, allow_nan=False)) == steps
    assert steps[0]["finds_nothing"]
    assert {fault["points"] for fault in steps[0]["faults"]} == {0.0, 0.01, 0.05}
    assert "What each step can see" in page(told)


def test_without_a_stated_traffic_it_is_said_once_how_to_state_it() -> None:
    lines = as_lines(timetable(plain(), BEGINS, "v"), {})
    assert sum(foresight.UNKNOWN in line for line in lines) == 1
    assert foresight.as_json(plain(), plain().plan) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(15.0, "15s"), (125.0, "3m"), (7300.0, "2h 15m"), (90_000.0, "1d 1h"), (float("inf"), "three days or longer")],
)
def test_times_are_rounded_up_to_what_is_worth_saying(seconds: float, told: str) -> None:
    assert foresight.lasting(seconds) == told
