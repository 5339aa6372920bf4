"""The kernel's five writes: what each needs, over everything a route can show. Branch coverage is complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate import kernel
from tidegate.errors import Fenced, NoReturn, Refused
from tidegate.kernel import Gate, Proof
from tidegate.traffic import Beyond, Change, Mark, Seen, Setting, Side, Split, Stop

BLUE, GREEN = Side("api-v1", ("http://blue",)), Side("api-v2", ("http://green",))
MINE, OTHER = "shop/v2/1", "shop/v3/1"
STOP = Stop("t1", "kim", "2026-03-02T09:00:00+00:00", "said no")
BAR = replace(STOP, token="b1", bar=True)
RESTORE = Beyond("restore", "the old schema is gone", 25)
ACCEPTED = replace(STOP, despite="restore")


def route(weight: int = 0, mark: Mark | None = None, canary: Side | None = GREEN) -> Seen:
    return Seen(Split(BLUE, canary, weight), Mark(MINE, 5) if mark is None else mark)


def proof(**changes: Any) -> Proof:
    """A proof with nothing against it, for a raise from 5 to 25 %."""
    whole = Proof(
        release=MINE, epoch=5, component="api", weight=25, allowed=25, told=5, seen=route(5), intent_seq=10, down=False,
        step_before="1/canary/5", look_seq=10, look_step="1/canary/5", look_against="", look_current=True,
        router_read=True, can_lower=True, wayback_here=True, taken=100.0, green_ready=2, green_needed=2, blue_ready=2,
        blue_needed=2, health_asked=100.0, gates=(Gate("go", granted=True),),
    )  # fmt: skip
    return replace(whole, **changes)


def raised(seen: Seen, given: Proof, at: float = 101.0) -> Setting:
    return kernel.raise_to(given, lambda: at).decide(seen)


def refusal(change: Change, seen: Seen) -> str:
    with pytest.raises(Refused) as no:
        change.decide(seen)
    return str(no.value)


# -- raise ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("I1", "I2", "I3")
def test_a_proven_raise_writes_the_asked_weight_and_keeps_the_mark() -> None:
    assert raised(route(5), proof()) == Setting(Split(BLUE, GREEN, 25), Mark(MINE, 5))


@pytest.mark.proves("I2", "I3", "I4", "I5", "I8", "I9", "I14", "I16", "I28")
@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ({"down": True}, "a rollback of this release was decided"),
        ({"weight": 50}, "the plan's next weight is 25 %, not 50 %"),
        ({"told": 25}, "the route stands at 5 %, the story tells 25 %: somebody lowered it by hand"),
        ({"look_current": False}, "the look is not of the watch that holds the lease"),
        ({"look_seq": 9}, "the watch has not yet read this intent"),
        ({"look_step": ""}, "the watch has completed no step, not 1/canary/5"),
        ({"step_before": ""}, "the watch has completed 1/canary/5, not none"),
        ({"look_against": "errors"}, "the watch says: errors"),
        ({"router_read": False}, "the watch cannot read the router"),
        ({"can_lower": False}, "the watch has not shown that it can lower"),
        ({"wayback_here": False}, "no way-back record lies where rollback would be typed"),
        ({"taken": 70.9}, "the proof is older than 30 s"),
        ({"taken": 102.0}, "the proof is older than 30 s"),
        ({"health_asked": 95.9}, "the last health answer of green is 5 s old"),
        ({"health_asked": 102.0}, "the last health answer of green is -1 s old"),
        ({"green_ready": 1}, "1 of 2 green instances are ready"),
        ({"blue_ready": 1}, "1 of 2 blue instances are ready"),
        ({"frozen": ("kim froze shop",)}, "kim froze shop"),
        ({"gates": (Gate("go", granted=True), Gate("widen", granted=False))}, "approval 'widen' is missing"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_raise_needs_every_single_part_of_its_proof(lacks: dict[str, Any], says: str) -> None:
    given = proof(**lacks)
    assert kernel.objections(given, 101.0) == [says]
    assert refusal(kernel.raise_to(given, lambda: 101.0), route(5)) == says


@pytest.mark.proves("I3")
def test_the_proof_ages_until_the_write_not_until_it_was_gathered() -> None:
    """The elapsed clock is read inside the router's lock: whoever waits 31 s for it has no proof any more."""
    assert raised(route(5), proof(health_asked=126.0), at=130.0).split.weight == 25
    assert "the proof is older than 30 s" in refusal(kernel.raise_to(proof(), lambda: 130.1), route(5))
    assert "health answer of green is 6 s old" in refusal(kernel.raise_to(proof(), lambda: 106.1), route(5))


@pytest.mark.proves("I5", "I11")
@pytest.mark.parametrize(
    ("mark", "says"),
    [
        (Mark(OTHER, 5), f"the route belongs to {OTHER}, not to {MINE}"),
        (Mark("", 5), f"the route belongs to nobody, not to {MINE}"),
        (Mark(MINE, 5, final=True), f"{MINE} is final on this route"),
        (Mark(MINE, 6), "the route carries number 6, this attempt has 5"),
        (Mark(MINE, 4), "the route carries number 4, this attempt has 5"),
        (Mark(MINE, 5, STOP), "kim stopped this release (said no)"),
        (Mark(MINE, 5, BAR), "kim stopped this release (said no)"),
    ],
)
def test_a_raise_is_fenced_where_the_mark_is_not_exactly_its_own_and_empty(mark: Mark, says: str) -> None:
    seen = route(5, mark)
    with pytest.raises(Fenced, match=says.replace("(", r"\(").replace(")", r"\)")):
        raised(seen, proof(seen=seen))


@pytest.mark.proves("I5", "I14")
def test_a_raise_is_refused_where_the_route_is_not_as_read_with_the_proof() -> None:
    """A person who edits only the weight is not overwritten: the compare covers weights and mark."""
    assert refusal(kernel.raise_to(proof(), lambda: 101.0), route(0)) == "the route has changed since it was read"


@pytest.mark.parametrize("seen", [Seen(None, Mark(MINE, 5)), Seen(Split(BLUE, GREEN, 5), None)])
def test_a_route_that_cannot_be_read_whole_is_raised_by_nobody(seen: Seen) -> None:
    assert "cannot be read" in refusal(kernel.raise_to(proof(seen=seen), lambda: 101.0), seen)


def test_what_is_no_raise_is_refused() -> None:
    higher = route(50)
    assert refusal(kernel.raise_to(proof(seen=higher), lambda: 101.0), higher) == "25 % is no raise from 50 %"
    alone = route(0, canary=None)
    given = proof(seen=alone, told=0, step_before="", look_step="")
    assert refusal(kernel.raise_to(given, lambda: 101.0), alone) == "25 % is no raise from 0 %"


# -- claim ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "stable"),
    [(Seen(Split(BLUE), Mark()), BLUE), (Seen(Split(Side("api-v0", ()), BLUE, 100), Mark("shop/v1/1", 3)), BLUE)],
)
def test_a_claim_makes_stable_what_measurably_carries_everything(before: Seen, stable: Side) -> None:
    setting = kernel.claim(MINE, 5, GREEN, over=("shop/v1/1",)).decide(before)
    assert setting == Setting(Split(stable, GREEN, 0), Mark(MINE, 5))


@pytest.mark.proves("I5")
@pytest.mark.parametrize("stop", [STOP, BAR])
def test_a_claim_clears_only_the_stop_that_the_first_entry_named(stop: Stop) -> None:
    before = Seen(Split(BLUE), Mark("", 3, stop))
    assert "kim stopped this route" in refusal(kernel.claim(MINE, 5, GREEN), before)
    assert "kim stopped this route" in refusal(kernel.claim(MINE, 5, GREEN, found=("another",)), before)
    assert kernel.claim(MINE, 5, GREEN, found=(stop.token,)).decide(before).mark == Mark(MINE, 5)


@pytest.mark.proves("I11")
def test_a_route_of_a_release_that_is_not_over_is_claimed_by_nobody() -> None:
    before = Seen(Split(BLUE), Mark(OTHER, 3))
    assert f"belongs to {OTHER}, which is not over" in refusal(kernel.claim(MINE, 5, GREEN), before)


@pytest.mark.proves("I11")
@pytest.mark.parametrize("epoch", [4, 5])
def test_a_claim_needs_a_number_above_the_marks(epoch: int) -> None:
    with pytest.raises(Fenced, match="the route carries number 5"):
        kernel.claim(MINE, epoch, GREEN).decide(Seen(Split(BLUE), Mark("", 5)))


def test_claiming_twice_is_the_same_claim_under_a_newer_number() -> None:
    assert kernel.claim(MINE, 6, GREEN).decide(route(0)) == Setting(Split(BLUE, GREEN, 0), Mark(MINE, 6))


@pytest.mark.parametrize("before", [route(5), route(0, canary=Side("api-v9", ())), route(0, canary=None)])
def test_a_second_claim_never_changes_canary_or_weight(before: Seen) -> None:
    assert "with another canary or weight" in refusal(kernel.claim(MINE, 6, GREEN), before)


def test_a_split_route_is_not_claimed() -> None:
    before = Seen(Split(Side("api-v0", ()), BLUE, 40), Mark("", 1))
    assert "no side carries all traffic (canary at 40 %)" in refusal(kernel.claim(MINE, 5, GREEN), before)


# -- stamp, final, bar ------------------------------------------------------------------------------------------------


@pytest.mark.proves("I11")
def test_a_stamp_changes_the_number_and_nothing_else() -> None:
    before = route(25, Mark(MINE, 5, STOP))
    assert kernel.stamp(MINE, 7).decide(before) == Setting(Split(BLUE, GREEN, 25), Mark(MINE, 7, STOP))
    with pytest.raises(Fenced, match="the route carries number 5"):
        kernel.stamp(MINE, 4).decide(before)
    with pytest.raises(Fenced, match="belongs to"):
        kernel.stamp(OTHER, 7).decide(before)


@pytest.mark.proves("I8")
def test_final_leaves_green_alone_and_only_at_100_percent_without_a_stop() -> None:
    whole = route(100)
    setting = kernel.final(MINE, 5, whole).decide(whole)
    assert setting == Setting(Split(GREEN), Mark(MINE, 5, final=True))
    ninety = route(95)
    assert "only 100 % can be made final" in refusal(kernel.final(MINE, 5, ninety), ninety)
    alone = route(0, canary=None)
    assert "only 100 % can be made final" in refusal(kernel.final(MINE, 5, alone), alone)
    stopped = route(100, Mark(MINE, 5, STOP))
    with pytest.raises(Fenced, match="kim stopped"):
        kernel.final(MINE, 5, stopped).decide(stopped)


def test_a_bar_forbids_claims_and_lowers_nothing() -> None:
    assert kernel.bar(STOP).decide(route(25)) == Setting(Split(BLUE, GREEN, 25), Mark(MINE, 5, replace(STOP, bar=True)))
    kept = route(25, Mark(MINE, 5, BAR))
    assert kernel.bar(STOP).decide(kept) == Setting(Split(BLUE, GREEN, 25), Mark(MINE, 5, BAR))
    assert not Mark(MINE, 5, BAR).stopped


# -- lower, park, repair ----------------------------------------------------------------------------------------------


@pytest.mark.proves("I6")
@pytest.mark.parametrize("epoch", [0, 5, 99])
def test_a_lowering_compares_no_number_and_leaves_a_stop(epoch: int) -> None:
    setting = kernel.lower(MINE, STOP).decide(route(50, Mark(MINE, epoch)))
    assert setting == Setting(Split(BLUE, GREEN, 0), Mark(MINE, epoch, STOP))


def test_a_lowering_keeps_a_stop_that_stands_and_replaces_a_bar() -> None:
    first = replace(STOP, token="first")
    assert kernel.lower(MINE, STOP).decide(route(0, Mark(MINE, 5, first))).mark.stop == first
    assert kernel.lower(MINE, STOP).decide(route(0, Mark(MINE, 5, BAR))).mark.stop == STOP


@pytest.mark.proves("I6")
def test_an_unreadable_mark_is_no_obstacle_to_a_lowering() -> None:
    assert kernel.lower(MINE, STOP).decide(Seen(Split(BLUE, GREEN, 50), None)) == Setting(
        Split(BLUE, GREEN, 0), Mark(MINE, 0, STOP)
    )


@pytest.mark.proves("I8")
def test_an_unreadable_mark_of_a_route_that_was_never_claimed_may_be_anybodys() -> None:
    """Found by the simulation: an abort lowered a route that an earlier release had been promoted on."""
    elses = Seen(Split(Side("api-v0", ()), BLUE, 100), None)
    with pytest.raises(Fenced, match="this release has not claimed the route"):
        kernel.lower(MINE, STOP, claimed=False).decide(elses)
    assert kernel.lower(MINE, STOP, claimed=False).decide(route(5)).split.weight == 0


def test_a_copy_serves_where_the_routes_own_configuration_is_gone() -> None:
    gone = Seen(None, Mark(MINE, 5))
    assert kernel.lower(MINE, STOP, fallback=Split(BLUE, GREEN, 50)).decide(gone).split == Split(BLUE, GREEN, 0)
    assert "no copy of it is at hand" in refusal(kernel.lower(MINE, STOP), gone)


@pytest.mark.proves("I8")
@pytest.mark.parametrize("mark", [Mark(OTHER, 9), Mark(MINE, 5, final=True)])
def test_another_releases_route_and_a_final_one_are_left_alone(mark: Mark) -> None:
    for change in (kernel.lower(MINE, STOP), kernel.park(MINE), kernel.repair(MINE, route(50, mark), 0)):
        with pytest.raises(Fenced):
            change.decide(route(50, mark))


def test_a_park_lowers_without_a_stop() -> None:
    assert kernel.park(MINE).decide(route(25)) == Setting(Split(BLUE, GREEN, 0), Mark(MINE, 5))


def test_a_repair_goes_down_to_the_story_and_only_while_the_route_is_as_read() -> None:
    read = route(50)
    assert kernel.repair(MINE, read, 5).decide(read) == Setting(Split(BLUE, GREEN, 5), Mark(MINE, 5))
    assert "has changed" in refusal(kernel.repair(MINE, read, 5), route(25))


# -- points of no return ----------------------------------------------------------------------------------------------


def test_the_raise_that_crosses_notes_it_in_the_same_write_and_later_ones_keep_it() -> None:
    crossed = raised(route(5), proof(crosses=RESTORE))
    assert crossed == Setting(Split(BLUE, GREEN, 25), Mark(MINE, 5, beyond=RESTORE))
    later = proof(weight=50, allowed=50, told=25, seen=Seen(crossed.split, crossed.mark))
    assert raised(later.seen, later).mark.beyond == RESTORE


def test_the_note_survives_every_write_but_another_releases_claim() -> None:
    mark = Mark(MINE, 5, beyond=RESTORE)
    full = route(100, mark)
    assert kernel.stamp(MINE, 9).decide(full).mark.beyond == RESTORE
    assert kernel.bar(STOP).decide(full).mark.beyond == RESTORE
    assert kernel.final(MINE, 5, full).decide(full).mark.beyond == RESTORE
    assert kernel.repair(MINE, full, 100).decide(full).mark.beyond == RESTORE
    assert kernel.lower(MINE, ACCEPTED).decide(full).mark == replace(mark, stop=ACCEPTED)
    assert kernel.claim(MINE, 9, GREEN).decide(route(0, mark)).mark.beyond == RESTORE
    assert kernel.claim(OTHER, 9, Side("api-v3", ()), over=(MINE,)).decide(full).mark.beyond is None


@pytest.mark.parametrize("weight", [1, 25, 100])
def test_behind_a_point_of_no_return_nothing_is_lowered_by_itself(weight: int) -> None:
    seen = route(weight, Mark(MINE, 5, beyond=RESTORE))
    for change in (kernel.lower(MINE, STOP), kernel.park(MINE), kernel.repair(MINE, seen, 0)):
        with pytest.raises(NoReturn, match=r"point of no return at 25 % the way back is restore \(the old schema is"):
            change.decide(seen)


@pytest.mark.parametrize("named", ["", "forward-only", "refused"])
def test_whoever_lowers_there_names_the_way_back_and_no_other(named: str) -> None:
    seen = route(50, Mark(MINE, 5, beyond=RESTORE))
    with pytest.raises(NoReturn):
        kernel.lower(MINE, replace(STOP, despite=named)).decide(seen)
    assert kernel.lower(MINE, ACCEPTED).decide(seen).split.weight == 0


def test_an_acceptance_stands_in_the_stop_and_counts_for_all_who_lower_after_it() -> None:
    half = route(50, Mark(MINE, 5, ACCEPTED, beyond=RESTORE))
    assert kernel.lower(MINE, replace(STOP, token="later")).decide(half) == Setting(
        Split(BLUE, GREEN, 0), Mark(MINE, 5, ACCEPTED, beyond=RESTORE)
    )
    stopped = route(50, Mark(MINE, 5, replace(STOP, token="first"), beyond=RESTORE))
    after = kernel.lower(MINE, ACCEPTED).decide(stopped).mark.stop
    assert after is not None
    assert (after.token, after.despite) == ("first", "restore"), "the stop that stands is accepted, too"


def test_a_way_back_that_is_refused_is_refused_to_persons_too() -> None:
    seen = route(100, Mark(MINE, 5, beyond=replace(RESTORE, way="refused")))
    for named in ("refused", "restore"):
        with pytest.raises(NoReturn, match="this traffic is not sent back"):
            kernel.lower(MINE, replace(STOP, despite=named)).decide(seen)


def test_where_the_mark_is_lost_what_the_lowerer_knows_counts() -> None:
    lost = Seen(Split(BLUE, GREEN, 100), None)
    with pytest.raises(NoReturn):
        kernel.lower(MINE, STOP, beyond=RESTORE).decide(lost)
    assert kernel.lower(MINE, ACCEPTED, beyond=RESTORE).decide(lost).mark == Mark(MINE, 0, ACCEPTED, beyond=RESTORE)


def test_where_all_traffic_is_back_a_stop_is_no_lowering_and_a_copy_of_the_route_does_not_say_so() -> None:
    assert kernel.lower(MINE, STOP).decide(route(0, Mark(MINE, 5, beyond=RESTORE))).mark.stop == STOP
    with pytest.raises(NoReturn):
        kernel.lower(MINE, STOP, fallback=Split(BLUE)).decide(Seen(None, Mark(MINE, 5, beyond=RESTORE)))


def test_marks_without_a_point_of_no_return_read_and_write_as_before() -> None:
    assert Mark.from_json({"release": MINE, "epoch": 5, "stop": None, "final": False}) == Mark(MINE, 5)
    assert not {"beyond", "despite"} & {*Mark(MINE, 5).to_json(), *STOP.to_json()}
    assert Mark.from_json(Mark(MINE, 5, ACCEPTED, beyond=RESTORE).to_json()) == Mark(MINE, 5, ACCEPTED, beyond=RESTORE)


# -- whatever a route shows -------------------------------------------------------------------------------------------

STOPS = st.one_of(st.none(), st.sampled_from([STOP, BAR]))
MARKS = st.one_of(
    st.none(),
    st.builds(
        Mark,
        st.sampled_from(["", MINE, OTHER]),
        st.integers(0, 9),
        STOPS,
        st.booleans(),
        st.one_of(st.none(), st.just(RESTORE)),
    ),
)
WEIGHTS = st.integers(0, 100)
SPLITS = st.one_of(st.none(), st.just(Split(BLUE)), st.builds(Split, st.just(BLUE), st.just(GREEN), WEIGHTS))
SEEN = st.builds(Seen, SPLITS, MARKS)
LOWERINGS = st.one_of(
    st.builds(lambda to: kernel.lower(MINE, STOP, to=to), WEIGHTS),
    st.just(kernel.park(MINE)),
    st.builds(lambda seen, to: kernel.repair(MINE, seen, to), SEEN, WEIGHTS),
    st.just(kernel.stamp(MINE, 9)),
    st.just(kernel.bar(STOP)),
    st.just(kernel.claim(MINE, 9, GREEN, found=("t1", "b1"), over=(OTHER,))),
)


@pytest.mark.proves("I1", "I5")
@settings(deadline=None)
@given(LOWERINGS, SEEN)
def test_no_write_but_a_raise_ever_gives_green_more(change: Change, seen: Seen) -> None:
    try:
        after = change.decide(seen)
    except Refused:
        return
    assert after.split.weight <= seen.weight
    assert 0 <= after.split.weight <= 100


@pytest.mark.proves("I5")
@settings(deadline=None)
@given(SEEN, WEIGHTS)
def test_a_raise_never_passes_a_stop(seen: Seen, weight: int) -> None:
    given_proof = proof(seen=seen, weight=weight, allowed=weight, told=0)
    try:
        after = raised(seen, given_proof)
    except Refused:
        return
    assert seen.mark is not None
    assert seen.mark.stop is None
    assert seen.mark.epoch == 5
    assert after.split.weight == weight
