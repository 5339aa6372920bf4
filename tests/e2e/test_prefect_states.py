"""
What Prefect's own buttons do to a release under way: Cancel, Change state, Delete, Retry (docs/states.md, table 3).

Whatever Prefect shows, the ledger and the routes decide: nobody raises twice, and what was decided stays.
"""

from __future__ import annotations

import pytest

from tests.e2e.standing import Standing
from tidegate.ledger import Kind
from tidegate.story import State

pytestmark = pytest.mark.timeout(600)  # the first test starts the whole system, too
LONG = 180.0  # seconds; a run that is started again waits for its grace, and for a process that starts


def rolled_back(standing: Standing, release: str, run_id: str) -> None:
    """Traffic is back, the rest is done, and Prefect shows it."""
    standing.await_(lambda: standing.weights() == [0, 0], "no customer reaches green", 30)
    story = standing.await_story(release, State.ROLLED_BACK, LONG)
    assert story.down is not None
    assert all(standing.route(name)["mark"]["stop"] for name in ("api", "frontend")), "a stop stands on every route"
    standing.await_state(run_id, "RolledBack")


@pytest.mark.proves("I5")
def test_cancel_while_green_has_traffic_is_a_decision_to_go_back(standing: Standing) -> None:
    run_id, release = standing.to_half()
    standing.set_state(run_id, "CANCELLING", force=False)
    rolled_back(standing, release, run_id)
    assert "cancelled in Prefect" in standing.story(release).down.why  # type: ignore[union-attr]  # seen above


def test_cancel_at_the_question_ends_the_release_without_traffic(standing: Standing) -> None:
    run_id = standing.release()
    standing.await_state(run_id, "Suspended")
    release = standing.release_of(run_id)
    standing.set_state(run_id, "CANCELLED", force=False)
    standing.await_(lambda: standing.story(release).over, "the release is over", LONG)
    assert not standing.story(release).had_traffic
    assert standing.runs.resume(run_id, {"decision": "approve", "approver": "kim", "note": "-", "plan": "halves"})
    assert standing.weights() == [0, 0]


def test_a_run_forced_to_completed_ends_nothing_and_its_release_goes_on(standing: Standing) -> None:
    run_id, release = standing.to_half()
    standing.set_state(run_id, "COMPLETED")
    standing.await_(
        lambda: standing.story(release).restarts or standing.story(release).state in (State.PROMOTED, State.DOWN),
        "its process ends what it began, or the watch starts it again",
        LONG,
    )
    assert [row.id for row in standing.ledger.releases("shop") if row.active] in ([release], []), "no second release"
    assert standing.cli("rollback", "shop", "--from", "2.0", "--reason", "the test is over", "--yes").returncode == 0
    standing.await_(lambda: standing.weights() == [0, 0], "no customer reaches green", 30)
    standing.await_story(release, State.ROLLED_BACK, LONG)


@pytest.mark.slow  # three minutes: nobody but a lease that runs out tells that a run was deleted
def test_a_deleted_runs_release_goes_on(standing: Standing) -> None:
    run_id, release = standing.to_half()
    standing.call("DELETE", f"/flow_runs/{run_id}")
    standing.await_(
        lambda: standing.began(release) != run_id or standing.story(release).over,
        "its process ends what it began, or another run goes on with it",
        LONG,
    )
    assert [row.id for row in standing.ledger.releases("shop") if row.active] in ([release], []), "no second release"
    assert standing.cli("rollback", "shop", "--from", "2.0", "--reason", "the test is over", "--yes").returncode == 0
    standing.await_story(release, State.ROLLED_BACK, LONG)


def test_retry_of_a_run_that_is_over_ends_the_same_and_does_nothing(standing: Standing) -> None:
    run_id, release = standing.to_half()
    standing.set_state(run_id, "CANCELLING", force=False)
    rolled_back(standing, release, run_id)
    standing.await_(  # Prefect shows the end before the outcome of showing it is written down
        lambda: any(e.kind is Kind.OUTCOME and "/end-run/" in e.key for e in standing.entries(release)),
        "that the run's end is shown is written down",
        LONG,
    )
    before = standing.entries(release)
    standing.set_state(run_id, "SCHEDULED", "AwaitingRetry")
    standing.await_(lambda: standing.runs.state(run_id).type == "RUNNING", "it is run again", LONG)
    standing.await_state(run_id, "RolledBack", LONG)
    assert standing.entries(release) == before
    assert standing.weights() == [0, 0]
