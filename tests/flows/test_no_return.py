"""Behind a point of no return on a real server, runner, watch and proxy: what elsewhere goes back is held there."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.standing_shop import Document, StandingShop, shorter
from tests.flows.scenes import HELD, Scene, command
from tidegate.story import State

pytestmark = pytest.mark.timeout(1500)
SAYS = "orders are stored in the new form"


def spec_with_a_point(spec: Document) -> None:
    """At 50 %, with an approval of its own."""
    shorter(spec)
    first = spec["plans"]["halves"]["steps"][0]
    first["no_return"] = {"way": "restore", "says": SAYS, "approval": "cross"}
    spec["approvals"].append({"name": "cross", "ask": "Store orders in the new form?", "deadline": "24h"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandingShop]:
    with StandingShop(tmp_path_factory.mktemp("no-return"), rate=60, edit=spec_with_a_point) as standing:
        yield standing


@pytest.fixture(scope="module")
def held(shop: StandingShop) -> Scene:
    """It crosses, its run is cancelled, rollback is asked for without and then with the way back."""
    scene = Scene.of(shop)
    scene.answer("go", plan="halves")
    scene.answer("cross")
    scene.until_begun("bake", "50")
    shop.runs.set_state(scene.run_id, "CANCELLED", "Cancelled", "a test", force=True)
    scene.until("people are called", lambda: any("no return" in _about(note) for note in scene.story.notes))
    time.sleep(HELD)
    scene.seen["after cancel"] = (scene.weights(), scene.story.state)
    scene.seen["status"] = command("status", "shop")
    scene.seen["typed"] = command("rollback", "shop")
    scene.seen["after typing"] = scene.weights()
    unnamed = shop.runs.start("rollback", "shop", {"request": {"release": scene.release, "reason": "no way named"}})
    scene.seen["flow"] = scene.until_shown("Refused", unnamed)
    scene.seen["after flow"] = (scene.weights(), scene.story.state)
    request = {"release": scene.release, "reason": "a test", "beyond": "restore", "requester": "kim"}
    named = shop.runs.start("rollback", "shop", {"request": request})
    scene.seen["named"] = scene.until_shown("RolledBack", named)
    scene.until_state(State.ROLLED_BACK)
    return scene


def _about(note: object) -> str:
    return str(getattr(note, "body", {}).get("about", ""))


@pytest.mark.proves("I3")
def test_the_crossing_was_asked_for_separately_and_is_in_chain_and_mark(held: Scene) -> None:
    assert held.story.beyond is not None
    assert (held.story.beyond.way, held.story.beyond.says, held.story.beyond.weight) == ("restore", SAYS, 50)
    asked = [str(body["gate"]) for body in held.story.answers.values() if body.get("event") == "answered"]
    assert asked == ["go", "cross"]


def test_a_cancelled_run_is_held_there_and_people_are_called_once(held: Scene) -> None:
    weights, state = held.seen["after cancel"]
    assert set(weights.values()) == {50}
    assert state is State.SHIFTING
    called = [note for note in held.story.notes if "was cancelled in Prefect" in str(note.body.get("why"))]
    assert len(called) == 1
    assert "tidegate rollback shop --beyond restore" in called[0].body["why"]


def test_status_shows_it(held: Scene) -> None:
    assert f"restore: {SAYS}" in " ".join(held.seen["status"].stdout.split())


def test_typed_without_the_way_nothing_moves(held: Scene) -> None:
    said = held.seen["typed"]
    assert said.returncode == 6
    assert "--beyond restore" in said.stderr
    assert set(held.seen["after typing"].values()) == {50}


def test_the_flow_without_the_way_is_refused_and_names_it(held: Scene) -> None:
    assert "the way back is restore" in held.seen["flow"]
    assert "--beyond restore" in held.seen["flow"]
    weights, state = held.seen["after flow"]
    assert (set(weights.values()), state) == ({50}, State.SHIFTING)


def test_with_the_way_it_is_rolled_back_and_says_what_is_left_by_hand(held: Scene) -> None:
    assert (
        f"left to do by hand: behind the point of no return at 50 % the way back is restore ({SAYS})"
        in (held.seen["named"])
    )
    assert set(held.weights().values()) == {0}
    assert held.story.down is not None
    assert held.story.down.despite == "restore"
