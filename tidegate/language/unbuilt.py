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
        lambda spec: [f"metrics.{one.name}" for one in spec.metrics if one.by or one.buckets or one.levels],
        "a metric is one number: no parts (`by`, `levels`), no histogram (`buckets`) yet",
    ),
    Unbuilt(
        "flags with a provider",
        lambda spec: [f"flags.{one.name}" for one in spec.flags if one.provider is not None],
        "no flag is switched or read besides a component's router",
    ),
    Unbuilt(
        "probes of promises",
        lambda spec: [f"slos.{one.name}.probe" for one in spec.slos if one.probe is not None],
        "nothing asks them between releases yet",
    ),
    Unbuilt(
        "audiences",
        lambda spec: _steps(spec, "audience", lambda step: step.audience is not None),
        "the routers that are built know shares of everybody only",
    ),
    Unbuilt(
        "an approval before the old version is removed",
        lambda spec: ["cleanup.approval"] if spec.cleanup.approval is not None else [],
        "it is removed when its time is over",
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
