"""
Writes the plans of the reference systems again, as text: `python -m tests.house.plans` (also by `make docs`).

Whoever changes a number of a spec sees in the difference what it changes in the plan.
"""

from __future__ import annotations

from datetime import datetime

from blocks.connect import read_spec
from blocks.public_holidays import of_calendar
from tests.house.tree import ROOT
from tidegate.clockwork.moments import planned_start
from tidegate.timetable.text import as_lines
from tidegate.timetable.walk import timetable

GOLDEN, RELEASES = ROOT / "tests" / "golden", ROOT / "deployments" / "releases"


def systems() -> list[str]:
    return sorted(path.stem for path in GOLDEN.glob("*.csv"))


def plan_text(spec_text: bytes, name: str) -> str:
    """Everything that `tidegate plan --all` tells of this spec on its own day, but for this installation's lines."""
    spec = read_spec(spec_text, name)
    begins = planned_start(spec) or datetime.fromisoformat("2026-11-30T09:00+00:00")
    holidays = of_calendar(spec.calendar.holidays, begins.date(), 400)
    told = timetable(spec, begins, "VERSION", holidays=holidays)
    return "\n".join(as_lines(told, {}, everything=True)) + "\n"


def main() -> None:
    for system in systems():
        path = RELEASES / f"{system}.yaml"
        (GOLDEN / f"{system}.txt").write_text(plan_text(path.read_bytes(), path.name), "utf-8")


if __name__ == "__main__":
    main()
