"""
The acts of a spec as a plan performs them: checks, questions, backups, green, waits, in the order in which they stand.

`prepare` acts come before traffic, a step's routines around its weight, `finish` acts after promotion. A spec without
`prepare` has the usual ones: its checks, its backups, green beside blue, smoke checks, the readiness approval.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Action, Place
from tidegate.events import Event
from tidegate.language.acts import Act
from tidegate.language.moments import Anchor
from tidegate.plan import ask
from tidegate.ports import Verdict
from tidegate.spec import Spec

HERE = Place()
Why = Generator[Action, Event, str]  # why the release does not go on, "" when it does


@dataclass(slots=True)
class Made:
    """What a plan knows so far of its own acts."""

    greens: dict[str, ev.GreenCreated] = field(default_factory=dict)
    turn: bool = False
    claimed: bool = False
    approved: list[str] = field(default_factory=list)
    chosen: str = ""  # the traffic plan that a person chose


def prepared(spec: Spec) -> tuple[Act, ...]:
    """The acts before traffic; the usual ones where the spec names none."""
    if spec.prepare:
        return spec.prepare
    before = tuple(check.name for check in spec.checks if check.component is None)
    smoke = tuple(check.name for check in spec.checks if check.component is not None)
    backups = tuple(backup.name for backup in spec.backups)
    usual = [Act(act="before", checks=before)] if before else []
    usual += [Act(act="backup", backups=backups)] if backups else []
    usual += [Act(act="green", green=tuple(spec.components))]
    usual += [Act(act="smoke", checks=smoke)] if smoke else []
    usual += [Act(act="go", ask=spec.readiness)] if spec.readiness else []
    return tuple(usual)


def perform(spec: Spec, acts: Sequence[Act], here: Place, made: Made, *, traffic: bool = False) -> Why:
    """Act by act; the first that fails says why. `here` is the place of the whole: its step prefixes a routine's."""
    for act in acts:
        at = here.at(act.act if here.step == "-" else f"{here.step}+{act.act}")
        if act.at is not None:
            yield from ask(do.WaitUntil(at, act.act, act.at), ev.Waited)
        why = yield from one(spec, act, at, here, made, traffic=traffic)
        if why and act.on_fail != "page":
            return why
        if why:
            yield from ask(do.Tell(at, "page", "critical", (("why", why),)), ev.Told)
    return ""


def one(spec: Spec, act: Act, at: Place, here: Place, made: Made, *, traffic: bool) -> Why:
    """One act by its form."""
    match act.form:
        case "checks":
            return (yield from checks(spec, act.checks, at))
        case "ask":
            return (yield from asked(spec, str(act.ask), at, made, traffic=traffic))
        case "backups":
            return (yield from backups(act.backups, here, made))
        case "green":
            return (yield from green(spec, act.green, here, made))
        case "run":
            yield from turn(made)
            done = yield from ask(do.PerformAct(at, act.act), ev.ActPerformed)
            return "" if done.verdict is Verdict.PASS else f"{act.act}: {done.evidence or done.verdict}"
        case _:
            yield from quiet(spec, act, at)
            return ""


def quiet(spec: Spec, act: Act, at: Place) -> Generator[Action, Event, None]:
    """Acts that cannot fail a release: waits, messages, measurements, notes, reports."""
    match act.form:
        case "watch":
            yield from ask(do.WaitUntil(at, act.act, lasting=act.watch or timedelta(0)), ev.Waited)
        case "tell":
            for name in act.tell:
                severity = next(message.severity for message in spec.messages if message.name == name)
                yield from ask(do.Tell(at, name, severity, message=name), ev.Told)
        case "baselines":
            for name in act.baselines:
                yield from ask(do.TakeBaseline(at, name), ev.BaselineTaken)
        case "remember":
            yield from ask(do.Remember(at, act.act), ev.Remembered)
        case "report":
            yield from ask(do.WriteReport(at, str(act.report)), ev.ReportWritten)


def checks(spec: Spec, names: Sequence[str], at: Place) -> Why:
    for name in names:
        check = spec.check(name)
        ran = yield from ask(do.RunCheck(at, name, check.component or ""), ev.CheckRun)
        if ran.verdict is Verdict.PASS or not check.blocking:
            continue
        if not ran.waived:
            return f"check {name}: {ran.evidence or ran.verdict}"
        why = f"check {name}: {ran.evidence or ran.verdict}; {ran.waived}"
        yield from ask(do.Tell(at.at(f"{at.step}+{name}"), "alert", "warning", (("why", why),)), ev.Told)
    return ""


def asked(spec: Spec, gate: str, at: Place, made: Made, *, traffic: bool) -> Why:
    approval = spec.approval(gate)
    on_expiry = approval.on_expiry or ("rollback" if traffic else "abort")
    answer = yield from ask(do.AskApproval(at, gate, approval.deadline, on_expiry, traffic), ev.Answered)
    if answer.decision != "approve":
        return said(answer)
    made.approved.append(gate)
    made.chosen = answer.plan or made.chosen
    return ""


def said(answer: ev.Answered) -> str:
    """An answer that was no yes, as a reason."""
    if answer.decision == "expired":
        return f"approval {answer.gate}: nobody answered in time"
    return f"approval {answer.gate}: {answer.approver} said {answer.decision}" + (
        f" ({answer.note})" if answer.note else ""
    )


def turn(made: Made) -> Generator[Action, Event, None]:
    """Hold the system's one row, from the first effect on production on."""
    if not made.turn:
        made.turn = True
        yield from ask(do.TakeTurn(HERE), ev.TurnTaken)


def backups(names: Sequence[str], here: Place, made: Made) -> Why:
    """Each taken and proven; a backup is named once in a spec's acts, or once a step."""
    yield from turn(made)
    for name in names:
        taken = yield from ask(do.TakeBackup(here, name), ev.BackupTaken)
        proof = yield from ask(do.ProveBackup(here, name, taken.location), ev.BackupProven)
        if proof.verdict is not Verdict.PASS:
            return f"backup {name}: {proof.evidence}"
    return ""


def green(spec: Spec, names: Sequence[str], here: Place, made: Made) -> Why:
    """Artifacts by digest, instances of them, healthy with that digest."""
    yield from turn(made)
    for component in after_what_they_need(spec, names):
        pushed = yield from ask(do.PushArtifact(here, component), ev.ArtifactPushed)
        made.greens[component] = yield from ask(do.CreateGreen(here, component, pushed.digest), ev.GreenCreated)
    for component in names:
        new = made.greens[component]
        well = yield from ask(do.AwaitHealthy(here, component, new.side, new.digest), ev.BecameHealthy)
        if well.verdict is not Verdict.PASS:
            return f"green {component}: {well.evidence}"
    if set(made.greens) == set(spec.components):
        yield from booked(spec, Anchor.DEPLOYED, here)
    return ""


def after_what_they_need(spec: Spec, names: Sequence[str]) -> list[str]:
    """These components, each after those of them that it `depends_on`; else, and in a circle, as they stand."""
    made, left = list[str](), list(names)
    while left:
        free = (name for name in left if not set(spec.components[name].depends_on) & set(left) - {name})
        one = next(free, left[0])
        left.remove(one)
        made.append(one)
    return made


def booked(spec: Spec, anchor: Anchor, at: Place) -> Generator[Action, Event, None]:
    """Book what is scheduled from this anchor; nothing where nothing is."""
    if any(one.rhythm.anchor is anchor for one in spec.schedules):
        yield from ask(do.BookSlots(at, anchor.value), ev.SlotsBooked)
