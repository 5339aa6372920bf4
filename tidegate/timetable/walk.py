"""
A release performed on paper: the plan itself (tidegate/release.py), answered by a world in which all goes well.

So what `tidegate plan` shows is what will be performed, act by act. Times are the earliest: people answer at once, and
each act takes the time that is planned for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Action
from tidegate.acts import prepared
from tidegate.clockwork.moments import Clockwork, planned_start
from tidegate.clockwork.windows import AHEAD, Closed, closed_at, closed_between, open_from
from tidegate.language.acts import Act
from tidegate.language.moments import Anchor
from tidegate.ports import Verdict
from tidegate.quantities import spoken
from tidegate.release import release
from tidegate.slots import FINALIZE, due_times, schedule_of, step_of
from tidegate.spec import Spec, Step
from tidegate.timetable.rows import Phase, Row, Timetable
from tidegate.timetable.told import (
    approval_says,
    figures,
    parts_of_act,
    parts_of_approval,
    parts_of_schedule,
    serving,
    step_says,
    uses,
)
from tidegate.timetable.traffic import needed
from tidegate.timetable.undated import undated


def timetable(
    spec: Spec,
    begins: datetime,
    version: str,
    plan: str = "",
    stop_after: int | None = None,
    holidays: Collection[date] = (),
) -> Timetable:
    """
    Run the plan through a world that says yes to everything. `begins` is the anchor `start` (UTC).

    A spec with a target day of its own is told for that day where `begins` is it (`tidegate.clockwork.planned_start`).
    """
    walk = Walk(spec, begins, version, plan or spec.plan, holidays)
    telling = release(spec, plan, stop_after)
    try:
        action = next(telling)
        while True:
            action = telling.send(walk.answer(action))
    except StopIteration:
        return walk.told()


class Walk:
    """The clock of the paper release, its anchors, and the rows so far."""

    def __init__(self, spec: Spec, begins: datetime, version: str, plan: str, holidays: Collection[date]) -> None:
        self.spec, self.table = spec, Timetable(spec, version, plan, begins)
        self.anchors: dict[Anchor, datetime] = {Anchor.START: begins}
        self.holidays = holidays
        self.closed = self._closed(begins)
        self.now = min([begins, *self._early(begins)])
        self.act: tuple[str, str] = ("", "")
        self.budget = timedelta(0)
        self.booked: dict[str, list[datetime]] = {}
        self.acts = self._named_acts()

    def _closed(self, begins: datetime) -> tuple[Closed, ...]:
        clockwork = Clockwork.of(self.spec, self.anchors)
        return closed_between(self.spec.calendar, clockwork, self.holidays, begins, begins + AHEAD)

    def _early(self, begins: datetime) -> Sequence[datetime]:
        """Acts that the spec dates before the start."""
        clockwork = Clockwork.of(self.spec, {Anchor.START: begins})
        found = [clockwork.instant(act.at) for act in prepared(self.spec) if act.at is not None]
        return [at for at in found if at is not None]

    def _named_acts(self) -> dict[str, Act]:
        """Place of an act -> the act; a routine's under `step+act`."""
        found = {act.act: act for act in (*prepared(self.spec), *self.spec.finish)}
        for step in self.spec.plans[self.table.plan].steps:
            for routine in (step.before, step.raised, step.after):
                for act in self.spec.routines[routine] if routine else ():
                    found[f"{step.name}+{act.act}"] = act
        return found

    # -- whose action is it -------------------------------------------------------------------------------------------

    def act_of(self, action: Action) -> tuple[str, Act | None]:
        """The name that the spec has for what is done, and its act."""
        at = action.place.step
        if at in self.acts and not isinstance(action, do.SetWeight | do.Bake):
            step, _, name = at.rpartition("+")
            return (f"{step} %: {name}" if step else name), self.acts[at]
        for place, act in self.acts.items():
            step, _, name = place.rpartition("+")
            if step == ("" if at == "-" else at) and _makes(act, action):
                return (f"{step} %: {name}" if step else name), act
        return "", None

    def _turn_to(self, name: str, act: Act | None) -> None:
        """The act before has taken its time."""
        if name != self.act[0]:
            self.now += self.budget
            self.act, self.budget = (name, ""), act.budget if act is not None else timedelta(0)

    # -- answers ------------------------------------------------------------------------------------------------------

    def answer(self, action: Action) -> ev.Event:
        name, act = self.act_of(action)
        if not isinstance(action, do.BookSlots | do.TakeTurn):
            self._turn_to(name, act)
        match action:
            case do.WaitUntil():
                return self._waited(action, name, act)
            case do.AskApproval():
                return self._asked(action, name, act)
            case do.SetWeight():
                return self._raised(action)
            case do.Bake():
                self.now += action.lasting
                return ev.Baked(at=self.now, step=action.name, verdict=Verdict.PASS, sentence="")
            case do.Rest():
                self._row("traffic", "rest", f"at {action.name} % until a later run continues")
                return ev.Rested(at=self.now, stage=action.name)
            case do.Promote():
                self.table.promoted_at = self.anchors[Anchor.PROMOTED] = self.now
                return ev.Promoted(at=self.now, weight=action.weight)
            case do.BookSlots():
                return self._booked(action)
            case _:
                return self._done(action, name, act)

    def _row(self, phase: Phase, what: str, says: str = "", step: str = "", **more: Any) -> None:
        self.table.rows.append(Row(self.now, phase, step or what, what, says, **more))

    def _phase(self, action: Action) -> Phase:
        if self.table.promoted_at is not None:
            return "after"
        return "before" if action.place.plan == "release" else "traffic"

    def _waited(self, action: do.WaitUntil, name: str, act: Act | None) -> ev.Event:
        if action.window is not None:
            why = closed_at(self.closed, self.now)
            opens = open_from(self.closed, self.now, action.window, self.table.begins + AHEAD)
            if opens is None:
                note = f"no window is open for {spoken(action.window)}: a real release is refused here"
                self._row("traffic", "no open window", note, f"{action.place.step} %", notes=(note,))
            elif opens > self.now:
                note = why or "the window is too short for what follows"
                self._row("traffic", "wait for an open window", note, f"{action.place.step} %", notes=(note,))
            self.now = opens or self.now
        elif action.moment is not None:
            until = Clockwork.of(self.spec, self.anchors).instant(action.moment)
            self.now = max(self.now, until or self.now)
        else:
            said = f"the watch goes on looking for {figures(act, ('serves',))}" if act else ""
            parts = serving(*parts_of_act(self.spec, act)) if act else ()
            self._row(self._phase(action), name or action.name, said, lasting=action.lasting, serves=parts)
            self.now += action.lasting
        return ev.Waited(at=self.now, name=action.name)

    def _asked(self, action: do.AskApproval, name: str, act: Act | None) -> ev.Event:
        approval = self.spec.approval(action.name)
        phase: Phase = self._phase(action) if not action.traffic or self.table.promoted_at else "traffic"
        parts = parts_of_approval(self.spec, action.name)
        self._row(
            phase,
            f"approval {action.name}",
            approval_says(self.spec, approval),
            name or f"{action.place.step} %: ask {action.name}",
            deadline=self.now + action.deadline,
            lasting=act.budget if act else timedelta(0),
            who=", ".join(approval.approvers) or "anybody who can resume the run",
            serves=serving(act, *parts),
            silence=action.on_expiry,
        )
        plan = self.table.plan
        return ev.Answered(at=self.now, gate=action.name, decision="approve", approver="-", plan=plan)

    def _raised(self, action: do.SetWeight) -> ev.Event:
        plan = self.spec.plans[self.table.plan]
        step = next(one for one in plan.steps if one.weight == action.weight)
        if action.component == next(iter(self.spec.components)):
            self.anchors[Anchor.STEP] = self.now
            if step is plan.steps[-1]:
                self.anchors[Anchor.FULL] = self.now
            self._step_row(step)
        return ev.WeightSet(at=self.now, component=action.component, weight=action.weight)

    def _step_row(self, step: Step) -> None:
        if step.no_return is not None:
            self.table.no_return = step.name
        said = [part for part in (step_says(step), needed(self.spec, step.weight, step.bake)) if part]
        shut = closed_at(self.closed, self.now)
        local = self.now.astimezone(Clockwork.of(self.spec, {}).zone).date()
        notes = [shut] if shut else []
        notes += ["public holiday"] if local in self.holidays else ["weekend"] if local.weekday() >= 5 else []
        self._row("traffic", f"{step.weight} %", "; ".join(said), lasting=step.bake, serves=serving(step),
                  notes=tuple(notes))  # fmt: skip

    def _booked(self, action: do.BookSlots) -> ev.Event:
        anchor = Anchor(action.name)
        at = action.since or (self.anchors.get(anchor) if anchor is not Anchor.STEP else None) or self.now
        due = due_times(self.spec, at, anchor, self.anchors, step_of(anchor, action.place))
        self.table.final_at = due.pop(FINALIZE, self.table.final_at)
        self.table.slots |= due
        for slot, when in due.items():
            schedule = schedule_of(self.spec, slot)
            if schedule is not None:
                self.booked.setdefault(schedule.name, []).append(when)
        return ev.SlotsBooked(at=self.now, anchor=action.name, slots=due)

    def _done(self, action: Action, name: str, act: Act | None) -> ev.Event:
        spec, good, at = self.spec, Verdict.PASS, self.now
        phase = self._phase(action)
        takes = act.budget if act is not None else timedelta(0)
        match action:
            case do.RunCheck():
                check = spec.check(action.name)
                says = f"{check.says} ({'blocks' if check.blocking else 'does not block'})"
                more = figures(check.check)
                self._row(phase, f"check {check.name}", f"{says}: {more}", name, lasting=takes,
                          serves=serving(act, check), uses=uses(check))  # fmt: skip
                return ev.CheckRun(at=at, name=action.name, component=action.component, verdict=good)
            case do.TakeBackup():
                parts = [one for one in spec.backups if one.name == action.name]
                says = "taken, and proven by a restore"
                self._row(phase, f"backup {action.name}", says, name, lasting=takes, serves=serving(act, *parts),
                          uses=uses(parts[0]))  # fmt: skip
                return ev.BackupTaken(at=at, name=action.name, location="-")
            case do.AwaitHealthy():
                part = spec.components[action.component]
                says = f"{part.instances} instances beside the old ones, healthy"
                self._row(phase, f"new {action.component}", says, name, lasting=takes, serves=serving(act, part),
                          uses=uses(part))  # fmt: skip
                self.anchors[Anchor.DEPLOYED] = at
                return ev.BecameHealthy(at=at, component=action.component, verdict=good, instances=part.instances)
            case do.Tell() if act is not None:
                message = next((one for one in spec.messages if one.name == action.message), None)
                says = message.text if message else ""
                self._row(phase, f"tell {action.name}", says, name, lasting=takes, serves=serving(act, message))
                return ev.Told(at=at, notice=action.name)
            case do.PerformAct() | do.Remember() | do.TakeBaseline() | do.WriteReport() if act is not None:
                parts_ = parts_of_act(spec, act)
                self._row(phase, act.act, figures(act, ("at", "serves")), name, lasting=takes,
                          serves=serving(*parts_), uses=uses(act))  # fmt: skip
                return _plain(action, at)
            case _:
                return _plain(action, at)

    # -- the end ------------------------------------------------------------------------------------------------------

    def told(self) -> Timetable:
        """All rows, in the order of their instants within each phase; what is in force comes last."""
        table = self.table
        for schedule in self.spec.schedules:
            due = sorted(self.booked.get(schedule.name, ()))
            parts = parts_of_schedule(self.spec, schedule)
            says = f"{schedule.says} ({figures(schedule)})" if schedule.says else figures(schedule)
            table.rows.append(
                Row(due[0] if due else None, "scheduled", schedule.name, schedule.name, says, who=schedule.ask or "",
                    serves=serving(*parts), last=due[-1] if due else None, runs=len(due),
                    uses=tuple(dict.fromkeys(use for part in parts for use in uses(part))))
            )  # fmt: skip
        if table.final_at is not None:
            cleanup, keep = self.spec.cleanup, spoken(self.spec.cleanup.keep_blue)
            says = f"the old version is removed, kept for {keep}; the way back by traffic ends"
            parts = parts_of_approval(self.spec, cleanup.approval) if cleanup.approval else ()
            table.rows.append(
                Row(table.final_at, "scheduled", "cleanup", "cleanup", says, who=cleanup.approval or "",
                    serves=serving(cleanup, *parts), last=table.final_at, runs=1)
            )  # fmt: skip
        table.rows += undated(self.spec)
        return table


def _makes(act: Act, action: Action) -> bool:
    """Whether this act of a plan without a place of its own is what the action is part of."""
    match action:
        case do.PushArtifact() | do.CreateGreen() | do.AwaitHealthy():
            return action.component in act.green
        case do.TakeBackup() | do.ProveBackup():
            return action.name in act.backups
        case _:
            return False


def _plain(action: Action, at: datetime) -> ev.Event:
    """What becomes of an act that has no row of its own."""
    make = _PLAIN.get(type(action))
    if make is None:
        raise TypeError(f"{type(action).__name__} stands in no plan that goes well")
    return make(action, at)


_PLAIN: dict[type[Action], Callable[[Any, datetime], ev.Event]] = {
    do.TakeTurn: lambda _, at: ev.TurnTaken(at=at),
    do.ProveBackup: lambda act, at: ev.BackupProven(at=at, name=act.name, verdict=Verdict.PASS, evidence=""),
    do.PushArtifact: lambda act, at: ev.ArtifactPushed(at=at, component=act.component, digest="-"),
    do.CreateGreen: lambda act, at: ev.GreenCreated(at=at, component=act.component, digest="-", side="-", urls=()),
    do.InspectRoutes: lambda _, at: ev.RoutesInspected(at=at),
    do.Claim: lambda act, at: ev.Claimed(at=at, component=act.component, stable="-", canary=act.side, epoch=1),
    do.PerformAct: lambda act, at: ev.ActPerformed(at=at, name=act.name, verdict=Verdict.PASS),
    do.Remember: lambda act, at: ev.Remembered(at=at, name=act.name),
    do.TakeBaseline: lambda act, at: ev.BaselineTaken(at=at, name=act.name, metric="-"),
    do.Tell: lambda act, at: ev.Told(at=at, notice=act.name),
    do.WriteReport: lambda _, at: ev.ReportWritten(at=at),
}


__all__ = ["Walk", "planned_start", "timetable"]
