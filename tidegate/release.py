"""
How a release goes, told from top to bottom.

A plan never looks at a clock and never touches the world; see `tidegate.plan.drive` for who does.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from tidegate.actions import (
    Abort,
    Action,
    AskApproval,
    AwaitHealthy,
    Bake,
    BookSlots,
    Claim,
    CreateGreen,
    InspectRoutes,
    Lower,
    Park,
    Place,
    Promote,
    ProveBackup,
    PushArtifact,
    Rest,
    RunCheck,
    SetWeight,
    TakeBackup,
    TakeTurn,
    Tell,
    WriteReport,
)
from tidegate.events import (
    Aborted,
    Answered,
    ArtifactPushed,
    BackupProven,
    BackupTaken,
    Baked,
    BecameHealthy,
    CheckRun,
    Claimed,
    Event,
    GreenCreated,
    Parked,
    Promoted,
    ReportWritten,
    Rested,
    RoutesInspected,
    SlotsBooked,
    Told,
    TurnTaken,
    WeightSet,
)
from tidegate.plan import Outcome, Part, ask
from tidegate.plan import Plan as Telling
from tidegate.ports import Verdict
from tidegate.spec import Plan, Spec, Step
from tidegate.story import State

HERE = Place()
GOES_ON = frozenset({State.PREPARING, State.SHIFTING, State.PROMOTED, State.ABORTED})
"""States in which a run has something to do: before the end, and after it the last acts, if nobody did them."""


def release(spec: Spec, plan: str = "", stop_after: int | None = None) -> Telling:
    """
    Prepare, ask, open the gate step by step, promote, book what comes after.

    `plan` names one of the spec's plans (default: the active one); `stop_after` rests after that weight.
    """
    greens, why = yield from prepare(spec)
    if why:
        return (yield from abort(why))
    go = yield from granted(spec, HERE.at("go"), spec.readiness, traffic=False)
    if go is not None and go.decision != "approve":
        return (yield from abort(said(go)))
    why = yield from claim(spec, greens)
    if why:
        return (yield from abort(why))
    chosen = (go.plan if go else "") or plan or spec.plan
    return (yield from opened(spec, chosen, stop_after))


def prepare(spec: Spec) -> Generator[Action, Event, tuple[dict[str, GreenCreated], str]]:
    """Everything before people are asked; the second value says why not, "" when all is well."""
    for check in spec.checks:
        if check.component is None:
            ran = yield from ask(RunCheck(HERE.at("before"), check.name), CheckRun)
            if check.blocking and ran.verdict is not Verdict.PASS:
                return {}, f"check {check.name}: {ran.evidence or ran.verdict}"
    yield from ask(TakeTurn(HERE), TurnTaken)
    for backup in spec.backups:
        taken = yield from ask(TakeBackup(HERE, backup.name), BackupTaken)
        proof = yield from ask(ProveBackup(HERE, backup.name, taken.location), BackupProven)
        if proof.verdict is not Verdict.PASS:
            return {}, f"backup {backup.name}: {proof.evidence}"
    return (yield from green_beside_blue(spec))


def green_beside_blue(spec: Spec) -> Generator[Action, Event, tuple[dict[str, GreenCreated], str]]:
    """Artifacts by digest, instances of them, healthy with that digest, smoke checks on them."""
    greens: dict[str, GreenCreated] = {}
    for component in spec.components:
        pushed = yield from ask(PushArtifact(HERE, component), ArtifactPushed)
        greens[component] = yield from ask(CreateGreen(HERE, component, pushed.digest), GreenCreated)
    for component, green in greens.items():
        well = yield from ask(AwaitHealthy(HERE, component, green.side, green.digest), BecameHealthy)
        if well.verdict is not Verdict.PASS:
            return greens, f"green {component}: {well.evidence}"
    for check in spec.checks:
        if check.component is not None:
            ran = yield from ask(RunCheck(HERE.at("smoke"), check.name, check.component), CheckRun)
            if check.blocking and ran.verdict is not Verdict.PASS:
                return greens, f"check {check.name}: {ran.evidence or ran.verdict}"
    return greens, ""


def claim(spec: Spec, greens: dict[str, GreenCreated]) -> Generator[Action, Event, str]:
    """Take every route, at weight 0; what stands there unnamed is a person's to name. Why not, or ""."""
    found = yield from ask(InspectRoutes(HERE.at("claim")), RoutesInspected)
    if found.strangers:
        deadline = spec.hold.parked_deadline
        answer = yield from ask(AskApproval(HERE.at("claim"), "take-over", deadline, "abort"), Answered)
        if answer.decision != "approve":
            return said(answer)
    for component in spec.components:
        green = greens[component]
        yield from ask(Claim(HERE, component, green.side, green.urls), Claimed)
    return ""


def opened(spec: Spec, chosen: str, stop_after: int | None) -> Telling:
    """Leg by leg: a Park answered with yes begins again at the first step, perhaps with another plan."""
    leg = 1
    while True:
        here = Place(leg=leg, plan=chosen)
        shift = yield from steps(spec, spec.plans[chosen], here, stop_after)
        if shift != "parked":
            return (yield from ended(spec.plans[chosen], here, shift))
        yield from ask(Park(here.at("park"), "chosen at an approval"), Parked)
        again = yield from ask(
            AskApproval(here.at("park"), "leave-park", spec.hold.parked_deadline, "rollback", traffic=True),
            Answered,
        )
        if again.decision != "approve":
            return (yield from shut(here, said(again)))
        leg, chosen = leg + 1, again.plan or chosen


def steps(spec: Spec, plan: Plan, here: Place, stop_after: int | None) -> Generator[Action, Event, str]:
    """Open the gate step by step; "" when it is open, "parked", "rested", or why it shuts."""
    for step in plan.steps:
        at = here.at(step.name)
        answer = yield from granted(spec, at, step.approval, traffic=bool(plan.before(step)))
        if answer is not None and answer.decision != "approve":
            return "parked" if answer.decision == "park" else said(answer)
        yield from one_step(spec, plan, step, at)
        baked = yield from ask(Bake(at, step.name, step.weight, step.bake), Baked)
        if baked.verdict is not Verdict.PASS:
            return f"{step.weight} %: {baked.sentence}"
        if stop_after is not None and step.weight >= stop_after and step is not plan.steps[-1]:
            yield from ask(Rest(at, step.name), Rested)
            return "rested"
    return ""


def one_step(spec: Spec, plan: Plan, step: Step, at: Place) -> Part:
    """One exposure for all routed components, raised in order."""
    gates = tuple(name for name in (spec.readiness, step.approval) if name)
    for component in spec.components:
        yield from ask(SetWeight(at, component, step.weight, plan.before(step), gates), WeightSet)


def granted(spec: Spec, at: Place, gate: str | None, *, traffic: bool) -> Generator[Action, Event, Answered | None]:
    """The recorded answer of a gate; None where there is no gate."""
    if gate is None:
        return None
    asked = spec.approval(gate)
    on_expiry = asked.on_expiry or ("rollback" if traffic else "abort")
    return (yield from ask(AskApproval(at, gate, asked.deadline, on_expiry, traffic), Answered))


def ended(plan: Plan, here: Place, shift: str) -> Telling:
    """Promoted, resting, or shut."""
    if shift == "rested":
        return Outcome.RESTING
    if shift:
        return (yield from shut(here, shift))
    after = replace(here, plan="release")
    promoted = yield from ask(Promote(after, plan.steps[-1].weight), Promoted)
    yield from ask(BookSlots(after, "promoted", promoted.at), SlotsBooked)
    yield from ask(Tell(after, "promoted"), Told)
    yield from ask(WriteReport(after, "promoted"), ReportWritten)
    return Outcome.PROMOTED


def shut(here: Place, why: str) -> Telling:
    """A LOWER ends its plan; the rollback does the rest."""
    yield Lower(replace(here, plan="release", step="-"), why)
    return Outcome.SHUT


def abort(why: str) -> Telling:
    """Green had no traffic: end, tell, report."""
    yield from ask(Abort(HERE, why), Aborted)
    yield from ask(Tell(HERE, "aborted", "warning"), Told)
    yield from ask(WriteReport(HERE, "aborted"), ReportWritten)
    return Outcome.ABORTED


def said(answer: Answered) -> str:
    """An answer that was no yes, as a reason."""
    if answer.decision == "expired":
        return f"approval {answer.gate}: nobody answered in time"
    return f"approval {answer.gate}: {answer.approver} said {answer.decision}" + (
        f" ({answer.note})" if answer.note else ""
    )
