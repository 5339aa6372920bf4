"""What the witness demands of points of no return and half-way limits; written again, from the spec alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tidegate.ledger import Entry
from tidegate.simulation.route import shown
from tidegate.simulation.told import Told
from tidegate.traffic import Seen

if TYPE_CHECKING:
    from tidegate.simulation.witness import Witness

NO_RETURN = "no return"  # beginnings of the messages
HALF_WAY = "half-way"
LESS = frozenset(
    {"lower", "park", "repair", "raise", "stamp", "bar"}
)  # a final leaves green alone, a claim is another's
ASKED_LATE = timedelta(seconds=90)  # looks that stumble, a promotion that is being written


def wrote(witness: Witness, component: str, kind: str, before: Seen, after: Seen) -> None:
    """Crossing is noted in the same write; behind it a route is lowered only once a person has named the way back."""
    mark, play = after.mark, witness.play
    assert mark is not None
    told = witness.of(mark.release)
    if mark.stop is not None and mark.stop.despite and mark.stop.despite in told.crossed.values():
        told.accepted = True
    if after.weight < before.weight and component in told.crossed and not told.accepted and kind in LESS:
        witness.fail(NO_RETURN, f"{component}: a {kind} lowers what nobody accepted: {shown(before)} -> {shown(after)}")
    if kind != "raise" or not told.plan:
        return
    step = next((one for one in play.spec.plans[told.plan].steps if one.weight == after.weight), None)
    if step is not None and step.no_return is not None:
        told.crossed[component] = step.no_return.way
        if mark.beyond is None or mark.beyond.way != step.no_return.way:
            witness.fail(NO_RETURN, f"{component}: {step.name} % is crossed and not noted: {shown(after)}")


def happened(told: Told, entry: Entry) -> None:
    """When each step of this leg was first raised, by the ledger's clock."""
    match entry.body.get("event"):
        case "weight-set":
            told.raised.setdefault(entry.key.split("/")[4], entry.at)
        case "parked":
            told.raised.clear()
        case _:
            pass


def decided(witness: Witness, entry: Entry, told: Told) -> None:
    """A Down that names a limit comes when it has passed, not before."""
    told.accepted = told.accepted or bool(entry.body.get("despite"))
    if str(entry.body["why"]).startswith("half-way limit") and not over(witness, told, entry.at):
        witness.fail(HALF_WAY, f"{entry.release}: {entry.body['why']}, at {entry.at:%H:%M:%S}")


def over(witness: Witness, told: Told, at: datetime, late: timedelta = timedelta(0)) -> bool:
    """Whether a release that is not promoted has been half-way for longer than one of its steps allows."""
    if not told.plan:
        return False
    return any(
        step.halfway_limit is not None
        and step.name in told.raised
        and at >= told.raised[step.name] + step.halfway_limit + late
        for step in witness.play.spec.plans[told.plan].steps
    )
