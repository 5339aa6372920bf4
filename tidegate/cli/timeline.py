"""
What a release will do and when: the plan itself (tidegate/release.py), answered by a world in which all goes well.

So what `tidegate plan` shows is what will be performed, act by act. Times are the earliest: people answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Action
from tidegate.ports import Verdict
from tidegate.quantities import spoken
from tidegate.release import release
from tidegate.slots import FINALIZE, due_times
from tidegate.spec import Spec


@dataclass(frozen=True, slots=True)
class Row:
    """One act at its earliest time."""

    at: datetime
    phase: str  # before, traffic, after
    what: str
    says: str = ""
    lasting: timedelta = timedelta(0)
    deadline: datetime | None = None


@dataclass(slots=True)
class Timeline:
    """A release that has not been begun."""

    spec: Spec
    version: str
    plan: str
    begins: datetime
    rows: list[Row] = field(default_factory=list)
    slots: Mapping[str, datetime] = field(default_factory=dict)
    promoted_at: datetime | None = None
    final_at: datetime | None = None


def timeline(spec: Spec, begins: datetime, version: str, plan: str = "", stop_after: int | None = None) -> Timeline:
    """Run the plan through a world that says yes to everything."""
    told = Timeline(spec, version, plan or spec.plan, begins)
    telling, now = release(spec, plan, stop_after), begins
    try:
        action = next(telling)
        while True:
            event = _answer(told, action, now)
            _note(told, action, now)
            now += action.lasting if isinstance(action, do.Bake) else timedelta(0)
            action = telling.send(event)
    except StopIteration:
        return told


def _answer(told: Timeline, action: Action, at: datetime) -> ev.Event:
    match action:
        case do.AskApproval():
            return ev.Answered(at=at, gate=action.name, decision="approve", approver="-", plan=told.plan)
        case do.SetWeight():
            return ev.WeightSet(at=at, component=action.component, weight=action.weight)
        case do.Bake():
            return ev.Baked(at=at + action.lasting, step=action.name, verdict=Verdict.PASS, sentence="")
        case do.Rest():
            return ev.Rested(at=at, stage=action.name)
        case do.Promote():
            told.promoted_at = at
            return ev.Promoted(at=at, weight=action.weight)
        case do.BookSlots():
            due = due_times(told.spec, action.since or at)
            told.final_at = due.pop(FINALIZE)
            told.slots = due
            return ev.SlotsBooked(at=at, anchor=action.name, slots=due)
        case do.Tell():
            return ev.Told(at=at, notice=action.name)
        case do.WriteReport():
            return ev.ReportWritten(at=at)
        case _:
            return _prepared(told, action, at)


def _prepared(told: Timeline, action: Action, at: datetime) -> ev.Event:
    spec, good = told.spec, Verdict.PASS
    match action:
        case do.RunCheck():
            return ev.CheckRun(at=at, name=action.name, component=action.component, verdict=good)
        case do.TakeTurn():
            return ev.TurnTaken(at=at)
        case do.TakeBackup():
            return ev.BackupTaken(at=at, name=action.name, location="-")
        case do.ProveBackup():
            return ev.BackupProven(at=at, name=action.name, verdict=good, evidence="")
        case do.PushArtifact():
            return ev.ArtifactPushed(at=at, component=action.component, digest="-")
        case do.CreateGreen():
            return ev.GreenCreated(at=at, component=action.component, digest="-", side=told.version, urls=())
        case do.AwaitHealthy():
            count = spec.components[action.component].instances
            return ev.BecameHealthy(at=at, component=action.component, verdict=good, instances=count)
        case do.InspectRoutes():
            return ev.RoutesInspected(at=at)
        case do.Claim():
            return ev.Claimed(at=at, component=action.component, stable="-", canary=action.side, epoch=1)
        case _:
            raise TypeError(f"{type(action).__name__} stands in no plan that goes well")


def _note(told: Timeline, action: Action, at: datetime) -> None:
    spec, rows = told.spec, told.rows
    match action:
        case do.RunCheck():
            check = spec.check(action.name)
            blocks = "blocks" if check.blocking else "does not block"
            rows.append(Row(at, "before", f"check {check.name}", f"{check.says} ({blocks})"))
        case do.TakeBackup():
            rows.append(Row(at, "before", f"backup {action.name}", "taken, and proven by a restore"))
        case do.AwaitHealthy():
            count = spec.components[action.component].instances
            rows.append(Row(at, "before", f"new {action.component}", f"{count} instances beside the old ones, healthy"))
        case do.AskApproval():
            asked = spec.approval(action.name)
            who = ", ".join(asked.approvers) or "anybody who can resume the run"
            phase = "traffic" if action.traffic else "before"
            until = at + action.deadline
            says = f"{asked.ask}\nwho: {who}; until {day(until)} ({spoken(action.deadline)}), then {action.on_expiry}"
            rows.append(Row(at, phase, f"approval {action.name}", says, deadline=until))
        case do.Bake():
            says = needed(spec, action.weight, action.lasting)
            rows.append(Row(at, "traffic", f"{action.weight} %", says, action.lasting))
        case do.Rest():
            rows.append(Row(at, "traffic", "rest", f"at {action.name} % until a later run continues"))
        case _:
            pass  # told in summary: turn, artifacts, claims, notices


def needed(spec: Spec, weight: int, bake: timedelta) -> str:
    """The traffic that a step's verdict needs: the gates' minimum of requests within its bake, at its share."""
    asked = dict[str, float]()
    for gate in spec.gates:
        seconds = min(bake, gate.window).total_seconds()
        if gate.min_samples and seconds:
            rate = gate.min_samples / seconds * 100 / weight
            asked[gate.component] = max(asked.get(gate.component, 0.0), rate)
    told = ", ".join(
        f"{component} {f'{rate:.0f}' if rate >= 10 else f'{rate:.2g}'}/s" for component, rate in asked.items()
    )
    return f"a verdict needs {told} in all" if told else ""


def day(at: datetime | None) -> str:
    """`Tue 2026-11-24 09:00`, local time; a weekend is named by its day."""
    return f"{at.astimezone():%a %Y-%m-%d %H:%M}" if at else ""
