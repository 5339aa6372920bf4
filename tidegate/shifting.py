"""
How traffic is moved, through ports only: raise with proof, park, lower, final (claims: `tidegate/claiming.py`).

Raises gather their proof anew at every attempt and wait in hold for it; lowerings loop until the router shows 0, and
end at once behind a point of no return that nobody accepted. The rules themselves are the kernel's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from itertools import chain, repeat
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate import kernel
from tidegate.actions import SetWeight
from tidegate.attempt import Attempt
from tidegate.claiming import over
from tidegate.clockwork.windows import closed_at
from tidegate.crossing import behind, crossed, point_of, points
from tidegate.errors import (
    ConnectorError,
    Fenced,
    LedgerUnavailable,
    NoReturn,
    Refused,
    ReleaseRefused,
    RollbackIncomplete,
)
from tidegate.kernel import Gate, Proof, no_return
from tidegate.ledger import Draft, Kind, SeenLook
from tidegate.ports import PlatformState
from tidegate.seeing import routes_of
from tidegate.story import State, Story
from tidegate.traffic import Beyond, Seen, Stop
from tidegate.world import World

LOOK_LASTS = 60.0  # seconds that a look may be old when a raise reads it (I3); fewer where looks come more often
ASK_AGAIN = (0.02, 0.03, 0.05, 0.1)  # seconds between readings of the watch's row; the last one repeats
LOWER_AGAIN = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds; the last one repeats


class HeldTooLong(ReleaseRefused):
    """A raise waited in hold until its deadline; the message says for what."""


def set_weight(attempt: Attempt, action: SetWeight) -> ev.Event:
    """
    Ask the kernel for this weight with proof taken for this very attempt, then believe what the router reads back.

    Waits in hold while the kernel has objections. HeldTooLong after `hold.deadline` (where the weight is to stay:
    `hold.parked_deadline`), never behind a point of no return, where nobody could go back; Fenced once a Down stands or
    another attempt has a newer number.
    """
    world, router = attempt.world, attempt.world.parts[action.component].router
    seen = router.read()
    if action.key in attempt.story.open and _shows(seen, attempt, action.weight):
        return attempt.end(action, _weight_set(attempt, action, seen), reconciled=True)
    hold = world.spec.hold
    patience = hold.deadline if hold.on_expiry == "rollback" else hold.parked_deadline
    deadline = world.clock.elapsed() + patience.total_seconds()
    crosses = crossing_of(world, action)
    told = {"component": action.component, "weight": action.weight}
    intent = attempt.begin(action, {"raise": told | ({"beyond": crosses.to_json()} if crosses else {})})
    pauses = chain(ASK_AGAIN, repeat(ASK_AGAIN[-1]))
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
            if world.clock.elapsed() >= deadline and crossed(attempt.story, routes_of(world, attempt.story)) is None:
                raise HeldTooLong(f"{action.component} to {action.weight} % waited too long: {why}") from why
            world.clock.sleep(next(pauses))
    return attempt.end(action, _weight_set(attempt, action, seen))


def _shows(seen: Seen, attempt: Attempt, weight: int) -> bool:
    return (
        seen.weight == weight and seen.mark is not None and seen.mark.release == attempt.row.id and not seen.mark.stop
    )


def _weight_set(attempt: Attempt, action: SetWeight, seen: Seen) -> ev.WeightSet:
    beyond = seen.mark.beyond if seen.mark else None
    return ev.WeightSet(at=attempt.world.clock.now(), component=action.component, weight=seen.weight, beyond=beyond)


def crossing_of(world: World, action: SetWeight) -> Beyond | None:
    """The point of no return that this raise crosses."""
    plan = world.spec.plans[action.place.plan]
    return next((point_of(step) for step in plan.steps if step.name == action.place.step), None)


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
        crosses=crossing_of(world, action),
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
    """
    An approval counts for the leg and step that it was given for; one of the preparation counts for all.

    Behind a point of no return a question may be asked again: the last answer counts.
    """
    found = Gate(name, granted=False)
    for key, body in story.answers.items():
        _, leg, plan, _, step, *_ = key.split("/")
        before = plan == "release" and step not in ("claim", "park")
        of_this_step = (leg, step.split("+")[0]) == (str(place.leg), place.step)
        if body.get("event") == "answered" and body["gate"] == name and (before or of_this_step):
            found = Gate(name, body["decision"] == "approve", str(body["approver"]), bool(body["proved"]))
    return found


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
    release's, final). RollbackIncomplete only with `patience` (seconds): without it, it never gives up (I7). NoReturn
    at once behind a point of no return that the stop does not name, on whichever route it was crossed.
    """
    weights, left, tries, began = dict[str, int](), dict[str, str](), 0, world.clock.elapsed()
    known = _known_point(world, story)
    open_ = [component for component in world.parts if story is None or component in begun_routes(story)]
    while open_:
        for component in list(open_):
            try:
                claimed = story is None or component in story.claimed
                change = kernel.lower(release, stop, claimed=claimed, beyond=known)
                seen = world.parts[component].router.write(change)
                weights[component] = seen.weight
                open_.remove(component)
            except Fenced as respected:
                left[component] = str(respected)
                open_.remove(component)
            except NoReturn:
                raise
            except (Refused, ConnectorError) as why:
                left[component] = str(why)
        if open_ and patience is not None and world.clock.elapsed() - began >= patience:
            told = "; ".join(f"{c}: {left[c]}" for c in open_)
            raise RollbackIncomplete(f"not lowered yet: {told}", world.parts[open_[0]].router.by_hand())
        if open_:
            world.clock.sleep(LOWER_AGAIN[min(tries, len(LOWER_AGAIN) - 1)] or 0.05)
            tries += 1
    return weights, {c: why for c, why in left.items() if c not in weights}


def _known_point(world: World, story: Story | None) -> Beyond | None:
    """The point that any route of the release has crossed: it counts for all. Nothing is read where a spec has none."""
    if story is None or not points(world.spec):
        return None
    return crossed(story, routes_of(world, story))


def new_stop(
    who: str, why: str, at: datetime, token: Callable[[], str] = lambda: uuid.uuid4().hex, despite: str = ""
) -> Stop:
    return Stop(token(), who, at.isoformat(), why, despite=despite)


def stop_of(story: Story, otherwise: Stop) -> Stop:
    """The stop of the Down that the story tells, with its acceptance; `otherwise` where it tells none."""
    down = story.down
    if down is None:
        return otherwise
    token = down.token or otherwise.token
    return Stop(token, down.who, down.at.isoformat(), down.why, despite=down.despite)


def decide_down(
    world: World,
    release: str,
    who: str,
    why: str,
    *,
    patience: float | None = None,
    story: Story | None = None,
    despite: str = "",
) -> dict[str, int]:
    """
    A down decision: weight with stop (that is the fence), then the ledger; the Down is written even where a router
    does not answer for `patience`. Refused when the release is over and every route belongs to another or is final;
    NoReturn, and nothing decided, behind a point of no return whose way back `despite` does not name.
    """
    stop, began = new_stop(who, why, world.clock.now(), despite=despite), world.clock.elapsed()
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


def decide_if_needed(world: World, release: str, who: str, why: str, story: Story, despite: str = "") -> bool:
    """
    The decision of a person who starts the rollback flow; one that stands is not decided again, only accepted.

    Whether anything was decided. NoReturn, and nothing touched, behind a point of no return that is not accepted.
    """
    beyond = behind(story, routes_of(world, story)) if points(world.spec) else None
    if story.down is not None and beyond is None:
        return False
    if beyond is not None and (despite != beyond.way or beyond.way == "refused"):
        raise no_return(beyond)
    decide_down(world, release, who, why, story=story, despite=despite if beyond else "")
    return True


def _known_over(world: World, release: str) -> bool:
    try:
        return over(world, release)
    except LedgerUnavailable:
        return False


def write_down(world: World, release: str, stop: Stop, seconds: float | None = None) -> bool:
    """
    The Down of a stop, if the ledger answers; else the watch writes it from the mark's stop later.

    `seconds` from the decision to weight 0 on every route, on the lowerer's own elapsed clock.
    """
    try:
        body: dict[str, Any] = {"why": stop.why, "token": stop.token, "decided_at": stop.at}
        body |= {"despite": stop.despite} if stop.despite else {}
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
    return None if down is None else stop_of(attempt.story, new_stop(down.who, down.why, down.at))


def ensure_lowered(attempt: Attempt, action: do.EnsureLowered) -> ev.Event:
    """The rollback's first act: every route at 0 with the stop; a missing Down is written from here."""
    story, world = attempt.refresh(), attempt.world
    down = story.down
    stop = stop_of(story, new_stop(attempt.who, action.why, world.clock.now()))
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
