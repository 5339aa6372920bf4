"""What is overdue: questions nobody answered, rests nobody ended, runs that died (docs/states.md, table 3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain, promoted
from tests.unit.looking import Watch, baking
from tidegate import events as ev
from tidegate.ledger import Kind
from tidegate.overdue import finished
from tidegate.ports import RunState

# -- questions and rests ----------------------------------------------------------------------------------------------


def asking(traffic: bool, on_expiry: str) -> Chain:
    asked = {"gate": "widen", "suspend_key": "k", "deadline": (NOW + timedelta(minutes=60)).isoformat(),
             "on_expiry": on_expiry, "traffic": traffic, "run_id": "r1"}  # fmt: skip
    chain = Chain().claimed()
    if traffic:
        chain.weight()
    return chain.intends("main/1/canary/ask-approval/25/widen/1", question=asked)


PAUSED = RunState("r1", "PAUSED")


@pytest.mark.proves("I15")
@pytest.mark.parametrize(
    ("traffic", "on_expiry", "kinds"),
    [
        (True, "rollback", ["expire", "down"]),
        (False, "abort", ["expire", "again"]),
        (True, "abort", ["expire", "again"]),
    ],
)
def test_an_unanswered_question_is_decided_a_minute_after_its_deadline(
    traffic: bool, on_expiry: str, kinds: list[str]
) -> None:
    watch = Watch(asking(traffic, on_expiry))
    watch.now = NOW + timedelta(minutes=60, seconds=54)
    watch.look(run=PAUSED, leased=False)
    assert watch.kinds() == [], "an answer made in time may still be on its way (scenario 19)"
    watch.look(run=PAUSED, leased=False)
    assert watch.kinds() == kinds


def test_the_expiry_itself_is_the_decision_and_is_decided_again_until_it_is_carried_out() -> None:
    """Found on reading: expired and recorded, the lowering failed, and nothing ever lowered again."""
    watch = Watch(asking(True, "rollback").add(Kind.EXPIRY, "expired/main/1/canary/ask-approval/25/widen/1", {}))
    watch.now = NOW + timedelta(hours=2)
    for _ in range(3):
        watch.look(run=PAUSED, leased=False)
        assert watch.kinds() == ["down"]


def test_a_sleeping_run_is_woken_for_its_expired_question_once_a_grace() -> None:
    watch = Watch(asking(False, "abort"))
    watch.now = NOW + timedelta(hours=2)
    kinds = [(watch.look(run=PAUSED, leased=False), watch.kinds().count("again"))[1] for _ in range(11)]
    assert kinds == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    watch.look(run=RunState("r1", "RUNNING"))
    assert "again" not in watch.kinds()


def test_a_rest_has_a_deadline() -> None:
    watch = Watch(Chain().claimed().weight().did("main/1/canary/rest/5/5/1", ev.Rested(at=NOW, stage="5")))
    rested = watch.chain.story.resting_since
    assert rested is not None
    watch.now = rested + timedelta(minutes=4, seconds=-6)
    watch.look(run=RunState("r1", "COMPLETED"), leased=False)
    assert watch.kinds() == []
    watch.look(passed=10.0, run=RunState("r1", "COMPLETED"), leased=False)
    assert "rested longer than allowed" in watch.why("down")


# -- dead runs --------------------------------------------------------------------------------------------------------


def dies(watch: Watch, kind: str | None, looks: int = 16) -> dict[float, list[str]]:
    """A run whose process held the lease and died: what is decided, by seconds since the lease ran out."""
    watch.look()
    decided = {}
    for n in range(1, looks + 1):
        watch.look(run=RunState("r1", kind), lease_dead_for=5.0 * n)
        if watch.kinds():
            decided[5.0 * n] = watch.kinds()
    return decided


@pytest.mark.parametrize(
    ("kind", "decided"),
    [
        ("RUNNING", {25.0: ["fence", "again"], 50.0: ["fence", "again"]}),
        ("CRASHED", {30.0: ["fence", "again"]}),
        ("FAILED", {30.0: ["fence", "again"]}),
        ("COMPLETED", {30.0: ["fence", "again"]}),
        (None, {30.0: ["fence", "new-run"]}),
        ("PENDING", {}),
        ("SCHEDULED", {}),
        ("PAUSED", {}),
    ],
)
def test_a_dead_lease_is_fenced_after_the_grace_and_its_run_started_again(
    kind: str | None, decided: dict[float, list[str]]
) -> None:
    """Docs/states.md, table 3; a state that was just heard gets its grace from then on."""
    assert dies(Watch(baking()), kind, 10) == decided


def test_a_process_that_starts_gets_a_minute_before_it_counts_as_dead() -> None:
    assert dies(Watch(baking()), "PENDING") == {65.0: ["fence", "again"]}


def test_a_run_is_woken_once_a_grace_whatever_the_wall_clock_does() -> None:
    watch = Watch(baking())
    dies(watch, "RUNNING", 5)
    watch.now -= timedelta(hours=1)
    kinds = [(watch.look(lease_dead_for=30.0), watch.kinds().count("again"))[1] for _ in range(6)]
    assert kinds == [0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", ["SCHEDULED", "PAUSED"])
def test_a_waiting_run_is_not_dead(kind: str) -> None:
    watch = Watch(baking())
    for _ in range(40):
        watch.look(run=RunState("r1", kind), leased=False)
        assert watch.kinds() == []


@pytest.mark.parametrize("kind", ["RUNNING", "PENDING", "CRASHED", "FAILED", "COMPLETED", None])
def test_a_run_that_died_before_it_took_a_lease_is_found_all_the_same(kind: str | None) -> None:
    """Found on reading and by the simulation: no lease is out, so none ever dies."""
    watch = Watch(Chain())
    found = []
    for n in range(14):
        watch.look(run=RunState("r1", kind), leased=False)
        found += [(n, watch.decisions[-1].kind)] if watch.decisions else []
    first = 12 if kind in ("RUNNING", "PENDING") else 5  # a process that starts needs its time
    assert found[0] == (first, "new-run" if kind is None else "again")


def test_a_resting_run_needs_no_lease() -> None:
    watch = Watch(Chain().claimed().weight().did("main/1/canary/rest/5/5/1", ev.Rested(at=NOW, stage="5")))
    for _ in range(20):
        watch.look(run=RunState("r1", "COMPLETED"), leased=False)
        assert watch.kinds() == []


def test_without_the_orchestrator_a_dead_lease_is_fenced_and_nothing_else() -> None:
    watch = Watch(baking())
    watch.look(run=None, lease_dead_for=30.0)
    assert watch.kinds() == ["fence"]


def test_the_third_death_rolls_back() -> None:
    watch = Watch(baking().add(Kind.NOTE, "restarted", {}).add(Kind.NOTE, "restarted", {}))
    assert dies(watch, "RUNNING", 5) == {25.0: ["fence", "down"]}
    assert watch.why("down") == "restarted 2 times, and died again"


def test_notes_of_others_are_no_restarts() -> None:
    """Scenario 12: nobody's note stops a good flow."""
    watch = Watch(baking().add(Kind.NOTE, "paged", {}).add(Kind.NOTE, "repaired", {}).add(Kind.NOTE, "reconciled", {}))
    assert dies(watch, "RUNNING", 5) == {25.0: ["fence", "again"]}


@pytest.mark.parametrize("kind", ["CANCELLED", "CANCELLING"])
def test_a_cancelled_run_is_a_down_and_a_resting_one_cannot_be_cancelled(kind: str) -> None:
    watch = Watch(baking())
    watch.look(run=RunState("r1", kind, "Cancelled"))
    assert watch.why("down") == "the run was cancelled in Prefect (Cancelled)"
    resting = Watch(Chain().claimed().weight().did("main/1/canary/rest/5/5/1", ev.Rested(at=NOW, stage="5")))
    resting.look(run=RunState("r1", kind), leased=False)
    assert resting.kinds() == []


def test_the_last_acts_of_a_promoted_release_are_done_even_if_its_process_died() -> None:
    assert dies(Watch(promoted()), "RUNNING") == {25.0: ["fence", "again"]}
    held = Watch(promoted())
    for _ in range(40):
        held.look(run=RunState("r1", "COMPLETED", "Promoted"), leased=False)
        assert held.kinds() == []


def test_a_release_that_went_back_is_looked_at_until_its_routes_show_no_traffic() -> None:
    """Found by the simulation: a hand raised the weight while the rollback was at work, and nobody lowered it again."""
    chain = baking().down().did("main/1/rollback/close-rollback/-/-/1", ev.RolledBack(at=NOW))
    watch = Watch(chain, weight=30)
    watch.look(run=RunState("r1", "FAILED", "RolledBack"), leased=False)
    assert watch.kinds() == ["down"]
    assert not finished(watch.sight)
    watch.weight = 0
    watch.look(run=RunState("r1", "FAILED", "RolledBack"), leased=False)
    assert finished(watch.sight)
    watch.look(run=RunState("r1", "RUNNING"), leased=True)
    assert not finished(watch.sight)
