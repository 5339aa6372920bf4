"""A rehearsal: the real plan, watch, kernel and ledger rules on a virtual clock, with what people suppose."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from blocks.public_holidays import of_calendar
from blocks.yaml_spec import load_yaml
from tests.house.plans import RELEASES
from tests.typed import Said
from tidegate.cli.happenings import line_of
from tidegate.clockwork.moments import planned_start
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import SAYS, Rehearsed, rehearse
from tidegate.rehearsal.told import as_json, as_lines
from tidegate.rehearsal.values import bad_values, good_values
from tidegate.spec import Spec
from tidegate.story import State
from tidegate.timetable.walk import timetable

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
SYSTEMS = sorted(path.stem for path in RELEASES.glob("*.yaml"))


@cache
def spec_of(system: str) -> Spec:
    path = RELEASES / f"{system}.yaml"
    return Spec.model_validate(load_yaml(path.read_bytes(), path.name))


@cache
def played(system: str, options: Options | None = None) -> Rehearsed:
    spec = spec_of(system)
    options = options or Options(planned_start(spec) or MONDAY)
    return rehearse(spec, options, of_calendar(spec.calendar.holidays, options.begins.date() - timedelta(days=30), 400))


def supposing(system: str, **changes: object) -> Rehearsed:
    return played(system, replace(Options(planned_start(spec_of(system)) or MONDAY), **changes))  # type: ignore[arg-type]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.proves("spec.strategies", "traf.days", "sch.intervals")
def test_every_spec_is_played_to_its_end(system: str) -> None:
    told = played(system)
    assert told.story.state is State.CLOSED
    weights = [body["weight"] for body in told.story.answers.values() if body.get("event") == "weight-set"]
    assert weights == sorted(weights)
    assert weights[-1] == told.spec.plans[told.spec.plan].steps[-1].weight
    unanswered = set(told.story.booked) - set(told.story.slots) - {"finalize"}
    assert not unanswered


def test_ten_days_of_the_dashboard_go_as_planned() -> None:
    told = played("dashboard")
    zone = timedelta(hours=9)
    raised = [
        (told.story.answered_at[key] + zone).strftime("%m-%d")
        for key, body in told.story.answers.items()
        if body.get("event") == "weight-set"
    ]
    assert raised == ["01-21", "01-23", "01-25", "01-27", "01-30"]
    planned = timetable(told.spec, told.options.begins, "v2").slots
    assert len(planned) == 67
    assert set(planned) <= set(told.story.slots)


def test_a_bad_version_is_rolled_back_at_the_weight_from_which_it_is_bad() -> None:
    told = supposing("gameplaza", bad_from=25)
    assert told.story.state is State.ROLLED_BACK
    assert max(body["weight"] for body in told.story.answers.values() if body.get("event") == "weight-set") == 50
    assert told.story.down is not None
    assert "error_rate" in told.story.down.why


def test_an_absent_approver_ends_it_as_the_spec_says() -> None:
    told = supposing("gameplaza", absent=("go",))
    assert told.story.state is State.ABORTED
    assert not told.story.had_traffic


def test_a_no_is_a_no() -> None:
    assert supposing("shop", rejects=("go",)).story.state is State.ABORTED


def test_a_lost_metric_is_never_a_pass() -> None:
    told = supposing("gameplaza", lost=("error_rate",))
    assert told.story.state is State.ROLLED_BACK
    assert told.story.down is not None
    assert told.story.down.why.startswith("held for 6")


@pytest.mark.timeout(120)
def test_an_outage_of_an_hour_is_no_bake_and_no_rollback_and_the_release_goes_on() -> None:
    calm, away = played("gameplaza"), supposing("gameplaza", outage=timedelta(hours=1))
    assert away.story.state is State.CLOSED
    assert calm.story.promoted_at is not None
    assert away.story.promoted_at is not None
    assert away.story.promoted_at - calm.story.promoted_at >= timedelta(minutes=50)


def test_good_values_pass_every_target_and_bad_ones_roll_back() -> None:
    for system in SYSTEMS:
        spec = spec_of(system)
        good, bad = good_values(spec), bad_values(spec)
        for gate in spec.gates:
            assert gate.passes(good[gate.metric], 1.0), (system, gate.name)
            assert not gate.fails(good[gate.metric], 1.0), (system, gate.name)
        assert any(gate.fails(bad[gate.metric], 1.0) for gate in spec.gates if gate.then == "rollback") or all(
            gate.then != "rollback" or gate.rollback is None for gate in spec.gates
        )


def test_it_says_that_it_is_a_rehearsal_in_the_lines_and_in_the_json() -> None:
    told = played("gameplaza")
    lines = list(as_lines(told, line_of, 0.1))
    assert SAYS in lines[0]
    assert lines[-2] == "Ends closed."
    read = as_json(told, line_of, 0.1)
    assert read["says"] == SAYS
    assert read["state"] == "closed"
    assert set(read["slots"].values()) == {"PASS"}


@pytest.mark.parametrize(("system", "approval"), [("shop", "go"), ("atcmp", "go")])
def test_an_approval_that_runs_out_is_told_once_with_its_deadline_in_the_specs_zone(system: str, approval: str) -> None:
    told = supposing(system, absent=(approval,))
    lines = [line.split("  ")[-1] for line in as_lines(told, line_of, 0.1)]
    assert lines.count(f"approval {approval}: nobody answered in time") == 1
    assert not [line for line in lines if "expired" in line or "nobody said" in line]
    [waits] = [line for line in lines if line.startswith(f"waits for people: approval {approval}, until")]
    assert waits.endswith(("UTC, then abort", "KST, then abort"))
    story = [one["says"] for one in as_json(told, line_of, 0.1)["story"]]
    assert story.count(f"approval {approval}: nobody answered in time") == 1


@pytest.mark.parametrize(("system", "approval"), [("shop", "go"), ("greenflow", "readiness"), ("gameplaza", "go")])
def test_no_line_of_a_rehearsal_stands_there_twice_at_one_moment(system: str, approval: str) -> None:
    lines = [line for line in as_lines(supposing(system, absent=(approval,)), line_of, 0.1) if line]
    assert len(lines) == len(set(lines))


def test_runs_that_are_superseded_are_counted_and_not_told_one_by_one() -> None:
    lines = list(as_lines(supposing("atcmp", absent=("go",)), line_of, 0.1))
    assert [line for line in lines if "SUPERSEDED" in line] == ["  scheduled document-review: 1 SUPERSEDED"]


def test_the_command_names_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "rehearse", "gameplaza", "--absent", "gö")
    assert said.code == 2
    assert "approval" in said.err
