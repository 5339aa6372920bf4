"""Acts after promotion that ask people: the release is promoted, and a no is a late rollback while one is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tidegate.ledger import Entry, Kind
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.story import State, Story

DONE = {"name": "done", "ask": "Is all well?", "deadline": "10m"}
QUESTION = "main/1/release/ask-approval/sign-off/done/1"
HOURS = 2 * 3600.0


@dataclass(frozen=True)
class Finished:
    """How a release went whose `finish` asks."""

    play: Play
    entries: Sequence[Entry]

    @property
    def story(self) -> Story:
        return Story.of(self.entries)

    @property
    def weight(self) -> int:
        return self.play.routers["api"].seen.weight

    @property
    def shown(self) -> str:
        return self.play.orchestrator.runs["release-1"].name

    def happened(self, *events: str) -> list[str]:
        """These events of the chain, in order, by their names there."""
        return [str(e.body["event"]) for e in self.entries if e.kind is Kind.OUTCOME and e.body.get("event") in events]


def played(answers: list[tuple[str, float]], lasting: float = HOURS, keep: str = "1h", **act: Any) -> Finished:
    """A good version; `answers` are what people say to the question after promotion, and after how many seconds."""
    finish = [{"act": "sign-off", "ask": "done", **act}]
    spec = specs.spec(approvals=[DONE], finish=finish, cleanup={"keep_blue": keep})
    random = Random(1)
    play = Play(spec, Version("v2"), random, Weather(random, frozenset()), calm=True)
    play.persons.answers = {"done": answers}
    play.orchestrator.start("release", {"version": "v2"}, after=0.5)
    play.line.at(0.1, play.watchers[0].round)
    play.line.run(lasting)
    return Finished(play, play.ledger.entries("shop/v2/1"))


def test_while_people_are_asked_the_release_is_promoted_and_its_run_waits() -> None:
    told = played([], lasting=300.0)
    assert (told.story.state, told.weight, told.shown) == (State.PROMOTED, 100, "Suspended")
    assert told.story.questions[QUESTION].traffic, "silence takes traffic away: the question says so"
    assert told.story.questions[QUESTION].on_expiry == "rollback"
    assert not told.play.rows()[0].active, "it holds its system no longer"
    assert not told.happened("report-written")


def test_a_yes_ends_it_with_its_report() -> None:
    told = played([("approve", 60.0)])
    assert (told.story.state, told.story.down, told.shown) == (State.CLOSED, None, "Promoted")
    assert told.happened("promoted", "answered", "report-written")[:3] == ["promoted", "answered", "report-written"]


def test_a_no_is_a_late_rollback() -> None:
    told = played([("reject", 60.0)])
    assert (told.story.state, told.weight, told.shown) == (State.ROLLED_BACK, 0, "RolledBack")
    assert told.story.down is not None
    assert told.story.down.why == "approval done: kim said reject"
    assert sum(entry.kind is Kind.DOWN for entry in told.entries) == 1
    assert told.play.routers["api"].seen.mark.stopped  # type: ignore[union-attr]


def test_silence_is_a_late_rollback_a_minute_after_the_deadline() -> None:
    told = played([])
    assert (told.story.state, told.weight, told.shown) == (State.ROLLED_BACK, 0, "RolledBack")
    assert told.story.down is not None
    assert told.story.down.why == "approval done: nobody answered in time"
    assert told.story.promoted_at is not None
    assert 660 <= (told.story.down.at - told.story.promoted_at).total_seconds() <= 670
    assert told.story.expired == {QUESTION}


def test_a_no_to_an_act_that_only_pages_lowers_nothing_and_people_are_told() -> None:
    told = played([("reject", 60.0)], on_fail="page")
    assert (told.story.state, told.story.down, told.shown) == (State.CLOSED, None, "Promoted")
    page = next(e for e in told.entries if e.key == "main/1/release/tell/sign-off/page/1")
    assert page.body["event"] == "told"
    assert told.happened("answered", "report-written")[:2] == ["answered", "report-written"]


def test_a_no_after_the_way_back_has_ended_moves_nothing() -> None:
    """Blue is gone when it comes: the release is final, and its run ends as what it is."""
    told = played([("reject", 400.0)], keep="5m")
    assert (told.story.state, told.story.down, told.shown) == (State.CLOSED, None, "Promoted")
    seen = told.play.routers["api"].seen
    assert seen.mark is not None
    assert seen.mark.final
    assert seen.mark.stop is None


def test_the_run_that_comes_back_with_the_answer_asks_nobody_again() -> None:
    told = played([("approve", 60.0)])
    assert told.play.orchestrator.runs["release-1"].starts == 2
    assert [entry.kind for entry in told.entries if entry.key == QUESTION] == [Kind.INTENT, Kind.OUTCOME]
