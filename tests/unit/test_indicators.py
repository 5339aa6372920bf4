"""What a scheduled run shows besides its verdict: KPIs with their lights, metrics, messages, its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.session import Session
from tasks.verifying import run_verify
from tidegate.acts import after_what_they_need
from tidegate.errors import Unreachable
from tidegate.indicators import figures, light, said
from tidegate.language.judging import Kpi
from tidegate.ledger import Kind
from tidegate.ports import Sample
from tidegate.report.facts import facts_of
from tidegate.report.html import html_of
from tidegate.report.markdown import markdown_of
from tidegate.report.words import Language
from tidegate.requests import VerifyRequest
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.slots import schedule_of
from tidegate.story import State, Story
from tidegate.traffic import Side
from tidegate.verifying import Verified, record, tell_and_report, verify
from tidegate.world import Source, World

RELEASE, SLOT = "shop/v2/1", "day T+1h"
SOLD = {"name": "sold", "metric": "sold", "target": "at least 3 %", "near": "at least 2 %", "covers": "1d"}


def kpi(**more: Any) -> Kpi:
    return Kpi.model_validate(SOLD | more)


class Figures:
    """Satisfies `tidegate.ports.Metrics`: what it says of each metric, and over which window it was asked."""

    def __init__(self, **values: float | str | None) -> None:
        self.values, self.asked = values, dict[str, timedelta]()

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        self.asked[metric] = window
        value = self.values.get(metric)
        at = datetime.fromisoformat("2026-03-02T10:00:00+00:00")
        if isinstance(value, str):
            return Sample(metric, None, None, None, window, at, value)
        return Sample(metric, value, 400, None, window, at)


class Reports:
    def __init__(self, trouble: str = "") -> None:
        self.trouble, self.written = trouble, list[str]()

    def write(self, release: str) -> tuple[str, str]:
        if self.trouble:
            raise Unreachable(self.trouble)
        self.written.append(release)
        return "here", "sha256:1"


def promoted(**changes: Any) -> tuple[Play, Story]:
    """A promoted release whose schedule `day` is due an hour after it."""
    day = {"name": "day", "rhythm": {"offsets": ["1h"]}, **changes.pop("day", {})}
    spec = specs.spec(schedules=[day], verification={}, cleanup={"keep_blue": "2d"}, **changes)
    random = Random(1)
    play = Play(spec, Version("v2"), random, Weather(random, frozenset()), calm=True)
    play.orchestrator.start("release", {"version": "v2"}, after=0.5)
    play.line.at(0.1, play.watchers[0].round)
    play.line.run(600.0)
    story = Story.of(play.ledger.entries(RELEASE))
    assert story.state is State.PROMOTED
    return play, story


def world_of(play: Play, told: Figures, **more: Any) -> World:
    names = {one.metric for one in play.world.spec.kpis} | {
        name for one in play.world.spec.schedules for name in one.metrics
    }
    return replace(play.world, sources={name: (Source("figures", told),) for name in names}, **more)


def run(told: Figures, **changes: Any) -> Verified:
    play, story = promoted(**changes)
    return verify(world_of(play, told), story, SLOT)


# -- lights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "lit"),
    [(0.05, "green"), (0.03, "green"), (0.029, "yellow"), (0.02, "yellow"), (0.019, "red"), (0, "red"), (None, "dark")],
)
def test_a_kpi_is_green_at_its_target_yellow_near_it_red_beyond_and_dark_without_a_figure(
    value: float | None, lit: str
) -> None:
    assert light(kpi(), value) == lit


def test_without_near_there_is_no_yellow_and_what_is_compared_needs_its_baseline() -> None:
    assert light(kpi(near=None), 0.029) == "red"
    compared = kpi(target="above baseline + 5 %", near=None)
    assert [light(compared, 0.2), light(compared, 0.2, 0.1), light(compared, 0.1, 0.1)] == ["dark", "green", "red"]


# -- in a run ---------------------------------------------------------------------------------------------------------


def test_a_run_reads_its_schedules_kpis_and_metrics_and_nothing_else() -> None:
    told = Figures(sold=0.025, visits=812.0, other=1.0)
    other = {**SOLD, "name": "other", "metric": "other"}
    found = run(told, kpis=[other, SOLD], day={"kpis": ["sold"], "metrics": ["visits"]})
    assert found.outcome == "PASS", "a KPI that is not binding fails nothing"
    assert [(one.name, one.value, one.count, one.light, one.target) for one in found.figures] == [
        ("sold", 0.025, 400, "yellow", "at least 3 %"), ("visits", 812.0, 400, "", ""),
    ]  # fmt: skip
    assert told.asked == {"sold": timedelta(days=1), "visits": timedelta(minutes=5)}


def test_a_kpi_without_a_span_covers_all_since_the_first_raise() -> None:
    told = Figures(sold=0.1)
    play, story = promoted(kpis=[{**SOLD, "covers": None}], day={"kpis": ["sold"]})
    figures(world_of(play, told), story, schedule_of(play.world.spec, SLOT))
    assert told.asked["sold"] == play.world.clock.now() - min(story.raised_at.values())


@pytest.mark.parametrize(
    ("value", "outcome", "sentence"),
    [
        (0.01, "FAIL", "KPI sold: 1 %, at least 3 % wanted"),
        (0.025, "PASS", ""),
        ("refused", "INCONCLUSIVE", "KPI sold: no figure (refused), at least 3 % wanted"),
        (float("nan"), "INCONCLUSIVE", "KPI sold: no figure (no series), at least 3 % wanted"),
    ],
)
def test_a_binding_kpi_fails_its_run_when_it_is_red_and_leaves_it_without_a_verdict_when_it_is_dark(
    value: float | str, outcome: str, sentence: str
) -> None:
    found = run(Figures(sold=value), kpis=[{**SOLD, "binding": True}], day={"kpis": ["sold"], "gates": "none"})
    assert found.outcome == outcome
    assert sentence in found.sentence
    [one] = found.figures
    assert said(one).startswith("KPI sold: ")


def test_a_figure_that_comes_late_is_waited_for_and_one_that_never_comes_is_dark() -> None:
    told = Figures()
    play, story = promoted(kpis=[SOLD], day={"kpis": ["sold"]})
    before = play.world.clock.now()
    [one] = figures(world_of(play, told), story, schedule_of(play.world.spec, SLOT))
    assert (one.light, one.why) == ("dark", "no series")
    assert play.world.clock.now() - before >= timedelta(seconds=9)


# -- what follows -----------------------------------------------------------------------------------------------------

ALL_WELL = {"name": "all-well", "text": "{version} is well: {reason}", "text_ko": "{version} 정상", "severity": "info"}


def told_and_written(outcome: Mapping[str, Any], reports: Reports) -> tuple[Play, list[str]]:
    play, story = promoted(messages=[ALL_WELL], day={"tell": ["all-well"], "report": "first-day"})
    before = len(play.notifier.told)
    tell_and_report(replace(play.world, reports=reports), story, SLOT, Verified(**outcome))
    return play, list(play.notifier.told[before:])


def test_a_run_that_passes_tells_its_messages_and_writes_its_report() -> None:
    reports = Reports()
    play, told = told_and_written({"outcome": "PASS", "sentence": "well"}, reports)
    assert (told, reports.written) == (["all-well"], [RELEASE])
    assert not [one for one in play.ledger.entries(RELEASE) if one.key == "not-delivered"]


def test_a_run_that_fails_tells_nothing_of_all_being_well_and_its_report_is_written() -> None:
    reports = Reports()
    _, told = told_and_written({"outcome": "FAIL", "sentence": "bad"}, reports)
    assert (told, reports.written) == ([], [RELEASE])


def test_a_report_that_cannot_be_written_is_a_note_and_nothing_more() -> None:
    play, told = told_and_written({"outcome": "PASS", "sentence": "well"}, Reports("disk full"))
    [note] = [one for one in play.ledger.entries(RELEASE) if one.key == "not-delivered"]
    assert note.kind is Kind.NOTE
    assert note.body["why"] == f"verification {SLOT}: report first-day: disk full"
    assert told == ["all-well"]


def test_the_figures_stand_in_the_chain_with_the_outcome() -> None:
    play, story = promoted(kpis=[SOLD], day={"kpis": ["sold"]})
    world = world_of(play, Figures(sold=0.04))
    due = datetime.fromisoformat(story.booked[SLOT])
    record(world.ledger, RELEASE, SLOT, due, verify(world, story, SLOT), "run")
    [entry] = [one for one in world.ledger.entries(RELEASE) if one.kind is Kind.SLOT]
    assert [(one["name"], one["light"], one["value"]) for one in entry.body["figures"]] == [("sold", "green", 0.04)]


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("at its target", "no figure")), ("ko", ("목표 달성", "측정값 없음"))]
)
def test_the_report_shows_indicator_value_target_and_light_in_both_languages(
    language: Language, words: tuple[str, ...]
) -> None:
    dark = {"name": "stays", "metric": "stays", "target": "below 5 %"}
    play, story = promoted(kpis=[SOLD, dark], day={"kpis": ["sold", "stays"], "metrics": ["visits"]})
    world = world_of(play, Figures(sold=0.04, visits=812.0, stays="refused"))
    due = datetime.fromisoformat(story.booked[SLOT])
    record(world.ledger, RELEASE, SLOT, due, verify(world, story, SLOT), "run")
    facts = facts_of(world.ledger.entries(RELEASE), [], world.spec)
    for text in (html_of(facts, language), markdown_of(facts, language)):
        for word in ("sold", "4 %", "at least 3 %", "visits", "812", "below 5 %", *words):
            assert word in text, word


def test_the_flow_tells_and_reports_once_the_outcome_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    play, story = promoted(messages=[ALL_WELL], day={"tell": ["all-well"], "report": "first-day"})
    reports, before = Reports(), len(play.notifier.told)
    world = replace(play.world, reports=reports)
    stand = SimpleNamespace(ledger=play.ledger, world_of=lambda _: world)
    monkeypatch.setattr(Session, "here", lambda: stand)
    play.watchers[0].busy = True
    play.orchestrator.booked.clear()
    due = datetime.fromisoformat(story.booked[SLOT])
    play.line.t += (due - play.line.now()).total_seconds() + 3
    for _ in range(2):  # a second run of the slot tells nothing again
        run_verify(VerifyRequest(release=RELEASE, slot=SLOT, due=due))
    assert (play.notifier.told[before:], reports.written) == (["all-well"], [RELEASE])


# -- the order of what is made ----------------------------------------------------------------------------------------


def test_a_component_is_made_after_those_that_it_depends_on() -> None:
    def parts(**needs: list[str]) -> list[str]:
        told = {name: {**specs.PART, "depends_on": on} for name, on in needs.items()}
        gates = [specs.errors(name) for name in needs]
        return after_what_they_need(specs.spec(components=told, gates=gates), list(needs))

    assert parts(web=["api"], api=["store"], store=[]) == ["store", "api", "web"]
    assert parts(web=[], api=[]) == ["web", "api"]
    assert parts(web=["api"], api=["web"], store=[]) == ["store", "web", "api"], "a circle stands as it is written"
