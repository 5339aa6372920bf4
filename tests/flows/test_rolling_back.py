"""The rollback flow's body by itself: what it decides, refuses and says, on a ledger and routes in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from tasks import rolling_back
from tasks.session import Session
from tests.unit.answering import NOW
from tests.unit.test_no_return import BEYOND_MARK, Route, world
from tidegate import events as ev
from tidegate.ledger import Draft, Kind
from tidegate.plan import Outcome
from tidegate.requests import RollbackRequest
from tidegate.traffic import Beyond, Mark

RELEASE = "shop/v2/1"
SAYS = "the way back is restore (the old schema is gone)"


@pytest.fixture(autouse=True)
def quietly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__NAME", "shop")
    with disable_run_logger():
        yield


def stand(mark: Mark, patch: pytest.MonkeyPatch) -> list[Route]:
    """Two routes at 50 % behind this mark; the rest of the rollback (stopping, telling) is not this page's."""
    made, routes, _ = world(mark, mark)
    for name in ("api", "web"):
        claimed = ev.Claimed(at=NOW, component=name, stable="api-v1", canary="api-v2", epoch=1)
        made.ledger.append(
            RELEASE, Draft(Kind.OUTCOME, f"main/1/release/claim/-/{name}/1", claimed.to_body(), "flow", 0)
        )
    installation = SimpleNamespace(lease=timedelta(seconds=10))
    session: Any = SimpleNamespace(ledger=made.ledger, installation=installation, world_of=lambda _: made)
    patch.setattr(Session, "here", classmethod(lambda _: session))

    def rest(attempt: Any, _: Any) -> Outcome:
        attempt.append(Kind.OUTCOME, "main/1/rollback/close-rollback/-/-/1", ev.RolledBack(at=NOW).to_body())
        return Outcome.ROLLED_BACK

    patch.setattr(rolling_back, "perform_rest", rest)
    return routes


def asked(**more: str) -> Any:
    return rolling_back.run_rollback(RollbackRequest(release=RELEASE, requester="kim", **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("named", ["", "forward-only"])
def test_behind_a_point_of_no_return_it_is_refused_with_the_word_to_choose(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = stand(BEYOND_MARK, monkeypatch)
    state = asked(beyond=named)
    assert (state.type.value, state.name) == ("FAILED", "Refused")
    assert SAYS in state.message
    assert "start this flow with 'restore' as the way back accepted" in state.message
    assert "tidegate rollback shop --beyond restore" in state.message
    assert [route.seen.weight for route in routes] == [50, 50]
    assert [route.seen.mark for route in routes] == [BEYOND_MARK, BEYOND_MARK], "nothing was touched"


def test_with_its_way_named_it_rolls_back_and_says_what_is_left_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = stand(BEYOND_MARK, monkeypatch)
    state = asked(beyond="restore")
    assert (state.type.value, state.name) == ("COMPLETED", "RolledBack")
    assert f"left to do by hand: behind the point of no return at 50 % {SAYS}" in state.message
    assert [route.seen.weight for route in routes] == [0, 0]


def test_where_the_way_back_is_refused_no_word_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Beyond("refused", "the keys are revoked", 50)
    routes = stand(Mark(RELEASE, 1, beyond=refused), monkeypatch)
    state = asked(beyond="restore")
    assert state.name == "Refused"
    assert "this traffic is not sent back" in state.message
    assert [route.seen.weight for route in routes] == [50, 50]


def test_elsewhere_it_asks_for_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = stand(Mark(RELEASE, 1), monkeypatch)
    state = asked()
    assert (state.name, [route.seen.weight for route in routes]) == ("RolledBack", [0, 0])
    assert "by hand" not in state.message


def test_the_form_offers_the_ways_and_leaves_it_empty_by_itself() -> None:
    field = RollbackRequest.model_json_schema()["properties"]["beyond"]
    assert field["enum"] == ["", "restore", "forward-only"]
    assert field["default"] == ""
    assert "left to do by hand" in field["description"]
