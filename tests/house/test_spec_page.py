"""What docs/spec.md tells in words is what the language and the plan do."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import get_args

import pytest
from pydantic import ValidationError

from tests.house.tree import ROOT
from tidegate.language.aftermath import Timer
from tidegate.language.base import Severity
from tidegate.language.people import Contact
from tidegate.simulation import specs
from tidegate.timetable.walk import timetable

PAGE = (ROOT / "docs" / "spec.md").read_text("utf-8")
MISSED = PAGE.split("## What is easily missed", 1)[1].split("\n## ", 1)[0]


def part(title: str) -> str:
    """The paragraphs from this bold title to the next."""
    return MISSED.split(f"**{title}.**", 1)[1].split("\n**", 1)[0]


def test_the_order_of_a_step_is_the_one_in_which_its_acts_run() -> None:
    routines = {name: [{"act": f"{name}-act", "watch": "1m"}] for name in ("early", "mid", "late")}
    step = {
        "weight": 100,
        "bake": "10m",
        "approval": "first",
        "begins": {"day": 2},
        "before": "early",
        "raised": "mid",
        "after": "late",
        "no_return": {"way": "restore", "says": "x", "approval": "second"},
    }
    spec = specs.spec(
        approvals=[{"name": "first", "ask": "?"}, {"name": "second", "ask": "?"}],
        routines=routines,
        plans={"canary": {"steps": [{"weight": 50, "bake": "10m"}, step]}},
    )
    begins = datetime(2026, 11, 30, 9, tzinfo=UTC)
    rows = [row for row in timetable(spec, begins, "v").of("traffic") if row.step.startswith("100 %")]
    assert [row.what for row in rows] == [
        "approval first", "approval second", "100 %: early-act", "100 %", "100 %: mid-act", "100 %: late-act"
    ]  # fmt: skip
    days = [(row.at - begins).days for row in rows if row.at is not None]
    assert days == [0, 0, 1, 1, 1, 1], "its day is waited for after the answers and before the routine"

    told = re.findall(r"^\d\. (?:.*?)`([\w.]+)[:`]", part("What runs in what order at a step"), re.MULTILINE)
    assert told == [
        "approval", "no_return.approval", "begins", "before", "applies_to", "weight", "raised", "bake", "after"
    ]  # fmt: skip


def test_every_severity_is_told_with_its_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", part("Two sorts of severity"), re.MULTILINE)
    assert tuple(word for word, _ in rows) == get_args(Severity)
    assert len({meaning for _, meaning in rows}) == 3
    for word in get_args(Timer.model_fields["severity"].annotation):
        assert f"`{word}`" in part("Two sorts of severity").split("Of problems", 1)[1]


def test_every_way_to_reach_a_contact_is_named() -> None:
    ways = get_args(get_args(Contact.model_fields["reach"].annotation)[0])
    assert re.findall(r"`(\w+)`", part("How contacts are reached").split(" in the order", 1)[0]) == ["reach", *ways]


@pytest.mark.parametrize(
    ("weights", "right"), [((5, 50, 100), True), ((5, 98), True), ((50, 5, 100), False), ((5, 90), False)]
)
def test_weights_rise_to_the_end_as_told(weights: tuple[int, ...], right: bool) -> None:
    assert "95" in part("Weights rise")
    plans = {"canary": specs.steps("1m", *weights)}
    if right:
        specs.spec(plans=plans)
    else:
        with pytest.raises(ValidationError):
            specs.spec(plans=plans)


def test_gates_whose_metrics_stand_in_no_list_are_read_from_their_component_and_the_page_says_so() -> None:
    spec = specs.spec(metrics=[])
    assert spec.gates, "gates whose metrics stand nowhere at the top are a spec"
    assert "any other from its component" in part("Two places for metrics")
