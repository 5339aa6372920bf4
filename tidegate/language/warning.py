"""
What a spec may say and its author will regret: told by `tidegate check`, refused by nobody. Pure.

What depends on days comes from the timetable, into which the holidays went as a set of dates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit

from tidegate.language.acts import Act
from tidegate.language.calendar import Window
from tidegate.language.limits import Limit
from tidegate.language.meeting import every_act
from tidegate.quantities import spoken
from tidegate.spec import Gate, Plan, Spec, Step
from tidegate.timetable.foresight import advice, foresight
from tidegate.timetable.rows import Timetable

DESTROYS = ("restore-data", "flush-cache")
CANNOT_SEE = "cannot see anything"


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding. `serious`: the release will not do what the spec seems to promise; else a note."""

    where: str
    says: str
    serious: bool = True

    def __str__(self) -> str:
        return f"{'warning' if self.serious else 'note'}: {self.where}: {self.says}"


def remarks(spec: Spec, told: Timetable, today: date) -> list[Remark]:
    """Everything, the serious ones first. `told` is the timetable of the active plan on its day."""
    found = [*_windows(spec), *_days(told), *_gates(spec), *_foreseen(spec), *_baselines(spec), *_way_back(spec, told),
             *_places(spec), *_people(spec), *_messages(spec), *_waivers(spec, today), *_habits(spec)]  # fmt: skip
    return sorted(found, key=lambda one: not one.serious)


# -- time -------------------------------------------------------------------------------------------------------------


def takes(spec: Spec, plan: Plan) -> timedelta:
    """How long the traffic of a plan takes when nobody waits: its bakes and the budgets of its routines' acts."""
    acts = [act for step in plan.steps for name in (step.before, step.raised, step.after) if name
            for act in spec.routines[name]]  # fmt: skip
    return plan.bakes + sum((_lasts(act) for act in acts), timedelta(0))


def at_a_stretch(spec: Spec, plan: Plan) -> timedelta:
    """As `takes`, of the longest run of steps that follow each other at once: a step with its own day begins one."""
    stretches = list[list[Step]]()
    for step in plan.steps:
        if step.begins is not None or not stretches:
            stretches.append([])
        stretches[-1].append(step)
    # model_copy: a part of a plan need not end at 100 %
    return max(takes(spec, plan.model_copy(update={"steps": tuple(steps)})) for steps in stretches)


def _lasts(act: Act) -> timedelta:
    return act.budget + (act.watch or timedelta(0))


def _open_for(window: Window) -> timedelta:
    """How long a window is open at a stretch; whole days have no end here."""
    if window.opens is None or window.closes is None:
        return timedelta.max
    minutes = [clock.hour * 60 + clock.minute for clock in (window.opens, window.closes)]
    return timedelta(minutes=(1440 if window.closes.fold else minutes[1]) - minutes[0])


def _windows(spec: Spec) -> Iterator[Remark]:
    if not spec.calendar.windows:
        return
    longest = max(spec.calendar.windows, key=_open_for)
    whole = spec.calendar.applies_to == "whole"
    for name, plan in spec.plans.items():
        if (needs := at_a_stretch(spec, plan)) > _open_for(longest):
            says = f"takes {spoken(needs)} in a window of {spoken(_open_for(longest))} ({longest.name})"
            more = "it can never end inside it" if whole else "it begins inside it and ends after it"
            yield Remark(f"plans.{name}", f"{says}: {more}", serious=whole and name == spec.plan)


def _days(told: Timetable) -> Iterator[Remark]:
    """Steps on a holiday, at a weekend, in a blocked time; and the whole against what was planned for it."""
    for row in told.rows:
        if row.phase == "traffic" and row.at is not None and row.what.endswith("%"):
            for note in row.notes:
                says = f"{row.what} would begin on {_local(told, row.at)}, {note}"
                yield Remark(f"plans.{told.plan}", says, serious=note.startswith(("blocked", "outside")))
    identity = told.spec.identity
    ends = [row.at + row.lasting for row in told.rows if row.at and row.phase in ("before", "traffic", "after")]
    if identity is not None and identity.at_most is not None and ends:
        total = max(ends) - told.begins
        if total > identity.at_most:
            says = f"the whole takes {spoken(total)}, more than the {spoken(identity.at_most)} planned for it"
            yield Remark("identity.at_most", says)


def _local(told: Timetable, at: object) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # needed for a finding only

    return f"{at.astimezone(ZoneInfo(told.spec.timezone)):%a %Y-%m-%d %H:%M}"  # type: ignore[attr-defined]


# -- judgement --------------------------------------------------------------------------------------------------------


def _gates(spec: Spec) -> Iterator[Remark]:
    plan, traffic = spec.plans[spec.plan], {one.name: one.traffic for one in spec.metrics if one.traffic}
    for gate in spec.gates:
        where = f"gates.{gate.name}"
        if gate.metric.endswith("_rate") and not gate.min_samples:
            yield Remark(where, "min_samples is 0, so one request can decide", serious=False)
        short = [f"{step.name} %" for step in plan.steps if timedelta(0) < step.bake < gate.lasting]
        if short:
            yield Remark(where, f"must stay bad for {spoken(gate.lasting)}, longer than the bake of {', '.join(short)}")
        narrow = [f"{step.name} %" for step in plan.steps if timedelta(0) < step.bake < gate.window]
        if narrow:
            says = f"one reading covers {spoken(gate.window)}, more than the bake of {', '.join(narrow)}"
            yield Remark(where, says, serious=False)
        if gate.metric in traffic:
            yield from _blind(gate, plan, float(traffic[gate.metric].removesuffix("/s")), traffic[gate.metric])


def _blind(gate: Gate, plan: Plan, rate: float, said: str) -> Iterator[Remark]:
    """Steps that end before this gate's minimum of samples has passed at the stated traffic."""
    for step in plan.steps:
        seconds = min(step.bake, gate.window).total_seconds()
        will = int(rate * step.weight / 100 * seconds)
        if seconds and will < gate.min_samples:
            says = f"{step.name} % for {spoken(step.bake)} {CANNOT_SEE} at {said}: a verdict needs "
            yield Remark(f"gates.{gate.name}", f"{says}{gate.min_samples} requests, it will have {will}")


def _foreseen(spec: Spec) -> Iterator[Remark]:
    """Steps at which a comparison with stable would miss too much; a note where a limit's warning tells of the step."""
    told = tuple(one.says for one in _gates(spec) if CANNOT_SEE in one.says)
    for one in foresight(spec, spec.plan):
        if one.power.blind:
            step = f"{one.step.name} % for {spoken(one.step.bake)}"
            says = f"{step}, {', '.join(one.components)} at {one.rate:g}/s: {advice(one.power)}"
            yield Remark(f"plans.{spec.plan}", says, serious=not any(other.startswith(step) for other in told))


def _baselines(spec: Spec) -> Iterator[Remark]:
    """Limits relative to a baseline that nobody takes: they never hold."""
    measured = {one.metric for one in spec.baselines}
    limits: list[tuple[str, str, Limit | None]] = []
    for gate in spec.gates:
        tiers = ("target", "alert", "rollback", "floor")
        limits += [(f"gates.{gate.name}.{name}", gate.metric, getattr(gate, name)) for name in tiers]
    for kpi in spec.kpis:
        limits += [(f"kpis.{kpi.name}.{name}", kpi.metric, getattr(kpi, name)) for name in ("target", "near")]
    for where, metric, limit in limits:
        if limit is not None and limit.relative and metric not in measured:
            yield Remark(where, f"{limit.said!r} needs a baseline of {metric}; baselines take none of it")
    taken = {name for _, act in every_act(spec) for name in act.baselines}
    for one in spec.baselines:
        if spec.prepare and one.name not in taken:
            yield Remark(f"baselines.{one.name}", "no act takes it", serious=False)


# -- the way back -----------------------------------------------------------------------------------------------------


def _way_back(spec: Spec, told: Timetable) -> Iterator[Remark]:
    keep = spec.cleanup.keep_blue
    late = {f"schedules.{one.name}": one.name for one in spec.schedules if one.on_fail == "rollback"}
    for row in told.rows:
        where = next((where for where, name in late.items() if row.phase == "scheduled" and row.step == name), "")
        if where and row.last is not None and told.final_at is not None and row.last > told.final_at:
            says = f"may roll back until {_local(told, row.last)}; the old version is removed on "
            yield Remark("cleanup.keep_blue", f"{where} {says}{_local(told, told.final_at)}")
    if spec.verification.on_fail == "rollback" and spec.verification.slots and max(spec.verification.slots) > keep:
        last = spoken(max(spec.verification.slots))
        yield Remark("cleanup.keep_blue", f"verification may roll back until {last}; blue is kept for {spoken(keep)}")
    for kind, undoing in (("auto", spec.rollback.auto), ("manual", spec.rollback.manual)):
        for one in undoing:
            if one.act in DESTROYS and one.mode == "auto":
                yield Remark(
                    f"rollback.{kind}.{one.act}", "it destroys data by itself; write mode: ask", kind == "auto"
                )
    if not spec.backups:
        yield Remark("backups", "no backup is taken before the release", serious=False)


# -- places and people ------------------------------------------------------------------------------------------------


def _places(spec: Spec) -> Iterator[Remark]:
    seen: dict[str, str] = {}
    for name, environment in spec.environments.items():
        for url in environment.urls.values():
            host = urlsplit(url).netloc if "${" not in url and "[" not in url else ""
            if host and seen.setdefault(host, name) != name:
                yield Remark(f"environments.{name}.urls", f"{host} is an address of {seen[host]}, too")
    for name, part in spec.components.items():
        if "{version}" not in part.source:
            says = "names no {version}: every release would take the same artifact"
            yield Remark(f"components.{name}.source", says, serious=False)
    green = {name for _, act in every_act(spec) for name in act.green}
    for name in sorted(set(spec.components) - green if spec.prepare else ()):
        yield Remark(f"components.{name}.artifact", "nobody deploys it: no act makes its green")


def _people(spec: Spec) -> Iterator[Remark]:
    for asked in spec.approvals:
        if not asked.approvers:
            says = "anybody who can resume the run may answer (approvers is empty)"
            yield Remark(f"approvals.{asked.name}", says, serious=False)
    ask = any(act.ask for act in spec.prepare)
    if spec.readiness is None and not ask and not any(step.approval for step in spec.plans[spec.plan].steps[:1]):
        yield Remark("readiness", "nobody is asked before the new version gets traffic", serious=False)
    if spec.hold.on_expiry == "stay":
        yield Remark("hold", f"a hold that runs out keeps the weight: {spec.hold.stay_reason}", serious=False)


def _messages(spec: Spec) -> Iterator[Remark]:
    if not spec.channels and not spec.notify:
        yield Remark("channels", "nobody is told anything: channels and notify are empty", serious=False)
        return
    if spec.channels and not any(one.required and "critical" in one.severities for one in spec.channels):
        yield Remark("channels", "no required channel takes critical messages: a rollback may reach nobody")
    for message in spec.messages:
        reached = [one for one in spec.channels if not message.channels or one.name in message.channels]
        takes_it = [one for one in reached if message.severity in one.severities
                    and (not one.events or message.name in one.events)]  # fmt: skip
        if spec.channels and not takes_it:
            named = ", ".join(message.channels) or "the channels"
            yield Remark(f"messages.{message.name}", f"reaches nobody: {named} take no {message.severity} of this name")


def _waivers(spec: Spec, today: date) -> Iterator[Remark]:
    for one in spec.waivers:
        if one.expires < today:
            yield Remark(f"waivers.{one.check}", f"it was over on {one.expires}; the check counts again")


def _habits(spec: Spec) -> Iterator[Remark]:
    for name, plan in spec.plans.items():
        if plan.budget is not None and takes(spec, plan) > plan.budget:
            says = f"takes {spoken(takes(spec, plan))}, more than its budget of {spoken(plan.budget)}"
            yield Remark(f"plans.{name}.budget", says, serious=False)
