"""
How a rollback goes once traffic is (or is being) taken back.

Whoever decided lowered already; the first act makes sure. Nothing destructive is here (design 2.7).
"""

from __future__ import annotations

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
from tidegate.spec import Spec

HERE = Place(plan="rollback")


def rollback(spec: Spec, why: str) -> Telling:
    """Traffic back, seen to be back, green stopped, slots cancelled, people told, the run marked, the row free."""
    yield from ask(EnsureLowered(HERE, why), Lowered)
    verified = yield from ask(VerifyRollback(HERE), RollbackVerified)
    for component in spec.components:
        yield from ask(StopGreen(HERE, component), GreenStopped)
    yield from ask(CancelSlots(HERE), SlotsCancelled)
    yield from ask(CloseRollback(HERE), RolledBack)
    severity = "warning" if verified.verdict == "PASS" else "critical"
    yield from ask(Tell(HERE, "rolled-back", severity), Told)
    yield from ask(WriteReport(HERE, "rolled-back"), ReportWritten)
    yield from ask(EndRun(HERE, "RolledBack"), RunEnded)
    return Outcome.ROLLED_BACK
