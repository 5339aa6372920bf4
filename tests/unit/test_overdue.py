"""When the watch starts a release's run again, and when it leaves alone what is only starting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.report_world import shop_spec
from tidegate.overdue import MISMATCH, ONE_MORE, RESTARTS, STARTING, dead_runs, questions_and_rests
from tidegate.ports import RunState
from tidegate.sight import Decision, Sight, Watching
from tidegate.slots import FINALIZE
from tidegate.story import State, Story

BEGAN = datetime(2026, 11, 24, 9, tzinfo=UTC)
GRACE = 4.0
PARKED = 1200.0
SPEC = shop_spec()
SPEC = SPEC.model_copy(update={"hold": SPEC.hold.model_copy(update={"parked_deadline": timedelta(seconds=PARKED)})})
LIVING, DEAD, GIVEN_BACK = "living", "dead", "given back"


def said(kind: str | None, name: str, since: int = 0) -> RunState:
    return RunState("run", kind, name, BEGAN + timedelta(seconds=since))


RUNNING = said("RUNNING", "Running", 10)


class Looks:
    """Looks of half a second each at one release, as the watch makes them."""

    def __init__(self, story: Story | None = None) -> None:
        self.story = story or Story(release="shop/2.0/1", state=State.SHIFTING)
        self.watching, self.dead_for, self.woken = Watching(), 0.0, list[str]()

    def see(self, run: RunState | None, lease: str, seconds: float) -> list[str]:
        """What is decided while this is what it sees for so many seconds."""
        decided = list[str]()
        for _ in range(round(seconds / 0.5)):
            self.dead_for = self.dead_for + 0.5 if lease == DEAD else 0.0
            decided += self._look(run, lease)
        return decided

    def _look(self, run: RunState | None, lease: str) -> Iterable[str]:
        sight = self.sight(run, lease)
        self.watching, decisions = dead_runs(self.watching.older(0.5), sight)
        self.woken += [decision.key for decision in decisions if decision.kind == "again"]
        return [decision.kind for decision in decisions]

    def overdue(self, run: RunState | None, lease: str) -> list[Decision]:
        """What is decided about questions, rests and whatever is stuck, in one more look."""
        _, decisions = questions_and_rests(SPEC, self.watching, self.sight(run, lease))
        return decisions

    def sight(self, run: RunState | None, lease: str) -> Sight:
        return Sight(
            at=BEGAN,
            passed=0.5,
            story=self.story,
            quiet=True,
            seen={},
            samples={},
            health={},
            wayback_here=True,
            lease_dead_for=self.dead_for if lease == DEAD else None,
            run=run,
            leased=lease != GIVEN_BACK,
            grace=GRACE,
        )


def test_a_run_whose_lease_ran_out_is_fenced_and_started_again_after_the_grace() -> None:
    looks = Looks()
    assert looks.see(RUNNING, LIVING, 10) == []
    assert looks.see(RUNNING, DEAD, GRACE - 0.5) == []
    assert looks.see(RUNNING, DEAD, 1) == ["fence", "again"]


@pytest.mark.parametrize("kind", ["CRASHED", "FAILED", "COMPLETED"])
def test_a_run_that_ended_without_ending_its_release_is_started_again_after_the_grace(kind: str) -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(said(kind, "ended", 20), DEAD, GRACE + 1) == ["fence", "again"]


@pytest.mark.parametrize("lease", [DEAD, GIVEN_BACK])
def test_an_attempt_that_is_only_starting_is_left_alone_for_a_minute(lease: str) -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(said("SCHEDULED", "AwaitingRetry", 30), lease, 20) == []
    assert looks.see(said("PENDING", "Submitting", 50), lease, STARTING - 1) == []
    assert looks.see(said("RUNNING", "Running", 80), lease, STARTING - 1) == []
    assert looks.see(said("RUNNING", "Running", 80), LIVING, 5) == []


def test_a_start_that_comes_to_nothing_is_made_again_after_that_minute() -> None:
    looks = Looks()
    assert looks.see(said("PENDING", "Submitting", 50), GIVEN_BACK, STARTING + 2) == ["fence", "again"]


def test_a_state_that_was_heard_before_the_restart_causes_no_second_one() -> None:
    """What is heard of Prefect may be seconds old: the crash that was just answered is heard again."""
    looks = Looks()
    crashed = said("CRASHED", "Crashed", 20)
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(crashed, DEAD, GRACE + 0.5) == ["fence", "again"]
    assert looks.see(crashed, DEAD, 3) == []
    assert looks.see(said("SCHEDULED", "AwaitingRetry", 30), DEAD, 30) == []


def test_a_late_report_of_a_crash_does_not_end_the_attempt_that_is_under_way() -> None:
    looks = Looks()
    looks.see(said("CRASHED", "Crashed", 30), DEAD, 1.5)
    assert looks.see(said("RUNNING", "Running", 32), DEAD, 20) == []


def test_a_dead_orchestrator_leaves_the_fence_once_a_grace_and_starts_nothing() -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(None, DEAD, 3 * GRACE) == ["fence"] * 3
    assert looks.see(RUNNING, DEAD, GRACE + 1) == ["fence", "again"], "the state that held the lease is dead"


def test_a_deleted_run_gets_a_successor_and_the_third_death_rolls_back() -> None:
    looks = Looks()
    assert looks.see(said(None, ""), DEAD, GRACE + 1) == ["fence", "new-run"]
    often = Looks(Story(release="shop/2.0/1", state=State.SHIFTING, restarts=RESTARTS - 1))
    assert often.see(said("CRASHED", "Crashed", 20), DEAD, GRACE + 1) == ["fence", "down"]


def test_a_wait_and_an_approval_are_no_deaths() -> None:
    looks = Looks()
    assert looks.see(said("PAUSED", "Suspended"), GIVEN_BACK, 600) == []
    assert looks.see(said("SCHEDULED", "Waiting"), GIVEN_BACK, 600) == []


@pytest.mark.proves("I12")
@pytest.mark.parametrize("state", [State.PROMOTED, State.ABORTED])
def test_a_release_that_is_over_but_whose_last_acts_nobody_does_is_taken_up_again(state: State) -> None:
    looks = Looks(Story(release="shop/2.0/1", state=state))
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(said("CRASHED", "Crashed", 20), DEAD, GRACE + 1) == ["fence", "again"]
    assert looks.see(said("SCHEDULED", "AwaitingRetry", 30), DEAD, 2 * STARTING) == []


def test_a_run_that_never_heard_of_its_release_s_end_is_started_once_more_to_show_it() -> None:
    """Prefect was down when the body ended: the lease was given back, the run stands at Running."""
    looks = Looks(Story(release="shop/2.0/1", state=State.PROMOTED))
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(None, GIVEN_BACK, 60) == []
    assert looks.see(RUNNING, GIVEN_BACK, STARTING - 1) == []
    assert looks.see(RUNNING, GIVEN_BACK, 2) == ["again"]
    assert looks.see(said("COMPLETED", "Promoted", 99), GIVEN_BACK, 600) == []


def test_a_rolled_back_release_whose_last_acts_nobody_does_asks_for_its_rollback_again() -> None:
    looks = Looks(Story(release="shop/2.0/1", state=State.ROLLED_BACK))
    assert looks.see(said("FAILED", "RolledBack"), DEAD, GRACE + 1) == ["fence", "ask-rollback"]


@pytest.mark.parametrize(
    ("run", "woken"),
    [(said("CRASHED", "Crashed", 20), ""), (said("COMPLETED", "Promoted", 20), FINALIZE)],
    ids=["its own run died behind its report", "its own run has ended: the finalizing one died"],
)
def test_of_a_promoted_release_that_run_is_woken_which_has_not_shown_its_end(run: RunState, woken: str) -> None:
    written: dict[str, Mapping[str, Any]] = {"main/1/release/write-report/promoted/-/1": {"event": "report-written"}}
    looks = Looks(Story(release="shop/2.0/1", state=State.PROMOTED, answers=written))
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(run, DEAD, GRACE + 1) == ["fence", "again"]
    assert looks.woken == [woken]


def test_the_last_acts_are_tried_again_a_few_times_and_not_for_ever() -> None:
    looks = Looks(Story(release="shop/2.0/1", state=State.PROMOTED, restarts=RESTARTS + ONE_MORE))
    assert looks.see(said("CRASHED", "Crashed", 20), DEAD, 600) == []


def test_a_plan_that_does_not_fit_its_ledger_is_not_started_again_and_waits_for_a_person() -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(said("FAILED", MISMATCH, 20), GIVEN_BACK, 600) == []


@pytest.mark.parametrize(
    ("run", "lease", "paged"),
    [
        (said("FAILED", MISMATCH, 20), GIVEN_BACK, "the plan has changed under this release"),
        (said("SCHEDULED", "AwaitingRetry", 20), DEAD, "is a runner or worker alive"),
    ],
)
def test_what_no_restart_can_mend_pages_and_is_rolled_back_when_nobody_acts(
    run: RunState, lease: str, paged: str
) -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    assert looks.see(run, lease, 2 * STARTING + 10) == []
    assert [(d.kind, paged in d.why) for d in looks.overdue(run, lease)] == [("page", True)]
    looks.see(run, lease, PARKED)
    assert [d.kind for d in looks.overdue(run, lease)] == ["page", "down"]


def test_a_planned_wait_is_no_run_that_nobody_takes_up() -> None:
    looks = Looks()
    looks.see(said("SCHEDULED", "Waiting"), GIVEN_BACK, 3 * STARTING)
    assert looks.overdue(said("SCHEDULED", "Waiting"), GIVEN_BACK) == []


def test_the_memory_of_a_watch_serves_its_successor() -> None:
    looks = Looks()
    looks.see(RUNNING, LIVING, 10)
    looks.watching = replace(Watching.from_json(looks.watching.to_json()))
    assert looks.see(RUNNING, DEAD, GRACE + 1) == ["fence", "again"]
