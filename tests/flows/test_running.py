"""The bodies of the flows on a real server, runner and watch: who may begin, what resumes, what rests, what holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from tests.faults.standing_shop import StandingShop
from tests.flows.scenes import HELD, Scene, command, hurried, spec_with_a_question
from tidegate.story import State

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandingShop]:
    """One installation for all releases of this page: they follow each other as a team's releases do."""
    with StandingShop(tmp_path_factory.mktemp("running"), rate=60, edit=spec_with_a_question) as standing:
        yield standing


# -- one release, and what happened around it ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parked(shop: StandingShop) -> Scene:
    """Others want in, the file changes, it is parked, goes again in a second leg, is held by a freeze, is promoted."""
    scene = Scene.of(shop)
    scene.until("the question", lambda: any(q.gate == "go" for q in scene.story.questions.values()))
    second = Scene.of(shop)
    scene.seen["second"] = second.until_shown("Refused")
    scene.seen["second opened"] = shop.ledger.find(second.release)
    again = shop.start(scene.version)
    scene.seen["again"] = scene.until_shown("Refused", again)
    shop.edit_spec(lambda spec: spec.clear())
    scene.answer("go", plan="asked")
    scene.answer("half", "park")
    scene.until("parked", lambda: scene.story.parked_since is not None)
    scene.seen["parked weights"] = scene.weights()
    scene.answer("leave-park", plan="halves")
    scene.until_begun("bake", "50")
    shop.ledger.freeze("shop", "a test", "the books are being closed", timedelta(hours=1))
    scene.until_begun("set-weight", "100")
    time.sleep(HELD)
    scene.seen["frozen weights"] = scene.weights()
    shop.ledger.lift("shop", "a test")
    scene.until_state(State.PROMOTED, State.DOWN)
    scene.seen["shown"] = scene.until_shown("Promoted")
    shop.edit_spec(spec_with_a_question)
    shop.tidy()
    return scene


@pytest.mark.proves("E24", "I11")
def test_a_second_release_is_refused_and_told_who_holds_the_system_since_when_and_under_which_run(
    parked: Scene,
) -> None:
    told = parked.seen["second"]
    assert f"version {parked.version} is being released as {parked.release} since 20" in told
    assert f"by flow run {parked.run_id}" in told
    assert "tidegate rollback shop" in told, "and what can be done about it"
    assert parked.seen["second opened"] is None


@pytest.mark.proves("E24", "I11")
def test_the_same_version_twice_is_refused_like_any_other(parked: Scene) -> None:
    assert f"is being released as {parked.release}" in parked.seen["again"]


def test_the_spec_that_was_frozen_at_the_start_is_read_whatever_the_file_says_by_now(parked: Scene) -> None:
    """The file was emptied before the first approval was answered."""
    assert parked.story.state is State.PROMOTED


def test_a_park_takes_all_traffic_keeps_green_and_its_second_leg_begins_again_with_new_evidence(parked: Scene) -> None:
    story = parked.story
    assert parked.seen["parked weights"] == {"api": 0, "frontend": 0}
    assert story.leg == 2
    first, second = "main/1/asked/bake/50/50/1", "main/2/halves/bake/50/50/1"
    assert story.answers[first]["verdict"] == story.answers[second]["verdict"] == "PASS"
    assert story.answered_at[first] < story.answered_at[second]
    assert "main/2/asked/bake/50/50/1" not in story.answers, "the second leg follows the plan that was chosen for it"


@pytest.mark.proves("I28")
def test_a_freeze_while_traffic_shifts_holds_the_next_raise_and_its_end_lets_the_release_go_on(parked: Scene) -> None:
    assert parked.seen["frozen weights"] == {"api": 50, "frontend": 50}
    assert parked.story.weight == 100
    assert parked.seen["shown"] == f"{parked.release} carries 100 %"


# -- stages ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rested(shop: StandingShop) -> Scene:
    """It rests at half, and its plan no longer fits its ledger when somebody continues it."""
    scene = Scene.of(shop, stop_after=50)
    scene.answer("go")
    scene.seen["rests"] = scene.until_shown("StageDone")
    scene.seen["state"] = scene.story.state
    _rename(shop, "main/1/release/take-turn/-/-/1", "main/1/release/hold-turn/-/-/1")
    later = shop.start(scene.version)
    scene.seen["mismatch"] = scene.until_shown("LedgerMismatch", later)
    time.sleep(3 * 4)  # three graces: nobody starts it again
    scene.seen["weights"], scene.seen["restarts"] = scene.weights(), scene.story.restarts
    scene.roll_back()
    return scene


def _rename(shop: StandingShop, old: str, new: str) -> None:
    """What an upgrade that renames a key amounts to: the ledger answers another key than the plan asks for."""
    with closing(sqlite3.connect(shop.home / "ledger.db", timeout=10)) as connection, connection:
        changed = connection.execute(
            "update tidegate_entry set key = ?, once = replace(once, ?, ?) where key = ?", (new, old, new, old)
        )
        assert changed.rowcount


def test_a_stage_that_rests_ends_as_completed_and_says_so(rested: Scene) -> None:
    assert rested.seen["rests"] == "rests at 50 %; a later run continues it"
    assert rested.seen["state"] is State.SHIFTING


def test_a_plan_that_no_longer_fits_its_ledger_moves_no_weight_and_is_not_tried_again(rested: Scene) -> None:
    assert "main/1/release/take-turn/-/-/1 has no answer in the ledger" in rested.seen["mismatch"]
    assert "the weight stays" in rested.seen["mismatch"]
    assert rested.seen["weights"] == {"api": 50, "frontend": 50}
    assert rested.seen["restarts"] == 0


def test_a_release_whose_plan_does_not_fit_can_still_be_rolled_back(rested: Scene) -> None:
    assert rested.story.state is State.ROLLED_BACK
    assert rested.weights() == {"api": 0, "frontend": 0}


@pytest.fixture(scope="module")
def alone(shop: StandingShop) -> Scene:
    """A later run continues the stage; Prefect's server dies in its bake, and a person rolls back without it."""
    scene = Scene.of(shop, stop_after=50)
    scene.answer("go")
    scene.until_shown("StageDone")
    later = shop.start(scene.version)
    scene.until_begun("bake", "100")
    server = shop.without("server")
    scene.until_state(State.PROMOTED)
    scene.seen["promoted"] = scene.weights()
    scene.seen["look"] = shop.ledger.look(scene.release)
    said = command("rollback", "shop", "--from", scene.version, "--reason", "the server is dead")
    scene.seen["said"], scene.seen["code"] = said.stdout + said.stderr, said.returncode
    scene.seen["lowered"], scene.seen["down"] = scene.weights(), scene.story.down
    shop.with_again(server)
    scene.until_state(State.ROLLED_BACK)
    scene.until_shown("RolledBack", later)
    return scene


@pytest.mark.proves("I6")
def test_with_its_server_dead_a_release_goes_on_to_its_end_and_the_watch_goes_on_looking(alone: Scene) -> None:
    assert alone.seen["promoted"] == {"api": 100, "frontend": 100}
    assert alone.seen["look"].age < 5


@pytest.mark.proves("I6", "rb.traffic")
def test_with_the_server_dead_the_command_line_rolls_back_and_the_ledger_knows(alone: Scene) -> None:
    assert alone.seen["code"] == 0, alone.seen["said"]
    assert alone.seen["lowered"] == {"api": 0, "frontend": 0}
    assert alone.seen["down"].why == "the server is dead"


def test_once_the_server_is_back_the_rest_of_the_rollback_is_done_and_the_run_shows_it(alone: Scene) -> None:
    assert alone.story.state is State.ROLLED_BACK
    assert any(body.get("event") == "report-written" for body in alone.story.answers.values())


# -- nobody answers ----------------------------------------------------------------------------------------------------


def test_an_approval_that_nobody_answers_in_time_aborts_a_release_without_traffic(shop: StandingShop) -> None:
    shop.edit_spec(hurried)
    scene = Scene.of(shop)
    scene.until_state(State.ABORTED)
    told = scene.until_shown("Aborted")
    assert told == "approval go: nobody answered in time"
    assert scene.story.weights == {}
    scene.until("its report", lambda: any(b.get("event") == "report-written" for b in scene.story.answers.values()))
