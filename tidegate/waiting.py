"""Until when a wait of the plan lasts: a day, an offset, an open window; computed from the story, never from memory."""

from __future__ import annotations

from datetime import datetime

from tidegate.actions import WaitUntil
from tidegate.clockwork.moments import Clockwork
from tidegate.clockwork.windows import AHEAD, open_from
from tidegate.errors import ReleaseRefused
from tidegate.quantities import spoken
from tidegate.slots import anchors_of
from tidegate.story import Story
from tidegate.world import World


def waits_until(world: World, story: Story, action: WaitUntil, now: datetime) -> datetime:
    """
    The instant at which this wait is over; `now` or earlier: go on.

    Under compressed time only the spec's own durations are waited for: its days and windows are not.
    """
    began = story.open[action.key].at if action.key in story.open else now
    if action.window is not None:
        overridden = str(story.opened.get("request", {}).get("kind", "")) in world.spec.calendar.override
        if overridden or world.spec.compress > 1:
            return now
        opens = open_from(world.closed, now, action.window, (story.opened_at or now) + AHEAD)
        if opens is None:
            raise ReleaseRefused(
                f"no window of {world.spec.system} is open for {spoken(action.window)} in the days that are known",
                "lengthen a window, shorten the bakes, or let calendar.applies_to be start",
            )
        return opens
    if action.moment is None:
        return began + action.lasting
    if world.spec.compress > 1:
        return now
    return Clockwork.of(world.spec, anchors_of(world.spec, story)).instant(action.moment) or now
