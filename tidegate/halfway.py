"""
Half-way limits: a release that is not promoted so long after a step's raise goes forward or back (the watch's mind).

Counted from the chain by the ledger's clock, so a new watch goes on; a parked release has no traffic and is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidegate.quantities import spoken
from tidegate.sight import Decision, Sight
from tidegate.spec import Spec, Step
from tidegate.story import State, Story

AHEAD = 0.5  # of the limit: from then on people have been told of the deadline


def limits(spec: Spec, story: Story) -> Iterator[tuple[Step, datetime, timedelta]]:
    """The limits that run: step, since when, how long."""
    if story.state is not State.SHIFTING or story.plan not in spec.plans:
        return
    for step in spec.plans[story.plan].steps:
        since = story.raised_at.get(step.name)
        if step.halfway_limit is not None and since is not None:
            yield step, since, step.halfway_limit


def due(spec: Spec, story: Story) -> tuple[Step, datetime] | None:
    """The nearest limit that runs, and until when."""
    return min(((step, since + limit) for step, since, limit in limits(spec, story)), key=_second, default=None)


def _second(pair: tuple[Step, datetime]) -> datetime:
    return pair[1]


def half_ways(spec: Spec, sight: Sight) -> list[Decision]:
    """People are told once ahead; at the limit the release goes back."""
    decisions, story = list[Decision](), sight.story
    for step, since, limit in story.derived("half-ways", spec, lambda: list(limits(spec, story))):
        until = since + limit
        told = f"half-way limit of step {step.name} %: not promoted since {since:%Y-%m-%d %H:%M:%S} UTC"
        if sight.at >= until:
            return [Decision("down", f"{told}, limit {spoken(limit)}")]
        key = f"half-way {story.leg}/{step.name}"
        if sight.at >= since + AHEAD * limit and not _told(story, key):
            why = f"{told}; forward or back by {until:%Y-%m-%d %H:%M:%S} UTC (limit {spoken(limit)})"
            decisions.append(Decision("page", why, key=key))
    return decisions


def _told(story: Story, key: str) -> bool:
    return any(note.key == "paged" and note.body.get("about") == key for note in reversed(story.notes))
