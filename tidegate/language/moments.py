"""
Moments and rhythms: when something happens, from which anchor, in which zone's clock.

A moment is an offset from an anchor, a clock time on a day that is counted from the release's start, or a date. Nothing
here computes; `tidegate/calendar/` does, with the spec's zone.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from enum import StrEnum
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from tidegate.language.base import Duration, Name, Strict


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday, as `date.weekday()` counts."""
        return list(Weekday).index(self)


class Anchor(StrEnum):
    """What a moment counts from; each happens once a release, `step` once for every step of the plan."""

    START = "start"  # the planned beginning of the release's day: the spec's target at `starts_at`
    DEPLOYED = "deployed"  # every component's new version is healthy, without traffic
    STEP = "step"  # a step's weight was read back; a schedule with it is booked anew for every step
    FULL = "full"  # the plan's last weight was read back
    PROMOTED = "promoted"  # the last weight is judged
    DOWN = "down"  # a decision to roll back was written


def _clock(value: Any) -> Any:
    if isinstance(value, dt.time):
        return value
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)|24:00", str(value))
    if not found:
        raise ValueError(f"{str(value)[:60]!r} is no clock time; write e.g. '09:00', in quotes")
    return dt.time(0, 0, fold=1) if str(value) == "24:00" else dt.time(int(found[1]), int(found[2]))


def told(clock: dt.time) -> str:
    """`09:00`; midnight at a day's end is `24:00`."""
    return "24:00" if clock.fold else f"{clock:%H:%M}"


YEARS = range(2000, 2101)  # of dates in a spec: others are slips of the pen


def _date(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        found = dt.datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        raise ValueError(f"{str(value)[:60]!r} is no date; write e.g. 2026-02-11") from None
    if found.year not in YEARS:
        raise ValueError(f"{found} is out of range; dates lie in the years {YEARS[0]} to {YEARS[-1]}")
    return found


def _zone(value: Any) -> Any:
    try:
        ZoneInfo(str(value))
    except (OSError, ValueError, KeyError):  # KeyError: a name that is well formed, and no zone
        near = difflib.get_close_matches(str(value)[:60], sorted(available_timezones()), n=1)
        told = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"{str(value)[:60]!r} is no time zone; {told}write its full name, e.g. Asia/Seoul") from None
    return str(value)


def _written(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Clock = Annotated[
    dt.time,
    BeforeValidator(_clock),
    PlainSerializer(told, return_type=str),
    _written(r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", "09:00"),
]
Date = Annotated[
    dt.date,
    BeforeValidator(_date),
    PlainSerializer(dt.date.isoformat, return_type=str),
    _written(r"^(20\d\d|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", "2026-02-11"),
]
Zone = Annotated[str, BeforeValidator(_zone)]
DayNumber = Annotated[int, Field(ge=1, le=400, description="1 is the day the release starts")]


class Moment(Strict):
    """
    One instant: `{before: start, by: 1w}`, `{after: full, by: 24h}`, `{day: 3, clock: '10:00'}`, `{date: 2025-02-04}`.

    Day 1 is the day of the anchor `start`. A date or a day without a clock means the spec's `starts_at`.
    """

    before: Anchor | None = None
    after: Anchor | None = None
    by: Duration = dt.timedelta(0)
    day: DayNumber | None = None
    date: Date | None = None
    clock: Clock | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        forms = [name for name in ("before", "after", "day", "date") if getattr(self, name) is not None]
        if len(forms) != 1:
            found = ", ".join(forms) or "none"
            raise ValueError(f"a moment is one of before, after, day and date; found: {found}")
        if self.clock is not None and forms[0] in ("before", "after"):
            raise ValueError(f"a clock time goes with day or date, not with {forms[0]}")
        if self.by and forms[0] in ("day", "date"):
            raise ValueError(f"`by` goes with before or after, not with {forms[0]}")
        return self


class Rhythm(Strict):
    """
    When scheduled runs are due, from one anchor; exactly one of the forms.

    `offsets: [1h, 6h]`; `every: 30m` (first after that long, until `until`); `clocks: ['09:00']` daily, with `until`;
    `dates: [2025-01-27]` (at `clock`); `days: [7]`, `weeks: [1, 2]`, `months: [1, 3]` after the anchor;
    `weekly: mon` and `monthly: 1` at `clock`, with `until`.
    """

    anchor: Anchor = Anchor.FULL
    offsets: tuple[Duration, ...] = ()
    every: Duration | None = None
    clocks: tuple[Clock, ...] = ()
    dates: tuple[Date, ...] = ()
    days: tuple[DayNumber, ...] = ()
    weeks: tuple[Annotated[int, Field(ge=1, le=260)], ...] = ()
    months: tuple[Annotated[int, Field(ge=1, le=60)], ...] = ()
    weekly: Weekday | None = None
    monthly: Annotated[int, Field(ge=1, le=28, description="day of the month")] | None = None
    begins: Annotated[Moment | None, Field(description="the first run is not before this")] = None
    until: Annotated[tuple[Moment, ...], Field(description="no run after the latest of these")] = ()
    clock: Clock | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        names = ("offsets", "every", "clocks", "dates", "days", "weeks", "months", "weekly", "monthly")
        forms = [name for name in names if getattr(self, name)]
        if len(forms) != 1:
            raise ValueError(f"a rhythm is one of {', '.join(names)}; found: {', '.join(forms) or 'none'}")
        form = forms[0]
        if form in ("every", "clocks", "weekly", "monthly") and not self.until:
            raise ValueError(f"`{form}` goes on until something: add until, e.g. until: [{{after: full, by: 24h}}]")
        if form not in ("every", "clocks", "weekly", "monthly") and (self.until or self.begins):
            raise ValueError(f"`{form}` names its runs itself; begins and until go with every, clocks, weekly, monthly")
        if self.clock is not None and form not in ("dates", "days", "weeks", "months", "weekly", "monthly"):
            raise ValueError(f"a clock time goes with dates, days, weeks, months, weekly and monthly, not with {form}")
        if self.every is not None and self.every < dt.timedelta(seconds=5):
            raise ValueError(
                "every: the shortest rhythm of runs is 5s; what looks oftener is the watch (looking.every)"
            )
        return self


class StepMoment(Strict):
    """The day on which a step begins."""

    day: DayNumber | None = None
    date: Date | None = None
    clock: Clock | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.day is None) == (self.date is None):
            raise ValueError("a step begins on a day or a date: write one of them")
        return self


__all__ = ["Anchor", "Clock", "Date", "Moment", "Name", "Rhythm", "StepMoment", "Weekday", "Zone", "told"]
