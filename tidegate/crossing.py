"""
Points of no return: which one a release has crossed, and whether anybody may lower behind it.

Pure. The route's mark says it first; the chain and an open raise say it where the mark is lost. The kernel refuses what
is refused here (`tidegate/kernel.py`); watch, flows and command line ask here before they try, to tell people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.spec import Plan, Spec, Step
from tidegate.story import Story
from tidegate.traffic import Beyond, Seen, Stop

FORWARD = "forward"  # the question that is asked behind such a point where elsewhere the plan would go back
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def point_of(step: Step) -> Beyond | None:
    """What the raise of this step notes in the mark; None where the way back stays the same."""
    told = step.no_return
    return None if told is None else Beyond(told.way, told.says, step.weight)


def points(spec: Spec, plan: str = "") -> tuple[Beyond, ...]:
    """The points of a plan (default: of every plan), in the order of its steps."""
    plans = [spec.plans[plan]] if plan in spec.plans else list(spec.plans.values())
    return tuple(found for one in plans for step in one.steps if (found := point_of(step)) is not None)


def before(plan: Plan, step: Step, *, raised: bool) -> Beyond | None:
    """The point that a plan has crossed when it comes to this step; with `raised`, once its weight is set."""
    at = plan.steps.index(step) + raised
    return next((found for one in reversed(plan.steps[:at]) if (found := point_of(one)) is not None), None)


def crossed(story: Story, seen: Mapping[str, Seen | None]) -> Beyond | None:
    """The last point that any route of this release has crossed."""
    marks = (route.mark for route in seen.values() if route is not None and route.mark is not None)
    found = [mark.beyond for mark in marks if mark.release == story.release and mark.beyond is not None]
    found += [story.beyond] if story.beyond is not None else []
    for raising in story.derived("raises", None, lambda: _raises(story)):
        route = seen.get(str(raising.get("component")))
        lost = route is not None and route.mark is None and route.weight >= int(raising.get("weight", 101))
        if lost and raising.get("beyond"):
            found.append(Beyond.from_json(raising["beyond"]))
    return max(found, key=lambda one: one.weight, default=None)


def _raises(story: Story) -> list[Mapping[str, Any]]:
    """Raises that were begun and have no outcome yet."""
    return [one.body["raise"] for one in story.open.values() if one.body.get("raise")]


def accepted(beyond: Beyond, story: Story, stops: Iterable[Stop | None] = ()) -> bool:
    """Whether a person has named this way back: in the Down that stands, or in a route's stop."""
    named = [story.down.despite] if story.down else []
    named += [stop.despite for stop in stops if stop is not None]
    return beyond.way != "refused" and beyond.way in named


def behind(story: Story, seen: Mapping[str, Seen | None]) -> Beyond | None:
    """
    The point behind which nobody lowers now; None where there is none, a person has accepted, or all traffic is back.

    A route that cannot be read may have traffic.
    """
    found = crossed(story, seen)
    if found is None:
        return None
    routes = [seen.get(component) for component in story.claimed] or list(seen.values())
    mine = [one for one in routes if one is None or one.mark is None or one.mark.release == story.release]
    if not any(one is None or one.weight > 0 for one in mine):
        return None
    stops = (one.mark.stop for one in mine if one is not None and one.mark is not None)
    return None if accepted(found, story, stops) else found


def named(why: str) -> str:
    """A sentence without its figures: what is told once stays told while they move."""
    return NUMBER.sub("#", why)
