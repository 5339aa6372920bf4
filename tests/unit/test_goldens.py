"""The plans of the five reference systems against goldens that were typed from their own guides."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from blocks.connect import read_spec
from blocks.public_holidays import of_calendar
from tests.house.tree import ROOT
from tidegate.clockwork.moments import planned_start
from tidegate.spec import Spec
from tidegate.timetable.rows import Row, Timetable
from tidegate.timetable.walk import timetable

GOLDEN, RELEASES = ROOT / "tests" / "golden", ROOT / "deployments" / "releases"
SYSTEMS = sorted(path.stem for path in GOLDEN.glob("*.csv"))


@cache
def spec_of(system: str) -> Spec:
    path = RELEASES / f"{system}.yaml"
    return read_spec(path.read_bytes(), path.name)


@cache
def plan_of(system: str) -> Timetable:
    spec = spec_of(system)
    begins = planned_start(spec)
    assert begins is not None
    holidays = of_calendar(spec.calendar.holidays, begins.date(), 400)
    return timetable(spec, begins, "VERSION", holidays=holidays)


def golden(system: str) -> Iterator[dict[str, str]]:
    with (GOLDEN / f"{system}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def problems(plan: Timetable, line: dict[str, str]) -> Iterator[str]:
    """What of this golden line the plan does not tell."""
    steps, rows = plan.steps, list[Row]()
    for name in line["step"].split("; "):
        found = steps.get(name)
        if found is None:
            yield f"no {name!r}"
        else:
            rows += found
    zone = ZoneInfo(plan.spec.timezone)
    if line["instant"] != "-":
        wanted = datetime.fromisoformat(line["instant"])
        told = sorted({row.at.astimezone(zone) for row in rows if row.at is not None})
        if not any(at.replace(second=0, microsecond=0) == wanted for at in told):
            yield f"not at {wanted:%Y-%m-%d %H:%M} but {', '.join(f'{at:%Y-%m-%d %H:%M}' for at in told) or 'undated'}"
    if line["runs"]:
        series = [(row.runs, row.last.astimezone(zone) if row.last else None) for row in rows if row.runs]
        if (int(line["runs"]), datetime.fromisoformat(line["last"]) if line["last"] else series[0][1]) not in series:
            yield f"not {line['runs']} runs to {line['last']} but {series}"
    missing = set(line["ids"].split()) - {one for row in rows for one in row.serves}
    if missing:
        yield f"nothing of it serves {' '.join(sorted(missing))}"


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.proves("spec.identity", "spec.time", "spec.strategies", "traf.plan", "traf.days")
def test_the_plan_tells_every_row_and_every_id_of_the_guide(system: str) -> None:
    plan = plan_of(system)
    wrong = [f"{line['row']}: {said}" for line in golden(system) for said in problems(plan, line)]
    assert not wrong, "\n".join(wrong)


def test_there_is_a_golden_for_each_of_the_five() -> None:
    assert SYSTEMS == ["atcmp", "dashboard", "gameplaza", "greenflow", "habitus33"]
    assert all(len(list(golden(system))) >= 30 for system in SYSTEMS)


def test_a_row_that_is_not_told_is_noticed() -> None:
    plan = plan_of("gameplaza")
    line = next(one for one in golden("gameplaza") if one["instant"] != "-")
    later = datetime.fromisoformat(line["instant"]).astimezone(UTC).replace(year=2031).isoformat()
    assert list(problems(plan, {**line, "instant": later}))
    assert list(problems(plan, {**line, "step": "nothing of this name"}))
    assert list(problems(plan, {**line, "ids": "S9-999"}))
