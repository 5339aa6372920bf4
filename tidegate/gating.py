"""
Gates as they stand now (the watch's mind): which are judged, how strictly at this step, and what people are told.

A gate has an end (`until`), a step may be strict (`band: rollback`) and have its own rhythm, and `alert`, `then: page`
and `then: ask` tell people: once, until the gate has been well for as long as one of its readings covers.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tidegate.clockwork.moments import Clockwork
from tidegate.judge.limits import Judged, judge
from tidegate.ports import Sample
from tidegate.sight import Decision, Sight, Watching, carries
from tidegate.slots import anchors_of
from tidegate.spec import Gate, Spec, Step
from tidegate.story import Story

NO_TIME = timedelta(0)


def step_now(spec: Spec, story: Story) -> Step | None:
    """The step whose weight was set last; None before the first."""
    steps = spec.plans[story.plan].steps if story.plan in spec.plans else ()
    return next((step for step in steps if step.name == story.step), None)


def rhythm(spec: Spec, story: Story) -> timedelta:
    """How often the watch looks: as the spec says, oftener where a step wants it, never seldomer."""
    step = step_now(spec, story)
    return min(spec.looking.every, step.looks_every) if step and step.looks_every else spec.looking.every


def in_force(spec: Spec, story: Story, gate: Gate, at: datetime) -> bool:
    """Whether this gate is judged at this instant; one whose end counts from what has not happened yet is."""
    if gate.until is None:
        return True
    ends = Clockwork.of(spec, anchors_of(spec, story)).instant(gate.until)
    return ends is None or at < ends


def judged_gates(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Judged], list[Decision]]:
    """Every gate in force of a component with traffic; the memory of it, and what people are told."""
    judged, over, told = list[Judged](), dict[str, float](), list[Decision]()
    step, memory = step_now(spec, sight.story), dict(watching.alerts)
    for gate in spec.gates:
        if not _carries(sight, gate.component) or not in_force(spec, sight.story, gate, sight.at):
            continue  # a component that waits for its first raise has nothing to measure (scenario 8e)
        sample = sight.samples.get(gate.name)
        if sample is None:
            sample = Sample(gate.metric, None, None, None, gate.window, sight.at, "was not asked")
        if gate.no_data == "skip" and nothing(sample):
            told += _once(memory, gate, f"{gate.name} without data", sight, "no data: it is not judged", holds=True)
            continue
        _well(memory, gate, f"{gate.name} without data", sight.passed)
        lasted = watching.over[gate.name] + sight.passed if gate.name in watching.over else 0.0
        one = _judge(spec, gate, sample, lasted, sight, step)
        judged.append(one)
        if one.over:
            over[gate.name] = lasted
        told += _telling(memory, gate, sample, one, sight)
    if over != watching.over or memory != watching.alerts:
        watching = replace(watching, over=over, alerts=memory)
    return watching, judged, told


def _carries(sight: Sight, component: str) -> bool:
    return sight.story.weights.get(component, 0) > 0 or carries(sight.seen.get(component), sight.story.release)


def nothing(sample: Sample) -> bool:
    """No data: a source that answers and has no figure. One that cannot be asked is trouble, not this."""
    return not sample.error and (sample.value is None or sample.count == 0)


def _judge(spec: Spec, gate: Gate, sample: Sample, lasted: float, sight: Sight, step: Step | None) -> Judged:
    every = step.looks_every if step and step.looks_every else spec.looking.every
    needed = max(gate.lasting, (gate.samples - 1) * every) if gate.samples > 1 else gate.lasting
    over_for = timedelta(seconds=lasted) if lasted else NO_TIME
    baseline = sight.story.baselines.get(gate.metric)
    strict = step is not None and step.band == "rollback"
    return judge(gate, sample, over_for, sight.at, needed, baseline, strict=strict)


# -- what people are told ---------------------------------------------------------------------------------------------


def _telling(memory: dict[str, float], gate: Gate, sample: Sample, one: Judged, sight: Sight) -> list[Decision]:
    """`alert`, and what `then: page` and `then: ask` say once the rollback limit has held for long enough."""
    told = list[Decision]()
    baseline = sight.story.baselines.get(gate.metric)
    enough = sample.value is not None and not sample.error
    enough = enough and (sample.count is None or sample.count >= gate.min_samples)
    if gate.alert is not None:
        alerts = enough and sample.value is not None and gate.alert.holds(sample.value, baseline)
        told += _once(memory, gate, gate.name, sight, f"{one.sentence} (alert: {gate.alert.said})", holds=alerts)
    if gate.then in ("page", "ask"):
        beyond = one.over and one.lasted
        told += _once(memory, gate, f"{gate.name} {gate.then}", sight, one.sentence, holds=beyond)
    return told


def _once(memory: dict[str, float], gate: Gate, key: str, sight: Sight, why: str, *, holds: bool) -> list[Decision]:
    if not holds:
        _well(memory, gate, key, sight.passed)
        return []
    known, memory[key] = key in memory, 0.0
    if known:
        return []
    return [Decision("tell", why, key=f"gate {key}", severity=gate.severity, tell=gate.tell)]


def _well(memory: dict[str, float], gate: Gate, key: str, passed: float) -> None:
    """Well again for as long as a reading covers: the next time is news."""
    if key in memory:
        memory[key] += passed
        if memory[key] > gate.window.total_seconds():
            del memory[key]
