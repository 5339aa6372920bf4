"""
A plan asks, the world answers: the driver that joins the two, and resume by key.

A plan is a generator: it yields an action and is sent the event that came of it. An action whose key the ledger
answers is not carried out again; its recorded event is sent back (design 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from tidegate.actions import RESERVED, Action, Effect
from tidegate.errors import LedgerMismatch
from tidegate.events import Event, event_from


class Outcome(StrEnum):
    """How a plan ends."""

    PROMOTED = "promoted"
    SHUT = "shut"  # lowered: the rollback does the rest
    ABORTED = "aborted"
    RESTING = "resting"
    ROLLED_BACK = "rolled back"
    VERIFIED = "verified"
    FINAL = "final"


Plan = Generator[Action, Event, Outcome]
Part = Generator[Action, Event, Any]
E = TypeVar("E", bound=Event)


def ask(action: Action, kind: type[E]) -> Generator[Action, Event, E]:
    """Want `action` done and be told the event of this kind."""
    event = yield action
    if not isinstance(event, kind):
        raise LedgerMismatch(
            f"{action.key} was answered with {type(event).__name__}, this plan expects {kind.__name__}",
            "the release keeps its weight; roll back or continue with the Tidegate version that began it",
        )
    return event


def drive(plan: Plan, answers: Mapping[str, Mapping[str, Any]], perform: Callable[[Action], Event]) -> Outcome:
    """
    Run a plan to its end: recorded answers first, then the world.

    `answers` maps keys to recorded event bodies and may grow while the plan runs. Whatever `perform` raises leaves
    through the generator, which closes; nothing more is recorded. LedgerMismatch when an unanswered action that is
    not READ stands before a weight that was set (performing it would move the weight back).
    """
    weights_set = {key for key in answers if _sets_weight(key)}
    try:
        action = next(plan)
        while True:
            if action.effect is Effect.LOWER:
                perform(action)
                return Outcome.SHUT
            recorded = answers.get(action.key)
            if recorded is not None:
                weights_set.discard(action.key)
                event = event_from(recorded)
            else:
                _nothing_skipped(action, weights_set)
                event = perform(action)
            action = plan.send(event)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    finally:
        plan.close()


def _sets_weight(key: str) -> bool:
    return key.split("/")[3] == "set-weight"


def _nothing_skipped(action: Action, weights_set: set[str]) -> None:
    if action.effect in (Effect.READ, Effect.BEST) or action.place.plan in RESERVED - {"release"}:
        return  # rollback and finalize begin where the weights are: nothing of theirs comes before one
    place = f"{action.place.stage}/{action.place.leg}/"
    later = sorted(key for key in weights_set if key.startswith(place))
    if later:
        raise LedgerMismatch(
            f"{action.key} has no answer in the ledger, but {later[-1]}, which comes after it, has",
            "the plan has changed under a release under way: the weight stays; roll back, or continue with the "
            "Tidegate version that began it",
        )
