"""A timetable as people and as scripts are told it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tidegate.quantities import spoken
from tidegate.report.rate import rate_line
from tidegate.report.voice import Voice
from tidegate.spec import Spec
from tidegate.timetable import foresight
from tidegate.timetable.rows import Row, Timetable
from tidegate.timetable.told import limit

RUNS_SHOWN = 3


def as_json(told: Timetable, missing: Collection[str] = ()) -> dict[str, Any]:
    """
    `acts` in their order, `scheduled` runs, `in_force` definitions; instants in UTC.

    `missing` are connectors that this installation does not have: a row that needs one says so under `lacks`.
    """
    return {
        "system": told.spec.system,
        "version": told.version,
        "plan": told.plan,
        "compress": told.spec.compress,
        "timezone": told.spec.timezone,
        "begins": told.begins,
        "acts": [_row(row, missing) for row in told.rows if row.phase in ("before", "traffic", "after")],
        "scheduled": [_row(row, missing) for row in told.of("scheduled")],
        "in_force": [_row(row, missing) for row in told.of("in force")],
        "foresight": foresight.as_json(told.spec, told.plan),
        "gates": [{"name": gate.name, "component": gate.component, "says": limit(gate)} for gate in told.spec.gates],
        "promoted": told.promoted_at,
        "verifications": dict(told.slots),
        "final": told.final_at,
        "way_back": ways_back(told),
    }


def _row(row: Row, missing: Collection[str]) -> dict[str, Any]:
    told = {
        "at": row.at,
        "phase": row.phase,
        "step": row.step,
        "what": row.what,
        "says": row.says,
        "seconds": row.lasting,
        "deadline": row.deadline,
        "who": row.who,
        "silence": row.silence,
        "serves": list(row.serves),
        "notes": list(row.notes),
        "lacks": [use for use in row.uses if use in missing],
    }
    return told | ({"last": row.last, "runs": row.runs} if row.phase == "scheduled" else {})


def ways_back(told: Timetable) -> dict[str, str]:
    """By phase: how the traffic goes back, and what ends it."""
    system, keep = told.spec.system, spoken(told.spec.cleanup.keep_blue)
    found = {
        "before": "nothing has traffic yet; ending it stops the new version",
        "traffic": f"tidegate rollback {system}",
    }
    steps = told.spec.plans[told.plan].steps
    beyond = next((step for step in steps if step.name == told.no_return and step.no_return), None)
    if beyond is not None and beyond.no_return is not None:
        found["beyond"] = f"from {beyond.weight} % on: {beyond.no_return.way} ({beyond.no_return.says})"
    if told.final_at is not None:
        found["after"] = f"tidegate rollback {system} --from {told.version}, for {keep}"
        found["final"] = "none by traffic; going back is a new release of the old version"
    return found


def day(at: datetime | None, zone: ZoneInfo | None = None) -> str:
    """`Tue 2026-11-24 09:00` in the spec's zone, else this machine's; a weekend is named by its day."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}" if at else ""


def zone_of(spec: Spec) -> ZoneInfo | None:
    """The zone that the spec names; None: this machine's."""
    return ZoneInfo(spec.timezone) if "timezone" in spec.model_fields_set else None


class Lines:
    """The text of a timetable, in the spec's zone."""

    def __init__(self, told: Timetable, by_hand: Mapping[str, str], missing: Collection[str] = ()) -> None:
        self.told, self.by_hand, self.missing = told, by_hand, missing
        self.zone, self.back = zone_of(told.spec), ways_back(told)

    def day(self, at: datetime | None) -> str:
        return day(at, self.zone)

    def in_force(self) -> list[str]:
        """What holds all the time: limits, triggers, the rollback's acts, people, promises."""
        lines = ["", "In force all the time"]
        for row in self.told.of("in force"):
            first, *rest = row.says.split("\n")
            lines += [f"  {row.what}: {first}" if first else f"  {row.what}", *(f"    {line}" for line in rest)]
        return lines

    def all(self) -> list[str]:
        told, spec = self.told, self.told.spec
        others = ", ".join(name for name in spec.plans if name != told.plan)
        head = f"{spec.system}: what a release does, by traffic plan {told.plan}"
        lines = [head + (f" (others: {others})" if others else "")]
        if spec.compress > 1:
            lines.append(f"Compressed time: this release's own waits are divided by {spec.compress}.")
        if self.zone is not None:
            lines.append(f"Times in {spec.timezone}.")
        lines += ["Earliest times, as if people answered at once. Nothing has been done.", ""]
        before = told.of("before")
        begins = min([told.begins, *(row.at for row in before if row.at)])
        lines += [f"Before traffic, from {self.day(begins)}"]
        for row in before:
            lines += self._named(row) if row.at == begins else self._dated(row)
        lines += [f"  way back: {self.back['before']}", "", "Traffic", *self._traffic(), "", *self._after()]
        return [*lines, *self._scheduled(), *self._lacking()]

    def _traffic(self) -> list[str]:
        spec = self.told.spec
        lines = [line for row in self.told.of("traffic") for line in self._dated(row)]
        lines += ["  judged at every look:", *(f"    {gate.component}: {limit(gate)}" for gate in spec.gates)]
        lines += foresight.as_text(spec, self.told.plan)
        lines += [f"  {told}" for told in rate_line(spec, Voice())]
        hold = f"hold for {spoken(spec.hold.deadline)}, then {spec.hold.on_expiry}"
        lines += [f"  between the two limits, or no verdict at a bake's end: {hold}"]
        lines += [f"  way back: {self.back['traffic']}"]
        lines += [f"  {self.back['beyond']}"] if "beyond" in self.back else []
        for component, line in self.by_hand.items():
            lines += [f"  by hand, {component}:", *(f"    {one}" for one in line.splitlines())]
        return lines

    def _named(self, row: Row) -> list[str]:
        first, *rest = row.says.split("\n")
        told = f"  {row.what}: {first}" if first else f"  {row.what}"
        return [told, *(f"    {line}" for line in rest), *self._until(row)]

    def _dated(self, row: Row) -> list[str]:
        lasting = ""
        if row.lasting:
            lasting = f", bake {spoken(row.lasting)}" if row.what.endswith("%") else f", takes {spoken(row.lasting)}"
        first, *rest = row.says.split("\n")
        note = f" [{', '.join(row.notes)}]" if row.notes else ""
        told = f"  {self.day(row.at)}  {row.what}{lasting}{note}" + (f": {first}" if first else "")
        return [told, *(f"    {line}" for line in rest), *self._until(row)]

    def _until(self, row: Row) -> list[str]:
        if row.deadline is None or row.at is None:
            return []
        left = spoken(row.deadline - row.at)
        return [f"    who: {row.who}; until {self.day(row.deadline)} ({left}), then {row.silence}"]

    def _after(self) -> list[str]:
        told, spec = self.told, self.told.spec
        if told.promoted_at is None or told.final_at is None:
            return ["It rests there; a later release of the same version continues."]
        lines = ["Afterwards", f"  {self.day(told.promoted_at)}  promoted, after the last bake"]
        lines += [line for row in told.of("after") for line in self._dated(row)]
        checks = ", ".join(spec.verification.checks) or "health and gates"
        plain = {slot: at for slot, at in told.slots.items() if slot.startswith("T+")}
        lines += [f"  {self.day(at)}  verification {slot}: {checks}" for slot, at in plain.items()]
        lines += [f"  a failed one: {spec.verification.on_fail}"] if plain else []
        lines += [f"  way back: {self.back['after']}"]
        lines += [f"  {self.day(told.final_at)}  final: the old version is removed"]
        return [*lines, f"  way back then: {self.back['final']}"]

    def _scheduled(self) -> list[str]:
        rows = [row for row in self.told.of("scheduled") if row.step != "cleanup" or row.who]
        lines = ["", "Scheduled"] if rows else []
        for row in rows:
            series = f"{row.runs} runs, {self.day(row.at)} to {self.day(row.last)}" if row.runs > 1 else (
                self.day(row.at) if row.at else "not in this plan")  # fmt: skip
            lines += [f"  {row.what}: {series}", f"    {row.says}"] if row.says else [f"  {row.what}: {series}"]
        return lines

    def _lacking(self) -> list[str]:
        """Connectors that this installation does not have, with what needs them."""
        found: dict[str, list[str]] = {}
        for row in self.told.rows:
            for use in row.uses:
                if use in self.missing:
                    found.setdefault(use, []).append(row.step)
        if not found:
            return []
        lines = ["", "Not built here: a real release is refused, a rehearsal is not"]
        return lines + [f"  {use}: {', '.join(dict.fromkeys(steps))}" for use, steps in sorted(found.items())]


def as_lines(
    told: Timetable, by_hand: Mapping[str, str], missing: Collection[str] = (), *, everything: bool = False
) -> list[str]:
    """The timetable for people; with `everything`, what is in force all the time, too."""
    lines = Lines(told, by_hand, missing)
    return lines.all() + (lines.in_force() if everything else [])
