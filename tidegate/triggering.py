"""
Triggers (the watch's mind): what shuts the gate besides metrics. A check that fails again and again, an event.

In force from the first raise until the trigger's end. `then: rollback` lowers; `ask` holds, calls people and lowers
when they say nothing for so long; `page` tells. In the cooldown after an automatic rollback a trigger only tells. A
rollback is decided once: the first to fire is its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tidegate.clockwork.moments import Clockwork
from tidegate.language.judging import Trigger
from tidegate.ledger import Push
from tidegate.ports import Verdict
from tidegate.quantities import spoken
from tidegate.sight import Decision, Sight, Watching
from tidegate.slots import anchors_of
from tidegate.spec import Spec
from tidegate.story import Story

OVER = "-is-over"  # what a person pushes when a trigger's event has passed, or was nothing


@dataclass(frozen=True, slots=True)
class Fired:
    """What triggers say now: why it shuts, what holds the weight, what speaks against a raise, what people are told."""

    shut: str = ""
    holds: tuple[str, ...] = ()
    against: str = ""
    told: tuple[Decision, ...] = ()


NOTHING = Fired()


def in_force(spec: Spec, story: Story, one: Trigger, at: datetime) -> bool:
    """From the first raise until its end; one whose end counts from what has not happened yet is."""
    if not story.had_traffic:
        return False
    ends = story.derived("triggers", spec, lambda: _ends(spec, story))[one.name]
    return ends is None or at < ends


def _ends(spec: Spec, story: Story) -> dict[str, datetime | None]:
    clockwork = Clockwork.of(spec, anchors_of(spec, story))
    return {one.name: clockwork.instant(one.until) for one in spec.triggers}


def triggered(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, Fired]:
    """One look at every trigger."""
    if not (sight.alarms or sight.events or watching.fired) or not spec.triggers:
        return watching, NOTHING
    fired, shut, holds, against, told = dict[str, float](), list[str](), list[str](), list[str](), list[Decision]()
    for one in spec.triggers:
        why = _why(one, sight) if in_force(spec, sight.story, one, sight.at) else ""
        if not why:
            continue
        first = one.name not in watching.fired
        lasts = fired[one.name] = 0.0 if first else watching.fired[one.name] + sight.passed
        says = f"trigger {one.name}: {why}"
        if one.then == "page" or sight.cooling:
            says += f" ({sight.cooling}: it only tells)" if sight.cooling and one.then != "page" else ""
        elif one.then == "rollback":
            shut.append(says)
        elif one.asks_for is None:
            holds.append(says)  # the hold's own deadline ends it
        elif lasts >= one.asks_for.total_seconds():
            shut.append(f"{says}; nobody answered for {spoken(one.asks_for)}")
        else:
            against.append(says)
        if first:
            told += _telling(spec, one, says)
    told += _unheard(watching, sight, fired)
    watching = replace(watching, fired=fired) if fired != watching.fired else watching
    return watching, Fired("; ".join(shut), tuple(holds), "; ".join([*against, *holds]), tuple(told))


def _why(one: Trigger, sight: Sight) -> str:
    """What made it fire; "" while nothing has."""
    if one.event is not None:
        pushed = sight.events.get(one.event)
        over = sight.events.get(f"{one.name}{OVER}")
        if pushed is None or (over is not None and _at(over) >= _at(pushed)):
            return ""
        return f"{one.says} ({pushed.who}{f': {pushed.why}' if pushed.why else ''})"
    heard = sight.alarms.get(one.name)
    if heard is None or heard.failures < one.failures:
        return ""
    times = f" {heard.failures} times in a row" if one.failures > 1 else ""
    return f"{one.says} (check {one.check} failed{times}: {heard.evidence})"


def _at(pushed: Push) -> datetime:
    assert pushed.at is not None
    return pushed.at


def _telling(spec: Spec, one: Trigger, says: str) -> Iterator[Decision]:
    """Once when it fires; what asks says how to answer."""
    if one.then == "ask":
        nothing = f"tidegate push {spec.system} {one.name}{OVER}" if one.event is not None else "it ends when it passes"
        says += f"; to go back: tidegate rollback {spec.system}; if it was nothing: {nothing}"
    severity = "warning" if one.then == "page" else "critical"
    yield Decision("tell", says, key=f"trigger {one.name}", severity=severity, tell=one.tell)


def _unheard(watching: Watching, sight: Sight, fired: dict[str, float]) -> Iterator[Decision]:
    """A trigger whose check cannot be asked sees nothing: people are told once, and again after it was heard."""
    for name, heard in sight.alarms.items():
        if heard.trouble:
            key = f"{name} unheard"
            fired[key] = watching.fired.get(key, 0.0) + sight.passed
            if key not in watching.fired:
                yield Decision("tell", f"trigger {name} sees nothing: {heard.trouble}", key=f"trigger {key}")


def counts(verdict: Verdict) -> bool | None:
    """Whether a check's answer is a failure; None where it says nothing (our own trouble in asking)."""
    return {Verdict.FAIL: True, Verdict.PASS: False}.get(verdict)
