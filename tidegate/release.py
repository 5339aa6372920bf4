"""
How a release goes, told from top to bottom.

A plan never looks at a clock and never touches the world; see `tidegate.plan.drive` for who does.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta

from tidegate import crossing
from tidegate.actions import (
    Abort,
    Action,
    AskApproval,
    Bake,
    BookSlots,
    Claim,
    InspectRoutes,
    Lower,
    Park,
    Place,
    Promote,
    Rest,
    SetWeight,
    Tell,
    WaitUntil,
    WriteReport,
)
from tidegate.acts import HERE, Made, booked, perform, prepared, said
from tidegate.events import (
    Aborted,
    Answered,
    Baked,
    Claimed,
    Event,
    Parked,
    Promoted,
    ReportWritten,
    Rested,
    RoutesInspected,
    SlotsBooked,
    Told,
    Waited,
    WeightSet,
)
from tidegate.language.moments import Anchor
from tidegate.plan import Outcome, Part, ask
from tidegate.plan import Plan as Telling
from tidegate.ports import Verdict
from tidegate.spec import Plan, Spec, Step
from tidegate.story import State
from tidegate.traffic import Beyond

GOES_ON = frozenset({State.PREPARING, State.SHIFTING, State.PROMOTED, State.ABORTED})
"""States in which a run has something to do: before the end, and after it the last acts, if nobody did them."""


def release(spec: Spec, plan: str = "", stop_after: int | None = None) -> Telling:
    """
    Prepare, ask, open the gate step by step, promote, book what comes after.

    `plan` names one of the spec's plans (default: the active one); `stop_after` rests after that weight.
    """
    made = Made()
    yield from booked(spec, Anchor.START, HERE)
    why = yield from perform(spec, prepared(spec), HERE, made)
    if not why and set(made.greens) == set(spec.components):
        why = yield from claim(spec, made)
    if why:
        return (yield from abort(why))
    return (yield from opened(spec, made.chosen or plan or spec.plan, stop_after, made))


def claim(spec: Spec, made: Made) -> Generator[Action, Event, str]:
    """Take every route, at weight 0; what stands there unnamed is a person's to name. Why not, or ""."""
    if made.claimed:
        return ""
    found = yield from ask(InspectRoutes(HERE.at("claim")), RoutesInspected)
    if found.strangers:
        deadline = spec.hold.parked_deadline
        answer = yield from ask(AskApproval(HERE.at("claim"), "take-over", deadline, "abort"), Answered)
        if answer.decision != "approve":
            return said(answer)
    for component in spec.components:
        green = made.greens[component]
        yield from ask(Claim(HERE, component, green.side, green.urls), Claimed)
    made.claimed = True
    return ""


def opened(spec: Spec, chosen: str, stop_after: int | None, made: Made) -> Telling:
    """Leg by leg: a Park answered with yes begins again at the first step, perhaps with another plan."""
    leg = 1
    while True:
        here = Place(leg=leg, plan=chosen)
        shift = yield from steps(spec, spec.plans[chosen], here, stop_after, made)
        if shift != "parked":
            return (yield from ended(spec, spec.plans[chosen], here, shift, made))
        yield from ask(Park(here.at("park"), "chosen at an approval"), Parked)
        again = yield from ask(
            AskApproval(here.at("park"), "leave-park", spec.hold.parked_deadline, "rollback", traffic=True),
            Answered,
        )
        if again.decision != "approve":
            return (yield from shut(here, said(again)))
        leg, chosen = leg + 1, again.plan or chosen


def steps(spec: Spec, plan: Plan, here: Place, stop_after: int | None, made: Made) -> Generator[Action, Event, str]:
    """Open the gate step by step; "" when it is open, "parked", "rested", or why it shuts."""
    for step in plan.steps:
        at = here.at(step.name)
        why = yield from before_step(spec, plan, step, at, made)
        if why:
            return why
        yield from one_step(spec, plan, step, at, made)
        yield from booked(spec, Anchor.STEP, at)
        if step is plan.steps[-1]:
            yield from booked(spec, Anchor.FULL, at)
        beyond = crossing.before(plan, step, raised=True)
        if step.raised is not None:
            why = yield from perform(spec, spec.routines[step.raised], at, made, traffic=True)
            why = yield from onwards(spec, beyond, at, "raised", why)
            if why:
                return why
        baked = yield from ask(Bake(at, step.name, step.weight, step.bake), Baked)
        why = "" if baked.verdict is Verdict.PASS else f"{step.weight} %: {baked.sentence}"
        why = yield from onwards(spec, beyond, at, "bake", why)
        if why:
            return why
        if step.after is not None:
            why = yield from perform(spec, spec.routines[step.after], at, made, traffic=True)
            why = yield from onwards(spec, beyond, at, "after", why)
            if why:
                return why
        if stop_after is not None and step.weight >= stop_after and step is not plan.steps[-1]:
            yield from ask(Rest(at, step.name), Rested)
            return "rested"
    return ""


def before_step(spec: Spec, plan: Plan, step: Step, at: Place, made: Made) -> Generator[Action, Event, str]:
    """Its approval, its day, its routine, its claim if it is the first, an open window: "" or why not."""
    traffic, beyond = bool(plan.before(step)), crossing.before(plan, step, raised=False)
    for gate in (step.approval, step.no_return.approval if step.no_return else None):
        if gate is not None:
            answer = yield from granted(spec, at, gate, beyond, traffic=traffic)
            if answer.decision != "approve":
                return "parked" if answer.decision == "park" else said(answer)
    if step.begins is not None:
        yield from ask(WaitUntil(at, f"day of {step.name} %", step.begins), Waited)
    if step.before is not None:
        why = yield from perform(spec, spec.routines[step.before], at, made, traffic=traffic)
        why = yield from onwards(spec, beyond, at, "before", why)
        if why:
            return why
    why = yield from claim(spec, made)
    if why:
        return why
    whole = spec.calendar.applies_to == "whole"
    if (spec.calendar.windows or spec.calendar.blocked) and (whole or not traffic):
        lasting = plan.at_a_stretch(step) if whole else timedelta(0)
        yield from ask(WaitUntil(at, "open window", window=lasting), Waited)
    return ""


def one_step(spec: Spec, plan: Plan, step: Step, at: Place, made: Made) -> Part:
    """One exposure for all routed components, raised in order."""
    asked = (*made.approved, step.approval, step.no_return.approval if step.no_return else None)
    gates = tuple(dict.fromkeys(name for name in asked if name))
    for component in spec.components:
        yield from ask(SetWeight(at, component, step.weight, plan.before(step), gates), WeightSet)


def granted(
    spec: Spec, at: Place, gate: str, beyond: Beyond | None, *, traffic: bool
) -> Generator[Action, Event, Answered]:
    """The recorded answer of a step's gate; behind a point of no return it is asked again until it is yes."""
    asked = spec.approval(gate)
    on_expiry = asked.on_expiry or ("rollback" if traffic else "abort")
    while True:
        action = AskApproval(at, gate, asked.deadline, "hold" if beyond else on_expiry, traffic, beyond)
        answer = yield from ask(action, Answered)
        if beyond is None or answer.decision == "approve":
            return answer
        at = replace(at, attempt=at.attempt + 1)


def onwards(spec: Spec, beyond: Beyond | None, at: Place, what: str, why: str) -> Generator[Action, Event, str]:
    """
    What a plan does with a no: elsewhere it goes back, so the reason is returned.

    Behind a point of no return nobody goes back by themselves: people are asked, again and again, until they say
    "forward", or one of them sends the traffic back and names the way.
    """
    at = at.at(f"{at.step}+{what}")
    while why and beyond is not None:
        action = AskApproval(at, crossing.FORWARD, spec.hold.parked_deadline, "hold", traffic=True, beyond=beyond)
        answer = yield from ask(action, Answered)
        why = "" if answer.decision == "approve" else why
        at = replace(at, attempt=at.attempt + 1)
    return why


def ended(spec: Spec, plan: Plan, here: Place, shift: str, made: Made) -> Telling:
    """Promoted, resting, or shut."""
    if shift == "rested":
        return Outcome.RESTING
    if shift and not made.claimed:
        return (yield from abort(shift))
    if shift:
        return (yield from shut(here, shift))
    after = replace(here, plan="release")
    promoted = yield from ask(Promote(after, plan.steps[-1].weight), Promoted)
    yield from ask(BookSlots(after, "promoted", promoted.at), SlotsBooked)
    yield from ask(Tell(after, "promoted"), Told)
    why = yield from perform(spec, spec.finish, after, made, traffic=True)
    why = yield from onwards(spec, crossing.before(plan, plan.steps[-1], raised=True), after, "finish", why)
    if why:
        return (yield from shut(here, why))
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
