"""A rehearsal as people and as scripts are told it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from tidegate.ledger import Entry, Kind
from tidegate.quantities import spoken
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import SAYS, Rehearsed
from tidegate.story import State
from tidegate.timetable.text import day, zone_of

Line = Callable[[Entry, tzinfo], str]
COUNTED = frozenset(
    {"PASS", "SUPERSEDED"}
)  # outcomes of scheduled runs that the sum of their schedule tells well enough
GOOD_ENDS = frozenset({State.PROMOTED, State.FINALIZED, State.CLOSED})


def as_json(told: Rehearsed, line: Line, cpu: float) -> dict[str, Any]:
    """The story entry by entry, the outcome of each scheduled run, and what it cost; instants in UTC."""
    return {
        "system": told.spec.system,
        "says": SAYS,
        "supposed": supposed(told.options),
        "release": told.release,
        "state": told.story.state.value,
        "promoted": told.story.promoted_at,
        "why": told.story.down.why if told.story.down else _aborted(told),
        "story": [{"at": at, "says": says} for at, says in _lines(told, line, UTC)],
        "slots": {slot: body["outcome"] for slot, body in told.story.slots.items()},
        "looks": told.looks,
        "ends": told.ends,
        "cpu_seconds": round(cpu, 3),
    }


def as_lines(told: Rehearsed, line: Line, cpu: float) -> Iterator[str]:
    """The story line by line, in the spec's zone; a schedule's runs of which there is nothing to tell are one line."""
    zone = zone_of(told.spec)
    yield f"{told.spec.system}: {SAYS}."
    yield f"Supposed: {supposed(told.options)}."
    yield ""
    for at, says in _lines(told, line, zone or UTC, slots=False):
        yield f"  {day(at, zone)}  {says}"
    for schedule, outcomes in _slots(told).items():
        counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        yield f"  scheduled {schedule}: {counted}"
    yield ""
    why = told.story.down.why if told.story.down else _aborted(told)
    yield f"Ends {told.story.state}" + (f": {why}" if why else "") + "."
    yield f"{told.looks:,} looks until {day(told.ends, zone)}, {cpu:.2f} s of CPU."


def supposed(options: Options) -> str:
    """What the rehearsal was told to suppose."""
    said = [f"people answer after {spoken(options.answers_after)}"]
    if options.bad_from is not None:
        said.append(f"the new version is bad ({options.bad_how}) above {options.bad_from} %")
    said += [f"nobody answers {name}" for name in options.absent]
    said += [f"{name} is answered with no" for name in options.rejects]
    said += [f"no data of {name}" for name in options.lost]
    if options.outage:
        said.append(
            f"Tidegate is away for {spoken(options.outage)}, {spoken(options.outage_after)} after the first raise"
        )
    return "; ".join(said)


def _lines(told: Rehearsed, line: Line, zone: tzinfo, *, slots: bool = True) -> Iterator[tuple[datetime, str]]:
    """Each event once: what runs out is told by its expiry, not again by the answer that nobody gave."""
    last, expired = "", set[str]()
    for entry in told.entries:
        if entry.kind is Kind.EXPIRY:
            expired.add(entry.key.removeprefix("expired/"))
        told_already = entry.key in expired and entry.body.get("decision") == "expired"
        counted = not slots and entry.kind is Kind.SLOT and entry.body.get("outcome") in COUNTED
        says = "" if told_already or counted else line(entry, zone)
        if says and says != last:
            yield entry.at, says
            last = says


def _slots(told: Rehearsed) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    names = {schedule.name for schedule in told.spec.schedules}
    for slot, body in told.story.slots.items():
        first = slot.split(" ", 1)[0]
        found.setdefault(first if first in names else "verification", Counter())[str(body["outcome"])] += 1
    return found


def _aborted(told: Rehearsed) -> str:
    return next((str(body["why"]) for body in told.story.answers.values() if body.get("event") == "aborted"), "")
