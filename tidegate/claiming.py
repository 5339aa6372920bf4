"""How routes are taken: what stands there is found out first, and what nobody named is a person's to name."""

from __future__ import annotations

from tidegate import actions as do
from tidegate import events as ev
from tidegate import kernel
from tidegate.attempt import Attempt
from tidegate.errors import Fenced, Refused, ReleaseRefused
from tidegate.story import Story
from tidegate.traffic import Seen, Side
from tidegate.world import World

TAKE_OVER = "take-over"  # the approval that names a stop or a release found on a route


def inspect_routes(attempt: Attempt) -> ev.Event:
    """Stops that came after this release's first entry, and marks of releases that are not known to be over."""
    world, row = attempt.world, attempt.row
    found = set(attempt.story.opened.get("stops_found", {}).values())
    strangers, names = dict[str, str](), set[str]()
    for component, part in world.parts.items():
        mark = part.router.read().mark
        if mark is None or (mark.release == row.id and mark.stop is None):
            continue
        if mark.stop is not None and mark.stop.token not in found:
            strangers[component] = f"{mark.stop.who} stopped it at {mark.stop.at} ({mark.stop.why})"
            names.add(mark.stop.token)
        other = world.ledger.find(mark.release) if mark.release not in ("", row.id) else row
        if other is None or (other is not row and not over(world, other.id)):
            strangers[component] = f"it belongs to {mark.release}, which is not known to be over"
            names.add(mark.release)
    return ev.RoutesInspected(at=world.clock.now(), strangers=strangers, names=tuple(sorted(names)))


def _named(story: Story) -> set[str]:
    """What an approval of this release named: these stops are cleared, these releases taken over."""
    yes = any(body.get("event") == "answered" and body["gate"] == TAKE_OVER and body["decision"] == "approve"
              for body in story.answers.values())  # fmt: skip
    told = [body["names"] for body in story.answers.values() if body.get("event") == "routes-inspected"]
    return {name for names in told for name in names} if yes else set()


def claim(attempt: Attempt, action: do.Claim) -> ev.Event:
    """Take one route at weight 0. ReleaseRefused when a stop or another release stands there unnamed."""
    world, row = attempt.world, attempt.row
    router = world.parts[action.component].router
    named = _named(attempt.story)
    found = set(attempt.story.opened.get("stops_found", {}).values()) | named
    ended = {other.id for other in world.ledger.releases(row.system) if over(world, other.id)}
    side = Side(action.side, action.urls)

    def take() -> ev.Event:
        try:
            seen = router.write(kernel.claim(row.id, attempt.lease.epoch, side, found=found, over=ended | named))
        except Fenced:
            raise
        except Refused as no:
            raise ReleaseRefused(f"{action.component}: {no}", no.advice) from no
        return _claimed(attempt, action, seen)

    return attempt.once(action, take, body={"claim": action.component})  # claiming twice is the same claim


def over(world: World, release: str) -> bool:
    """Whether this ledger tells that release to be over."""
    return Story.of(world.ledger.entries(release)).over


def _claimed(attempt: Attempt, action: do.Claim, seen: Seen) -> ev.Claimed:
    assert seen.split is not None
    return ev.Claimed(
        at=attempt.world.clock.now(),
        component=action.component,
        stable=seen.split.stable.name,
        canary=action.side,
        epoch=attempt.lease.epoch,
    )
