"""The steps of a release: what each asked for, what the router showed, how it was judged, and when it was due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tidegate.events import Baked, WeightSet
from tidegate.report.figures import Readings, measured_at, measured_in
from tidegate.report.values import Measured, StepFact
from tidegate.report.walk import Key, Walk
from tidegate.spec import Step

RAISING = ("set-weight", "bake")


def planned_times(walk: Walk, leg: int) -> dict[str, datetime]:
    """When each step of a leg was due by the spec's bakes alone, counted from its first raise; empty before that."""
    begun = [walk.intents.get(key) or entry for key, entry in walk.outcomes.items() if _is_raise(key, leg)]
    begun += [entry for key, entry in walk.intents.items() if _is_raise(key, leg)]
    if not begun:
        return {}
    at, due = min(entry.at for entry in begun), dict[str, datetime]()
    for step in walk.plan_of(leg)[1].steps:
        due[step.name] = at
        at += step.bake
    return {**due, "": at}  # "": all are through


def steps_of(walk: Walk, readings: Readings) -> tuple[StepFact, ...]:
    """Every step of every leg in the order of the plan, those still to come included."""
    told: list[StepFact] = []
    for leg in range(1, walk.story.leg + 1):
        due = planned_times(walk, leg)
        name, plan = walk.plan_of(leg)
        for step in plan.steps:
            told.append(_step(walk, readings, (leg, name), step, due.get(step.name)))
    return tuple(told)


def _is_raise(key: str, leg: int) -> bool:
    parts = Key.of(key)
    return parts.kind == "set-weight" and parts.leg == leg


def _step(walk: Walk, readings: Readings, where: tuple[int, str], step: Step, due: datetime | None) -> StepFact:
    leg, plan = where

    def here(key: str) -> bool:
        parts = Key.of(key)
        return (parts.leg, parts.plan, parts.step) == (leg, plan, step.name)

    raised = {event.component: (key, event) for key, event in walk.of(WeightSet) if here(key)}
    baked = next(((key, event) for key, event in walk.of(Baked) if here(key)), None)
    set_at = max((walk.outcomes[key].at for key, _ in raised.values()), default=None)
    down = walk.down
    shut = down is not None and set_at is not None and baked is None and _is_last_raised(walk, leg, step)
    judged_at = walk.outcomes[baked[0]].at if baked else down.at if shut and down else None
    return StepFact(
        step.name,
        leg,
        step.weight,
        step.bake,
        due,
        {component: event.weight for component, (_, event) in raised.items()},
        set_at,
        judged_at,
        baked[1].verdict if baked else None,
        shut,
        baked[1].sentence if baked else str(down.body.get("why", "")) if shut and down else "",
        _gates(walk, readings, baked[1] if baked else None, set_at, judged_at),
    )


def _is_last_raised(walk: Walk, leg: int, step: Step) -> bool:
    raised = [Key.of(key) for key, _ in walk.of(WeightSet)]
    return bool(raised) and (raised[-1].leg, raised[-1].step) == (leg, step.name)


def _gates(
    walk: Walk, readings: Readings, baked: Baked | None, since: datetime | None, until: datetime | None
) -> tuple[Measured, ...]:
    """As the watch recorded them with its verdict, else by the readings up to then."""
    if since is None:
        return ()
    told: Mapping[str, Mapping[str, Any]] = {}
    if baked is not None:
        told = {str(one.get("gate")): one for one in baked.detail.get("gates", ()) if isinstance(one, Mapping)}
    found = []
    for gate in walk.spec.gates:
        read = measured_at(gate, readings, since, until)
        found.append(measured_in(gate, told[gate.name], read.stable) if gate.name in told else read)
    return tuple(found)


def exposure(walk: Walk, until: datetime) -> timedelta:
    """How long green had traffic on any component, up to `until`."""
    changes = sorted(
        (at, component, weight) for component, told in walk.weights.items() for at, weight in told if at <= until
    )
    total, since, now = timedelta(0), None, dict[str, int]()
    for at, component, weight in changes:
        now[component] = weight
        if since is None and any(now.values()):
            since = at
        elif since is not None and not any(now.values()):
            total, since = total + (at - since), None
    return total + (until - since) if since is not None else total
