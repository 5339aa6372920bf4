"""
Writes the plans and rehearsals of the six systems again: `python -m tests.house.plans` (also by `make docs`).

Their texts are kept beside the goldens: whoever changes a number of a spec sees in the difference what it changes. The
pictures and docs/plans.md are for readers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from blocks.connect import read_spec
from blocks.public_holidays import of_calendar
from tests.house.tree import ROOT
from tidegate.clockwork.moments import planned_start
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import rehearse
from tidegate.report.facts import facts_of
from tidegate.report.html import html_of
from tidegate.report.style import CSS, LIGHT
from tidegate.timetable.picture import SHEET, drawing
from tidegate.timetable.text import as_lines, zone_of
from tidegate.timetable.walk import timetable

PICTURES, MONDAY = ROOT / "docs" / "pictures", datetime(2026, 11, 30, 9, tzinfo=UTC)
HEAD = """# Six plans and their rehearsals

Written by `python -m tests.house.plans`. The first picture of each is the plan: share of traffic, acts, questions to
people, scheduled runs; grey stretches are cut short. The second is the timeline of the report that a rehearsal leaves.

"""
GOLDEN, RELEASES = ROOT / "tests" / "golden", ROOT / "deployments" / "releases"


def systems() -> list[str]:
    return sorted(path.stem for path in GOLDEN.glob("*.csv"))


def plan_text(spec_text: bytes, name: str) -> str:
    """Everything that `tidegate plan --all` tells of this spec on its own day, but for this installation's lines."""
    spec = read_spec(spec_text, name)
    begins = planned_start(spec) or MONDAY
    holidays = of_calendar(spec.calendar.holidays, begins.date(), 400)
    told = timetable(spec, begins, "VERSION", holidays=holidays)
    return "\n".join(as_lines(told, {}, everything=True)) + "\n"


def _alone(drawing: str, sheet: str) -> str:
    """An SVG of a page as a file of its own, on light paper."""
    colours = ";".join(f"--{name}:{value}" for name, value in LIGHT.items())
    style = f"<style>:root{{{colours}}}svg{{background:var(--paper);font-family:system-ui,sans-serif}}{sheet}</style>"
    head, rest = drawing.split(">", 1)
    named = head if "xmlns=" in head else head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')
    return f"{named}>{style}{rest}\n"


def _draw(system: str) -> str:
    """The pictures of one system, and what docs/plans.md says of it."""
    path = RELEASES / f"{system}.yaml"
    spec = read_spec(path.read_bytes(), path.name)
    begins = planned_start(spec) or MONDAY
    holidays = of_calendar(spec.calendar.holidays, begins.date() - timedelta(days=30), 430)
    told = timetable(spec, begins, "VERSION", holidays=holidays)
    (PICTURES / f"plan-{system}.svg").write_text(_alone(drawing(told), SHEET), "utf-8")
    played = rehearse(spec, Options(begins), holidays)
    facts = facts_of(played.entries, (), played.spec)
    picture = re.search(r"<svg.*?</svg>", html_of(facts, "en", zone_of(spec) or UTC), re.DOTALL)
    if picture is not None:
        (PICTURES / f"rehearsal-{system}.svg").write_text(_alone(picture[0], CSS), "utf-8")
    lines = [
        f"## {system}: {spec.identity.title if spec.identity else spec.description}", "",
        f"`tidegate plan {system} --html plan.html` draws it with every row.",
        f"`tidegate rehearse {system}` plays it: ends {played.story.state}, {len(played.story.slots)} runs.", "",
        f"![plan](pictures/plan-{system}.svg)", "", f"![rehearsal](pictures/rehearsal-{system}.svg)", "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    told = []
    for path in sorted(RELEASES.glob("*.yaml")):
        if path.stem in systems():
            (GOLDEN / f"{path.stem}.txt").write_text(plan_text(path.read_bytes(), path.name), "utf-8")
        told.append(_draw(path.stem))
    (ROOT / "docs" / "plans.md").write_text(HEAD + "\n".join(told), "utf-8")


if __name__ == "__main__":
    main()
