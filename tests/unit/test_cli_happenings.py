"""Every entry that a release can leave has a line for people, or is silent on purpose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from tests.unit.report_samples import ALL, Sample
from tidegate.cli.happenings import line_of, said_before
from tidegate.events import AnyEvent
from tidegate.ledger import Entry, Kind

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SILENT = {
    "told",
    "run-ended",
    "slots-cancelled",
    "routes-inspected",
    "slotted",
}  # nothing that people wait for


def entry(kind: Kind, key: str, body: dict[str, Any], who: str = "release") -> Entry:
    return Entry("shop/2.0/1", 1, kind, key, AT, None, who, body, "", "")


@pytest.mark.parametrize("make", ALL)
def test_a_whole_release_is_told_line_by_line(make: Any) -> None:
    sample: Sample = make()
    for one in sample.entries:
        line = line_of(one)
        assert "\n" not in line
        if one.kind is Kind.OUTCOME:
            quiet = one.body["event"] in SILENT and not one.body.get("dropped")
            assert bool(line) != quiet, one.body


def test_every_event_of_the_core_is_told_or_silent_on_purpose() -> None:
    kinds = {kind.model_fields["event"].default for kind in get_args(get_args(AnyEvent)[0])}
    for name in kinds - SILENT:
        assert line_of(entry(Kind.OUTCOME, "k", {"event": name})), name


def test_what_runs_out_is_told_once() -> None:
    answer = {"event": "answered", "gate": "go", "approver": "nobody", "decision": "expired"}
    told = entry(Kind.OUTCOME, "ask/go", answer)
    assert line_of(told) == "approval go: nobody answered in time"
    assert said_before(told, {"ask/go"})
    assert not said_before(told, {"ask/close"})
    assert not said_before(entry(Kind.OUTCOME, "ask/go", {**answer, "decision": "approve"}), {"ask/go"})


def test_times_are_told_as_people_say_them() -> None:
    asked = {"gate": "go", "deadline": "2026-11-30T09:00:00.500000+00:00", "on_expiry": "abort"}
    waits = entry(Kind.INTENT, "k", {"question": asked})
    assert line_of(waits) == "waits for people: approval go, until Mon 2026-11-30 09:00 UTC, then abort"
    assert "18:00 KST" in line_of(waits, ZoneInfo("Asia/Seoul"))
    assert line_of(entry(Kind.INTENT, "k", {"bake": {"weight": 5, "seconds": 14400.0}})) == "bakes at 5 % for 4h"


def test_an_event_of_another_version_is_named_and_nothing_falls() -> None:
    assert line_of(entry(Kind.OUTCOME, "k", {"event": "weight-set"})) == "weight-set"
    assert line_of(entry(Kind.OUTCOME, "k", {"event": "of-the-future"})) == ""


def test_a_sentence_of_several_lines_becomes_one() -> None:
    body = {"event": "check-run", "name": "buy", "verdict": "FAIL", "evidence": "first\n  second\tthird"}
    assert line_of(entry(Kind.OUTCOME, "k", body)) == "check buy FAIL: first second third"


def test_a_rollback_names_who_decided_it() -> None:
    assert (
        line_of(entry(Kind.DOWN, "down/1", {"why": "orders are lost"}, "kim"))
        == "ROLLBACK decided by kim: orders are lost"
    )
