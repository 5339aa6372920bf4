"""Scheduled runs that never came: each slot gets its one outcome from the watch, and blue is not kept for ever."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain, promoted
from tests.unit.looking import Watch
from tidegate import events as ev
from tidegate.ledger import Kind
from tidegate.memory_ledger import MemoryLedger
from tidegate.overdue import AT_ONCE, FINAL_AGAIN, ONE_MORE, RESTARTS, finished
from tidegate.ports import RunState
from tidegate.sight import Decision
from tidegate.simulation import specs
from tidegate.slots import FINALIZE, MARGIN, SHORTEST_MARGIN, margin
from tidegate.verifying import Verified, answer, gone, record

DUE = NOW + timedelta(hours=1)
LATE = specs.plain().verification.late
ENDED = RunState("r1", "COMPLETED", "Promoted")


def booked(chain: Chain, *slots: str, final: bool = False) -> Chain:
    due = dict.fromkeys(slots, DUE) | ({FINALIZE: DUE} if final else {})
    return chain.did("main/1/release/book-slots/-/promoted/1", ev.SlotsBooked(at=NOW, anchor="promoted", slots=due))


def looks_at(watch: Watch, after: timedelta, **sees: Any) -> list[Decision]:
    """What is decided about booked runs so long after they were due."""
    watch.now = DUE + after - timedelta(seconds=5)
    watch.look(run=ENDED, leased=False, **sees)
    return [decision for decision in watch.decisions if decision.kind in ("answer-slots", "again", "page")]


@pytest.mark.proves("I26")
def test_a_slot_that_nobody_answered_is_missed_once_its_last_useful_start_is_over_by_the_margin() -> None:
    watch = Watch(booked(promoted(), "T+20s", "T+40s"))
    assert looks_at(watch, LATE + MARGIN - timedelta(seconds=1)) == []
    decided = looks_at(watch, LATE + MARGIN)
    assert [(one.kind, one.key, one.slots) for one in decided] == [("answer-slots", "MISSED", ("T+20s", "T+40s"))]


def test_an_answered_slot_is_left_alone() -> None:
    slot = ev.Slotted(at=NOW, slot="T+20s", outcome="PASS", sentence="well", due=DUE)
    chain = booked(promoted(), "T+20s").add(Kind.SLOT, "slot/T+20s", slot.to_body())
    watch = Watch(chain)
    assert looks_at(watch, LATE + 2 * MARGIN) == []


GONE: Mapping[str, Chain] = {
    "superseded": booked(promoted(), "T+20s").add(
        Kind.EXPIRY, "superseded", {"why": "shop/v3/1 has claimed the route"}
    ),
    "rolled back": booked(promoted(), "T+20s").down().did("main/1/rollback/close/-/-/1", ev.RolledBack(at=NOW)),
    "aborted": booked(Chain(), "day-one T+1h").did("main/1/release/abort/-/-/1", ev.Aborted(at=NOW, why="no")),
}


@pytest.mark.parametrize("name", GONE)
def test_the_slots_of_a_release_that_is_gone_are_superseded_and_it_is_looked_at_until_they_are(name: str) -> None:
    watch = Watch(GONE[name], weight=0)
    assert [one.key for one in looks_at(watch, -timedelta(minutes=30))] == ["SUPERSEDED"]
    assert not finished(watch.sight)


def test_a_closed_release_is_looked_at_until_its_last_slot_and_a_newer_claim_supersedes_what_is_left() -> None:
    watch = Watch(booked(promoted(), "T+20s").did("main/1/finalize/close/-/-/1", ev.Closed(at=NOW)))
    assert looks_at(watch, -timedelta(minutes=1)) == []
    assert not finished(watch.sight)
    [decided] = looks_at(watch, -timedelta(minutes=1), newer="shop/v3/1")
    assert (decided.key, decided.why) == ("SUPERSEDED", "shop/v3/1 has claimed the route")
    assert "supersede" in watch.kinds()
    watch.chain.add(Kind.EXPIRY, "superseded", {"why": "shop/v3/1 has claimed the route"})
    [decided] = looks_at(watch, LATE + 2 * MARGIN)  # the newer one cannot be seen any more
    assert (decided.key, decided.why) == ("SUPERSEDED", "shop/v3/1 has claimed the route")
    assert "supersede" not in watch.kinds(), "it is told once"


@pytest.mark.parametrize("closed", [False, True])
def test_a_run_finds_its_slot_superseded_whatever_its_release_was_before(*, closed: bool) -> None:
    """Found by simulation: a closed release kept its state, and its runs looked at the newer version."""
    chain = booked(promoted(), "T+20s")
    if closed:
        chain.did("main/1/finalize/close/-/-/1", ev.Closed(at=NOW))
    assert not gone(specs.plain(), chain.story, "T+20s")
    assert gone(specs.plain(), chain.add(Kind.EXPIRY, "superseded", {"why": "v3"}).story, "T+20s")


def test_a_superseded_release_is_asked_for_no_final_act_and_needs_no_further_look() -> None:
    """Its blue is not the newer one's business: the mark names that one, and a finalizing run could only fail."""
    final = ev.MadeFinal(at=NOW, component="api")
    chain = booked(promoted(), final=True).did("main/1/finalize/make-final/-/api/1", final)
    assert [one.kind for one in looks_at(Watch(chain), 2 * MARGIN)] == ["again", "page"]
    chain.add(Kind.EXPIRY, "superseded", {"why": "v3"})
    assert looks_at(Watch(chain), 2 * MARGIN) == []


def test_one_look_answers_no_more_than_a_hundred_slots() -> None:
    watch = Watch(booked(promoted(), *(f"T+{n}m" for n in range(250))))
    [decided] = looks_at(watch, timedelta(days=1))
    assert len(decided.slots) == AT_ONCE


def test_compressed_time_leaves_a_process_the_time_to_start() -> None:
    assert margin(specs.plain()) == MARGIN <= timedelta(minutes=10)
    assert margin(specs.plain().model_copy(update={"compress": 180})) == SHORTEST_MARGIN


class StillClock:
    def now(self) -> datetime:
        return NOW

    def elapsed(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def test_who_answers_first_wins_and_every_other_slot_is_still_answered() -> None:
    ledger, chain = MemoryLedger(StillClock()), booked(promoted(), "a", "b", "c")
    ledger.open("shop", "v2", "r1", {}, "kim")
    record(ledger, "shop/v2/1", "b", DUE, Verified("PASS", "well"), "a run")
    assert answer(ledger, chain.story, ("a", "b", "c"), "MISSED", "nobody came", "watch") == ["a", "c"]
    told = {str(e.body["slot"]): e.body["outcome"] for e in ledger.entries("shop/v2/1") if e.kind is Kind.SLOT}
    assert told == {"a": "MISSED", "b": "PASS", "c": "MISSED"}


# -- the run that makes a release final -------------------------------------------------------------------------------


def test_a_lost_finalizing_run_is_asked_for_again_and_people_are_told() -> None:
    watch = Watch(booked(promoted(), final=True))
    assert looks_at(watch, MARGIN - timedelta(seconds=1)) == []
    asked = looks_at(watch, MARGIN)
    assert [(one.kind, one.key) for one in asked] == [("again", FINALIZE), ("page", "")]
    assert looks_at(watch, MARGIN + timedelta(seconds=5)) == [], "it gets its time"
    later = [one.kind for _ in range(int(FINAL_AGAIN / 5)) for one in looks_at(watch, 2 * MARGIN)]
    assert later == ["again", "page"]


def test_it_is_not_asked_for_while_somebody_works_nor_for_ever_nor_under_a_newer_release() -> None:
    watch = Watch(booked(promoted(), final=True))
    watch.now = DUE + 2 * MARGIN
    watch.look(leased=True)
    assert watch.kinds() == []
    assert "again" not in [one.kind for one in looks_at(watch, 2 * MARGIN, newer="shop/v3/1")]
    chain = booked(promoted(), final=True)
    for _ in range(RESTARTS + ONE_MORE):
        chain.add(Kind.NOTE, "restarted", {"why": "died"})
    assert [one.kind for one in looks_at(Watch(chain), 2 * MARGIN)] == ["page"]
