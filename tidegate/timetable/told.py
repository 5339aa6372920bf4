"""What a row says: the figures of a part of the spec in one sentence, and everything that it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from tidegate.language.acts import Act, Schedule
from tidegate.language.base import Served
from tidegate.language.moments import Moment, Rhythm, StepMoment, told
from tidegate.quantities import spoken
from tidegate.spec import Approval, Gate, Spec, Step

HIDDEN = frozenset({"serves", "name", "act", "role", "says", "text", "system"})


def serving(*parts: Served | None) -> tuple[str, ...]:
    """The lines of the guide that these parts stand for, each once, in order."""
    return tuple(dict.fromkeys(one for part in parts if part is not None for one in part.serves))


def uses(part: BaseModel) -> tuple[str, ...]:
    """The connectors that this part names, each once."""
    return tuple(dict.fromkeys(_uses(part)))


def _uses(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        if "use" in type(value).model_fields:
            yield str(value.use)  # type: ignore[attr-defined]
        for name in type(value).model_fields:
            yield from _uses(getattr(value, name))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _uses(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _uses(one)


def parts_of_act(spec: Spec, act: Act) -> tuple[Served, ...]:
    """The act and everything that it names."""
    named: list[Served] = [act]
    named += [spec.check(name) for name in act.checks]
    named += [one for one in spec.backups if one.name in act.backups]
    named += [one for one in spec.baselines if one.name in act.baselines]
    named += [one for one in spec.messages if one.name in act.tell]
    named += [spec.components[name] for name in act.green]
    return (*named, *(parts_of_approval(spec, act.ask) if act.ask else ()))


def parts_of_approval(spec: Spec, name: str) -> tuple[Served, ...]:
    approval = spec.approval(name)
    return (approval, *(item for item in spec.items if item.name in approval.items))


def parts_of_schedule(spec: Spec, schedule: Schedule) -> tuple[Served, ...]:
    named: list[Served] = [schedule]
    named += [spec.check(name) for name in schedule.checks]
    named += [one for one in spec.items if one.name in schedule.items]
    named += [one for one in spec.kpis if one.name in schedule.kpis]
    named += [one for one in spec.messages if one.name in schedule.tell]
    named += [one for one in spec.metrics if one.name in schedule.metrics]
    return (*named, *(parts_of_approval(spec, schedule.ask) if schedule.ask else ()))


def step_says(step: Step) -> str:
    """Audience, point of no return, half-way limit."""
    said = list[str]()
    if step.audience is not None:
        fill = "others fill the share up" if step.audience.fill == "random" else "nobody else"
        said.append(f"for {', '.join(step.audience.include)}; {fill}")
    if step.no_return is not None:
        said.append(f"POINT OF NO RETURN: from here the way back is {step.no_return.way} ({step.no_return.says})")
    if step.halfway_limit is not None:
        said.append(f"forward or back within {spoken(step.halfway_limit)}")
    return "; ".join(said)


def approval_says(spec: Spec, approval: Approval) -> str:
    """The question and its items."""
    items = "".join(
        f"\n- {item.says}" + (f" ({item.owner})" if item.owner else "")
        for item in spec.items
        if item.name in approval.items
    )
    choose = "\nthe traffic plan can be chosen here" if approval.choose_plan else ""
    return f"{approval.ask}{items}{choose}"


def limit(gate: Gate) -> str:
    """`api-errors: at most 0.5 %; above 5 % for 5m rolls back, from 231 requests on`."""
    lasting = f" for {spoken(timedelta(seconds=round(gate.lasting.total_seconds(), 1)))}" if gate.lasting else ""
    lasting += f" in {gate.samples} readings" if gate.samples > 1 else ""
    does = {"rollback": "rolls back", "ask": "asks people", "page": "tells people"}[gate.then]
    said = [gate.target.said] if gate.target is not None else []
    said += [f"{gate.alert.said} tells people"] if gate.alert is not None else []
    said += [f"{gate.rollback.said}{lasting} {does}"] if gate.rollback is not None else []
    few = f", from {gate.min_samples} requests on" if gate.min_samples else ""
    return f"{gate.name}: {'; '.join(said)}{few}"


def rhythm_says(rhythm: Rhythm) -> str:
    return figures(rhythm)


def figures(part: BaseModel, hidden: Iterable[str] = ()) -> str:
    """Every field of a part that was written, as `field value`, nested ones in brackets; texts and names left out."""
    told_ = list[str]()
    skip = HIDDEN | set(hidden)
    values = {name: getattr(part, name) for name in type(part).model_fields if name in part.model_fields_set}
    values |= part.model_extra or {}
    for name, value in values.items():
        if name not in skip and value not in (None, (), {}, ""):
            told_.append(f"{name.replace('_', ' ')} {_value(value)}")
    return ", ".join(told_)


def _value(value: Any) -> str:
    if isinstance(value, timedelta):
        return spoken(value)
    if isinstance(value, Moment | StepMoment):
        return moment_says(value)
    if isinstance(value, BaseModel):
        return f"({figures(value)})"
    if isinstance(value, tuple | list):
        return " + ".join(_value(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {_value(one)}" for key, one in value.items())
    if hasattr(value, "said"):
        return str(value.said)
    if hasattr(value, "fold"):
        return told(value)
    return str(value)


def moment_says(moment: Moment | StepMoment) -> str:
    """`24h after full`, `day 3 at 10:00`, `2025-02-04`."""
    at = f" at {told(moment.clock)}" if moment.clock is not None else ""
    if isinstance(moment, Moment):
        named = moment.before or moment.after
        if named is not None:
            side = "before" if moment.before else "after"
            return f"{spoken(moment.by)} {side} {named}" if moment.by else f"at {named}"
    return (f"day {moment.day}" if moment.day is not None else f"{moment.date}") + at
