"""What is in force all the time: limits, triggers, the rollback's acts, people; rows without an instant."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.language.base import Served
from tidegate.language.meeting import every_act
from tidegate.spec import Spec
from tidegate.timetable.rows import Row
from tidegate.timetable.told import figures, limit, serving, uses

KINDS = (
    "contacts", "channels", "messages", "dashboards", "flags", "groundwork", "metrics", "baselines", "checks",
    "backups", "items", "approvals", "gates", "triggers", "kpis", "slos", "experiments", "timers", "waivers",
)  # fmt: skip
NAME = {"contacts": "role", "timers": "severity", "waivers": "check"}


def undated(spec: Spec) -> Iterator[Row]:
    """Each part of the spec once, under its kind and name."""
    yield _row("spec", spec, figures_of_spec(spec))
    for kind, part in (("identity", spec.identity), ("calendar", spec.calendar), ("rollback", spec.rollback),
                       ("cleanup", spec.cleanup)):  # fmt: skip
        if part is not None:
            hidden = ("windows", "blocked", "auto", "manual", "document")
            yield _row(kind, part, figures(part, hidden) + _document(spec, kind))
    for kind in KINDS:
        for part in getattr(spec, kind):
            name = str(getattr(part, NAME.get(kind, "name")))
            said = limit(part) + "; " + figures(part, ("target", "alert")) if kind == "gates" else figures(part)
            yield _row(f"{_one(kind)} {name}", part, said)
    for name, component in spec.components.items():
        yield _row(f"component {name}", component, figures(component))
    for name, environment in spec.environments.items():
        yield _row(f"environment {name}", environment, figures(environment) + _variables(environment))
    yield from _hours(spec)
    for where, act in every_act(spec):
        yield _row(f"act {where}", act, figures(act))
    yield from _undoing(spec)
    yield from _plans(spec)


def _hours(spec: Spec) -> Iterator[Row]:
    for window in spec.calendar.windows:
        yield _row(f"window {window.name}", window, figures(window))
    for blocked in spec.calendar.blocked:
        yield _row(f"blocked {blocked.name}", blocked, figures(blocked))
    for remedy in spec.hold.remedies:
        yield _row(f"remedy {remedy.name}", remedy, figures(remedy))


def figures_of_spec(spec: Spec) -> str:
    """The spec's own settings: zone, active plan, hold, rhythm of the watch, plain verification slots."""
    parts = [
        spec.description,
        f"timezone {spec.timezone}",
        f"plan {spec.plan}",
        f"hold {figures(spec.hold, ('remedies',))}",
    ]
    parts += [f"looking {figures(spec.looking)}", f"verification {figures(spec.verification)}"]
    return "; ".join(part for part in parts if not part.endswith(" "))


def _document(spec: Spec, kind: str) -> str:
    return f", document ({figures(spec.identity.document)})" if kind == "identity" and spec.identity else ""


def _variables(environment: Served) -> str:
    told = [f"{v.name}{'=' + v.value if v.value is not None else ''}" for v in getattr(environment, "variables", ())]
    return f": {' '.join(told)}" if told else ""


def _one(kind: str) -> str:
    return kind if kind == "groundwork" else kind[:-1]


def _row(step: str, part: Served, said: str) -> Row:
    says = getattr(part, "says", "") or getattr(part, "text", "") or getattr(part, "ask", "") or ""
    told = f"{says} ({said})" if says and said else says or said
    return Row(None, "in force", step, step, told, serves=serving(part), uses=uses(part) if step != "spec" else ())


def _undoing(spec: Spec) -> Iterator[Row]:
    for how, acts in (("auto", spec.rollback.auto), ("manual", spec.rollback.manual)):
        seen: dict[str, int] = {}
        for act in acts:
            seen[act.act] = seen.get(act.act, 0) + 1
            again = f" {seen[act.act]}" if seen[act.act] > 1 else ""
            yield _row(f"undo {how} {act.act}{again}", act, figures(act))


def _plans(spec: Spec) -> Iterator[Row]:
    """Every traffic plan with its steps; those of the active one stand in the timetable, too."""
    for name, plan in spec.plans.items():
        yield _row(f"plan {name}", plan, figures(plan, ("steps",)))
        for step in plan.steps:
            row = f"{step.weight} %" if name == spec.plan else f"{name}: {step.weight} %"
            yield _row(row, step, figures(step))
