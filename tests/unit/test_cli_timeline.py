"""What `tidegate plan` shows: the plan's own acts in their order, at their earliest times, twice the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.told_ledger import ASKING
from tests.typed import Said, settle
from tidegate.cli.opened import spec_of
from tidegate.spec import Spec, compressed
from tidegate.timetable.rows import Timetable
from tidegate.timetable.text import as_json, as_lines
from tidegate.timetable.traffic import needed
from tidegate.timetable.walk import timetable

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
def spec() -> Spec:
    return spec_of(ASKING.encode(), "shop.yaml")


@pytest.fixture
def plan(spec: Spec) -> Timetable:
    return timetable(spec, MONDAY, "2.0")


def test_every_act_that_people_care_for_stands_in_its_order(plan: Timetable) -> None:
    assert [row.what for row in plan.rows if row.at and row.phase != "scheduled"] == [
        "check shop-answers", "check artifact-built", "backup orders", "new api", "new frontend", "check api-smoke",
        "check frontend-smoke", "approval go", "5 %", "25 %", "approval half", "50 %", "100 %",
    ]  # fmt: skip


@pytest.mark.proves("E15", "traf.plan")
def test_steps_are_dated_by_the_bakes_before_them(plan: Timetable) -> None:
    at = {row.what: row.at - MONDAY for row in plan.rows if row.at}
    assert at["5 %"] == timedelta(0)
    assert at["25 %"] == timedelta(minutes=45)
    assert at["100 %"] == timedelta(minutes=75)
    assert plan.promoted_at == MONDAY + timedelta(minutes=90)
    assert plan.slots["T+1h"] == MONDAY + timedelta(minutes=150)
    assert plan.final_at == plan.promoted_at + timedelta(days=8)


@pytest.mark.proves("E15")
def test_the_way_back_is_told_at_each_point_and_what_ends_it(plan: Timetable) -> None:
    lines = as_lines(plan, {"api": "turn it off\nat the wall"})
    text = "\n".join(lines)
    assert (
        text.index("nothing has traffic yet")
        < text.index("\nTraffic")
        < text.index("way back: tidegate rollback shop\n")
    )
    assert "    at the wall" in lines
    assert "way back: tidegate rollback shop --from 2.0, for 8d" in text
    assert text.index("final: the old version is removed") < text.index("none by traffic")


def test_an_approval_is_told_with_who_until_when_and_what_silence_does(plan: Timetable) -> None:
    text = "\n".join(as_lines(plan, {}))
    assert "who: kim, lee; until Mon 2026-11-30" in text
    assert "(4h), then rollback" in text
    assert "(1d), then abort" in text


def test_a_step_says_how_much_traffic_its_verdict_needs(spec: Spec) -> None:
    told = needed(spec, 5, timedelta(minutes=45))  # 231 requests in 45 minutes at 5 %
    assert told == "a verdict needs api 1.7/s, frontend 1.7/s in all"


def test_a_stage_that_rests_is_told_as_such(spec: Spec) -> None:
    told = timetable(spec, MONDAY, "2.0", stop_after=25)
    assert [row.what for row in told.rows if row.at and row.phase != "scheduled"][-2:] == ["25 %", "rest"]
    assert told.promoted_at is None
    assert as_lines(told, {})[-1].startswith("It rests there")


def test_another_plan_and_compressed_time_are_said(spec: Spec) -> None:
    told = timetable(compressed(spec, 180), MONDAY, "2.0", "halves")
    assert [row.what for row in told.rows if row.phase == "traffic"] == ["50 %", "100 %"]
    text = "\n".join(as_lines(told, {}))
    assert "by traffic plan halves (others: canary)" in text
    assert "divided by 180" in text


@pytest.mark.slow
def test_a_plan_asked_twice_is_twice_the_same_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    words = ("plan", "shop", "--at", "2026-11-30T09:00+00:00")
    first, second = Said(capsys, *words), Said(capsys, *words)
    assert (first.code, first.out) == (0, second.out)
    assert "not known yet" in first.out, "no route is there to be read"
    assert not list(tmp_path.iterdir())
    told = Said(capsys, *words, "--json").told
    assert told["acts"][0]["what"] == "check shop-answers"
    assert json.loads(json.dumps(told))["promoted"] == "2026-11-30T10:45:00+00:00"


def test_json_and_lines_tell_the_same_acts(plan: Timetable) -> None:
    told = as_json(plan)
    text = "\n".join(as_lines(plan, {}))
    assert all(act["what"] in text for act in told["acts"])
    assert set(told["way_back"]) == {"before", "traffic", "after", "final"}


@pytest.mark.parametrize("words", [("--at", "monday"), ("--plan", "halfs")])
def test_a_plan_that_cannot_be_meant_is_a_usage_error(
    words: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    assert Said(capsys, "plan", "shop", *words).code == 2
