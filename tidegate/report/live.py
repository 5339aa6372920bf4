"""What the watch saw last, beside the facts of the chain: measured weights, verdicts, and how much time is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tidegate.ledger import LookRow
from tidegate.ports import Verdict
from tidegate.report.figures import measured_in
from tidegate.report.values import Condition, Measured, ReleaseFacts

UNDER_WAY = frozenset(
    {Condition.PREPARING, Condition.WAITING, Condition.SHIFTING, Condition.PARKED, Condition.RESTING, Condition.DOWN}
)
WAY_BACK_ENDED = frozenset({Condition.SUPERSEDED, Condition.FINALIZED, Condition.CLOSED})


@dataclass(frozen=True, slots=True)
class Live:
    """The watch's row as people read it; everything is empty while there is none."""

    seen: bool = False
    age: float | None = None  # seconds, by the ledger's clock; None: not asked
    verdict: Verdict | None = None
    sentence: str = ""
    against: str = ""
    weights: Mapping[str, int] | None = None  # by the routers; None: not seen as they are now
    gates: tuple[Measured, ...] = ()
    passed: timedelta | None = None  # of the bake under way
    bake: timedelta | None = None
    hold_left: timedelta | None = None

    @property
    def left(self) -> timedelta | None:
        """Time left of the bake under way, when it is known."""
        if self.passed is None or self.bake is None:
            return None
        return max(self.bake - self.passed, timedelta(0))


def live(facts: ReleaseFacts, row: LookRow | None, age: float | None = None) -> Live:
    """Read a look row; what a row of another version of Tidegate spells otherwise is left out."""
    if row is None:
        return Live()
    bake, hold = _table(row.detail.get("bake")), _table(row.detail.get("hold"))
    return Live(
        True,
        age,
        Verdict(row.verdict) if row.verdict in list(Verdict) else None,
        row.sentence,
        row.against,
        _weights(facts, row),
        _gates(facts, row.detail.get("gates")),
        _seconds(bake.get("passed")),
        _seconds(bake.get("seconds")),
        _seconds(hold.get("seconds_left")),
    )


def _weights(facts: ReleaseFacts, row: LookRow) -> dict[str, int] | None:
    """What the routers showed; a look from before the Down says nothing of the weights after it."""
    return None if facts.down is not None and row.seq < facts.down.seq else dict(row.weights)


def plan_left(facts: ReleaseFacts, now: Live) -> timedelta | None:
    """At least so long until the plan's last verdict: bakes alone, without people and weight changes."""
    if facts.condition not in (Condition.SHIFTING, Condition.WAITING):
        return None
    coming = sum((step.bake for step in facts.steps if step.set_at is None), timedelta(0))
    return coming + (now.left or timedelta(0))


def deadline_of(facts: ReleaseFacts) -> datetime | None:
    """The nearest deadline that people have."""
    return min((asked.deadline for asked in facts.waiting), default=None)


def _gates(facts: ReleaseFacts, told: Any) -> tuple[Measured, ...]:
    listed = told if isinstance(told, list | tuple) else ()
    by_name = {str(one.get("gate")): one for one in listed if isinstance(one, Mapping)}
    step = facts.step
    stable = {gate.gate: gate.stable for gate in step.gates} if step else {}
    return tuple(
        measured_in(gate, by_name[gate.name], stable.get(gate.name))
        for gate in facts.spec.gates
        if gate.name in by_name
    )


def _table(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _seconds(told: Any) -> timedelta | None:
    return timedelta(seconds=float(told)) if isinstance(told, int | float) else None
