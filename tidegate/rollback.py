"""
How a rollback goes once traffic is (or is being) taken back.

Whoever decided lowered already; the first act makes sure. Nothing destructive is here (design 2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tidegate.actions import (
    CancelSlots,
    CloseRollback,
    EndRun,
    EnsureLowered,
    Place,
    StopGreen,
    Tell,
    VerifyRollback,
    WriteReport,
)
from tidegate.events import (
    GreenStopped,
    Lowered,
    ReportWritten,
    RollbackVerified,
    RolledBack,
    RunEnded,
    SlotsCancelled,
    Told,
)
from tidegate.plan import Outcome, ask
from tidegate.plan import Plan as Telling
from tidegate.quantities import spoken
from tidegate.spec import Spec
from tidegate.undoing import confirmed, undo

HERE = Place(plan="rollback")
LEFT = "the traffic is back; left to do: "


def rollback(spec: Spec, why: str, undoing: str = "") -> Telling:
    """
    Traffic back, seen to be back, the spec's own acts, green stopped, slots cancelled, people told, the row free.

    `undoing` is which list of the spec's applies: `auto` or `manual`.
    """
    yield from ask(EnsureLowered(HERE, why), Lowered)
    verified = yield from ask(VerifyRollback(HERE), RollbackVerified)
    if verified.seconds > spec.rollback.within.total_seconds():
        why = f"the rollback took {spoken(timedelta(seconds=round(verified.seconds)))} from its decision until it was"
        told = f"{why} verified; wanted: within {spoken(spec.rollback.within)}"
        yield from ask(Tell(HERE.at("late"), "alert", "warning", (("why", told),)), Told)
    left = (yield from undo(spec, undoing, HERE)) if undoing else []
    for component in spec.components:
        yield from ask(StopGreen(HERE, component), GreenStopped)
    yield from ask(CancelSlots(HERE), SlotsCancelled)
    yield from ask(CloseRollback(HERE), RolledBack)
    severity = "warning" if verified.verdict == "PASS" else "critical"
    yield from ask(Tell(HERE, "rolled-back", severity), Told)
    if left:
        yield from ask(Tell(HERE.at("left"), "page", "critical", (("why", LEFT + "; ".join(left)),)), Told)
    if spec.rollback.post_mortem:
        at = HERE.at("post-mortem")
        yield from ask(Tell(at, "alert", "warning", (("why", to_write_up(spec)),)), Told)
    yield from ask(WriteReport(HERE, "rolled-back"), ReportWritten)
    yield from ask(EndRun(HERE, "RolledBack"), RunEnded)
    return Outcome.ROLLED_BACK


def to_write_up(spec: Spec) -> str:
    """What has to be written up after a rollback: each line with who owns it, and within which time."""
    items = [one for name in spec.rollback.post_mortem for one in spec.items if one.name == name]
    told = [f"{one.says}{f' ({one.owner})' if one.owner else ''}{f' within {spoken(one.due)}' if one.due else ''}"
            for one in items]  # fmt: skip
    return f"post-mortem to write: {'; '.join(told)}"


def afterwards(spec: Spec, names: Sequence[str], attempt: int) -> Telling:
    """Acts of a rollback that is over, confirmed by a person now; each such run has places of its own."""
    here = Place(plan="rollback", step="confirmed", attempt=attempt)
    left = yield from confirmed(spec, names, here)
    if left:
        yield from ask(Tell(here.at("left"), "page", "critical", (("why", LEFT + "; ".join(left)),)), Told)
    yield from ask(WriteReport(here, "rolled-back"), ReportWritten)
    return Outcome.ROLLED_BACK
