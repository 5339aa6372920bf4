"""What people are told of points of no return and half-way limits: rehearsal, status, page, report and the question."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from tidegate.cli.happenings import line_of
from tidegate.ledger import Entry
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import Rehearsed, rehearse
from tidegate.rehearsal.told import as_lines
from tidegate.report.approval import approval_text
from tidegate.report.commands import roll_back
from tidegate.report.facts import facts_of
from tidegate.report.html import html_of
from tidegate.report.page import page_text
from tidegate.report.sentences import korean
from tidegate.report.status import json_of, status_lines
from tidegate.report.telling import left_to_do
from tidegate.report.values import ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.words import LANGUAGES, Language
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.story import State
from tidegate.traffic import Beyond

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOON = timedelta(seconds=20)
RESTORE = Beyond("restore", "the old schema is gone", 50)


@cache
def played(bad_from: int | None = None, absent: tuple[str, ...] = ()) -> Rehearsed:
    return rehearse(specs.crossing(), Options(MONDAY, bad_from=bad_from, absent=absent, answers_after=SOON))


def until(event: str, told: Rehearsed, **fields: Any) -> tuple[Entry, ...]:
    """The chain up to the first entry of this kind."""
    wanted = {"event": event} | fields
    at = next(n for n, one in enumerate(told.entries) if wanted.items() <= dict(one.body).items())
    return tuple(told.entries[: at + 1])


def facts(entries: tuple[Entry, ...], spec: Spec | None = None) -> ReleaseFacts:
    return facts_of(entries, (), spec or specs.crossing())


CROSSED = {"weight": 50, "component": "web"}


def test_a_rehearsal_crosses_it_and_says_so() -> None:
    told = played()
    assert told.story.state is State.CLOSED
    lines = list(as_lines(told, line_of, 0.0))
    said = [line for line in lines if "POINT OF NO RETURN crossed" in line]
    assert len(said) == 2, "each route once"
    assert "from here the way back is restore (the old schema is gone)" in said[0]
    assert any("approval cross: kim said approve" in line for line in lines)


def test_a_rehearsed_version_that_turns_bad_behind_it_is_held_until_somebody_comes() -> None:
    told = played(bad_from=25)
    assert told.story.state is State.ROLLED_BACK
    lines = list(as_lines(told, line_of, 0.0))
    called = next(n for n, line in enumerate(lines) if "paged:" in line and "the weight stays" in line)
    down = next(n for n, line in enumerate(lines) if "ROLLBACK decided by a person" in line)
    assert called < down
    assert "(accepted: restore)" in lines[down]


def test_elsewhere_it_goes_back_by_itself() -> None:
    told = played(bad_from=5)
    assert told.story.down is not None
    assert (told.story.down.who, told.story.beyond) == ("watch", None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_status_page_and_report_tell_it_in_both_languages(language: Language) -> None:
    entries = until("weight-set", played(), **CROSSED)
    crossed = facts(entries)
    assert crossed.beyond is not None
    assert (crossed.beyond.way, crossed.beyond.weight, crossed.beyond.accepted) == ("restore", 50, False)
    wide = "\n".join(status_lines(crossed, None, MONDAY, 200, language=language))
    assert "restore: the old schema is gone" in wide
    assert "--beyond restore" in wide
    assert "50 %" in next(line for line in wide.splitlines() if "restore: the old" in line)
    assert "restore" in page_text(specs.crossing(), entries, (), None, MONDAY, language=language)
    shown = html_of(crossed, language)
    assert "restore: the old schema is gone" in shown
    assert ("no return: restore" if language == "en" else "복귀 불가 지점: restore") in shown, "in the picture"


def test_before_it_nothing_is_said() -> None:
    before = facts(until("weight-set", played(), weight=10))
    assert before.beyond is None
    assert "--beyond" not in roll_back(before)
    assert "No return" not in "\n".join(status_lines(before, None, MONDAY))


def test_scripts_read_it_as_fields() -> None:
    told = json_of(facts(until("weight-set", played(), **CROSSED)))
    assert {name: told["beyond"][name] for name in ("way", "says", "weight")} == RESTORE.to_json()
    assert told["halfway"]["weight"] == 10
    assert datetime.fromisoformat(told["halfway"]["due"]) > MONDAY


def test_after_an_accepted_rollback_what_is_left_by_hand_comes_first() -> None:
    told = played(bad_from=25)
    ended = facts(tuple(told.entries))
    assert ended.beyond is not None
    assert ended.beyond.accepted
    assert any("By hand: restore (the old schema is gone)" in line for line in left_to_do(ended, Voice()))


def test_a_half_way_limit_is_told_while_it_runs_and_behind_a_point_people_are_called() -> None:
    running = facts(until("weight-set", played(), weight=10))
    assert running.halfway is not None
    assert running.halfway.due - running.as_of <= timedelta(minutes=6)
    line = next(one for one in status_lines(running, None, MONDAY, 200) if "Half-way" in one)
    assert "or all traffic goes back" in line
    crossed = status_lines(facts(until("weight-set", played(), **CROSSED)), None, MONDAY, 200)
    assert "or people are called" in next(one for one in crossed if "Half-way" in one)
    assert facts(until("promoted", played())).halfway is None


def test_the_question_behind_it_says_that_a_no_sends_nothing_back() -> None:
    entries = until("weight-set", played(), **CROSSED)
    text = approval_text(
        specs.crossing(), entries, (), None, "forward", MONDAY, "hold", traffic=True, beyond=RESTORE
    )  # fmt: skip
    assert "Go forward with v2 all the same? Nothing goes back by itself any more." in text
    assert "**reject**: the weight stays, and it is asked again" in text
    assert "tidegate rollback shop --beyond restore" in text.replace("\\", "")
    assert "park" not in text
    assert "계속 진행할까요" in text
    assert len(text.splitlines()) <= 35


@pytest.mark.parametrize(
    ("english", "says"),
    [
        ("half-way limit of step 5 %: not promoted since 2026-03-02 09:03:00 UTC, limit 2h", "중간 상태 한도"),
        (f"errors; {RESTORE}; the weight stays", "비중 유지"),
    ],
)
def test_the_watchs_sentences_are_told_in_korean(english: str, says: str) -> None:
    assert says in korean(english)


def test_a_refused_way_back_offers_no_word_to_type() -> None:
    crossed = facts(until("weight-set", played(), **CROSSED))
    assert crossed.beyond is not None
    refused = replace(crossed, beyond=replace(crossed.beyond, way="refused"))
    assert "--beyond" not in roll_back(refused)
