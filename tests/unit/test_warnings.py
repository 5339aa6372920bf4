"""What a spec may say and its author will regret: each finding with its place, and none where there is nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.built_connectors import missing, obstacles
from blocks.yaml_spec import load_yaml
from tests.house.tree import ROOT
from tidegate.language.complaints import listed
from tidegate.language.connectors import connectors, needed_by
from tidegate.language.unbuilt import UNBUILT, unbuilt, unbuilt_sentences
from tidegate.language.warning import Remark, remarks
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.timetable.walk import timetable

RELEASES = ROOT / "deployments" / "releases"
MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def found(spec: Spec, begins: datetime = MONDAY, holidays: tuple[date, ...] = ()) -> list[Remark]:
    return remarks(spec, timetable(spec, begins, "v", holidays=holidays), TODAY)


def serious(spec: Spec, begins: datetime = MONDAY, holidays: tuple[date, ...] = ()) -> list[str]:
    return [str(one) for one in found(spec, begins, holidays) if one.serious]


def plain(**changes: Any) -> Spec:
    return specs.spec(**{"gates": [GATE], "plans": {"canary": specs.steps("10m", 5, 100)}, **changes})


GATE = {**specs.errors("api"), "window": "5m", "min_samples": 231}
HOUR = [{"name": "noon", "opens": "12:00", "closes": "13:00"}]
LONG = {"canary": specs.steps("35m", 5, 100)}


def test_a_spec_without_a_flaw_has_no_serious_remark() -> None:
    assert serious(plain()) == []


@pytest.mark.proves("spec.time")
def test_a_plan_of_seventy_minutes_in_a_window_of_sixty_is_told() -> None:
    whole = plain(plans=LONG, calendar={"windows": HOUR, "applies_to": "whole"})
    assert "warning: plans.canary: takes 1h 10m in a window of 1h (noon): it can never end inside it" in serious(whole)
    start = plain(plans=LONG, calendar={"windows": HOUR, "applies_to": "start"})
    said = [str(one) for one in found(start)]
    assert "note: plans.canary: takes 1h 10m in a window of 1h (noon): it begins inside it and ends after it" in said
    assert not any("in a window" in str(one) for one in found(plain(calendar={"windows": HOUR})))


@pytest.mark.proves("spec.time")
def test_steps_on_a_holiday_a_weekend_or_in_a_blocked_time_are_told() -> None:
    said = [str(one) for one in found(plain(), datetime(2026, 11, 28, 9, tzinfo=UTC))]
    assert "note: plans.canary: 5 % would begin on Sat 2026-11-28 09:00, weekend" in said
    said = [str(one) for one in found(plain(), holidays=(date(2026, 11, 30),))]
    assert "note: plans.canary: 5 % would begin on Mon 2026-11-30 09:00, public holiday" in said
    assert not any("would begin" in str(one) for one in found(plain()))
    blocked = {"blocked": [{"name": "rush", "opens": "09:05", "closes": "09:30"}], "applies_to": "start"}
    said = [str(one) for one in found(plain(calendar=blocked))]
    assert any("100 % would begin" in one and "blocked: rush" in one for one in said) or any(
        "wait" in one for one in said
    )


def test_a_step_that_cannot_see_anything_at_the_stated_traffic_is_told_with_its_numbers() -> None:
    metric = {"name": "error_rate", "sources": [specs.NOWHERE], "traffic": "1.2/s"}
    wide = {**GATE, "window": "10m"}
    said = serious(plain(metrics=[metric], gates=[wide]))
    [one] = said
    assert one.startswith("warning: gates.api-errors: 5 % for 10m cannot see anything at 1.2/s: ")
    assert one.endswith("a verdict needs 231 requests, it will have 36")
    enough = serious(plain(metrics=[{**metric, "traffic": "12/s"}], gates=[wide]))
    assert all("100 % for 10m" in other and "keep 4 % on stable" in other for other in enough)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"gates": [{**GATE, "lasting": "15m"}]},
            "gates.api-errors: must stay bad for 15m, longer than the bake of 5 %",
        ),
        (
            {"gates": [{**GATE, "rollback": "above baseline x 3"}]},
            "gates.api-errors.rollback: 'above baseline x 3' needs a",
        ),
        (
            {"identity": {"title": "x", "at_most": "5m"}},
            "identity.at_most: the whole takes 20m, more than the 5m planned",
        ),
        ({"rollback": {"auto": [{"act": "restore-data"}]}}, "rollback.auto.restore-data: it destroys data by itself"),
        ({"rollback": {"auto": [{"act": "flush-cache"}]}}, "rollback.auto.flush-cache: it destroys data by itself"),
        (
            {"cleanup": {"keep_blue": "1h"}, "verification": {"slots": ["2h"]}},
            "may roll back until 2h; blue is kept for 1h",
        ),
        (
            {
                "cleanup": {"keep_blue": "1h"},
                "schedules": [{"name": "late", "rhythm": {"offsets": ["3h"]}, "on_fail": "rollback"}],
            },
            "cleanup.keep_blue: schedules.late may roll back until Mon 2026-11-30 12:10; the old version is removed on",
        ),
        (
            {
                "environments": {
                    "one": {"urls": {"app": "https://x.example/a"}},
                    "two": {"urls": {"app": "https://x.example"}},
                }
            },
            "environments.two.urls: x.example is an address of one, too",
        ),
        (
            {
                "checks": [specs.READY],
                "waivers": [{"check": "ready", "owner": "me", "reason": "x", "expires": "2026-11-01"}],
            },
            "waivers.ready: it was over on 2026-11-01; the check counts again",
        ),
        (
            {"channels": [{"name": "chat", "to": specs.NOWHERE, "severities": ["info"]}]},
            "channels: no required channel takes critical messages",
        ),
        (
            {
                "channels": [{"name": "chat", "to": specs.NOWHERE, "events": ["a"]}],
                "messages": [{"name": "a", "text": "a"}, {"name": "b", "text": "b", "channels": ["chat"]}],
            },
            "messages.b: reaches nobody: chat take no info of this name",
        ),
    ],
)
def test_what_the_spec_promises_and_the_release_will_not_do_is_a_warning(changes: dict[str, Any], said: str) -> None:
    assert any(said in one for one in serious(plain(**changes))), serious(plain(**changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gates": [{**GATE, "window": "15m"}]}, "one reading covers 15m, more than the bake of 5 %, 100 %"),
        (
            {"approvals": [{"name": "go", "ask": "go?"}], "readiness": "go"},
            "approvals.go: anybody who can resume the run",
        ),
        ({"gates": [{**GATE, "min_samples": 0}]}, "min_samples is 0, so one request can decide"),
        ({"hold": {"on_expiry": "stay", "stay_reason": "why not"}}, "a hold that runs out keeps the weight: why not"),
        ({"notify": []}, "nobody is told anything"),
        ({"components": {"api": {**specs.PART, "source": "built"}}}, "names no {version}"),
        (
            {"plans": {"canary": {**specs.steps("10m", 5, 100), "budget": "5m"}}},
            "takes 20m, more than its budget of 5m",
        ),
    ],
)
def test_what_may_surprise_is_a_note(changes: dict[str, Any], said: str) -> None:
    notes = [str(one) for one in found(plain(**changes)) if not one.serious]
    assert any(said in one for one in notes), notes


# -- connectors, and what a real release does not do yet --------------------------------------------------------------


def test_every_connector_is_found_wherever_it_stands() -> None:
    use = {"use": "somewhere"}
    spec = plain(
        metrics=[{"name": "error_rate", "sources": [use, {"use": "elsewhere"}]}],
        channels=[{"name": "chat", "to": use}],
        flags=[{"name": "dark", "provider": use}],
        rollback={"manual": [{"act": "flag-off", "run": use}]},
        hold={"remedies": [{"name": "look", "does": "diagnose", "says": "x", "run": use}]},
        slos=[{"name": "up", "metric": "error_rate", "target": "below 1 %", "probe": use}],
        finish=[{"act": "tidy", "run": use, "on_fail": "page"}],
        notify=[use],
    )
    assert set(needed_by(spec)["somewhere"]) == {
        "metrics.error_rate.sources.0", "channels.chat.to", "flags.dark.provider", "rollback.manual.flag-off.run",
        "hold.remedies.look.run", "slos.up.probe", "finish.tidy.run", "notify.0",
    }  # fmt: skip
    assert needed_by(spec)["elsewhere"] == ["metrics.error_rate.sources.1"]
    assert "components.api.router" in dict(connectors(spec))


UNDONE: dict[str, dict[str, Any]] = {
    "verification runs that ask people": {
        "approvals": [{"name": "go", "ask": "?"}],
        "schedules": [{"name": "late", "rhythm": {"offsets": ["3h"]}, "ask": "go"}],
    },
    "triggers that restart or scale": {"triggers": [{"name": "alarm", "says": "x", "event": "x", "then": "restart"}]},
    "experiments": {
        "flags": [{"name": "dark"}],
        "experiments": [{"name": "ab", "flag": "dark", "control": 50, "treatment": 50, "ends": {"after": "full"}}],
    },
    "remedies": {"hold": {"remedies": [{"name": "look", "does": "diagnose", "says": "x"}]}},
    "acts after the traffic is back that name nothing to run": {"rollback": {"auto": [{"act": "restore-data"}]}},
    "metrics in parts": {"metrics": [{"name": "error_rate", "by": "page", "sources": [specs.NOWHERE]}]},
    "flags with a provider": {"flags": [{"name": "dark", "provider": specs.NOWHERE}]},
    "promises over a long time": {"slos": [{"name": "up", "metric": "error_rate", "target": "below 1 %"}]},
    "KPIs that no scheduled run reads": {"kpis": [{"name": "sold", "metric": "sold", "target": "at least 1 count"}]},
    "lines that people confirm": {
        "items": [{"name": "read", "says": "the logs were read"}],
        "approvals": [{"name": "go", "ask": "?", "items": ["read"]}],
    },
    "work before the first release": {"groundwork": [{"name": "load-test", "says": "ten times the load"}]},
    "timers of problems": {"timers": [{"severity": "high", "fix_within": "4h"}]},
    "routines of a branch that is pushed": {
        "messages": [{"name": "pushed", "text": "x"}],
        "routines": {"staging": [{"act": "told", "tell": ["pushed"]}]},
        "environments": {"staging": {"on_push": "staging"}},
    },
    "approvals that nothing asks": {
        "approvals": [{"name": "go", "ask": "?"}],
        "environments": {"production": {"approval": "go"}},
    },
    "plans chosen at an approval that `prepare` does not ask": {
        "approvals": [{"name": "go", "ask": "?", "choose_plan": True}],
    },
    "audiences": {"plans": {"canary": {"steps": [{"weight": 100, "bake": "1m", "audience": {"include": ["beta"]}}]}}},
    "paths that stay behind": {"components": {"api": {**specs.PART, "exclude_paths": ["/admin/*"]}}},
    "sessions that stay behind": {"components": {"api": {**specs.PART, "sticky": "off-while-shifting"}}},
}


@pytest.mark.parametrize("what", [one.what for one in UNBUILT])
def test_each_thing_that_a_real_release_does_not_do_yet_is_named_with_its_place_and_reason(what: str) -> None:
    one = next(one for one in UNBUILT if one.what == what)
    spec = plain(**UNDONE[what])
    [place] = list(one.used(spec))
    assert f"not carried out yet: {what} ({place}: {one.why})" in unbuilt_sentences(spec)
    assert not list(one.used(plain()))


def test_a_spec_that_uses_none_of_it_has_no_sentence() -> None:
    assert unbuilt_sentences(plain()) == []


@pytest.mark.parametrize("path", sorted(RELEASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_a_real_release_lacks_is_one_short_line_for_each_reason(path: Path) -> None:
    spec = Spec.model_validate(load_yaml(path.read_bytes(), path.name))
    told = obstacles(spec)
    assert len(told) == len(missing(spec)) + len(unbuilt(spec))
    assert all("\n" not in line and len(line) < 260 for line in told), max(told, key=len)


def test_of_many_places_the_first_are_named_and_the_others_counted() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
