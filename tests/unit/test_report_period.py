"""A period's report: the delivery figures of real chains, the same numbers in English and Korean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from tests.unit.test_rehearsal import spec_of
from tidegate.ledger import Entry
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import rehearse
from tidegate.report.period import LENGTHS, Figure, Period, period_of
from tidegate.report.period_text import as_json, markdown

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
WEEK = timedelta(days=7)


@cache
def chain(day: int, version: str, bad: int | None = None) -> Sequence[Entry]:
    """A release of the shop so many days after that Monday, played to its end; each entry of the chain is real."""
    options = Options(MONDAY + timedelta(days=day), version=version, bad_from=bad, until=timedelta(hours=8))
    played = rehearse(spec_of("shop"), options)
    return [replace(entry, release=f"shop/{version}/1") for entry in played.entries]


def period(length: str = "weekly", until: datetime = MONDAY + WEEK) -> Period:
    known = next(one for one in LENGTHS if one == length)
    chains = [chain(-6, "1.8"), chain(-4, "1.9", 0), chain(0, "2.0"), chain(1, "2.1"), chain(2, "2.2", 0)]
    return period_of("shop", chains, known, until)


def figure(of: Period, name: str) -> Figure:
    return next(one for one in of.figures if one.name == name)


@pytest.mark.proves("rep.dora", "S1-028", "S1-043", "S1-083", "S3-107")
def test_the_four_delivery_figures_are_those_of_the_chains() -> None:
    week = period()
    assert (figure(week, "deployments").value, figure(week, "deployments").before) == (2.0, 1.0)
    assert figure(week, "change_failure_rate").value == pytest.approx(1 / 3)
    assert figure(week, "change_failure_rate").before == pytest.approx(1 / 2)
    assert figure(week, "change_failure_rate").light == "better"
    assert (figure(week, "rollbacks").value, figure(week, "rollbacks").light) == (1.0, "same")
    lead = figure(week, "lead_time").value
    assert lead is not None
    assert timedelta(hours=1) < timedelta(seconds=lead) < timedelta(days=1)
    restore = figure(week, "time_to_restore").value
    assert restore is not None
    assert 0 <= restore <= 300
    assert [(one.release, one.how) for one in week.outcomes] == [
        ("shop/2.0/1", "promoted"), ("shop/2.1/1", "promoted"), ("shop/2.2/1", "rolled-back"),
    ]  # fmt: skip


def test_what_is_before_and_after_the_period_is_not_in_it() -> None:
    day = period("daily", MONDAY + timedelta(days=1))
    assert [one.release for one in day.outcomes] == ["shop/2.0/1"]
    empty = period("half-day", MONDAY - timedelta(days=30))
    assert figure(empty, "deployments").value == 0
    assert figure(empty, "lead_time").value is None
    assert figure(empty, "change_failure_rate").value is None, "nothing changed, so nothing failed: no number"
    assert "No release ended" in markdown(empty, "en", UTC)


@pytest.mark.proves("rep.periodic", "S1-094", "S1-118", "S0-111")
@pytest.mark.parametrize("length", LENGTHS)
def test_both_languages_tell_every_number_alike(length: str) -> None:
    told = period(length, MONDAY + timedelta(days=3))
    english, korean = markdown(told, "en", UTC), markdown(told, "ko", UTC)
    assert re.findall(r"\d[\d.,:%-]*", english) == re.findall(r"\d[\d.,:%-]*", korean)
    assert len(english.splitlines()) == len(korean.splitlines())
    assert english != korean
    titles = {"half-day": "반일 보고서", "daily": "일일 보고서", "weekly": "주간 보고서", "monthly": "월간 보고서"}
    assert korean.startswith(f"# {titles[length]}: shop")


def test_a_status_light_says_the_direction_and_nothing_where_there_is_none() -> None:
    assert Figure("x", 1.0, 2.0, "count", "less").light == "better"
    assert Figure("x", 1.0, 2.0, "count", "more").light == "worse"
    assert Figure("x", 1.0, 1.0, "count", "more").light == "same"
    assert Figure("x", None, 1.0, "count", "more").light == Figure("x", 1.0, 2.0, "count").light == ""


def test_a_script_gets_the_same_values() -> None:
    told = as_json(period())
    assert told["figures"]["deployments"] == {"value": 2.0, "before": 1.0, "unit": "count", "trend": "better"}
    assert [one["how"] for one in told["releases"]] == ["promoted", "promoted", "rolled-back"]


def test_a_hostile_reason_is_no_markup() -> None:
    week = period()
    bad = replace(week.outcomes[-1], why="<script>|x|\n# `y`")
    text = markdown(replace(week, outcomes=[bad]), "en", UTC)
    assert "<script>" not in text.replace("\\<", "")
    assert "\n# " not in text.partition("\n")[2]
