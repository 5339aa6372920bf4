"""What a chain tells of points of no return and half-way limits, for people."""

from __future__ import annotations

from tidegate.events import WeightSet
from tidegate.halfway import due
from tidegate.report.values import BeyondFact, LimitFact, ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.walk import Walk


def beyond_of(walk: Walk) -> BeyondFact | None:
    """The last point that was crossed; since when the first route had crossed it."""
    beyond, down = walk.story.beyond, walk.story.down
    if beyond is None:
        return None
    at = min(walk.outcomes[key].at for key, event in walk.of(WeightSet) if event.beyond == beyond)
    return BeyondFact(beyond.way, beyond.says, beyond.weight, at, bool(down and down.despite))


def halfway_of(walk: Walk) -> LimitFact | None:
    found = due(walk.spec, walk.story)
    return None if found is None else LimitFact(found[0].weight, found[1])


def beyond_line(facts: ReleaseFacts, voice: Voice) -> list[str]:
    """Where the way back is another one; nothing where it is as everywhere."""
    beyond = facts.beyond
    if beyond is None:
        return []
    return [voice("beyond.told", weight=beyond.weight, way=beyond.way, says=beyond.says)]


def halfway_line(facts: ReleaseFacts, voice: Voice) -> list[str]:
    """Until when the release has to be promoted, and what comes then."""
    if facts.halfway is None:
        return []
    key = "halfway.held" if facts.beyond is not None else "halfway.told"
    return [voice(key, weight=facts.halfway.weight, at=voice.instant(facts.halfway.due))]
