"""The story: what a chain tells, entry by entry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.answering import NOW
from tests.unit.chains import SET_25, Chain, promoted
from tidegate import events as ev
from tidegate.ledger import Kind
from tidegate.ports import Verdict
from tidegate.story import OVER, State, Story


def test_a_release_is_preparing_until_its_first_claim_and_shifting_until_it_is_promoted() -> None:
    assert Chain().story.state is State.PREPARING
    chain = Chain().claimed()
    assert (chain.story.state, chain.story.weights, chain.story.had_traffic) == (State.SHIFTING, {"api": 0}, False)
    chain.weight()
    assert (chain.story.weight, chain.story.step, chain.story.had_traffic) == (5, "5", True)
    story = promoted().story
    assert (story.state, story.weight, story.over) == (State.PROMOTED, 100, True)
    assert story.promoted_at == story.answered_at["main/1/release/promote/-/-/1"]


def test_who_opened_it_stands_in_the_story() -> None:
    story = Chain().story
    assert (story.release, story.requester, story.opened) == ("shop/v2/1", "kim", {"system": "shop"})


@pytest.mark.proves("I5")
def test_after_a_down_the_weight_is_0_whatever_outcomes_follow() -> None:
    """Scenario 13: a raise's late outcome is recorded and lifts nothing."""
    story = Chain().claimed().weight().down().weight(SET_25, 25).story
    assert (story.state, story.weights, story.answers[SET_25]["weight"]) == (State.DOWN, {"api": 0}, 25)
    late = Chain().claimed().down().did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100))
    assert late.story.state is State.DOWN


def test_the_first_down_counts_and_later_ones_are_only_recorded() -> None:
    story = Chain().claimed().down("t1", "watch").down("t2", "kim").story
    assert story.down is not None
    assert (story.down.who, story.down.token, story.down.why) == ("watch", "t1", "errors")


def test_a_down_that_comes_too_late_moves_nothing() -> None:
    """Finalized, superseded and closed releases have no way back by traffic: a Down there is a note."""
    final = promoted().did("main/1/finalize/make-final/-/api/1", ev.MadeFinal(at=NOW, component="api"))
    for chain, state in (
        (final, State.FINALIZED),
        (promoted().add(Kind.EXPIRY, "superseded", {"why": "v3"}), State.SUPERSEDED),
        (Chain().did("main/1/release/abort/-/-/1", ev.Aborted(at=NOW, why="no")), State.ABORTED),
    ):
        weights = chain.story.weights
        story = chain.down().story
        assert (story.state, story.down, story.weights) == (state, None, weights)
        assert story.notes[-1].kind is Kind.DOWN


def test_a_late_rollback_of_a_promoted_release_is_a_down() -> None:
    assert promoted().down().story.state is State.DOWN
    gone = promoted().down().did("main/1/rollback/close-rollback/-/-/1", ev.RolledBack(at=NOW))
    assert gone.story.state is State.ROLLED_BACK


def test_a_release_is_finalized_when_every_route_is_final_and_closed_at_its_last_act() -> None:
    chain = Chain().claimed("api", "web").did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100))
    chain.did("main/1/finalize/make-final/-/api/1", ev.MadeFinal(at=NOW, component="api"))
    states = [chain.story.state]
    chain.did("main/1/finalize/make-final/-/web/1", ev.MadeFinal(at=NOW, component="web"))
    states.append(chain.story.state)
    states.append(chain.did("main/1/finalize/close/-/-/1", ev.Closed(at=NOW)).story.state)
    assert states == [State.PROMOTED, State.FINALIZED, State.CLOSED]


def test_only_a_promoted_release_is_superseded() -> None:
    assert Chain().claimed().add(Kind.EXPIRY, "superseded", {}).story.state is State.SHIFTING
    assert not Chain().claimed().add(Kind.EXPIRY, "superseded", {}).story.superseded
    story = promoted().add(Kind.EXPIRY, "superseded", {"why": "shop/v3/1 has claimed the route"}).story
    assert (story.state, story.superseded) == (State.SUPERSEDED, "shop/v3/1 has claimed the route")


@pytest.mark.parametrize("ended", [State.FINALIZED, State.CLOSED])
def test_a_release_that_had_ended_keeps_its_state_and_says_that_it_is_superseded(ended: State) -> None:
    chain = promoted().did("main/1/finalize/make-final/-/api/1", ev.MadeFinal(at=NOW, component="api"))
    if ended is State.CLOSED:
        chain.did("main/1/finalize/close/-/-/1", ev.Closed(at=NOW))
    assert not chain.story.superseded
    story = chain.add(Kind.EXPIRY, "superseded", {}).story
    assert (story.state, story.superseded) == (ended, "a newer release has claimed the route")


def test_a_superseded_release_that_is_closed_later_stays_superseded() -> None:
    chain = promoted().add(Kind.EXPIRY, "superseded", {"why": "v3"})
    story = chain.did("main/1/finalize/close/-/-/1", ev.Closed(at=NOW)).story
    assert (story.state, story.superseded) == (State.CLOSED, "v3")


def test_a_park_takes_the_traffic_and_no_decision_and_an_approval_opens_the_next_leg() -> None:
    parked = Chain().claimed().weight().did("main/1/canary/park/park/-/1", ev.Parked(at=NOW))
    assert (parked.story.state, parked.story.weight, parked.story.down) == (State.SHIFTING, 0, None)
    assert parked.story.parked_since
    yes = ev.Answered(at=NOW, gate="leave-park", decision="approve", approver="kim")
    story = parked.did("main/1/canary/ask-approval/park/leave-park/1", yes).story
    assert (story.leg, story.parked_since) == (2, None)


def test_a_rest_ends_with_the_next_act_of_a_later_run() -> None:
    chain = Chain().claimed().weight().intends("main/1/canary/rest/5/5/1").did(
        "main/1/canary/rest/5/5/1", ev.Rested(at=NOW, stage="5")
    )  # fmt: skip
    assert chain.story.resting_since
    assert chain.intends(SET_25).story.resting_since is None


def test_questions_are_open_until_they_are_answered_and_keep_their_first_deadline() -> None:
    asked = {
        "gate": "go", "suspend_key": "k1", "deadline": (NOW + timedelta(hours=1)).isoformat(), "on_expiry": "abort",
        "traffic": False, "run_id": "r1",
    }  # fmt: skip
    key = "main/1/release/ask-approval/go/go/1"
    chain = Chain().intends(key, question=asked)
    question = chain.story.questions[key]
    assert (question.gate, question.deadline, question.on_expiry) == ("go", NOW + timedelta(hours=1), "abort")
    assert chain.add(Kind.EXPIRY, f"expired/{key}", {}).story.expired == {key}
    no = ev.Answered(at=NOW, gate="go", decision="expired", approver="nobody")
    assert not chain.did(key, no).story.questions


def test_slots_bookings_notes_and_restarts_are_kept() -> None:
    booked = ev.SlotsBooked(at=NOW, anchor="promoted", slots={"T+1h": NOW})
    slot = ev.Slotted(at=NOW, slot="T+1h", outcome="PASS", sentence="well", due=NOW)
    story = (
        promoted()
        .did("main/1/release/book-slots/-/promoted/1", booked)
        .add(Kind.SLOT, "slot/T+1h", slot.to_body())
        .add(Kind.NOTE, "restarted", {"why": "dead"})
        .add(Kind.NOTE, "paged", {"why": "look"})
        .story
    )
    assert set(story.booked) == {"T+1h"}
    assert story.slots["T+1h"]["outcome"] == "PASS"
    assert (story.restarts, len(story.notes)) == (1, 2)


def test_since_adds_only_what_is_new() -> None:
    chain = Chain().claimed()
    story = chain.story
    chain.weight()
    story.since(chain.entries)
    assert (story.weight, story.seq) == (5, 3)


@pytest.mark.proves("I14")
@pytest.mark.parametrize(
    ("intent", "explained"),
    [
        ({}, {5}),
        ({"raise": {"component": "api", "weight": 25}}, set(range(5, 26))),
        ({"raise": {"component": "web", "weight": 25}}, {5}),
        ({"lowering": "park"}, set(range(6))),
    ],
)
def test_an_open_intent_explains_what_lies_between_the_story_and_itself(
    intent: dict[str, Any], explained: set[int]
) -> None:
    story = Chain().claimed("api", "web").weight().intends(SET_25, **intent).story
    assert {weight for weight in range(101) if story.explains("api", weight)} == explained


def test_after_a_down_no_raise_explains_anything() -> None:
    story = Chain().claimed().weight().intends(SET_25, **{"raise": {"component": "api", "weight": 25}}).down().story
    assert not story.explains("api", 25)


EVENTS = st.sampled_from([
    lambda c: c.claimed(), lambda c: c.weight(), lambda c: c.weight(SET_25, 25), lambda c: c.down(),
    lambda c: c.did("main/1/canary/park/park/-/1", ev.Parked(at=NOW)),
    lambda c: c.did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100)),
    lambda c: c.did("main/1/rollback/close-rollback/-/-/1", ev.RolledBack(at=NOW)),
    lambda c: c.did("main/1/release/abort/-/-/1", ev.Aborted(at=NOW, why="no")),
    lambda c: c.did("main/1/finalize/make-final/-/api/1", ev.MadeFinal(at=NOW, component="api")),
    lambda c: c.did("main/1/canary/bake/5/5/1", ev.Baked(at=NOW, step="5", verdict=Verdict.PASS, sentence="well")),
    lambda c: c.add(Kind.EXPIRY, "superseded", {}), lambda c: c.add(Kind.NOTE, "paged", {"why": "x"}),
])  # fmt: skip


@pytest.mark.proves("I5")
@settings(deadline=None)
@given(st.lists(EVENTS, max_size=12))
def test_no_sequence_of_entries_ever_lifts_a_story_after_its_down(added: list[Any]) -> None:
    chain, fallen = Chain(), False
    for add in added:
        add(chain)
        story = chain.story
        fallen = fallen or story.down is not None
        if fallen:
            assert story.weight == 0
            assert story.state not in (State.PREPARING, State.SHIFTING)
        assert story.over == (story.state in OVER)


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=12), st.integers(0, 12))
def test_folding_in_two_parts_tells_the_same_story(added: list[Any], cut: int) -> None:
    chain = Chain()
    for add in added:
        add(chain)
    story = Story.of(chain.entries[:cut])
    story.since(chain.entries)
    assert story == chain.story
    assert isinstance(story.opened_at, datetime)
