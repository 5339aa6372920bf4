"""The way-back record of a release as it stands: what the watch lays where `tidegate rollback` will be typed."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.crossing import crossed, points
from tidegate.ledger import ReleaseRow
from tidegate.story import State, Story
from tidegate.traffic import Seen
from tidegate.wayback import Way, WayBack
from tidegate.world import World


def record_of(
    world: World, row: ReleaseRow, story: Story, seen: Mapping[str, Seen | None], written_at: str, ledger: str
) -> WayBack:
    """Routes and manual lines; where the plan has points of no return, those, and the one that was crossed."""
    ways = tuple(
        Way(component, part.router.kind, part.router.address(), part.router.by_hand())
        for component, part in world.parts.items()
    )
    state = "promoted" if story.state is State.PROMOTED else "shifting"
    blue = story.opened.get("blue") or next(iter(story.claimed.values()))["stable"]
    told, extra = points(world.spec, story.plan), {}
    if told:
        beyond = crossed(story, seen)
        extra = {"no_return": [one.to_json() for one in told], "beyond": beyond.to_json() if beyond else None}
    return WayBack(row.system, row.id, row.version, str(blue), state, written_at, ways, ledger, extra)
