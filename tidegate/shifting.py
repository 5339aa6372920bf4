"""
How traffic is moved, through ports only: claim, raise with proof, park, lower, final.

Raises gather their proof anew at every attempt and wait in hold for it; lowerings loop until the router shows 0.
The rules themselves are the kernel's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate import kernel
from tidegate.actions import SetWeight
from tidegate.attempt import Attempt
from tidegate.clockwork.windows import closed_at
from tidegate.errors import ConnectorError, Fenced, LedgerUnavailable, Refused, ReleaseRefused, RollbackIncomplete
from tidegate.kernel import Gate, Proof
from tidegate.ledger import Draft, Kind, SeenLook
from tidegate.ports import PlatformState
from tidegate.story import State, Story
from tidegate.traffic import Seen, Side, Stop
from tidegate.world import World

TAKE_OVER = "take-over"  # the approval that names a stop or a release found on a route
LOOK_LASTS = 60.0  # seconds that a look may be old when a raise reads it (I3); fewer where looks come more often
ASK_AGAIN = 0.1  # seconds between two readings of the watch's row
LOWER_AGAIN = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds; the last one repeats


class HeldTooLong(ReleaseRefused):
    """A raise waited in hold until its deadline; the message says for what."""


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
        if other is None or (other is not row and not _over(world, other.id)):
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
    over = {other.id for other in world.ledger.releases(row.system) if _over(world, other.id)}
    over |= named
    side = Side(action.side, action.urls)

    def take() -> ev.Event:
        try:
            seen = router.write(kernel.claim(row.id, attempt.lease.epoch, side, found=found, over=over))
        except Fenced:
            raise
        except Refused as no:
            raise ReleaseRefused(f"{action.component}: {no}", no.advice) from no
        return _claimed(attempt, action, seen)

    return attempt.once(action, take, body={"claim": action.component})  # claiming twice is the same claim


def _over(world: World, release: str) -> bool:
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


def set_weight(attempt: Attempt, action: SetWeight) -> ev.Event:
    """
    Ask the kernel for this weight with proof taken for this very attempt, then believe what the router reads back.

    Waits in hold while the kernel has objections. HeldTooLong after `hold.deadline` (where the weight is to stay:
    `hold.parked_deadline`), Fenced once a Down stands or another attempt has a newer number.
    """
    world, router = attempt.world, attempt.world.parts[action.component].router
    seen = router.read()
    if action.key in attempt.story.open and _shows(seen, attempt, action.weight):
        return attempt.end(action, _weight_set(attempt, action, seen), reconciled=True)
    hold = world.spec.hold
    patience = hold.deadline if hold.on_expiry == "rollback" else hold.parked_deadline
    deadline = world.clock.elapsed() + patience.total_seconds()
    intent = attempt.begin(action, {"raise": {"component": action.component, "weight": action.weight}})
    while True:
        try:
            proof = gather(attempt, action, intent.seq)
            seen = router.write(kernel.raise_to(proof, world.clock.elapsed))
            break
        except Fenced:
            raise
        except (Refused, ConnectorError) as why:
            if attempt.refresh().down:
                raise Fenced(f"a rollback was decided: {attempt.story.down.why}") from why  # type: ignore[union-attr]
            if world.clock.elapsed() >= deadline:
                raise HeldTooLong(f"{action.component} to {action.weight} % waited too long: {why}") from why
            world.clock.sleep(ASK_AGAIN)
    return attempt.end(action, _weight_set(attempt, action, seen))


def _shows(seen: Seen, attempt: Attempt, weight: int) -> bool:
    return (
        seen.weight == weight and seen.mark is not None and seen.mark.release == attempt.row.id and not seen.mark.stop
    )


def _weight_set(attempt: Attempt, action: SetWeight, seen: Seen) -> ev.WeightSet:
    return ev.WeightSet(at=attempt.world.clock.now(), component=action.component, weight=seen.weight)


def gather(attempt: Attempt, action: SetWeight, intent_seq: int) -> Proof:
    """Everything that speaks for this raise, as it is now."""
    world, story = attempt.world, attempt.refresh()
    component = action.component
    routes = {name: world.parts[name].router.read() for name in story.claimed}
    seen, look = routes[component], world.ledger.look(attempt.row.id)
    taken = world.clock.elapsed()
    green, blue = _capacity(world, component, seen)
    spec = world.spec.components[component]
    place = action.place
    return Proof(
        release=attempt.row.id,
        epoch=attempt.lease.epoch,
        component=component,
        weight=action.weight,
        allowed=allowed(world, story, action),
        told=story.weights.get(component, 0),
        seen=seen,
        intent_seq=intent_seq,
        down=story.down is not None or any(route.mark is not None and route.mark.stopped for route in routes.values()),
        step_before=bake_id(place, action.step_before) if action.step_before else "",
        look_seq=look.row.seq if look else 0,
        look_step=look.row.step if look else "",
        look_against=_against(look, world),
        look_current=bool(look and look.current),
        router_read=bool(look and look.row.router_read),
        can_lower=bool(look and look.row.can_lower),
        wayback_here=bool(look and look.row.wayback_here),
        taken=taken,
        frozen=tuple(
            f"{freeze.who} froze {freeze.system} until {freeze.until:%H:%M} ({freeze.why})"
            for freeze in world.ledger.freezes(attempt.row.system)
        )
        + _shut(world, story),
        gates=tuple(_gate(story, place, name) for name in action.gates),
        green_ready=green.ready if green else 0,
        green_needed=spec.instances,
        blue_ready=blue.ready if blue else 0,
        blue_needed=spec.keep_ready or spec.instances,
        health_asked=taken,
    )


def _shut(world: World, story: Story) -> tuple[str, ...]:
    """The closed window that forbids a raise now; with `applies_to: start` only the first raise is bound by it."""
    calendar = world.spec.calendar
    if story.had_traffic and calendar.applies_to == "start":
        return ()
    if str(story.opened.get("request", {}).get("kind", "")) in calendar.override:
        return ()
    why = closed_at(world.closed, world.clock.now())
    return (why,) if why else ()


def bake_id(place: do.Place, step: str) -> str:
    """A bake's name in the watch's rows: leg, plan, step."""
    return f"{place.leg}/{place.plan}/{step}"


def allowed(world: World, story: Story, action: SetWeight) -> int:
    """The plan's next weight for this component (I2); an answered one stays its own."""
    now = story.weights.get(action.component, 0)
    steps = world.spec.plans[action.place.plan].steps
    return next((step.weight for step in steps if step.weight > now), now)


def _against(look: SeenLook | None, world: World) -> str:
    if look is None:
        return "no look yet"
    old = min(LOOK_LASTS, 3 * world.spec.looking.every.total_seconds() + 5)
    if look.age > old:
        return f"its last look is {look.age:.0f} s old"
    return look.row.against


def _capacity(world: World, component: str, seen: Seen) -> tuple[PlatformState | None, PlatformState | None]:
    platform, split = world.parts[component].platform, seen.split
    green = platform.status(split.canary.name) if split and split.canary else None
    blue = platform.status(split.stable.name) if split else None
    return green, blue


def _gate(story: Story, place: do.Place, name: str) -> Gate:
    """An approval counts for the leg and step that it was given for; one of the preparation counts for all."""
    for key, body in story.answers.items():
        _, leg, plan, _, step, *_ = key.split("/")
        before = plan == "release" and step not in ("claim", "park")
        of_this_step = (leg, step.split("+")[0]) == (str(place.leg), place.step)
        if body.get("event") == "answered" and body["gate"] == name and (before or of_this_step):
            return Gate(name, body["decision"] == "approve", str(body["approver"]), bool(body["proved"]))
    return Gate(name, False)


def park(attempt: Attempt, action: do.Park) -> ev.Event:
    """Weight 0 that keeps green: recorded first, then lowered; a crash between is no unexplained lower weight."""
    if action.key not in attempt.story.open:
        attempt.begin(action, {"lowering": "park"})
    for component in attempt.story.claimed:
        attempt.world.parts[component].router.write(kernel.park(attempt.row.id))
    return attempt.end(action, ev.Parked(at=attempt.world.clock.now(), why=action.why))


def begun_routes(story: Story) -> frozenset[str]:
    """The routes that are this release's, or may be: claimed, or a claim was begun and its end is not told."""
    begun = (intent.body.get("claim") for intent in story.open.values())
    return frozenset(story.claimed) | {str(component) for component in begun if component}


def lower_routes(
    world: World, release: str, stop: Stop, *, patience: float | None = None, story: Story | None = None
) -> tuple[dict[str, int], dict[str, str]]:
    """
    Weight 0 with the stop on every route of the release, again and again until the routers show it.

    Needs no ledger and no number; a `story`, where there is one, keeps it from routes that this release has not claimed
    and whose lost mark would be no obstacle. Returns weights and, by component, why a route was left alone (another
    release's, final). RollbackIncomplete only with `patience` (seconds): without it, it never gives up (I7).
    """
    weights, left, tries, began = dict[str, int](), dict[str, str](), 0, world.clock.elapsed()
    open_ = [component for component in world.parts if story is None or component in begun_routes(story)]
    while open_:
        for component in list(open_):
            try:
                claimed = story is None or component in story.claimed
                seen = world.parts[component].router.write(kernel.lower(release, stop, claimed=claimed))
                weights[component] = seen.weight
                open_.remove(component)
            except Fenced as respected:
                left[component] = str(respected)
                open_.remove(component)
            except (Refused, ConnectorError) as why:
                left[component] = str(why)
        if open_ and patience is not None and world.clock.elapsed() - began >= patience:
            told = "; ".join(f"{c}: {left[c]}" for c in open_)
            raise RollbackIncomplete(f"not lowered yet: {told}", world.parts[open_[0]].router.by_hand())
        if open_:
            world.clock.sleep(LOWER_AGAIN[min(tries, len(LOWER_AGAIN) - 1)] or 0.05)
            tries += 1
    return weights, {c: why for c, why in left.items() if c not in weights}


def new_stop(who: str, why: str, at: datetime, token: Callable[[], str] = lambda: uuid.uuid4().hex) -> Stop:
    return Stop(token(), who, at.isoformat(), why)


def decide_down(
    world: World,
    release: str,
    who: str,
    why: str,
    *,
    patience: float | None = None,
    story: Story | None = None,
) -> dict[str, int]:
    """
    A down decision: weight with stop (that is the fence), then the ledger; the Down is written even where a router
    does not answer for `patience`. Refused when the release is over and every route belongs to another or is final.
    """
    stop, began = new_stop(who, why, world.clock.now()), world.clock.elapsed()
    try:
        weights, left = lower_routes(world, release, stop, patience=patience, story=story)
    except RollbackIncomplete:
        write_down(world, release, stop)
        raise
    if left and not weights and _known_over(world, release):
        raise Refused(
            f"{release} cannot be lowered any more: {'; '.join(left.values())}", "release the older version anew"
        )
    write_down(world, release, stop, world.clock.elapsed() - began if weights else None)
    return weights


def _known_over(world: World, release: str) -> bool:
    try:
        return _over(world, release)
    except LedgerUnavailable:
        return False


def write_down(world: World, release: str, stop: Stop, seconds: float | None = None) -> bool:
    """
    The Down of a stop, if the ledger answers; else the watch writes it from the mark's stop later.

    `seconds` from the decision to weight 0 on every route, on the lowerer's own elapsed clock.
    """
    try:
        body: dict[str, Any] = {"why": stop.why, "token": stop.token, "decided_at": stop.at}
        if seconds is not None:
            body["seconds"] = round(seconds, 3)
        world.ledger.append(release, Draft(Kind.DOWN, f"down/{stop.token}", body, stop.who))
        return True
    except LedgerUnavailable:
        return False


def lower(attempt: Attempt, why: str) -> ev.Event:
    """The release's own LOWER: always acts, never answered from the ledger, needs no intent."""
    down = _told_down(attempt)
    if down is not None:  # decided by the watch or a person: this lowering carries it out, and adds no decision
        weights, _ = lower_routes(attempt.world, attempt.row.id, down, story=attempt.story)
    else:
        weights = decide_down(attempt.world, attempt.row.id, attempt.who, why, story=attempt.story)
    return ev.Lowered(at=attempt.world.clock.now(), why=why, weights=weights)


def _told_down(attempt: Attempt) -> Stop | None:
    """The stop of the Down that stands in the chain; None when there is none, or the ledger does not answer."""
    try:
        down = attempt.refresh().down
    except LedgerUnavailable:
        return None
    return None if down is None else Stop(down.token or uuid.uuid4().hex, down.who, down.at.isoformat(), down.why)


def ensure_lowered(attempt: Attempt, action: do.EnsureLowered) -> ev.Event:
    """The rollback's first act: every route at 0 with the stop; a missing Down is written from here."""
    story, world = attempt.refresh(), attempt.world
    down = story.down
    stop = new_stop(attempt.who, action.why, world.clock.now())
    if down is not None:
        stop = Stop(down.token or stop.token, down.who, down.at.isoformat(), down.why)
    weights, left = lower_routes(world, attempt.row.id, stop, story=story)
    if down is None:
        write_down(world, attempt.row.id, stop)
    told = "; ".join([stop.why, *(f"{component} left alone: {why}" for component, why in left.items())])
    event = ev.Lowered(at=world.clock.now(), why=told, weights=weights)
    return attempt.end(action, event)


def make_final(attempt: Attempt, action: do.MakeFinal) -> ev.Event:
    """Green alone on this route; refused where a stop stands (the release is down then)."""
    router = attempt.world.parts[action.component].router

    def finally_() -> ev.Event:
        if attempt.refresh().state not in (State.PROMOTED, State.FINALIZED):
            raise ReleaseRefused(
                f"{attempt.row.id} is {attempt.story.state}, only a promoted release can be made final"
            )
        router.write(kernel.final(attempt.row.id, attempt.lease.epoch, router.read()))
        return ev.MadeFinal(at=attempt.world.clock.now(), component=action.component)

    def observe() -> ev.Event | None:
        mark = router.read().mark
        done = mark is not None and mark.release == attempt.row.id and mark.final
        return ev.MadeFinal(at=attempt.world.clock.now(), component=action.component) if done else None

    return attempt.once(action, finally_, observe)
