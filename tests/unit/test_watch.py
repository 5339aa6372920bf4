"""The watch's mind: bakes, limits, holds, drift and downs; one look after another, without a world."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import SET_25, Chain, promoted
from tests.unit.looking import BAD, BAND, BLUE, GOOD, GREEN, ILL, MINE, STOP, WELL, Watch, baking
from tidegate import events as ev
from tidegate.ledger import Kind
from tidegate.ports import Sample, Verdict
from tidegate.sight import Health, Watching
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.traffic import Mark, Seen, Side, Split

# -- bake -------------------------------------------------------------------------------------------------------------


def test_a_bake_is_complete_when_its_seconds_were_looked_at_and_all_gates_pass() -> None:
    watch = Watch(baking())
    done = [(watch.look(), watch.memory.done)[1] for _ in range(4)]
    assert done == ["", "", "", "1/canary/5"], "the first look begins it"


@pytest.mark.proves("I27")
def test_bake_time_is_looked_at_time_whatever_the_wall_clock_does() -> None:
    watch = Watch(baking())
    watch.look()
    watch.now += timedelta(days=1)
    watch.look(passed=5.0)
    watch.now -= timedelta(days=2)
    assert (watch.look(passed=0.5), watch.memory.done)[1] == ""
    assert watch.memory.baked == 5.5


@pytest.mark.proves("I4")
def test_a_bake_is_not_complete_while_a_gate_does_not_pass() -> None:
    watch = Watch(baking())
    verdicts = {watch.look(count=10).verdict for _ in range(6)}
    assert (verdicts, watch.memory.done) == ({Verdict.INCONCLUSIVE}, "")
    watch.look()
    assert watch.memory.done == "1/canary/5"


def test_a_new_leg_begins_with_new_evidence() -> None:
    watch = Watch(baking())
    for _ in range(4):
        watch.look()
    park = ev.Parked(at=NOW)
    watch.chain.did("main/1/canary/park/park/-/1", park)
    watch.chain.did(
        "main/1/canary/ask-approval/park/leave-park/1",
        ev.Answered(at=NOW, gate="leave-park", decision="approve", approver="kim"),
    )
    watch.weight = 0
    watch.look()
    assert watch.memory.done == ""


def test_a_successor_goes_on_with_the_memory_in_the_row() -> None:
    """As JSON keeps it: a watch that dies in the middle of a bake loses at most one interval."""
    watch = Watch(baking())
    for _ in range(3):
        watch.look()
    watch.memory = Watching.from_json(json.loads(json.dumps(watch.memory.to_json(), allow_nan=False)))
    watch.look(passed=0.0)
    watch.look()
    assert watch.memory.done == "1/canary/5"


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("I10")
def test_a_fail_with_traffic_is_a_down_at_once() -> None:
    watch = Watch(baking())
    told = watch.look(BAD)
    assert watch.kinds() == ["down"]
    assert "error_rate" in watch.why("down")
    assert told.against
    assert told.verdict is Verdict.FAIL


def slow_gate() -> Spec:
    return specs.spec(gates=[specs.errors("api") | {"lasting": "10s"}])


def test_a_limit_that_must_last_fails_when_it_lasted_in_looks_not_on_a_wall_clock() -> None:
    watch = Watch(baking(), slow_gate())
    watch.look(BAD)
    watch.now += timedelta(hours=1)
    watch.look(BAD, passed=5.0)
    assert watch.kinds() == []
    watch.now -= timedelta(hours=3)
    watch.look(BAD, passed=5.0)
    assert watch.kinds() == ["down"]


def test_one_reading_below_the_limit_begins_the_duration_anew() -> None:
    watch = Watch(baking(), slow_gate())
    downs = [(watch.look(value), "down" in watch.kinds())[1] for value in (BAD, BAD, GOOD, BAD, BAD, BAD)]
    assert downs == [False, False, False, False, False, True]


@pytest.mark.proves("I3", "I4")
def test_above_the_limit_but_not_yet_for_long_enough_speaks_against_a_raise() -> None:
    watch = Watch(baking(), slow_gate())
    for _ in range(4):
        watch.look()
    told = watch.look(BAD)
    assert watch.memory.done == "1/canary/5"
    assert "above the limit" in told.against


def two_parts(*weighted: str) -> Chain:
    chain = Chain().claimed("api", "web")
    for component in weighted:
        chain.weight(f"main/1/canary/set-weight/10/{component}/1", 10, component)
    return chain


def test_a_component_that_waits_for_its_first_raise_is_not_judged() -> None:
    """Scenario 8e: the second component's raise must not wait for its own samples."""
    watch = Watch(two_parts("api"), specs.two_parts())
    routes = {name: Seen(Split(Side(f"{name}-v1", ()), Side(f"{name}-v2", ()), w), Mark(MINE, 1))
              for name, w in (("api", 10), ("web", 0))}  # fmt: skip
    none = Sample("error_rate", None, None, None, timedelta(seconds=30), watch.now)
    samples = {"api-errors": replace(none, value=GOOD, count=1000), "web-errors": none}
    well = {"api": WELL, "web": WELL}
    against = [watch.look(seen=routes, health=well, samples=samples).against for _ in range(10)]
    assert (set(against), watch.kinds()) == ({""}, [])


def test_ill_instances_shut_after_a_few_looks_in_a_row() -> None:
    watch = Watch(baking())
    watch.look(health={"api": ILL})
    watch.look()
    watch.look(health={"api": ILL})
    assert watch.kinds() == []
    watch.look(health={"api": ILL})
    assert watch.why("down") == "1 of 2 green api instances are healthy (api-v2-1: refused)"


@pytest.mark.proves("I17")
def test_ill_green_without_traffic_is_no_down_but_speaks_against_the_first_raise() -> None:
    watch = Watch(Chain().claimed())
    wrong = Health(2, 2, False, 2)
    watch.look(health={"api": wrong})
    told = watch.look(health={"api": wrong})
    assert watch.kinds() == []
    assert told.against == "2 of 2 green api instances are running the release's digest"


@pytest.mark.proves("I4b")
def test_more_than_two_changes_of_verdict_in_one_step_are_a_failure() -> None:
    watch = Watch(baking())
    watch.memory = replace(watch.memory, bake="1/canary/5", last="FAIL", flaps=2)
    watch.look()
    assert watch.why("down") == "the verdict changed 3 times between PASS and FAIL in one step"


# -- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sees", "says"),
    [
        ({"value": BAND}, "between 1 % and 3 %"),
        ({"value": None, "count": 5}, "no series"),
        ({"value": float("nan")}, "no measurement"),
        ({"seen": {"api": None}}, "the router of api cannot be read"),
        ({"health": {"api": None}}, "the health of api cannot be read"),
        ({"seen": {"api": Seen(Split(BLUE, GREEN, 5), None)}}, "the mark of api cannot be read"),
        ({"seen": {"api": Seen(Split(BLUE, GREEN, 5), Mark("shop/v3/1", 9))}}, "the mark of api names shop/v3/1"),
    ],
)
@pytest.mark.proves("I4", "I15")
def test_a_hold_keeps_the_weight_until_its_deadline_and_then_shuts(sees: dict[str, Any], says: str) -> None:
    watch = Watch(baking())
    watch.look()
    told = watch.look(**sees)
    assert says in told.against
    kinds = [kind for _ in range(10) for kind in (watch.look(**sees), watch.kinds())[1]]
    assert "down" not in kinds
    assert kinds.count("page") >= 1, "after a tenth of the deadline somebody is told"
    assert watch.memory.held == 55.0
    watch.look(**sees)
    assert watch.why("down").startswith("held for 60 s, longer than 60 s: ")


def test_a_pass_before_the_deadline_ends_the_hold() -> None:
    watch = Watch(baking())
    kinds = [(watch.look(value), watch.kinds())[1] for value in [BAND] * 11 + [GOOD] + [BAND] * 11]
    assert ["down"] not in kinds
    assert watch.memory.held == 55.0


def test_too_few_samples_are_no_hold_before_the_bakes_end_and_one_after_it() -> None:
    """Scenario 21: the first look of every step is INCONCLUSIVE; the deadline runs from the bake's end."""
    watch = Watch(baking())
    for _ in range(3):
        told = watch.look(count=1)
        assert (told.against, watch.memory.held) == ("", 0.0)
    told = watch.look(count=1)
    assert "1 of 50 requests needed" in told.against
    for _ in range(11):
        watch.look(count=1)
    assert "down" in watch.kinds()


def test_stay_keeps_a_hold_for_ever_with_a_reason_in_the_spec() -> None:
    hold = {"deadline": "60s", "on_expiry": "stay", "stay_reason": "a person decides"}
    watch = Watch(baking(), specs.spec(hold=hold))
    against = [watch.look(BAND).against for _ in range(40)]
    assert all(against)
    assert watch.kinds() == []


def test_the_hold_of_a_lost_mark_outlasts_a_completed_bake() -> None:
    """Found by the simulation: each PASS of a complete bake began the hold anew, and the bake waited for ever."""
    watch = Watch(baking())
    lost = {"api": Seen(Split(BLUE, GREEN, 5), None)}
    for _ in range(16):
        watch.look(seen=lost)
    assert "down" in watch.kinds()


# -- drift ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("I14")
@pytest.mark.parametrize(
    ("shows", "quiet", "kind"),
    [(0, True, "down"), (4, True, "down"), (5, True, ""), (6, True, "repair"), (100, True, "repair"),
     (0, False, ""), (100, False, "")],
)  # fmt: skip
def test_lower_by_hand_is_obeyed_higher_is_repaired_and_only_on_a_quiet_pair(
    shows: int, quiet: bool, kind: str
) -> None:
    watch = Watch(baking(), weight=shows)
    watch.look(quiet=quiet)
    assert watch.kinds() == ([kind] if kind else [])
    if kind == "repair":
        assert watch.decisions[0].weight == 5


@pytest.mark.proves("I14")
def test_an_open_raise_explains_what_lies_between() -> None:
    """Scenario 6: intent, router's write, outcome; neither order of reading condemns a good release."""
    chain = Chain().claimed().weight().intends(SET_25, **{"raise": {"component": "api", "weight": 25}})
    for shows, kinds in ((5, []), (25, []), (26, ["repair"]), (4, ["down"])):
        watch = Watch(chain, weight=shows)
        watch.look()
        assert watch.kinds() == kinds


def test_a_park_that_died_halfway_is_no_down() -> None:
    """Scenario 11: recorded, lowered, dead before the outcome."""
    watch = Watch(baking().intends("main/1/canary/park/park/-/1", lowering="park"), weight=0)
    watch.look()
    assert watch.kinds() == []


def test_a_stop_in_the_mark_is_a_down_not_yet_written() -> None:
    watch = Watch(baking(), weight=0)
    watch.look(seen={"api": Seen(Split(BLUE, GREEN, 0), Mark(MINE, 1, STOP))}, stop=STOP)
    assert (watch.kinds(), watch.why("write-down")) == (["write-down"], "kim: said no")


@pytest.mark.proves("I7")
def test_a_stop_once_seen_counts_even_if_its_mark_is_lost_before_it_could_be_written() -> None:
    """The disk was full, then an editor lost the mark: the watch is the only one who still knows."""
    watch = Watch(baking(), weight=0)
    watch.look(seen={"api": Seen(Split(BLUE, GREEN, 0), None)}, stop=STOP)
    assert watch.kinds() == ["write-down"]


def test_a_bar_is_no_down() -> None:
    watch = Watch(baking())
    watch.look(seen={"api": Seen(Split(BLUE, GREEN, 5), Mark(MINE, 1, replace(STOP, bar=True)))})
    assert watch.kinds() == []


@pytest.mark.proves("I8")
def test_a_final_mark_whose_outcome_died_is_no_lower_weight() -> None:
    """Found on reading: *final* leaves weight 0, and the watch took it for a person's rollback."""
    watch = Watch(promoted().intends("main/1/finalize/make-final/-/api/1"))
    watch.look(seen={"api": Seen(Split(GREEN), Mark(MINE, 1, final=True))}, health={})
    assert watch.kinds() == []


def test_a_newer_claim_supersedes_a_promoted_release_and_nobody_lowers_for_it_any_more() -> None:
    """Scenario 5: v2's story says 100, the route shows v3 at 0."""
    watch = Watch(promoted())
    newer = {"api": Seen(Split(GREEN, Side("api-v3", ()), 0), Mark("shop/v3/1", 9))}
    watch.look(seen=newer, newer="shop/v3/1")
    assert watch.kinds() == ["supersede"]
    watch.chain.add(Kind.EXPIRY, "superseded", {"why": "v3"})
    for _ in range(40):
        assert "nobody lowers for it any more" in watch.look(BAD, seen=newer, health={"api": ILL}).against
        assert watch.kinds() == []


def test_a_shifting_release_whose_route_names_another_is_held_and_not_rolled_back_by_drift() -> None:
    watch = Watch(baking())
    told = watch.look(seen={"api": Seen(Split(BLUE, GREEN, 0), Mark("shop/v3/1", 9))})
    assert "down" not in watch.kinds()
    assert "names shop/v3/1" in told.against


# -- down -------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("I7")
def test_while_a_weight_stands_after_a_down_each_look_lowers_and_asks_for_the_rollback_now_and_then() -> None:
    watch = Watch(baking().down(), weight=25)
    kinds = [(watch.look(passed=2.0), watch.kinds())[1] for _ in range(4)]
    assert kinds == [["down", "ask-rollback"], ["down"], ["down"], ["down", "ask-rollback"]]


def test_a_down_without_its_stop_in_the_mark_is_lowered_again() -> None:
    watch = Watch(baking().down(), weight=0)
    watch.look()
    assert "down" in watch.kinds()
    watch.look(seen={"api": Seen(Split(BLUE, GREEN, 0), Mark(MINE, 1, STOP))})
    assert "down" not in watch.kinds()
    watch.look(seen={"api": Seen(Split(BLUE, GREEN, 50), Mark("shop/v3/1", 9))})
    assert "down" not in watch.kinds(), "another release's route"


def test_a_rollback_that_nobody_works_on_is_asked_for_as_dead() -> None:
    """Its process died before it took a lease; the orchestrator may say RUNNING for ever (found by the simulation)."""
    watch = Watch(baking().down(), weight=0)
    asked = []
    for _ in range(24):
        watch.look(leased=False)
        asked += [decision.key for decision in watch.decisions if decision.kind == "ask-rollback"]
    assert "dead" in asked
    assert asked.count("dead") <= 2
    for _ in range(24):
        watch.look()
        assert all(decision.key != "dead" for decision in watch.decisions)


# -- the first 0 ------------------------------------------------------------------------------------------------------


def test_the_watch_shows_that_it_can_lower_once_every_route_is_claimed_and_read() -> None:
    """Scenario 8a: a heartbeat with credentials that can only read proves nothing."""
    watch = Watch(Chain().claimed("api"), specs.two_parts())
    watch.memory = Watching()
    one = Seen(Split(BLUE, GREEN, 0), Mark(MINE, 1))
    watch.look(seen={"api": one})
    assert watch.kinds() == []
    watch.chain.claimed("web")
    watch.look(seen={"api": one, "web": None})
    assert "show-lowering" not in watch.kinds()
    watch.look(seen={"api": one, "web": one})
    assert watch.kinds() == ["show-lowering"]


def test_a_successor_shows_it_anew() -> None:
    watch = Watch(baking())
    watch.memory = Watching()
    watch.look()
    assert watch.kinds() == ["show-lowering"]


# -- for people -------------------------------------------------------------------------------------------------------


def test_the_row_tells_people_what_is_going_on() -> None:
    watch = Watch(baking())
    watch.look()
    told = watch.look()
    detail: Mapping[str, Any] = told.detail
    assert detail["state"] == "shifting"
    assert detail["bake"] == {"id": "1/canary/5", "seconds": 15.0, "passed": 5.0}
    assert detail["gates"][0]["verdict"] == "PASS"
    held = watch.look(BAND).detail
    assert held["hold"]["seconds_left"] == 55.0
    assert Watch(Chain().claimed()).look().sentence == "no green traffic yet"
