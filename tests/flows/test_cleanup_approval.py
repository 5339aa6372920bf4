"""The run that removes the old version asks first, on a real server, runner, watch and proxy."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.standing_shop import Document, StandingShop, shorter
from tests.flows.scenes import HELD, Scene, command
from tidegate.story import State

pytestmark = pytest.mark.timeout(1500)


def spec_that_asks(spec: Document) -> None:
    """Seconds after promotion its old version may go, and somebody is asked."""
    shorter(spec)
    spec["verification"]["slots"] = []
    spec["cleanup"] |= {"keep_blue": "1h", "approval": "gone"}
    spec["approvals"].append({"name": "gone", "ask": "May the old version go?", "deadline": "24h"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandingShop]:
    with StandingShop(tmp_path_factory.mktemp("cleanup"), rate=60, edit=spec_that_asks) as standing:
        yield standing


@pytest.mark.proves("S2-118")
def test_the_old_version_stays_until_somebody_says_yes_and_then_the_release_is_closed(shop: StandingShop) -> None:
    scene = Scene.of(shop)
    scene.answer("go", plan="halves")
    scene.until("it asks", lambda: any(one.gate == "gone" for one in scene.story.questions.values()))
    [question] = scene.story.questions.values()
    assert question.run_id != scene.run_id, "the run that removes it asks, and it waits without a process"
    scene.until_shown("Suspended", question.run_id)
    time.sleep(HELD)
    assert (scene.story.state, scene.story.final) == (State.PROMOTED, set())
    said = command("approve", scene.release, "gone", "--name", "kim")
    assert said.returncode == 0, said.stderr
    scene.until_state(State.CLOSED)
    assert scene.until_shown("Closed", question.run_id).startswith(f"{scene.release} is final")
    removed = [entry.key for entry in shop.ledger.entries(scene.release) if entry.body.get("event") == "blue-removed"]
    assert len(removed) == 2
