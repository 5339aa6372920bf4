"""Triggers as the watch sees them: checks in a row, events, questions with a deadline, their end, and the cooldown."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain, promoted
from tests.unit.looking import Watch, baking
from tidegate.ledger import Push
from tidegate.locks import cooldown
from tidegate.memory_ledger import MemoryLedger
from tidegate.ports import Heard
from tidegate.sight import Watching
from tidegate.simulation import specs
from tidegate.spec import Spec

DOWN = {"name": "site-down", "says": "the site does not answer", "check": "ready", "failures": 3}
INCIDENT = {"name": "incident", "says": "an incident", "event": "incident-critical"}
MESSAGES = [{"name": "alarm", "text": "{reason}"}]


def spec(*triggers: dict[str, Any], **more: Any) -> Spec:
    return specs.spec(triggers=list(triggers), checks=[specs.READY], messages=MESSAGES, **more)


def failed(n: int, trouble: str = "") -> dict[str, Any]:
    return {"alarms": {"site-down": Heard(n, "503", trouble)}}


def pushed(name: str = "incident-critical", after: float = 0.0) -> dict[str, Any]:
    at = NOW + timedelta(seconds=after)
    return {"events": {name: Push(name, None, "mina", "orders are lost", at)}}


def told(watch: Watch) -> list[tuple[str, str]]:
    return [(one.key, one.severity) for one in watch.decisions if one.kind == "tell"]


@pytest.mark.proves("trg.instant", "S3-036")
def test_a_check_that_fails_so_often_in_a_row_shuts_the_gate() -> None:
    watch = Watch(baking(), spec(DOWN | {"tell": ["alarm"]}))
    assert (watch.look(**failed(2)), watch.kinds())[1] == []
    watch.look(**failed(3))
    assert watch.kinds()[0] == "down"
    assert watch.why("down") == (
        "trigger site-down: the site does not answer (check ready failed 3 times in a row: 503)"
    )
    assert [one.tell for one in watch.decisions if one.kind == "tell"] == [("alarm",)]


@pytest.mark.proves("trg.human")
def test_an_event_that_a_person_pushes_shuts_the_gate_with_name_and_reason() -> None:
    watch = Watch(baking(), spec(INCIDENT))
    watch.look(**pushed())
    assert watch.why("down") == "trigger incident: an incident (mina: orders are lost)"


def test_nothing_fires_before_the_first_raise_nor_for_another_name() -> None:
    before = Watch(Chain().claimed(), spec(DOWN, INCIDENT), weight=0)
    before.look(**failed(9), **pushed())
    assert "down" not in before.kinds()
    watch = Watch(baking(), spec(INCIDENT))
    watch.look(**pushed("another"))
    assert watch.kinds() == []


def test_a_trigger_that_pages_tells_once_and_lets_it_rise() -> None:
    watch = Watch(baking(), spec(DOWN | {"then": "page"}))
    looks = [(watch.look(**failed(3)), told(watch)) for _ in range(4)]
    assert [what for _, what in looks] == [[("trigger site-down", "warning")], [], [], []]
    assert watch.memory.done == "1/canary/5"
    watch.look(**failed(0))
    watch.look(**failed(3))
    assert told(watch) == [("trigger site-down", "warning")], "well in between: it is news"


@pytest.mark.proves("trg.consider")
def test_a_trigger_that_asks_holds_and_goes_back_when_nobody_says_anything() -> None:
    watch = Watch(baking(), spec(INCIDENT | {"then": "ask", "asks_for": "20s"}))
    looks = [(watch.look(**pushed()), watch.kinds()) for _ in range(5)]
    assert [kinds for _, kinds in looks] == [["tell"], [], [], [], ["down"]]
    assert all("trigger incident" in look.against for look, _ in looks)
    assert watch.why("down").endswith("nobody answered for 20s")


def test_whoever_says_that_it_was_nothing_lets_it_go_on() -> None:
    watch = Watch(baking(), spec(INCIDENT | {"then": "ask", "asks_for": "20s"}))
    watch.look(**pushed())
    assert "if it was nothing: tidegate push shop incident-is-over" in watch.why("tell")
    over = pushed()["events"] | pushed("incident-is-over", after=9.0)["events"]
    look = watch.look(events=over)
    assert (look.against, watch.memory.fired) == ("", {})
    again = over | pushed(after=10.0)["events"]
    assert "trigger incident" in watch.look(events=again).against, "told again after that"


def test_a_question_without_a_time_of_its_own_is_a_hold_with_its_deadline() -> None:
    watch = Watch(baking(), spec(DOWN | {"then": "ask"}, hold={"deadline": "30s"}))
    downs = [(watch.look(**failed(3)), "down" in watch.kinds())[1] for _ in range(6)]
    assert downs == [False, False, False, False, False, True]
    assert "held for 30 s" in watch.why("down")


def test_a_successor_goes_on_counting() -> None:
    watch = Watch(baking(), spec(INCIDENT | {"then": "ask", "asks_for": "20s"}))
    for _ in range(3):
        watch.look(**pushed())
    watch.memory = Watching.from_json(json.loads(json.dumps(watch.memory.to_json())))
    watch.look(**pushed())
    assert told(watch) == []
    watch.look(**pushed())
    assert watch.kinds() == ["down"]


def test_it_is_in_force_until_its_end_also_after_promotion() -> None:
    ends = INCIDENT | {"until": {"after": "promoted", "by": "1h"}}
    for after, wanted in ((timedelta(minutes=50), True), (timedelta(minutes=70), False)):
        watch = Watch(promoted(), spec(ends))
        watch.now = NOW + after
        watch.look(**pushed())
        assert ("down" in watch.kinds()) == wanted, after


def test_a_check_that_cannot_be_asked_is_told_and_shuts_nothing() -> None:
    watch = Watch(baking(), spec(DOWN))
    looks = [(watch.look(**failed(0, "no answer for 130 s")), told(watch))[1] for _ in range(3)]
    assert looks == [[("trigger site-down unheard", "critical")], [], []]


# -- cooldown ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("trg.cooldown", "S0-025")
def test_in_the_cooldown_after_an_automatic_rollback_a_trigger_only_tells_and_gates_still_shut() -> None:
    watch = Watch(baking(), spec(INCIDENT))
    look = watch.look(**pushed(), cooling="cooldown after shop/v1/1 until 2026-03-02 12:00 UTC")
    assert (watch.kinds(), look.against) == (["tell"], "")
    assert "it only tells" in watch.why("tell")
    watch.look(0.2, **pushed(), cooling="cooldown after shop/v1/1 until 2026-03-02 12:00 UTC")
    assert watch.kinds() == ["down"], "the traffic of a bad version is never kept"


class Chained(MemoryLedger):
    """A ledger whose only other release is this chain."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(type("Still", (), {"now": staticmethod(lambda: NOW)})())
        self.chain = chain

    def entries(self, release: str, after: int = 0) -> list[Any]:
        return self.chain.entries


def test_a_cooldown_follows_automatic_rollbacks_only_and_ends() -> None:
    told_, at = spec(INCIDENT, rollback={"cooldown": "1h"}), Chain().claimed().weight().down().entries[-1].at

    def cools(who: str, spec_: Spec) -> str:
        ledger = Chained(Chain().claimed().weight().down(who=who))
        ledger.retire(ledger.open("shop", "v2", "r", {}, "kim").id)
        found = cooldown(spec_, ledger, ledger.open("shop", "v3", "r", {}, "kim"))
        assert not found.at(at + timedelta(hours=1))
        return found.at(at)

    assert cools("watch", told_).startswith("cooldown after shop/v2/1 until")
    assert cools("kim", told_) == ""
    assert cools("watch", spec(INCIDENT)) == "", "a spec without a cooldown has none"
