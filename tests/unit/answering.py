"""A world that says yes, for tests of plans: every action gets the event that a good day brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Action
from tidegate.ports import Verdict

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PASS = Verdict.PASS

EVENTS: dict[type[Action], Callable[[Any], ev.Event]] = {
    do.RunCheck: lambda a: ev.CheckRun(at=NOW, name=a.name, component=a.component, verdict=PASS),
    do.TakeTurn: lambda _: ev.TurnTaken(at=NOW),
    do.TakeBackup: lambda a: ev.BackupTaken(at=NOW, name=a.name, location="here"),
    do.ProveBackup: lambda a: ev.BackupProven(at=NOW, name=a.name, verdict=PASS, evidence="equal"),
    do.PushArtifact: lambda a: ev.ArtifactPushed(at=NOW, component=a.component, digest="sha256:2"),
    do.CreateGreen: lambda a: ev.GreenCreated(
        at=NOW, component=a.component, digest=a.digest, side=f"{a.component}-v2", urls=("http://green",)
    ),
    do.AwaitHealthy: lambda a: ev.BecameHealthy(at=NOW, component=a.component, verdict=PASS, instances=2),
    do.InspectRoutes: lambda _: ev.RoutesInspected(at=NOW),
    do.Claim: lambda a: ev.Claimed(at=NOW, component=a.component, stable="v1", canary=a.side, epoch=1),
    do.AskApproval: lambda a: ev.Answered(at=NOW, gate=a.name, decision="approve", approver="kim"),
    do.SetWeight: lambda a: ev.WeightSet(at=NOW, component=a.component, weight=a.weight),
    do.Bake: lambda a: ev.Baked(at=NOW, step=a.name, verdict=PASS, sentence="well"),
    do.Park: lambda a: ev.Parked(at=NOW, why=a.why),
    do.Rest: lambda a: ev.Rested(at=NOW, stage=a.name),
    do.Promote: lambda a: ev.Promoted(at=NOW, weight=a.weight),
    do.BookSlots: lambda a: ev.SlotsBooked(at=NOW, anchor=a.name, slots={"T+20s": NOW}),
    do.Tell: lambda a: ev.Told(at=NOW, notice=a.name),
    do.WriteReport: lambda _: ev.ReportWritten(at=NOW),
    do.Abort: lambda a: ev.Aborted(at=NOW, why=a.why),
    do.Lower: lambda a: ev.Lowered(at=NOW, why=a.why, weights={"api": 0}),
    do.EnsureLowered: lambda a: ev.Lowered(at=NOW, why=a.why, weights={"api": 0}),
    do.StopGreen: lambda a: ev.GreenStopped(at=NOW, component=a.component, side="v2"),
    do.VerifyRollback: lambda _: ev.RollbackVerified(at=NOW, verdict=PASS, evidence="back"),
    do.CancelSlots: lambda _: ev.SlotsCancelled(at=NOW, count=0),
    do.CloseRollback: lambda _: ev.RolledBack(at=NOW),
    do.EndRun: lambda a: ev.RunEnded(at=NOW, state=a.state),
    do.MakeFinal: lambda a: ev.MadeFinal(at=NOW, component=a.component),
    do.RemoveBlue: lambda a: ev.BlueRemoved(at=NOW, component=a.component, side="v1"),
    do.Close: lambda _: ev.Closed(at=NOW),
}


class Died(Exception):
    """The process is gone."""


@dataclass
class GoodDay:
    """Performs and records; `says` answers single keys otherwise, `dies_after` ends it after that many acts."""

    says: Mapping[str, ev.Event] = field(default_factory=dict)
    dies_after: int = 10_000
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def perform(self, action: Action) -> ev.Event:
        if len(self.done) >= self.dies_after:
            raise Died
        event = self.says.get(action.key) or EVENTS[type(action)](action)
        self.done.append(action.key)
        if action.effect is not do.Effect.LOWER:
            self.answers[action.key] = event.to_body()
        return event


def answered(decision: str, gate: str = "widen", plan: str = "") -> ev.Answered:
    return ev.Answered(at=NOW, gate=gate, decision=decision, approver="kim", plan=plan)  # type: ignore[arg-type]
