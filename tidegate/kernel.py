"""
The kernel: the five writes a route can receive, and what each of them needs.

Every weight change passes here. Each function returns a Change whose `decide` runs inside the router's own lock over
what stands there at that instant, and raises Refused (nothing is written) or answers with weights and mark together.
Raises need proof and a number, lowerings neither (design 2.6); behind a point of no return, a named way back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from tidegate.errors import Fenced, NoReturn, Refused
from tidegate.traffic import Beyond, Change, Mark, Seen, Setting, Side, Split, Stop

PROOF_LASTS = 30.0  # seconds from reading the look to the write, on the writer's own elapsed clock
HEALTH_LASTS = 5.0  # seconds (I3)


@dataclass(frozen=True, slots=True)
class Gate:
    """An approval that a raise needs, and how it stands. `proved` is False until identities are proved (shown red)."""

    name: str
    granted: bool
    approver: str = ""
    proved: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """
    Everything that speaks for one raise, gathered for this very attempt.

    Numbers of the chain (`intent_seq`, `look_seq`) are compared with each other, ages with the clock they came from:
    no two machines' clocks meet here.
    """

    release: str
    epoch: int
    component: str
    weight: int  # asked
    allowed: int  # the plan's next weight for this component (I2)
    told: int  # the weight that the story tells
    seen: Seen  # the route as read with the proof
    intent_seq: int
    down: bool  # a Down stands in the chain
    step_before: str  # "" for the first step
    look_seq: int
    look_step: str
    look_against: str
    look_current: bool  # of the watch that holds the lease now
    router_read: bool
    can_lower: bool
    wayback_here: bool
    taken: float  # the writer's elapsed clock when the look was read
    frozen: tuple[str, ...] = ()  # freezes and closed windows in force (I28)
    gates: tuple[Gate, ...] = ()  # approvals this raise needs (I16)
    green_ready: int = 0  # I9
    green_needed: int = 1
    blue_ready: int = 0  # I8: running capacity, a deployment that can be promoted, or a switchable flag counts as ready
    blue_needed: int = 1
    health_asked: float = 0.0  # the writer's elapsed clock before the platform was asked
    crosses: Beyond | None = None  # the point of no return that this raise crosses


def objections(proof: Proof, elapsed: float) -> list[str]:
    """Every reason against this raise, as sentences; an empty list lets it through."""
    said: list[str] = []

    def need(holds: bool, otherwise: str) -> None:
        if not holds:
            said.append(otherwise)

    need(not proof.down, "a rollback of this release was decided")
    need(proof.weight == proof.allowed, f"the plan's next weight is {proof.allowed} %, not {proof.weight} %")
    need(
        proof.seen.weight >= proof.told,
        f"the route stands at {proof.seen.weight} %, the story tells {proof.told} %: somebody lowered it by hand",
    )
    need(proof.look_current, "the look is not of the watch that holds the lease")
    need(proof.look_seq >= proof.intent_seq, "the watch has not yet read this intent")
    need(
        proof.look_step == proof.step_before,
        f"the watch has completed {proof.look_step or 'no step'}, not {proof.step_before or 'none'}",
    )
    need(not proof.look_against, f"the watch says: {proof.look_against}")
    need(proof.router_read, "the watch cannot read the router")
    need(proof.can_lower, "the watch has not shown that it can lower")
    need(proof.wayback_here, "no way-back record lies where rollback would be typed")
    need(0 <= elapsed - proof.taken <= PROOF_LASTS, f"the proof is older than {PROOF_LASTS:.0f} s")
    health_age = elapsed - proof.health_asked
    need(0 <= health_age <= HEALTH_LASTS, f"the last health answer of green is {health_age:.0f} s old")
    need(
        proof.green_ready >= proof.green_needed,
        f"{proof.green_ready} of {proof.green_needed} green instances are ready",
    )
    need(
        proof.blue_ready >= proof.blue_needed,
        f"{proof.blue_ready} of {proof.blue_needed} blue instances are ready",
    )
    said.extend(proof.frozen)
    said.extend(f"approval {gate.name!r} is missing" for gate in proof.gates if not gate.granted)
    return said


def claim(release: str, epoch: int, canary: Side, *, found: Collection[str] = (), over: Collection[str] = ()) -> Change:
    """
    Take a route for a release: what carries all traffic becomes stable, the new side canary, at weight 0.

    `found` are tokens of stops that the release's first entry or an approval named; `over` are releases this ledger
    knows to be over, or that an approval named. Claiming twice is the same claim.
    """

    def decide(seen: Seen) -> Setting:
        split, mark = _whole(seen)
        if mark.stop is not None and mark.stop.token not in found:
            raise Refused(f"{mark.stop.who} stopped this route ({mark.stop.why})", "an approval must name this stop")
        if mark.release not in ("", release) and mark.release not in over:
            raise Refused(
                f"the route belongs to {mark.release}, which is not over",
                "an approval must name that release",
            )
        if mark.epoch >= epoch:
            raise Fenced(f"the route carries number {mark.epoch}, this attempt has {epoch}")
        if mark.release == release:
            return Setting(_claimed_already(split, canary), Mark(release, epoch, beyond=mark.beyond))
        serving = split.serving
        if serving is None:
            raise Refused(f"no side carries all traffic (canary at {split.weight} %)", "finish or undo that first")
        return Setting(Split(serving, canary, 0), Mark(release, epoch))

    return Change("claim", decide)


def _claimed_already(split: Split, canary: Side) -> Split:
    if split.canary is None or split.canary.name != canary.name or split.weight:
        raise Refused("this release has claimed the route before, with another canary or weight")
    return Split(split.stable, canary, 0)


def stamp(release: str, epoch: int) -> Change:
    """Only the number grows; where the mark does not name this release, nothing is stamped."""

    def decide(seen: Seen) -> Setting:
        split, mark = _whole(seen)
        _named(mark, release)
        if epoch < mark.epoch:
            raise Fenced(f"the route carries number {mark.epoch}, this attempt has {epoch}")
        return Setting(split, replace(mark, epoch=epoch))

    return Change("stamp", decide)


def raise_to(proof: Proof, elapsed: Callable[[], float]) -> Change:
    """
    More for green: only while the route is as read with the proof and the mark is (mine, my number, empty).
    The raise that crosses a point of no return notes it in the mark, in the same write.
    """

    def decide(seen: Seen) -> Setting:
        split, mark = _mine(seen, proof.seen, proof.release, proof.epoch)
        said = objections(proof, elapsed())
        if said:
            raise Refused("; ".join(said))
        if split.canary is None or not split.weight <= proof.weight <= 100:
            raise Refused(f"{proof.weight} % is no raise from {split.weight} %")
        return Setting(split.at(proof.weight), replace(mark, beyond=proof.crosses or mark.beyond))

    return Change("raise", decide)


def final(release: str, epoch: int, read: Seen) -> Change:
    """Green alone, no way back any more; refused where a stop stands."""

    def decide(seen: Seen) -> Setting:
        split, mark = _mine(seen, read, release, epoch)
        if split.canary is None or split.weight != 100:
            raise Refused(f"green carries {split.weight} %, only 100 % can be made final")
        return Setting(Split(split.canary), replace(mark, final=True))

    return Change("final", decide)


def lower(
    release: str,
    stop: Stop,
    *,
    fallback: Split | None = None,
    to: int = 0,
    claimed: bool = True,
    beyond: Beyond | None = None,
) -> Change:
    """
    Less traffic for green, with the stop that keeps it there. Compares no number and needs no evidence (I6).

    A mark that names another release or is final is respected; one that cannot be read is no obstacle, unless this
    release is not known to have `claimed` the route: then the traffic there may be anybody's. Behind a point of no
    return (the mark's, or the one that the lowerer knows as `beyond`) the stop, or the one that stands, has to name the
    way back. `fallback` serves where the router's own configuration cannot be read.
    """

    def decide(seen: Seen) -> Setting:
        if seen.mark is None and not claimed:
            raise Fenced("the mark cannot be read, and this release has not claimed the route")
        split, mark = _lowerable(seen, release, fallback)
        standing = mark.stop if mark.stop is not None and mark.stopped else stop
        standing = replace(standing, despite=stop.despite or standing.despite)
        _way_back(split, mark.beyond or beyond, standing.despite)
        return Setting(split.at(min(split.weight, to)), replace(mark, stop=standing, beyond=mark.beyond or beyond))

    return Change("lower", decide)


def park(release: str) -> Change:
    """Weight 0 that is no Down: green stays, the release may begin again with a new leg; never behind a no return."""

    def decide(seen: Seen) -> Setting:
        split, mark = _lowerable(seen, release, None)
        _way_back(split, mark.beyond)
        return Setting(split.at(0), mark)

    return Change("park", decide)


def repair(release: str, read: Seen, weight: int) -> Change:
    """Down to the story's weight after a hand raised it, or the watch's first 0: only while the route is as read."""

    def decide(seen: Seen) -> Setting:
        split, mark = _whole(seen)
        _named(mark, release)
        if seen != read:
            raise Refused("the route has changed since it was read")
        if weight < split.weight:
            _way_back(split, mark.beyond)
        return Setting(split.at(min(split.weight, weight)), mark)

    return Change("repair", decide)


def bar(stop: Stop) -> Change:
    """Forbid claims without an approval that names this token; no Down, nothing is lowered."""

    def decide(seen: Seen) -> Setting:
        split, mark = _whole(seen)
        return Setting(split, mark if mark.stop else replace(mark, stop=replace(stop, bar=True)))

    return Change("bar", decide)


def _whole(seen: Seen) -> tuple[Split, Mark]:
    if seen.split is None or seen.mark is None:
        raise Refused("the route's weights or its mark cannot be read", "look at the router's configuration")
    return seen.split, seen.mark


def _named(mark: Mark, release: str) -> None:
    if mark.release != release:
        raise Fenced(f"the route belongs to {mark.release or 'nobody'}, not to {release}")
    if mark.final:
        raise Fenced(f"{release} is final on this route: green is alone there")


def _way_back(split: Split, beyond: Beyond | None, despite: str = "") -> None:
    """Nothing is refused where all traffic is known to be back; a copy of the configuration names no canary."""
    back = split.canary is not None and split.weight == 0
    if beyond is None or back or (despite == beyond.way != "refused"):
        return
    raise no_return(beyond)


def no_return(beyond: Beyond) -> NoReturn:
    """Why nothing is lowered, and what a person can do."""
    if beyond.way == "refused":
        return NoReturn(f"{beyond}: this traffic is not sent back", "go forward: mend it, or release another version")
    return NoReturn(str(beyond), f"whoever accepts that names it: {beyond.way}")


def _mine(seen: Seen, read: Seen, release: str, epoch: int) -> tuple[Split, Mark]:
    split, mark = _whole(seen)
    _named(mark, release)
    if mark.epoch != epoch:
        raise Fenced(f"the route carries number {mark.epoch}, this attempt has {epoch}")
    if mark.stop is not None:
        raise Fenced(f"{mark.stop.who} stopped this release ({mark.stop.why})")
    if seen != read:
        raise Refused("the route has changed since it was read")  # not fenced: read again, with fresh proof
    return split, mark


def _lowerable(seen: Seen, release: str, fallback: Split | None) -> tuple[Split, Mark]:
    split = seen.split or fallback
    if split is None:
        raise Refused("the route's configuration cannot be read and no copy of it is at hand")
    if seen.mark is None:
        return split, Mark(release)
    _named(seen.mark, release)
    return split, seen.mark
