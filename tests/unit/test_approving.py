"""Answers of several people, of somebody other than the requester, and checks that may fail for now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.answering import NOW, GoodDay
from tests.unit.chains import Chain
from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Place
from tidegate.approving import Given, decided, missing
from tidegate.language.people import Approval
from tidegate.plan import Outcome, drive
from tidegate.ports import CheckResult, Verdict
from tidegate.preparing import run_check, waiver_of
from tidegate.release import release
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.spec import Spec
from tidegate.story import State, Story


def asked(**more: Any) -> Approval:
    return Approval.model_validate({"name": "go", "ask": "?", **more})


def yes(*names: str) -> list[Given]:
    return [Given("approve", name, f"by {name}", "", True) for name in names]


# -- several people ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        ([], None),
        (["kim"], None),
        (["kim", "Kim (unproved)"], None),
        (["kim", "mina"], "kim, mina"),
        (["kim", "kim", "mina", "lee"], "kim, mina, lee"),
    ],
)
def test_a_yes_counts_once_a_name(names: list[str], whole: str | None) -> None:
    answer = decided(asked(people=2), "boss", yes(*names))
    assert (answer.approver if answer else None) == whole


def test_one_no_decides_at_once_whoever_said_yes_before() -> None:
    no = Given("reject", "lee", "not today")
    assert decided(asked(people=3), "boss", [*yes("kim"), no]) == no
    park = Given("park", "lee")
    assert decided(asked(people=3), "boss", [park]) == park


def test_what_they_said_together_is_kept_and_proved_only_if_all_are() -> None:
    answers = [Given("approve", "kim", "well", "halves", True), Given("approve", "mina", "-", "", False)]
    whole = decided(asked(people=2), "boss", answers)
    assert whole == Given("approve", "kim, mina", "well", "halves", False)


def test_what_a_yes_still_needs_is_said() -> None:
    assert missing(asked(people=2), "boss", []) == "2 people"
    assert missing(asked(people=2), "boss", yes("kim")) == "1 more of 2 people (kim said yes)"
    assert missing(asked(people=2), "boss", yes("kim", "mina")) == ""


def test_more_people_than_may_answer_is_an_error_of_the_spec() -> None:
    with pytest.raises(ValidationError, match="3 people must approve, and only 2 may"):
        asked(people=3, approvers=["kim", "mina", "kim"])


# -- somebody else ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "whole"),
    [(["kim"], None), (["KIM"], None), (["mina"], "mina"), (["kim", "mina"], "kim, mina")],
)
def test_whoever_asked_for_the_release_is_not_alone(names: list[str], whole: str | None) -> None:
    answer = decided(asked(requester="not-alone"), "kim (unproved)", yes(*names))
    assert (answer.approver if answer else None) == whole
    if whole is None:
        told = missing(asked(requester="not-alone"), "kim", yes(*names))
        assert told == "somebody other than kim, who asked for the release"
    assert decided(asked(), "kim", yes("kim")) is not None, "where the spec does not mind"


def test_our_own_questions_need_one_answer() -> None:
    assert decided(None, "kim", yes("kim")) is not None
    assert decided(None, "kim", []) is None


def play(told: Spec, answers: dict[str, list[tuple[str, float]]]) -> Play:
    random = Random(1)
    made = Play(told, Version("v2"), random, Weather(random, frozenset()), calm=True)
    made.persons.answers = dict(answers)
    made.orchestrator.start("release", {"version": "v2"}, after=0.5)
    made.line.at(0.1, made.watchers[0].round)
    made.line.run(1200.0)
    return made


@pytest.mark.proves("I16")
def test_a_release_is_asked_until_two_people_have_said_yes_and_both_stand_in_the_chain() -> None:
    go = {"name": "go", "ask": "?", "deadline": "10m", "people": 2, "approvers": ["kim", "mina"]}
    made = play(specs.spec(approvals=[go], readiness="go"), {"go": [("approve", 20.0)]})
    entries = made.ledger.entries("shop/v2/1")
    [answer] = [one.body for one in entries if one.body.get("event") == "answered"]
    assert (answer["decision"], answer["approver"]) == ("approve", "kim, mina")
    questions = [one.body["question"]["deadline"] for one in entries if "question" in one.body]
    assert len(questions) == 2
    assert len(set(questions)) == 1, "the second asking has the first one's deadline"
    assert Story.of(entries).state is State.CLOSED


def test_one_yes_of_two_is_silence_at_the_deadline() -> None:
    go = {"name": "go", "ask": "?", "deadline": "2m", "people": 2, "approvers": ["kim", "mina"]}
    made = play(specs.spec(approvals=[go], readiness="go"), {"go": [("approve", 20.0), ("approve", 900.0)]})
    story = Story.of(made.ledger.entries("shop/v2/1"))
    assert story.state is State.ABORTED
    assert made.routers["api"].seen.weight == 0


# -- waivers ----------------------------------------------------------------------------------------------------------

WAIVED = {"check": "ready", "owner": "lead", "reason": "moves this month", "expires": "2026-03-02"}
READY = "main/1/release/run-check/before/ready/1"


def waiving(**more: Any) -> Spec:
    return specs.spec(checks=[specs.READY], waivers=[WAIVED | more])


@pytest.mark.proves("pre.block")
def test_a_waiver_counts_to_the_end_of_its_day_where_the_system_is() -> None:
    told = "waived by lead until 2026-03-02 (moves this month)"
    assert waiver_of(waiving(), "ready", NOW) == told
    assert waiver_of(waiving(), "ready", NOW + timedelta(hours=15)) == ""
    assert waiver_of(waiving(), "other", NOW) == ""
    far = specs.spec(checks=[specs.READY], waivers=[WAIVED], timezone="America/Los_Angeles")
    assert waiver_of(far, "ready", NOW + timedelta(hours=15)) == told, "it is still the second there"


def test_a_check_that_is_waived_says_so_and_one_that_passes_does_not_need_it() -> None:
    made = play(waiving(), {})
    story = Chain().story

    class Fails:
        def run(self, facts: object) -> CheckResult:
            return CheckResult(Verdict.FAIL, "no")

    ran = run_check(made.world, story, do.RunCheck(Place(), "ready"))
    assert isinstance(ran, ev.CheckRun)
    assert (ran.verdict, ran.waived) == (Verdict.PASS, "")
    clock = type("Then", (), {"now": staticmethod(lambda: NOW), "elapsed": staticmethod(lambda: 0.0)})()
    failing = replace(made.world, checks={"ready": Fails()}, clock=clock)
    ran = run_check(failing, story, do.RunCheck(Place(), "ready"))
    assert isinstance(ran, ev.CheckRun)
    assert ran.waived.startswith("waived by lead")


def failed(waived: str) -> ev.CheckRun:
    return ev.CheckRun(at=NOW, name="ready", verdict=Verdict.FAIL, evidence="no disk", waived=waived)


def test_a_waived_check_lets_the_release_go_on_and_people_are_told() -> None:
    day = GoodDay({READY: failed("waived by lead until 2026-03-02 (moves)")})
    assert drive(release(waiving()), day.answers, day.perform) is Outcome.PROMOTED
    assert "main/1/release/tell/before+ready/alert/1" in day.done
    day = GoodDay({READY: failed("")})
    assert drive(release(waiving()), day.answers, day.perform) is Outcome.ABORTED


def test_an_older_chains_check_is_read() -> None:
    body = {"event": "check-run", "at": NOW.isoformat(), "name": "ready", "verdict": "PASS"}
    assert ev.CheckRun.model_validate(body).waived == ""
