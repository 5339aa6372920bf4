"""A timeline as people and as scripts are told it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tidegate.cli.timeline import Row, Timeline, day
from tidegate.judge.limits import shown
from tidegate.quantities import spoken
from tidegate.spec import Gate


def limit(gate: Gate) -> str:
    target, worst = shown(gate.metric, gate.target), shown(gate.metric, gate.rollback)
    lasting = f" for {spoken(timedelta(seconds=round(gate.lasting.total_seconds(), 1)))}" if gate.lasting else ""
    few = f", from {gate.min_samples} requests on" if gate.min_samples else ""
    return f"{gate.name}: {target} or less; above {worst}{lasting} rolls back{few}"


def as_json(told: Timeline) -> dict[str, Any]:
    return {
        "system": told.spec.system,
        "version": told.version,
        "plan": told.plan,
        "compress": told.spec.compress,
        "begins": told.begins,
        "acts": [
            {
                "at": row.at,
                "phase": row.phase,
                "what": row.what,
                "says": row.says,
                "seconds": row.lasting,
                "deadline": row.deadline,
            }
            for row in told.rows
        ],
        "gates": [{"name": gate.name, "component": gate.component, "says": limit(gate)} for gate in told.spec.gates],
        "promoted": told.promoted_at,
        "verifications": dict(told.slots),
        "final": told.final_at,
        "way_back": ways_back(told),
    }


def ways_back(told: Timeline) -> dict[str, str]:
    """By phase: how the traffic goes back, and what ends it."""
    system, keep = told.spec.system, spoken(told.spec.cleanup.keep_blue)
    found = {
        "before": "nothing has traffic yet; ending it stops the new version",
        "traffic": f"tidegate rollback {system}",
    }
    if told.final_at is not None:
        found["after"] = f"tidegate rollback {system} --from {told.version}, for {keep}"
        found["final"] = "none by traffic; going back is a new release of the old version"
    return found


def as_lines(told: Timeline, by_hand: Mapping[str, str]) -> list[str]:
    """The timeline for people."""
    spec, back = told.spec, ways_back(told)
    others = ", ".join(name for name in spec.plans if name != told.plan)
    lines = [
        f"{spec.system}: what a release does, by traffic plan {told.plan}" + (f" (others: {others})" if others else "")
    ]
    if spec.compress > 1:
        lines.append(f"Compressed time: this release's own waits are divided by {spec.compress}.")
    lines += ["Earliest times, as if people answered at once. Nothing has been done.", ""]
    lines += [f"Before traffic, from {day(told.begins)}"]
    for row in told.rows:
        if row.phase == "before":
            lines += _named(row)
    lines += [f"  way back: {back['before']}", "", "Traffic"]
    for row in told.rows:
        if row.phase == "traffic":
            lines += _dated(row)
    lines += ["  judged at every look:", *(f"    {gate.component}: {limit(gate)}" for gate in spec.gates)]
    hold = f"hold for {spoken(spec.hold.deadline)}, then {spec.hold.on_expiry}"
    lines += [f"  between the two limits, or no verdict at a bake's end: {hold}", f"  way back: {back['traffic']}"]
    for component, line in by_hand.items():
        lines += [f"  by hand, {component}:", *(f"    {one}" for one in line.splitlines())]
    return [*lines, "", *_after(told, back)]


def _named(row: Row) -> list[str]:
    first, *rest = row.says.split("\n")
    return [f"  {row.what}: {first}", *(f"    {line}" for line in rest)]


def _dated(row: Row) -> list[str]:
    bake = f", bake {spoken(row.lasting)}" if row.lasting else ""
    first, *rest = row.says.split("\n")
    told = f"  {day(row.at)}  {row.what}{bake}" + (f": {first}" if first else "")
    return [told, *(f"    {line}" for line in rest)]


def _after(told: Timeline, back: Mapping[str, str]) -> list[str]:
    if told.promoted_at is None or told.final_at is None:
        return ["It rests there; a later release of the same version continues."]
    checks = ", ".join(told.spec.verification.checks) or "health and gates"
    lines = ["Afterwards", f"  {day(told.promoted_at)}  promoted, after the last bake"]
    lines += [f"  {day(at)}  verification {slot}: {checks}" for slot, at in told.slots.items()]
    lines += [f"  a failed one: {told.spec.verification.on_fail}", f"  way back: {back['after']}"]
    return [*lines, f"  {day(told.final_at)}  final: the old version is removed", f"  way back then: {back['final']}"]
