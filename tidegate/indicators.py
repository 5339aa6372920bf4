"""
What a scheduled run shows besides its verdict: the metrics of its schedule, and KPIs with their lights.

A figure that nobody has is dark, never green. A KPI that is `binding` fails its run when it is red, and leaves it
without a verdict when it is dark; any other is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Literal

from tidegate.events import Figure
from tidegate.judge.limits import shown
from tidegate.language.acts import Schedule
from tidegate.language.judging import Kpi
from tidegate.measuring import measured
from tidegate.ports import Sample
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.traffic import Side
from tidegate.world import World

TRIES, AGAIN = 20, 0.5  # seconds: a fresh process has no history of counters yet
USUAL = timedelta(minutes=5)  # what a reading covers where no gate says it: a gate's own default

Light = Literal["", "green", "yellow", "red", "dark"]


def figures(world: World, story: Story, schedule: Schedule | None) -> tuple[Figure, ...]:
    """The schedule's KPIs and metrics as they are now, in the spec's order; none for a plain slot."""
    if schedule is None:
        return ()
    kpis = [one for one in world.spec.kpis if one.name in schedule.kpis]
    found = list[Figure]()
    for one in kpis:
        sample = _reading(world, one.metric, _covers(world, story, one))
        found.append(_figure(one.name, one.metric, sample, one, story.baselines.get(one.metric)))
    for metric in schedule.metrics:
        found.append(_figure(metric, metric, _reading(world, metric, _window(world.spec, metric))))
    return tuple(found)


def binding(spec: Spec, found: Sequence[Figure]) -> tuple[list[str], list[str]]:
    """What the binding KPIs among these make of their run: why it fails, and why it has no verdict."""
    names = {one.name for one in spec.kpis if one.binding}
    ours = [one for one in found if one.light and one.name in names]
    return [said(one) for one in ours if one.light == "red"], [said(one) for one in ours if one.light == "dark"]


def said(one: Figure) -> str:
    """`KPI orders: 1.2 %, at least 3 % wanted`, for an outcome's sentence."""
    told = f"no figure ({one.why})" if one.value is None else shown(one.metric, one.value, one.unit)
    return f"KPI {one.name}: {told}, {one.target} wanted"


def light(kpi: Kpi, value: float | None, baseline: float | None = None) -> Light:
    """Green at its target, yellow at `near`, red beyond; dark without a figure, or without what it is compared with."""
    if value is None:
        return "dark"
    if baseline is None and any(one.relative for one in (kpi.target, kpi.near) if one is not None):
        return "dark"
    if kpi.target.holds(value, baseline):
        return "green"
    return "yellow" if kpi.near is not None and kpi.near.holds(value, baseline) else "red"


def _figure(name: str, metric: str, sample: Sample, kpi: Kpi | None = None, baseline: float | None = None) -> Figure:
    value = sample.value if sample.value is not None and isfinite(sample.value) and not sample.error else None
    why = "" if value is not None else sample.error or "no series"
    if kpi is None:
        return Figure(name=name, metric=metric, value=value, count=sample.count, why=why)
    lit = light(kpi, value, baseline)
    if lit == "dark" and not why:
        why = f"no baseline of {metric}"
    unit, target = kpi.target.unit, kpi.target.said
    return Figure(
        name=name, metric=metric, value=value, count=sample.count, why=why, light=lit, unit=unit, target=target
    )


def _covers(world: World, story: Story, kpi: Kpi) -> timedelta:
    """How much of the past a KPI judges: its own word, else all since the first raise."""
    if kpi.covers is not None:
        return kpi.covers
    first: datetime | None = min([*story.raised_at.values(), *([story.promoted_at] if story.promoted_at else [])],
                                 default=None)  # fmt: skip
    return max(world.clock.now() - first, timedelta(seconds=1)) if first else USUAL


def _window(spec: Spec, metric: str) -> timedelta:
    return max((gate.window for gate in spec.gates if gate.metric == metric), default=USUAL)


def _reading(world: World, metric: str, window: timedelta) -> Sample:
    """One reading of what carries the traffic now (while it shifts: of the new version)."""
    component = next((gate.component for gate in world.spec.gates if gate.metric == metric), next(iter(world.parts)))
    side = _side(world, component)
    if side is None:
        return Sample(metric, None, None, None, window, world.clock.now(), "no side carries everything")
    sample = measured(world, component, metric, side, window)
    for _ in range(TRIES):
        if sample.value is not None or sample.error:
            break
        world.clock.sleep(AGAIN)
        sample = measured(world, component, metric, side, window)
    return sample


def _side(world: World, component: str) -> Side | None:
    split = world.parts[component].router.read().split
    if split is None:
        return None
    return split.serving or split.canary
