"""
Gates as they stand now (the watch's mind): which are judged, how strictly at this step, and what people are told.

A gate has an end (`until`), a step may be strict (`band: rollback`) and have its own rhythm, and `alert`, `then: page`
and `then: ask` tell people: once, until the gate has been well for as long as one of its readings covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tidegate.clockwork.moments import Clockwork
from tidegate.judge.limits import STALE, Judged, judge
from tidegate.ports import Sample, Verdict
from tidegate.sight import Decision, Sight, Watching, carries
from tidegate.slots import anchors_of
from tidegate.spec import Gate, Spec, Step
from tidegate.story import Story

NO_TIME = timedelta(0)


def step_now(spec: Spec, story: Story) -> Step | None:
    """The step whose weight was set last; None before the first."""
    return story.derived("step", spec, lambda: _step_now(spec, story))


def _step_now(spec: Spec, story: Story) -> Step | None:
    steps = spec.plans[story.plan].steps if story.plan in spec.plans else ()
    return next((step for step in steps if step.name == story.step), None)


def rhythm(spec: Spec, story: Story) -> timedelta:
    """How often the watch looks: as the spec says, oftener where a step wants it, never seldomer."""
    step = step_now(spec, story)
    return min(spec.looking.every, step.looks_every) if step and step.looks_every else spec.looking.every


@dataclass(slots=True)
class Standing:
    """
    A gate with all that the story says of it, until the story's next entry; `well`: what it says of the last reading
    that passed and of which there was nothing to tell. The same reading again is judged the same.
    """

    gate: Gate
    ends: datetime | None  # None: its end counts from what has not happened yet, or it has none
    needed: timedelta  # how long readings must lie above its rollback limit
    baseline: float | None
    strict: bool
    fresh: timedelta  # how old a reading may be
    reading: tuple[float | None, int | None, int | None] = (None, None, None)
    well: Judged | None = None


def standing(spec: Spec, story: Story) -> tuple[Standing, ...]:
    """Every gate as this story has it."""
    step = step_now(spec, story)
    every = step.looks_every if step and step.looks_every else spec.looking.every
    strict = step is not None and step.band == "rollback"
    clockwork = Clockwork.of(spec, anchors_of(spec, story))

    def one(gate: Gate) -> Standing:
        ends = None if gate.until is None else clockwork.instant(gate.until)
        needed = max(gate.lasting, (gate.samples - 1) * every) if gate.samples > 1 else gate.lasting
        return Standing(gate, ends, needed, story.baselines.get(gate.metric), strict, gate.window + STALE)

    return tuple(one(gate) for gate in spec.gates)


def judged_gates(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Judged], list[Decision]]:
    """Every gate in force of a component with traffic; the memory of it, and what people are told."""
    story, at, samples = sight.story, sight.at, sight.samples
    judged, over, told = list[Judged](), dict[str, float](), list[Decision]()
    memory = dict(watching.alerts)
    calm = not memory and not watching.over  # nothing is counted from look to look
    traffic = {component for component in spec.components if _carries(sight, component)}
    for now in story.derived("gates", spec, lambda: standing(spec, story)):
        gate = now.gate
        if gate.component not in traffic or (now.ends is not None and at >= now.ends):
            continue  # a component that waits for its first raise has nothing to measure (scenario 8e)
        sample = samples.get(gate.name)
        if sample is None:
            sample = Sample(gate.metric, None, None, None, gate.window, at, "was not asked")
        if calm and now.well is not None and _as_before(now, sample, at):
            judged.append(now.well)
            continue
        if gate.no_data == "skip" and nothing(sample):
            told += _once(memory, gate, f"{gate.name} without data", sight, "no data: it is not judged", holds=True)
            continue
        _well(memory, gate, f"{gate.name} without data", sight.passed)
        lasted = watching.over[gate.name] + sight.passed if gate.name in watching.over else 0.0
        one = _judge(now, sample, lasted, at)
        judged.append(one)
        if one.over:
            over[gate.name] = lasted
        news = _telling(memory, now, sample, one, sight)
        told += news
        passes = one.verdict is Verdict.PASS and not one.over and not news and not memory
        now.reading, now.well = (sample.value, sample.count, sample.bad), one if passes else None
    if over != watching.over or memory != watching.alerts:
        watching = replace(watching, over=over, alerts=memory)
    return watching, judged, told


def _as_before(now: Standing, sample: Sample, at: datetime) -> bool:
    """Whether this is the reading that was well, taken again."""
    same = not sample.error and (sample.value, sample.count, sample.bad) == now.reading
    return same and at - sample.at <= now.fresh


def _carries(sight: Sight, component: str) -> bool:
    return sight.story.weights.get(component, 0) > 0 or carries(sight.seen.get(component), sight.story.release)


def nothing(sample: Sample) -> bool:
    """No data: a source that answers and has no figure. One that cannot be asked is trouble, not this."""
    return not sample.error and (sample.value is None or sample.count == 0)


def _judge(now: Standing, sample: Sample, lasted: float, at: datetime) -> Judged:
    over_for = timedelta(seconds=lasted) if lasted else NO_TIME
    return judge(now.gate, sample, over_for, at, now.needed, now.baseline, strict=now.strict)


# -- what people are told ---------------------------------------------------------------------------------------------


def _telling(memory: dict[str, float], now: Standing, sample: Sample, one: Judged, sight: Sight) -> list[Decision]:
    """`alert`, and what `then: page` and `then: ask` say once the rollback limit has held for long enough."""
    told, gate = list[Decision](), now.gate
    enough = sample.value is not None and not sample.error
    enough = enough and (sample.count is None or sample.count >= gate.min_samples)
    if gate.alert is not None:
        alerts = enough and sample.value is not None and gate.alert.holds(sample.value, now.baseline)
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
