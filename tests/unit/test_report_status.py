"""The status in a terminal and as JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit import report_samples as samples
from tests.unit.test_report_html import HOSTILE, hostile
from tidegate.ledger import SeenLook
from tidegate.report.facts import facts_of
from tidegate.report.status import columns, json_of, status_lines, wrapped


def lines(sample: samples.Sample, width: int = 80, **more: Any) -> list[str]:
    told = facts_of(sample.entries, sample.readings, sample.spec)
    return status_lines(told, sample.look, told.as_of, width, **more)


@pytest.mark.proves("E13")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(make: Any, language: str, width: int) -> None:
    for color in (False, True):
        for line in lines(make(), width, language=language, color=color):
            assert columns(re.sub("\x1b\\[[0-9]+m", "", line)) <= width, line


@pytest.mark.proves("E13", "E8")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
def test_without_colour_there_is_no_escape_and_colour_changes_no_word(make: Any) -> None:
    plain, coloured = lines(make()), lines(make(), color=True)
    assert not [line for line in plain if "\x1b" in line]
    assert any("\x1b[" in line for line in coloured)
    assert plain == [re.sub("\x1b\\[[0-9]+m", "", line) for line in coloured]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    for make in samples.ALL:
        assert "\n".join(lines(make(), unicode=False)).isascii()


@pytest.mark.proves("E7")
def test_the_status_has_word_icon_step_weights_verdicts_and_time_left() -> None:
    text = "\n".join(lines(samples.shifting(), 120))
    for expected in (
        "▶ 1.1 gets 25 % of the traffic, step 2 of 4", "2 of 4", "api: asked 25 %, measured 25 %", "✓ passed",
        "✓ api error rate 0.19 %, rollback limit 1 %, 4,112 requests: passed", "18m of this step's 30m",
        "at least 1h 48m", "looked 2.4 s ago", "tidegate rollback shop",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.proves("E11")
def test_the_status_of_a_pause_names_question_people_deadline_and_command() -> None:
    text = "\n".join(lines(samples.waiting(), 120))
    for expected in ("Do the figures allow", "kim, lee", "14:04:41", "tidegate approve shop/1.1/2 half"):
        assert expected in text, expected


def test_an_old_or_missing_look_says_that_nothing_can_rise() -> None:
    sample = samples.shifting()
    assert sample.look is not None
    told = facts_of(sample.entries, (), sample.spec)
    old = status_lines(told, SeenLook(sample.look.row, 95.0, True), told.as_of)
    assert "its last look is 1m 35s old: nothing can rise" in "\n".join(old)
    assert "no look yet: nothing can rise" in "\n".join(status_lines(told, None, told.as_of))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(min_size=1), st.sampled_from(HOSTILE)))
def test_what_somebody_else_wrote_moves_no_cursor(text: str) -> None:
    for line in lines(hostile(text)):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", line)
        assert columns(line) <= 80


@given(st.text(alphabet=st.sampled_from("ab 가나é\u0301"), max_size=60), st.integers(2, 20))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    text = " ".join(text.split())
    told = wrapped(text, width)
    assert "".join(told).replace(" ", "") == text.replace(" ", "")
    assert all(columns(line) <= width for line in told)


@pytest.mark.proves("E9")
@pytest.mark.parametrize("make", samples.ALL, ids=lambda make: make.__name__)
def test_the_status_is_given_as_json_too(make: Any) -> None:
    sample = make()
    told = facts_of(sample.entries, sample.readings, sample.spec)
    read = json.loads(json.dumps(json_of(told, sample.look), allow_nan=False))
    assert read["tidegate"] == 1
    assert read["release"] == "shop/1.1/2"
    assert read["condition"] == told.condition.value
    assert len(read["acts"]) == len(told.acts)
    assert read["exposed_seconds"] == told.exposed.total_seconds()
    assert (read["watch"] is None) == (sample.look is None)


def test_the_names_in_the_json_stay() -> None:
    """Programs read these; one more may come, none may go without a new number in `tidegate`."""
    sample = samples.rolled_back_late()
    read = json_of(facts_of(sample.entries, sample.readings, sample.spec))
    assert {
        "tidegate", "system", "release", "version", "blue", "kind", "plan", "requester", "requester_proved", "reason",
        "spec_digest", "opened_at", "as_of", "ended_at", "state", "condition", "why", "components", "acts", "steps",
        "checks", "backups", "approvals", "down", "slots", "final_due", "dropped", "notes", "weights", "restarts",
        "attempts", "promoted_at", "exposed_seconds", "highest", "chain", "headline", "step", "weight", "compress",
        "watch",
    } <= set(read)  # fmt: skip
    assert {"who", "why", "at", "seconds", "late_seconds", "verified", "weights"} <= set(read["down"])
    assert {"asked", "bake_seconds", "measured", "verdict", "gates", "sentence"} <= set(read["steps"][0])
    assert {"gate", "value", "count", "stable", "target", "rollback", "standing"} <= set(read["steps"][0]["gates"][0])
