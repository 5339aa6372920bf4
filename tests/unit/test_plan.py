"""Plans and their driver: the order of a release, resume by key, and what a ledger that tells another story does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.answering import NOW, Died, GoodDay, answered
from tidegate import events as ev
from tidegate.actions import Effect, SetWeight, Tell
from tidegate.acts import HERE
from tidegate.errors import LedgerMismatch
from tidegate.events import event_from
from tidegate.finalizing import finalize
from tidegate.plan import Outcome, Plan, drive
from tidegate.ports import Verdict
from tidegate.release import release, shut
from tidegate.rollback import rollback
from tidegate.simulation import specs

READY = "main/1/release/run-check/before/ready/1"
GO = "main/1/release/ask-approval/go/go/1"
WIDEN = "main/1/canary/ask-approval/25/widen/1"
WIDEN_AGAIN = "main/2/canary/ask-approval/25/widen/1"
LEAVE = "main/1/canary/ask-approval/park/leave-park/1"


def told(day: GoodDay, plan: Plan | None = None) -> tuple[Outcome, list[str]]:
    outcome = drive(plan or release(specs.asking()), day.answers, day.perform)
    return outcome, day.done


def weights(done: list[str]) -> list[str]:
    return [f"{key.split('/')[1]}:{key.split('/')[4]}" for key in done if "/set-weight/" in key]


def test_a_release_prepares_asks_opens_step_by_step_and_promotes() -> None:
    outcome, done = told(GoodDay(), release(specs.two_parts()))
    kinds = ["/".join(key.split("/")[3:6]) for key in done]
    assert outcome is Outcome.PROMOTED
    assert kinds == [
        "run-check/before/ready", "take-turn/-/-", "take-backup/-/orders", "prove-backup/-/orders",
        "push-artifact/-/api", "create-green/-/api", "push-artifact/-/web", "create-green/-/web",
        "await-healthy/-/api", "await-healthy/-/web", "run-check/smoke/smoke:web", "inspect-routes/claim/-",
        "claim/-/api", "claim/-/web",
        "set-weight/10/api", "set-weight/10/web", "bake/10/10", "set-weight/50/api", "set-weight/50/web", "bake/50/50",
        "set-weight/100/api", "set-weight/100/web", "bake/100/100",
        "promote/-/-", "book-slots/-/promoted", "tell/-/promoted", "write-report/-/promoted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "event", "why"),
    [
        (READY, ev.CheckRun(at=NOW, name="ready", verdict=Verdict.FAIL), "check ready"),
        (READY, ev.CheckRun(at=NOW, name="ready", verdict=Verdict.ERROR), "check ready"),
        ("main/1/release/prove-backup/-/orders/1",
         ev.BackupProven(at=NOW, name="orders", verdict=Verdict.FAIL, evidence="a table is missing"), "backup orders"),
        ("main/1/release/await-healthy/-/web/1",
         ev.BecameHealthy(at=NOW, component="web", verdict=Verdict.FAIL, instances=0, evidence="dead"), "green web"),
        ("main/1/release/run-check/smoke/smoke:web/1",
         ev.CheckRun(at=NOW, name="smoke", component="web", verdict=Verdict.FAIL), "check smoke"),
    ],
)  # fmt: skip
def test_whatever_does_not_hold_before_traffic_aborts_with_its_reason(key: str, event: ev.Event, why: str) -> None:
    day = GoodDay({key: event})
    outcome, done = told(day, release(specs.two_parts()))
    assert outcome is Outcome.ABORTED
    assert not any("/claim/" in one for one in done)
    assert why in str(day.answers["main/1/release/abort/-/-/1"]["why"])


@pytest.mark.parametrize("decision", ["reject", "expired"])
def test_a_no_before_the_claim_aborts_and_a_no_with_traffic_shuts(decision: str) -> None:
    outcome, done = told(GoodDay({GO: answered(decision, "go")}))
    assert (outcome, weights(done)) == (Outcome.ABORTED, [])
    outcome, done = told(GoodDay({WIDEN: answered(decision)}))
    assert (outcome, done[-1]) == (Outcome.SHUT, "main/1/release/lower/-/-/1")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_only_pass_lets_the_next_step_begin(verdict: Verdict) -> None:
    baked = ev.Baked(at=NOW, step="5", verdict=verdict, sentence="bad")
    outcome, done = told(GoodDay({"main/1/canary/bake/5/5/1": baked}))
    assert (outcome, weights(done)) == (Outcome.SHUT, ["1:5"])


def test_a_park_begins_again_at_the_first_step_in_a_new_leg_perhaps_by_another_plan() -> None:
    outcome, done = told(GoodDay({WIDEN: answered("park")}))
    assert (outcome, weights(done)) == (Outcome.PROMOTED, ["1:5", "2:5", "2:25", "2:100"])
    outcome, done = told(GoodDay({WIDEN: answered("park"), LEAVE: answered("approve", "leave-park", "halves")}))
    assert (outcome, weights(done)) == (Outcome.PROMOTED, ["1:5", "2:50", "2:100"])
    outcome, done = told(GoodDay({WIDEN: answered("park"), LEAVE: answered("expired", "leave-park")}))
    assert (outcome, done[-1]) == (Outcome.SHUT, "main/1/release/lower/-/-/1")


def test_a_stage_rests_after_its_weight_and_a_later_run_goes_on_from_there() -> None:
    day = GoodDay()
    outcome, _ = told(day, release(specs.plain(), stop_after=25))
    assert (outcome, weights(day.done)) == (Outcome.RESTING, ["1:5", "1:25"])
    outcome, _ = told(day, release(specs.plain(), stop_after=25))
    assert (outcome, weights(day.done)) == (Outcome.RESTING, ["1:5", "1:25"]), "a retry of the stage does nothing"
    outcome, _ = told(day, release(specs.plain()))
    assert (outcome, weights(day.done)) == (Outcome.PROMOTED, ["1:5", "1:25", "1:50", "1:100"])


# -- resume by key ----------------------------------------------------------------------------------------------------

PLANS: list[Callable[[], Plan]] = [
    lambda: release(specs.two_parts()),
    lambda: release(specs.asking()),
    lambda: rollback(specs.two_parts(), "bad"),
    lambda: finalize(specs.two_parts()),
]


@settings(deadline=None)
@given(st.sampled_from(PLANS), st.lists(st.integers(0, 30), max_size=4), st.booleans())
@pytest.mark.proves("I12")
def test_a_crash_after_any_entry_resumes_to_the_same_end(
    plan: Callable[[], Plan], deaths: list[int], parked: bool
) -> None:
    says = {WIDEN: answered("park")} if parked else {}
    whole = GoodDay(says)
    end, _ = told(whole, plan())
    day = GoodDay(says)
    for death in deaths:
        day.dies_after = len(day.done) + death
        try:
            drive(plan(), day.answers, day.perform)
        except Died:
            continue
    day.dies_after = 10_000
    assert drive(plan(), day.answers, day.perform) is end
    assert day.done == whole.done
    assert day.answers == whole.answers


def test_a_rollback_is_driven_over_a_chain_full_of_weights() -> None:
    """Weights that the release set stand before nothing of the rollback (the first simulation's first find)."""
    day = GoodDay()
    drive(release(specs.plain()), day.answers, day.perform)
    assert drive(rollback(specs.plain(), "bad"), day.answers, day.perform) is Outcome.ROLLED_BACK
    assert drive(finalize(specs.plain()), day.answers, day.perform) is Outcome.FINAL


def test_a_rollback_that_takes_longer_than_wanted_is_told_and_goes_on_as_any_other() -> None:
    key, late = "main/1/rollback/verify-rollback/-/-/1", "main/1/rollback/tell/late/alert/1"
    wanted = specs.plain().rollback.within.total_seconds()
    for seconds, told_of in ((wanted, False), (wanted + 1, True)):
        day = GoodDay(says={key: ev.RollbackVerified(at=NOW, verdict=Verdict.PASS, evidence="-", seconds=seconds)})
        assert drive(rollback(specs.plain(), "bad"), day.answers, day.perform) is Outcome.ROLLED_BACK
        assert (late in day.done) is told_of, day.done


def test_a_traffic_plan_may_not_carry_the_name_of_one_of_our_own_plans() -> None:
    with pytest.raises(ValueError, match="'rollback' is a name of Tidegate's own"):
        specs.spec(plans={"rollback": specs.steps("15s", 100)}, plan="rollback")


@pytest.mark.proves("I2")
def test_an_act_that_is_missing_before_a_weight_that_was_set_is_a_mismatch() -> None:
    """A plan changed under a release: performing the act now would move the weight back."""
    day = GoodDay(dies_after=9)
    with pytest.raises(Died):
        told(day, release(specs.plain()))
    assert weights(day.done) == ["1:5", "1:25"]
    del day.answers["main/1/canary/set-weight/5/api/1"]
    before = list(day.done)
    with pytest.raises(LedgerMismatch, match=r"set-weight/5/api/1 has no answer .* but main/1/canary/set-weight/25"):
        drive(release(specs.plain()), day.answers, GoodDay().perform)
    assert day.done == before


def test_reads_and_best_effort_acts_may_be_missing_before_a_weight() -> None:
    """Scenario 20: a dropped message never stands in a release's way."""
    day = GoodDay()
    told(day, release(specs.two_parts()))
    del day.answers["main/1/release/await-healthy/-/api/1"]
    assert drive(release(specs.two_parts()), day.answers, GoodDay().perform) is Outcome.PROMOTED
    assert Tell.effect is Effect.BEST
    assert SetWeight.effect is Effect.REPEATABLE


def test_another_event_than_the_plan_expects_is_a_mismatch() -> None:
    day = GoodDay()
    told(day, release(specs.plain()))
    key = "main/1/canary/bake/5/5/1"
    day.answers[key] = ev.Waited(at=NOW, name="x").to_body()
    with pytest.raises(LedgerMismatch, match="was answered with Waited, this plan expects Baked"):
        drive(release(specs.plain()), day.answers, day.perform)


def test_a_lower_always_acts_even_when_the_ledger_seems_to_answer_it() -> None:
    day = GoodDay()
    day.answers["main/1/release/lower/-/-/1"] = ev.Lowered(at=NOW, why="before", weights={}).to_body()
    assert drive(shut(HERE, "bad"), day.answers, day.perform) is Outcome.SHUT
    assert day.done == ["main/1/release/lower/-/-/1"]


def test_whatever_an_act_raises_closes_the_plan_and_records_nothing_more() -> None:
    closed = []

    def plan() -> Plan:
        try:
            return (yield from release(specs.plain()))
        finally:
            closed.append(True)

    day = GoodDay(dies_after=3)
    with pytest.raises(Died):
        drive(plan(), day.answers, day.perform)
    assert closed
    assert len(day.answers) == 3


def test_an_event_of_an_unknown_kind_is_no_event() -> None:
    with pytest.raises(ValueError, match="event"):
        event_from({"event": "launched", "at": NOW.isoformat()})


TAKE = "main/1/release/ask-approval/claim/take-over/1"
LOOKED = "main/1/release/inspect-routes/claim/-/1"
STRANGER = ev.RoutesInspected(at=NOW, strangers={"api": "somebody stopped it"}, names=("token",))


def test_a_stop_that_nobody_named_is_asked_about_before_a_route_is_claimed() -> None:
    outcome, done = told(GoodDay({LOOKED: STRANGER, TAKE: answered("reject", "take-over")}))
    assert outcome is Outcome.ABORTED
    assert not any("/release/claim/" in key for key in done)
    outcome, done = told(GoodDay({LOOKED: STRANGER, TAKE: answered("approve", "take-over")}))
    assert outcome is Outcome.PROMOTED
    assert done.index(TAKE) < done.index("main/1/release/claim/-/api/1")
