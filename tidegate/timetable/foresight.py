"""
What each step can see at the traffic that the spec states: as lines, as JSON, as rows of a page (docs/power.md).

Numpy is loaded only where a traffic is stated. Without one nothing is known, and that is said once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.quantities import quantity, spoken
from tidegate.spec import Spec, Step

if TYPE_CHECKING:
    from tidegate.judge.power import Found, StepPower

UNKNOWN = "what each step can find is not known: write `traffic: 20/s` at a metric that a gate judges"


@dataclass(frozen=True, slots=True)
class Seen:
    """One step of a plan for the components that have this traffic (requests a second, of both versions)."""

    components: tuple[str, ...]
    rate: float
    step: Step
    power: StepPower


def traffic(spec: Spec) -> dict[str, float]:
    """Component -> requests a second in all: the most that a metric of its gates states."""
    stated = {one.name: quantity(one.traffic) for one in spec.metrics if one.traffic}
    found = dict[str, float]()
    for gate in spec.gates:
        if gate.metric in stated:
            found[gate.component] = max(found.get(gate.component, 0.0), stated[gate.metric])
    return found


def foresight(spec: Spec, plan: str) -> list[Seen]:
    """Every step that bakes, for each traffic that is stated; empty where none is."""
    rates = traffic(spec)
    if not rates:
        return []
    from tidegate.judge.power import Service, powers  # noqa: PLC0415  # loads numpy

    steps = spec.plans[plan].steps
    stages = tuple((step.weight / 100, step.bake.total_seconds()) for step in steps)
    look = max(spec.looking.every.total_seconds(), 1.0)
    found = list[Seen]()
    for rate in sorted(set(rates.values()), reverse=True):
        names = tuple(name for name, one in rates.items() if one == rate)
        told = powers(Service(rate, look=look), stages)
        found += [Seen(names, rate, step, power) for step, power in zip(steps, told, strict=True) if power.seconds]
    return found


def as_text(spec: Spec, plan: str) -> list[str]:
    """Lines of `tidegate plan`."""
    seen = foresight(spec, plan)
    if not seen:
        return [f"  {UNKNOWN}"]
    lines, of = list[str](), tuple[str, ...]()
    for one in seen:
        if one.components != of:
            of = one.components
            lines.append(f"  what a comparison with stable finds, 95 times in 100 ({assumed(one)}):")
        lines.append(f"    {one.step.name} % for {spoken(one.step.bake)}: {says(one.power)}")
        lines += [f"      warning: {advice(one.power)}"] if one.power.blind else []
    return lines


def assumed(one: Seen) -> str:
    """`web at 150/s; assumed: 0.2 % of requests fail`."""
    return f"{', '.join(one.components)} at {one.rate:g}/s; assumed: 0.2 % of stable's requests fail"


def says(power: StepPower) -> str:
    """The smallest faults, and what becomes of one of five points."""
    smallest = [f"+{100 * power.points:.2g} points of failures"] if power.points is not None else []
    smallest += [f"x{power.factor:.3g} latency"] if power.factor is not None else []
    told = " or ".join(smallest) or "nothing"
    middle = next((one for one in power.found if one.fault.points == MIDDLE), None)
    return told if middle is None or power.blind else f"{told}; +5 points {_becomes(middle)}"


MIDDLE = 0.05


def _becomes(found: Found) -> str:
    times = f"half within {lasting(found.median)}, 95 % within {lasting(found.late)}"
    return f"{times}, {_two(found.harmed)} requests harmed"


def advice(power: StepPower) -> str:
    """What to do about a blind step."""
    late = next((one.late for one in power.found if one.fault.points == MIDDLE), math.inf)
    told = "blind: of versions that fail 5 points more often it finds fewer than half; "
    bake = f"bake it for {lasting(late)}" if late < math.inf else "no bake of three days would do"
    probes = f"send one probe a second, which finds them in {lasting(power.probed)}" if power.probed < math.inf else ""
    beside = "keep 4 % on stable (a step of 96 % with this bake, then 100 %)" if power.share >= 1 else ""
    return told + ", or ".join(one for one in (bake, probes, beside) if one)


def as_json(spec: Spec, plan: str) -> list[dict[str, Any]]:
    """One object for each step and traffic; seconds, shares 0-1; null: never within three days, or no fault at all."""
    return [
        {
            "components": list(one.components),
            "requests_per_second": one.rate,
            "step": one.step.name,
            "points": one.power.points,
            "latency_factor": one.power.factor,
            "faults": [_fault(found) for found in one.power.found],
            "finds_nothing": one.power.blind,
            "advice": advice(one.power) if one.power.blind else "",
        }
        for one in foresight(spec, plan)
    ]


def _fault(found: Found) -> dict[str, Any]:
    return {
        "points": found.fault.points,
        "latency_factor": found.fault.factor,
        "chance": round(found.chance, 3),
        "median_seconds": _finite(found.median),
        "late_seconds": _finite(found.late),
        "harmed": round(found.harmed, 1),
    }


def as_cells(spec: Spec, plan: str) -> Iterator[tuple[str, str, str, str]]:
    """Rows of a page: whose step, the smallest faults, what becomes of given ones, and a warning."""
    for one in foresight(spec, plan):
        step = f"{one.step.name} % for {spoken(one.step.bake)} ({', '.join(one.components)}, {one.rate:g}/s)"
        faults = "\n".join(
            f"{_named(found)}: {100 * found.chance:.0f} %, {_becomes(found)}" for found in one.power.found
        )
        yield step, says(one.power).split(";")[0], faults, advice(one.power) if one.power.blind else ""


def _named(found: Found) -> str:
    points, factor = found.fault.points, found.fault.factor
    return f"+{100 * points:g} points" if points else f"x{factor:g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _two(value: float) -> str:
    """Two digits that mean something."""
    return f"some {float(f'{value:.2g}'):,.0f}" if value >= 1 else "fewer than 1"


def lasting(seconds: float) -> str:
    """Rounded up to what is worth saying: seconds to two minutes, minutes to two hours, then quarters of an hour."""
    if not math.isfinite(seconds):
        return "three days or longer"
    grain = 1 if seconds < 120 else 60 if seconds < 7200 else 900 if seconds < 86400 else 3600
    return spoken(timedelta(seconds=math.ceil(seconds / grain) * grain))
