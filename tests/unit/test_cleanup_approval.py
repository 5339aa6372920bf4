"""An approval before the old version is removed: nothing is touched before somebody says yes."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import promoted
from tests.unit.looking import Watch
from tidegate.finalizing import kept_on_purpose
from tidegate.report.approval import approval_text
from tidegate.report.words import Language
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.slots import FINAL_SILENCE, FINALIZE
from tidegate.spec import Spec
from tidegate.story import State, Story

GONE = {"name": "gone", "ask": "May the old version go?", "ask_ko": "이전 버전을 제거할까요?", "deadline": "10m"}
QUESTION = "main/1/finalize/ask-approval/-/gone/1"
HOUR, DAY = 3600.0, 86_400.0


def asking() -> Spec:
    return specs.spec(approvals=[GONE], cleanup={"keep_blue": "1m", "approval": "gone"}, verification={})


def played(answers: list[tuple[str, float]], lasting: float = HOUR) -> tuple[Play, Story]:
    random = Random(1)
    play = Play(asking(), Version("v2"), random, Weather(random, frozenset()), calm=True)
    play.persons.answers = {"gone": answers}
    play.orchestrator.start("release", {"version": "v2"}, after=0.5)
    play.line.at(0.1, play.watchers[0].round)
    play.line.run(lasting)
    return play, Story.of(play.ledger.entries("shop/v2/1"))


def asked(play: Play) -> int:
    """How often people were asked."""
    return sum("question" in one.body for one in play.ledger.entries("shop/v2/1"))


def paged(story: Story) -> list[str]:
    return [str(one.body["why"]) for one in story.notes if one.key == "paged"]


def test_while_it_is_asked_the_way_back_stands_and_nobody_is_called() -> None:
    play, story = played([], lasting=600.0)
    assert (story.state, story.final) == (State.PROMOTED, set())
    assert story.questions[QUESTION].on_expiry == "keep"
    seen = play.routers["api"].seen
    assert seen.mark is not None
    assert not seen.mark.final
    assert not paged(story)


def test_a_yes_makes_it_final_and_removes_the_old_version() -> None:
    play, story = played([("approve", 60.0)])
    assert (story.state, asked(play)) == (State.CLOSED, 1)
    events = [one.body.get("event") for one in play.ledger.entries("shop/v2/1")]
    assert events.index("answered") < events.index("made-final") < events.index("blue-removed")


def test_a_no_keeps_it_and_it_is_asked_again_a_day_later() -> None:
    play, story = played([("reject", 60.0), ("approve", 60.0)], lasting=DAY)
    assert (story.state, asked(play), story.down) == (State.PROMOTED, 1, None)
    assert not paged(story), "it is kept on purpose"
    play.line.run(HOUR)
    assert Story.of(play.ledger.entries("shop/v2/1")).state is State.CLOSED
    assert asked(play) == 2


def test_silence_keeps_it_and_it_is_asked_again_at_once() -> None:
    play, story = played([("approve", 5000.0), ("approve", 60.0)])
    assert story.expired == {QUESTION}
    assert (asked(play), story.state) == (2, State.CLOSED)
    assert story.restarts == 0, "asking again is no restart of a run that died"
    assert not paged(story)


def test_the_watch_wakes_the_run_that_asks_and_not_the_releases_own() -> None:
    chain = promoted()
    deadline = NOW + timedelta(minutes=20)
    told = {"gate": "gone", "suspend_key": "k", "deadline": deadline.isoformat(), "run_id": "verify-1",
            "on_expiry": "keep", "traffic": False}  # fmt: skip
    chain.intends(QUESTION, question=told)
    watch = Watch(chain, asking())
    watch.look(leased=False)
    assert watch.kinds() == []
    assert kept_on_purpose(watch.spec, chain.story) == deadline
    watch.look(passed=1200.0, leased=False)
    keys = [(one.kind, one.key) for one in watch.decisions]
    assert ("expire", QUESTION) in keys
    assert ("again", FINAL_SILENCE) in keys
    assert ("again", "expired") not in keys
    assert ("again", FINALIZE) not in keys


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("May the old version go?", "is removed, and with it the way back", "is kept, and it is asked again")),
        ("ko", ("이전 버전을 제거할까요?", "트래픽 되돌림 경로를 제거", "기존 버전을 유지하고 다시 질문")),
    ],
)
def test_the_question_says_what_yes_no_and_silence_do(language: Language, words: tuple[str, ...]) -> None:
    play, story = played([], lasting=600.0)
    entries = play.ledger.entries("shop/v2/1")
    question = story.questions[QUESTION]
    text = approval_text(
        play.spec, entries, [], None, "gone", question.deadline, "keep", traffic=False, language=language
    )
    for word in words:
        assert word in text
    assert "without traffic" not in text
