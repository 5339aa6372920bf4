"""
Scheduled runs: when each is due from its anchor, and what becomes of a late one.

A slot is named by its schedule and its label (`watch-day-one T+30m`), one anchored at a step by that step, too (`pulse
25% T+10m`; after a Park `pulse 25% leg 2 T+10m`); the plain ones of `verification` by their label.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from tidegate.actions import Place
from tidegate.clockwork.moments import Clockwork, planned_start
from tidegate.clockwork.rhythms import TooMany, runs
from tidegate.errors import SpecError
from tidegate.language.acts import Schedule
from tidegate.language.moments import Anchor
from tidegate.quantities import spoken
from tidegate.spec import Spec
from tidegate.story import FINALIZE, Story

__all__ = [
    "FINALIZE", "FINAL_SILENCE", "MARGIN", "SHORTEST_MARGIN", "Fate", "anchors_of", "due_times", "fate", "margin",
    "schedule_of", "schedule_slots", "slot_names", "step_of", "unanswered", "useful_for",
]  # fmt: skip
MARGIN = timedelta(
    minutes=5
)  # a run that starts at the last useful moment has this long to answer before the watch does
FINAL_SILENCE = "expired-finalize"  # of a wish: its run asked whether blue may go, and nobody answered
SHORTEST_MARGIN = timedelta(seconds=60)  # under compressed time: a process has to start, and to look


class Fate(StrEnum):
    """What to do with a slot when its run starts."""

    RUN = "run"
    MISSED = "missed"  # its slot is no longer useful
    SUPERSEDED = "superseded"
    ANSWERED = "answered"  # never run twice


def slot_names(spec: Spec) -> list[str]:
    """`T+10m`, `T+1h` ...: the spec's own offsets, also under compressed time."""
    whole = [timedelta(seconds=round((slot * spec.compress).total_seconds())) for slot in spec.verification.slots]
    return [f"T+{spoken(slot)}" for slot in whole]


def due_times(
    spec: Spec,
    at: datetime,
    anchor: Anchor = Anchor.PROMOTED,
    anchors: Mapping[Anchor, datetime] | None = None,
    step: str = "",
) -> dict[str, datetime]:
    """Name -> instant of every slot of this anchor (`step`: `step_of` which), and of the run that makes it final."""
    due = dict[str, datetime]()
    if anchor is Anchor.PROMOTED:
        due |= dict(zip(slot_names(spec), (at + slot for slot in spec.verification.slots), strict=True))
    known = {**(anchors or {}), anchor: at}
    for schedule in spec.schedules:
        if schedule.rhythm.anchor is anchor:
            due |= schedule_slots(spec, schedule, at, known, step)
    if anchor is Anchor.PROMOTED:
        due[FINALIZE] = at + spec.cleanup.keep_blue
    return due


def step_of(anchor: Anchor, place: Place) -> str:
    """
    Whose step a slot is: `25%`, in a later leg `25% leg 2`; "" where the anchor is none.

    A step that is taken again after a Park has slots of its own: a name has one due time and one outcome.
    """
    if anchor is not Anchor.STEP:
        return ""
    return f"{place.step}%" + (f" leg {place.leg}" if place.leg > 1 else "")


def schedule_slots(
    spec: Spec, schedule: Schedule, at: datetime, anchors: Mapping[Anchor, datetime], step: str = ""
) -> dict[str, datetime]:
    """Name -> instant of this schedule's runs; SpecError when there are more than anybody wants."""
    clockwork = Clockwork.of(spec, anchors)
    of_step = f" {step}" if step else ""
    try:
        found = runs(schedule.rhythm, at, clockwork)
    except TooMany as wrong:
        raise SpecError(
            f"schedules.{schedule.name}.rhythm: {wrong}", "end it earlier (until), or let it run less often"
        ) from None
    return {f"{schedule.name}{of_step} {label}": due for label, due in found}


def schedule_of(spec: Spec, slot: str) -> Schedule | None:
    """The schedule that booked this slot; None for a plain one of `verification`."""
    first = slot.split(" ", 1)[0]
    return next((schedule for schedule in spec.schedules if schedule.name == first), None)


def anchors_of(spec: Spec, story: Story) -> dict[Anchor, datetime]:
    """What has happened so far: the release's planned start, and the anchors that its chain tells."""
    found = dict[Anchor, datetime]()
    asked = story.opened.get("request", {})
    start = asked.get("starts") if isinstance(asked, Mapping) else None
    begun = datetime.fromisoformat(str(start)) if start else planned_start(spec)
    if begun is not None and story.opened_at is not None and not start and begun < story.opened_at:
        begun = None  # the spec's own day is over: this release starts now
    if begun or story.opened_at:
        found[Anchor.START] = begun or story.opened_at  # type: ignore[assignment]  # one of them is there
    if story.full_at is not None:
        found[Anchor.FULL] = story.full_at
    if story.promoted_at is not None:
        found[Anchor.PROMOTED] = story.promoted_at
    if story.down is not None:
        found[Anchor.DOWN] = story.down.at
    return found


def fate(spec: Spec, slot: str, due: datetime, now: datetime, answered: Mapping[str, object], superseded: bool) -> Fate:
    """Late runs late or is MISSED by rule; a newer claim supersedes; one outcome each (I26)."""
    if slot in answered:
        return Fate.ANSWERED
    if superseded:
        return Fate.SUPERSEDED
    return Fate.MISSED if now - due > useful_for(spec, slot) else Fate.RUN


def useful_for(spec: Spec, slot: str) -> timedelta:
    """How late this slot's run may start."""
    schedule = schedule_of(spec, slot)
    return schedule.late if schedule is not None else spec.verification.late


def margin(spec: Spec) -> timedelta:
    """How long after a deadline of a booked run the watch waits for it, before it acts itself."""
    return max(SHORTEST_MARGIN, MARGIN / spec.compress)


def unanswered(story: Story) -> Mapping[str, datetime]:
    """Booked slots without an outcome, the next one first, and when each is due."""
    return story.waiting
