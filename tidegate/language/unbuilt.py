"""
What the language can say and a real release does not carry out yet, with the reason of each.

A spec with any of it can be checked, planned and rehearsed; a real release of it is refused before anything is begun:
a promise that is kept in silence only sometimes is worse than none. What is built is taken off this list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tidegate.spec import Spec, Step


class Unbuilt(NamedTuple):
    """A part of the language; where a spec uses it, as paths; why a real release cannot do it."""

    what: str
    used: Callable[[Spec], Iterable[str]]
    why: str


def _steps(spec: Spec, has: Callable[[Step], bool]) -> list[str]:
    """Paths of the steps, of any plan: which plan runs is chosen when a release is started."""
    return [f"plans.{name}.{step.name}" for name, plan in spec.plans.items() for step in plan.steps if has(step)]


UNBUILT: tuple[Unbuilt, ...] = (
    Unbuilt(
        "verification runs that ask people",
        lambda spec: [f"schedules.{one.name}.ask" for one in spec.schedules if one.ask],
        "a scheduled run cannot pause for an answer yet",
    ),
    Unbuilt(
        "triggers",
        lambda spec: [f"triggers.{one.name}" for one in spec.triggers],
        "the watch judges metrics alone: it runs no checks and takes no pushed events yet",
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
        "channels",
        lambda spec: [f"channels.{one.name}" for one in spec.channels],
        "messages go to `notify` alone: who is named in a channel would not be told",
    ),
    Unbuilt(
        "acts after the traffic is back",
        lambda spec: (
            [f"rollback.auto.{one.act}" for one in spec.rollback.auto]
            + [f"rollback.manual.{one.act}" for one in spec.rollback.manual]
        ),
        "a rollback takes the traffic back and stops the new version; the rest is done by hand",
    ),
    Unbuilt(
        "sources of metrics",
        lambda spec: [f"metrics.{one.name}" for one in spec.metrics],
        "gates are read from `components.<name>.metrics` alone",
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
        "waivers",
        lambda spec: [f"waivers.{one.check}" for one in spec.waivers],
        "a blocking check that fails stops the release, waived or not",
    ),
    Unbuilt(
        "audiences",
        lambda spec: _steps(spec, lambda step: step.audience is not None),
        "the routers that are built know shares of everybody only",
    ),
    Unbuilt(
        "half-way limits",
        lambda spec: _steps(spec, lambda step: step.halfway_limit is not None),
        "nobody is asked to go forward or back by a time yet",
    ),
    Unbuilt(
        "points of no return",
        lambda spec: _steps(spec, lambda step: step.no_return is not None),
        "its approval is asked, but a rollback behind it would still send the traffic back",
    ),
    Unbuilt(
        "bands and rhythms of single steps",
        lambda spec: _steps(spec, lambda step: step.band == "rollback" or step.looks_every is not None),
        "the band between the limits always holds, and the watch looks at one rhythm",
    ),
    Unbuilt(
        "gates for a time, gates that may be without data, alert tiers",
        lambda spec: [
            f"gates.{gate.name}"
            for gate in spec.gates
            if gate.until is not None or gate.no_data == "skip" or gate.alert is not None
        ],
        "a gate is judged as long as the new version has traffic, no data never passes, and only holds and limits page",
    ),
    Unbuilt(
        "approvals that need a second person",
        lambda spec: [
            f"approvals.{one.name}" for one in spec.approvals if one.people > 1 or one.requester == "not-alone"
        ],
        "one answer decides, whoever asked for the release",
    ),
    Unbuilt(
        "an approval before the old version is removed",
        lambda spec: ["cleanup.approval"] if spec.cleanup.approval is not None else [],
        "it is removed when its time is over",
    ),
    Unbuilt(
        "locks after a rollback",
        lambda spec: ["rollback"] if spec.rollback.cooldown or spec.rollback.lock or spec.rollback.post_mortem else [],
        "a release may be started again at once, and nobody is reminded to write it up",
    ),
    Unbuilt(
        "paths and sessions that stay behind",
        lambda spec: [
            f"components.{n}" for n, one in spec.components.items() if one.exclude_paths or one.sticky != "keep"
        ],
        "the routers that are built divide all requests alike",
    ),
)


def unbuilt(spec: Spec) -> list[tuple[Unbuilt, list[str]]]:
    """What of this list the spec uses, each with its places."""
    found = ((one, list(one.used(spec))) for one in UNBUILT)
    return [(one, places) for one, places in found if places]


def unbuilt_sentence(spec: Spec) -> str:
    """One sentence that names all of it; "" when the spec uses none."""
    told = [f"{one.what} ({', '.join(places)}: {one.why})" for one, places in unbuilt(spec)]
    return f"a real release does not carry out yet: {'; '.join(told)}" if told else ""
