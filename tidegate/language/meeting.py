"""Whether the names in a spec meet: every one that is used is defined, once, and none is Tidegate's own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tidegate.actions import RESERVED
from tidegate.language.people import EVENTS

if TYPE_CHECKING:
    from tidegate.language.acts import Act
    from tidegate.spec import Spec

Used = tuple[str, str | None]  # where in the spec, which name
NAMED = ("contacts", "channels", "messages", "groundwork", "dashboards", "flags", "metrics", "baselines", "checks",
         "backups", "items", "approvals", "gates", "triggers", "schedules", "kpis", "slos", "experiments")  # fmt: skip


def loose_ends(spec: Spec) -> Iterator[str]:
    """Every name that means nothing, is Tidegate's own or stands twice; each with its path and what is defined."""
    for kind, used in _uses(spec).items():
        known = _defined(spec, kind)
        for where, name in used:
            if name is not None and name not in known:
                yield f"{where}: {kind[:-1]} {name!r} is not defined; {_near(name, known)}"
    for name in sorted(RESERVED & set(spec.plans)):
        yield f"plans: {name!r} is a name of Tidegate's own; call the traffic plan something else"
    for part in sorted(set(spec.components) - {gate.component for gate in spec.gates}):
        yield f"gates: component {part!r} has none; an ungated canary would be promoted unseen"
    yield from _twice(spec)
    yield from _acts_in_place(spec)


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    told = f"did you mean {near[0]!r}? " if near else ""
    return f"{told}defined are {', '.join(names) or 'none'}"


def _defined(spec: Spec, kind: str) -> set[str]:
    match kind:
        case "components" | "plans" | "environments" | "routines":
            return set(getattr(spec, kind))
        case "roles":
            return {contact.role for contact in spec.contacts}
        case "weights":
            return {step.name for step in spec.plans[spec.plan].steps} if spec.plan in spec.plans else set()
        case "judgements":
            return {gate.name for gate in spec.gates} | {kpi.name for kpi in spec.kpis}
        case "events":
            return {message.name for message in spec.messages} | EVENTS
        case _:
            return {str(one.name) for one in getattr(spec, kind)}


def _uses(spec: Spec) -> dict[str, list[Used]]:
    """Kind of name -> where it is used."""
    steps = [(f"plans.{name}.{step.weight}", step) for name, plan in spec.plans.items() for step in plan.steps]
    acts = list(every_act(spec))
    found: dict[str, list[Used]] = {
        "plans": [("plan", spec.plan)],
        "components": [(f"gates.{gate.name}.component", gate.component) for gate in spec.gates]
        + [(f"checks.{check.name}.component", check.component) for check in spec.checks]
        + [(f"{where}.green", name) for where, act in acts for name in act.green]
        + [(f"components.{n}.depends_on", one) for n, part in spec.components.items() for one in part.depends_on],
        "environments": [(f"checks.{check.name}.environment", check.environment) for check in spec.checks],
        "routines": [(f"{at}.before", step.before) for at, step in steps]
        + [(f"{at}.raised", step.raised) for at, step in steps]
        + [(f"{at}.after", step.after) for at, step in steps]
        + [(f"environments.{name}.on_push", one.on_push) for name, one in spec.environments.items()],
        "approvals": [("readiness", spec.readiness), ("cleanup.approval", spec.cleanup.approval)]
        + [(f"{at}.approval", step.approval) for at, step in steps]
        + [(f"{at}.no_return.approval", step.no_return.approval) for at, step in steps if step.no_return]
        + [(f"{where}.ask", act.ask) for where, act in acts]
        + [(f"schedules.{one.name}.ask", one.ask) for one in spec.schedules]
        + [(f"experiments.{one.name}.ask", one.ask) for one in spec.experiments]
        + [(f"environments.{name}.approval", one.approval) for name, one in spec.environments.items()],
        "checks": [("verification.checks", name) for name in spec.verification.checks]
        + [(f"{where}.checks", name) for where, act in acts for name in act.checks]
        + [(f"schedules.{one.name}.checks", name) for one in spec.schedules for name in one.checks]
        + [(f"triggers.{one.name}.check", one.check) for one in spec.triggers]
        + [(f"waivers.{one.check}", one.check) for one in spec.waivers]
        + [(f"hold.remedies.{one.name}.checks", name) for one in spec.hold.remedies for name in one.checks]
        + [(f"items.{one.name}.check", one.check) for one in spec.items]
        + [(f"rollback.auto.{one.act}.checks", name) for one in spec.rollback.auto for name in one.checks]
        + [(f"rollback.manual.{one.act}.checks", name) for one in spec.rollback.manual for name in one.checks],
        "backups": _listed((f"{where}.backups", act.backups) for where, act in acts),
        "baselines": _listed((f"{where}.baselines", act.baselines) for where, act in acts),
        "kpis": _listed((f"schedules.{one.name}.kpis", one.kpis) for one in spec.schedules),
        "flags": [(f"experiments.{one.name}.flag", one.flag) for one in spec.experiments],
        "metrics": _listed((f"flags.{one.name}.metrics", one.metrics) for one in spec.flags)
        + _listed((f"experiments.{one.name}", (*one.primary, *one.secondary)) for one in spec.experiments)
        + [(f"experiments.{one.name}.lift_of", one.lift_of) for one in spec.experiments],
        "judgements": [(f"experiments.{one.name}.wants", name) for one in spec.experiments for name in one.wants],
    }
    return found | _people(spec, acts)


def _listed(pairs: Iterable[tuple[str, Iterable[str]]]) -> list[Used]:
    return [(where, name) for where, names in pairs for name in names]


def _people(spec: Spec, acts: list[tuple[str, Act]]) -> dict[str, list[Used]]:
    found: dict[str, list[Used]]
    undoing = [("rollback.auto", one) for one in spec.rollback.auto]
    undoing += [("rollback.manual", one) for one in spec.rollback.manual]
    found = {
        "items": _listed((f"approvals.{one.name}.items", one.items) for one in spec.approvals)
        + _listed((f"schedules.{one.name}.items", one.items) for one in spec.schedules)
        + _listed((f"groundwork.{one.name}.items", one.items) for one in spec.groundwork)
        + [("rollback.post_mortem", name) for name in spec.rollback.post_mortem],
        "roles": [(f"items.{one.name}.owner", one.owner) for one in spec.items if spec.contacts]
        + [(f"waivers.{one.check}.owner", one.owner) for one in spec.waivers if spec.contacts],
        "channels": _listed((f"messages.{one.name}.channels", one.channels) for one in spec.messages),
        "events": _listed((f"channels.{one.name}.events", one.events) for one in spec.channels),
        "messages": _listed((f"{where}.tell", act.tell) for where, act in acts)
        + _listed((f"schedules.{one.name}.tell", one.tell) for one in spec.schedules)
        + _listed((f"slos.{one.name}.tell", one.tell) for one in spec.slos)
        + _listed((f"gates.{one.name}.tell", one.tell) for one in spec.gates)
        + _listed((f"triggers.{one.name}.tell", one.tell) for one in spec.triggers)
        + _listed((f"{where}.{one.act}.tell", one.tell) for where, one in undoing),
    }
    return found


def every_act(spec: Spec) -> Iterator[tuple[str, Act]]:
    """Each act with its path."""
    for act in spec.prepare:
        yield f"prepare.{act.act}", act
    for name, acts in spec.routines.items():
        for act in acts:
            yield f"routines.{name}.{act.act}", act
    for act in spec.finish:
        yield f"finish.{act.act}", act


def _twice(spec: Spec) -> Iterator[str]:
    kinds = {kind: [one.name for one in getattr(spec, kind)] for kind in NAMED if kind != "contacts"}
    kinds["contacts"] = [contact.role for contact in spec.contacts]
    kinds["prepare and finish"] = [act.act for act in (*spec.prepare, *spec.finish)]
    kinds |= {f"routines.{name}": [act.act for act in acts] for name, acts in spec.routines.items()}
    for kind, names in kinds.items():
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"{kind}: the name {name!r} is used twice"


def _acts_in_place(spec: Spec) -> Iterator[str]:
    """Acts that would stand where they cannot work."""
    if not spec.prepare:
        return
    made = {name for where, act in every_act(spec) for name in act.green if not where.startswith("finish")}
    for part in sorted(set(spec.components) - made):
        yield f"prepare: no act makes green of component {part!r}; add an act with green: [{part}]"
    for act in spec.prepare:
        if act.on_fail == "rollback":
            yield f"prepare.{act.act}.on_fail: nothing has traffic yet; write stop or page"
    for act in spec.finish:
        if act.on_fail == "stop":
            yield f"finish.{act.act}.on_fail: promoted is over, nothing can be stopped; write rollback or page"
        if act.green or act.backups:
            yield f"finish.{act.act}: a version is made before its traffic, not after; move this to prepare"
