"""PagerDuty's events at a stand-in that holds each request and answer against PagerDuty's own description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from blocks.pagerduty_notifier import PagerdutyNotifier
from tests.contract.test_notifier import HOSTILE, NOTICE
from tests.contract.vendor_double import Asked, Double, double
from tidegate.errors import Denied, NotApplied, Unreachable
from tidegate.ports import Notice

KEY = "made-up-routing-key-of-32-letters"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    monkeypatch.setenv("PAGERDUTY_KEY", KEY)
    with double("pagerduty-events") as made:

        def taken(asked: Asked) -> tuple[int, Any]:
            told = {"status": "success", "message": "Event processed", "dedup_key": asked.body.get("dedup_key", "x")}
            return 202, told

        made.says["POST", "/enqueue"] = made.says["POST", "/change/enqueue"] = taken
        yield made


def notifier(there: Double, **fields: Any) -> PagerdutyNotifier:
    return PagerdutyNotifier(**{"routing_key_secret": "PAGERDUTY_KEY", "api_url": there.url, **fields})


@pytest.mark.proves("not.channels", "S0-057", "S0-125")
def test_what_is_critical_opens_one_incident(there: Double) -> None:
    notifier(there, escalation="@team-lead").tell(NOTICE)
    notifier(there).tell(NOTICE)
    first, again = there.asked
    assert first.path == "/enqueue"
    assert first.body["routing_key"] == KEY
    assert first.body["event_action"] == "trigger"
    assert first.body["payload"]["severity"] == "critical"
    assert first.body["payload"]["summary"] == NOTICE.title["en"]
    assert first.body["payload"]["custom_details"]["escalation"] == "@team-lead"
    assert first.body["dedup_key"] == again.body["dedup_key"], "told twice, one incident"
    notifier(there, language="ko").tell(replace(NOTICE, release="shop/2.2.0/1"))
    assert there.asked[-1].body["dedup_key"] != first.body["dedup_key"]
    assert there.asked[-1].body["payload"]["summary"] == NOTICE.title["ko"]


def test_an_info_and_a_test_message_wake_nobody(there: Double) -> None:
    notifier(there).tell(Notice("test", "info", "shop/2.1.0/1", {"en": "a test"}, {"en": "nothing is to be done"}))
    assert [one.path for one in there.asked] == ["/change/enqueue"]


def test_a_release_that_ended_well_resolves_its_incidents(there: Double) -> None:
    notifier(there).tell(replace(NOTICE, event="page"))
    notifier(there).tell(replace(NOTICE, event="promoted", severity="info"))
    opened, *resolved = there.asked
    assert {one.body["event_action"] for one in resolved} == {"resolve"}
    assert opened.body["dedup_key"] in {one.body["dedup_key"] for one in resolved}


def test_any_notice_is_taken(there: Double) -> None:
    notifier(there).tell(
        Notice(HOSTILE, "critical", HOSTILE, {"en": HOSTILE * 50}, {"fr": HOSTILE}, {HOSTILE: HOSTILE})
    )
    notifier(there).tell(Notice("", "critical", "", {}, {}))
    assert all(len(one.body["dedup_key"]) <= 255 for one in there.asked)
    assert all(len(one.body["payload"]["summary"]) <= 1024 for one in there.asked)


@pytest.mark.proves("I24")
def test_what_pagerduty_answers_decides_and_the_key_is_not_shown(
    there: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, kind in ((400, Denied), (429, NotApplied), (500, NotApplied)):
        there.trouble = [(status, {}, '{"message": "Invalid routing key"}')]
        with pytest.raises(kind, match=f"HTTP {status}: Invalid routing key") as told:
            notifier(there).tell(NOTICE)
        assert KEY not in str(told.value)
    with pytest.raises(Unreachable):
        notifier(there, api_url="http://127.0.0.1:9").tell(NOTICE)
    monkeypatch.delenv("PAGERDUTY_KEY")
    with pytest.raises(Denied, match="PAGERDUTY_KEY is not set"):
        notifier(there).tell(NOTICE)
    assert KEY not in repr(notifier(there))
