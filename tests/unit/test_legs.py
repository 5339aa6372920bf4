"""A step that is taken again after a Park: its scheduled runs have names of their own, and each its own outcome."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from random import Random

import pytest

from tidegate.actions import Place
from tidegate.language.moments import Anchor
from tidegate.ledger import Entry, Kind
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.slots import step_of
from tidegate.spec import Spec
from tidegate.story import State, Story

PULSE = {"name": "pulse", "rhythm": {"anchor": "step", "offsets": ["10s", "3m"]}, "late": "2m"}
NAMES = ("pulse 5% T+10s", "pulse 5% T+3m", "pulse 5% leg 2 T+10s", "pulse 5% leg 2 T+3m")


@cache
def parked_once() -> tuple[Spec, list[Entry]]:
    """The chain of a release that was parked before 25 %, left the park, and was promoted in its second leg."""
    asked = [{"name": "widen", "ask": "More?", "deadline": "30m"}]
    plan = {"canary": specs.steps("15s", 5, 25, 100, approval=25)}
    spec = specs.spec(plans=plan, approvals=asked, schedules=[PULSE])
    random = Random(1)
    play = Play(spec, Version("v2"), random, Weather(random, frozenset()), calm=True)
    play.persons.answers = {"widen": [("park", 60.0), ("approve", 60.0)], "leave-park": [("approve", 30.0)]}
    play.orchestrator.start("release", {"version": "v2"}, after=0.5)
    play.line.at(0.1, play.watchers[0].round)
    play.line.run(3600.0)
    return spec, list(play.ledger.entries("shop/v2/1"))


def test_slots_of_the_second_leg_have_names_of_their_own() -> None:
    _, entries = parked_once()
    story = Story.of(entries)
    assert (story.state, story.leg) == (State.CLOSED, 2)
    assert [slot for slot in story.booked if slot.startswith("pulse 5%")] == list(NAMES)


def test_each_slot_is_due_from_its_own_leg_s_step() -> None:
    _, entries = parked_once()
    story = Story.of(entries)
    for leg, (soon, later) in ((1, NAMES[:2]), (2, NAMES[2:])):
        raised = datetime.fromisoformat(str(story.answers[f"main/{leg}/canary/set-weight/5/api/1"]["at"]))
        first, second = (datetime.fromisoformat(story.booked[slot]) for slot in (soon, later))
        assert timedelta(seconds=10) <= first - raised < timedelta(seconds=11)
        assert second - first == timedelta(seconds=170)


@pytest.mark.proves("I26")
def test_each_slot_of_each_leg_has_its_own_outcome() -> None:
    _, entries = parked_once()
    told = [str(entry.body["slot"]) for entry in entries if entry.kind is Kind.SLOT]
    assert [told.count(name) for name in NAMES] == [1, 1, 1, 1]
    assert len(told) == len(set(told))


def test_the_first_leg_s_names_are_as_they_were_and_no_other_anchor_knows_legs() -> None:
    assert step_of(Anchor.STEP, Place(step="25")) == "25%"
    assert step_of(Anchor.STEP, Place(leg=3, step="25")) == "25% leg 3"
    assert not step_of(Anchor.FULL, Place(leg=2, step="100"))
