"""
What the language can say and a real release does not carry out yet, with the reason of each.

A spec with any of it can be checked, planned and rehearsed; a real release of it is refused before anything is begun:
a promise that is kept in silence only sometimes is worse than none. What is built is taken off this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tidegate.language.aftermath import OF_EVERY_ROLLBACK, Undoing
from tidegate.language.complaints import listed
from tidegate.language.meeting import every_act
from tidegate.spec import Spec, Step
from tidegate.undoing import every_undoing


class Unbuilt(NamedTuple):
    """A part of the language; where a spec uses it, as paths; why a real release cannot do it."""

    what: str
    used: Callable[[Spec], Iterable[str]]
    why: str


def _steps(spec: Spec, key: str, has: Callable[[Step], bool]) -> list[str]:
    """Paths of this key of the steps, of any plan: which plan runs is chosen when a release is started."""
    return [f"plans.{name}.{step.name}.{key}" for name, plan in spec.plans.items() for step in plan.steps if has(step)]


def _asked_before_traffic(spec: Spec) -> set[str]:
    """The approvals that `prepare` asks, or the usual acts where the spec names none."""
    return {str(act.ask) for act in spec.prepare if act.ask} if spec.prepare else {str(spec.readiness)}


def _asked(spec: Spec) -> set[str]:
    """Every approval that some release of this spec asks."""
    steps = [step for plan in spec.plans.values() for step in plan.steps]
    gates = {step.approval for step in steps} | {step.no_return.approval for step in steps if step.no_return}
    acts = {str(act.ask) for _, act in every_act(spec) if act.ask}
    return _asked_before_traffic(spec) | acts | {str(gate) for gate in (*gates, spec.cleanup.approval)}


def _idle(one: Undoing) -> bool:
    return one.run is None and one.mode != "never" and one.act not in OF_EVERY_ROLLBACK


MOVES_SESSIONS = {"alb-router"}  # routers that switch stickiness off while they shift

UNBUILT: tuple[Unbuilt, ...] = (
    Unbuilt(
        "verification runs that ask people",
        lambda spec: [f"schedules.{one.name}.ask" for one in spec.schedules if one.ask],
        "a scheduled run cannot pause for an answer yet",
    ),
    Unbuilt(
        "triggers that restart or scale",
        lambda spec: [f"triggers.{one.name}" for one in spec.triggers if one.then in ("restart", "scale")],
        "the watch lowers, holds and tells; it touches no platform",
    ),
    Unbuilt(
        "experiments",
        lambda spec: [f"experiments.{one.name}" for one in spec.experiments],
        "nothing divides users into groups and compares them yet",
    ),
    Unbuilt(
        "remedies",
        lambda spec: [f"hold.remedies.{one.name}" for one in spec.hold.remedies],
        "a hold waits for people or its deadline; nothing is tried in between yet",
    ),
    Unbuilt(
        "acts after the traffic is back that name nothing to run",
        lambda spec: [f"{where}.{one.act}" for where, (_, one) in every_undoing(spec) if _idle(one)],
        "what it does is not in its name; without `run` nobody does it",
    ),
    Unbuilt(
        "metrics in parts",
        lambda spec: [
            *(f"metrics.{one.name}" for one in spec.metrics if one.by or one.buckets or one.levels),
            *(f"kpis.{one.name}.each" for one in spec.kpis if one.each),
        ],
        "a metric is one number: no parts (`by`, `levels`), no histogram (`buckets`) yet",
    ),
    Unbuilt(
        "flags with a provider",
        lambda spec: [f"flags.{one.name}" for one in spec.flags if one.provider is not None],
        "no flag is switched or read besides a component's router",
    ),
    Unbuilt(
        "promises over a long time",
        lambda spec: [f"slos.{one.name}" for one in spec.slos],
        "nothing asks for them between releases, and nobody counts what is left of them yet",
    ),
    Unbuilt(
        "KPIs that no scheduled run reads",
        lambda spec: [
            f"kpis.{one.name}" for one in spec.kpis if not any(one.name in run.kpis for run in spec.schedules)
        ],
        "a KPI is read by the schedules that name it",
    ),
    Unbuilt(
        "lines that people confirm",
        lambda spec: [
            *(f"approvals.{one.name}.items" for one in spec.approvals if one.items),
            *(f"schedules.{one.name}.items" for one in spec.schedules if one.items),
        ],
        "a question has one answer; its lines are shown in the plan, and nobody ticks them yet",
    ),
    Unbuilt(
        "work before the first release",
        lambda spec: [f"groundwork.{one.name}" for one in spec.groundwork],
        "nobody keeps which of it is done",
    ),
    Unbuilt(
        "timers of problems",
        lambda spec: [f"timers.{one.severity}" for one in spec.timers if one.fix_within or one.post_mortem],
        "nobody counts how long a problem takes; what `rollback.post_mortem` names is asked for",
    ),
    Unbuilt(
        "routines of a branch that is pushed",
        lambda spec: [f"environments.{name}.on_push" for name, one in spec.environments.items() if one.on_push],
        "nothing listens for a push",
    ),
    Unbuilt(
        "approvals that nothing asks",
        lambda spec: [
            *(
                f"environments.{name}.approval"
                for name, one in spec.environments.items()
                if one.approval and one.approval not in _asked(spec)
            ),
            *(["readiness"] if spec.readiness and spec.readiness not in _asked(spec) else []),
        ],
        "an approval is asked by an act (`ask`) or by a step",
    ),
    Unbuilt(
        "plans chosen at an approval that `prepare` does not ask",
        lambda spec: [
            f"approvals.{one.name}.choose_plan"
            for one in spec.approvals
            if one.choose_plan and one.name not in _asked_before_traffic(spec)
        ],
        "a plan is chosen before traffic, or when a parked release goes on",
    ),
    Unbuilt(
        "audiences",
        lambda spec: _steps(spec, "audience", lambda step: step.audience is not None),
        "the routers that are built know shares of everybody only",
    ),
    Unbuilt(
        "paths that stay behind",
        lambda spec: [f"components.{name}.exclude_paths" for name, one in spec.components.items() if one.exclude_paths],
        "the routers that are built divide all requests alike",
    ),
    Unbuilt(
        "sessions that stay behind",
        lambda spec: [
            f"components.{name}.sticky"
            for name, one in spec.components.items()
            if one.sticky != "keep" and one.router.use not in MOVES_SESSIONS
        ],
        "this router leaves session stickiness as it is",
    ),
)


def unbuilt(spec: Spec) -> list[tuple[Unbuilt, list[str]]]:
    """What of this list the spec uses, each with its places."""
    found = ((one, list(one.used(spec))) for one in UNBUILT)
    return [(one, places) for one, places in found if places]


def unbuilt_sentences(spec: Spec) -> list[str]:
    """A short sentence for each, with its first places in the spec and the reason; none when the spec uses none."""
    return [f"not carried out yet: {one.what} ({listed(places)}: {one.why})" for one, places in unbuilt(spec)]
