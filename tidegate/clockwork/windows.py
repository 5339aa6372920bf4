"""
Release windows as intervals: when no traffic may be raised, and why.

A calendar, a zone and the dates of holidays become closed intervals once, when a release is opened; they are frozen
into its first entry, and everything after that compares instants alone (design 2.6, I28).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from tidegate.clockwork.moments import DAY, Clockwork
from tidegate.language.calendar import Blocked, Calendar, Window

HALF_AN_HOUR = timedelta(minutes=30)  # no zone changes its clock at any other minute
AHEAD = timedelta(days=60)  # how far a release's first entry tells the calendar


@dataclass(frozen=True, slots=True)
class Closed:
    """No raise from `since` until `until` (UTC)."""

    since: datetime
    until: datetime
    why: str

    def to_json(self) -> list[str]:
        return [self.since.isoformat(), self.until.isoformat(), self.why]

    @classmethod
    def from_json(cls, told: Sequence[str]) -> Closed:
        return cls(datetime.fromisoformat(told[0]), datetime.fromisoformat(told[1]), told[2])


def closed_between(
    calendar: Calendar, clockwork: Clockwork, holidays: Collection[date], since: datetime, until: datetime
) -> tuple[Closed, ...]:
    """Every closed interval that touches these instants, in order; neighbours with one reason are one."""
    if not calendar.windows and not calendar.blocked:
        return ()
    found = list[Closed]()
    for begins, ends in _pieces(calendar, clockwork, since, until):
        why = _why(calendar, clockwork, holidays, begins)
        if why and found and found[-1].until == begins and found[-1].why == why:
            found[-1] = Closed(found[-1].since, ends, why)
        elif why:
            found.append(Closed(begins, ends, why))
    return tuple(found)


def _pieces(
    calendar: Calendar, clockwork: Clockwork, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of time within which the calendar's answer cannot change."""
    clocks = {time(0)}
    for hours in (*calendar.windows, *calendar.blocked):
        clocks |= {clock for clock in (hours.opens, hours.closes) if clock is not None and not clock.fold}
    day, edges = clockwork.date_of(since), {since, until}
    while day <= clockwork.date_of(until):
        edges |= {at for clock in clocks for at in clockwork.each(day, clock) if since < at < until}
        day += DAY
    edges |= set(_jumps(clockwork, since, until))
    ordered = sorted(edges)
    yield from pairwise(ordered)


def _jumps(clockwork: Clockwork, since: datetime, until: datetime) -> Iterator[datetime]:
    """Where the zone's clock jumps: a clock time that is skipped there ends what it would have ended."""
    at, before = since.replace(minute=0, second=0, microsecond=0), since.astimezone(clockwork.zone).utcoffset()
    while at < until:
        offset = at.astimezone(clockwork.zone).utcoffset()
        if offset != before and at > since:
            yield at
        at, before = at + HALF_AN_HOUR, offset


def _why(calendar: Calendar, clockwork: Clockwork, holidays: Collection[date], at: datetime) -> str:
    """Why traffic may not be raised at this instant; "" when it may. What is blocked wins over windows."""
    for blocked in calendar.blocked:
        if _covers(blocked, clockwork, at, holidays):
            return f"blocked: {blocked.name}"
    if calendar.windows and not any(_covers(window, clockwork, at, ()) for window in calendar.windows):
        return "outside every window"
    return ""


def _covers(hours: Window | Blocked, clockwork: Clockwork, at: datetime, holidays: Collection[date]) -> bool:
    local = at.astimezone(clockwork.zone)
    if isinstance(hours, Blocked):
        if hours.holidays:
            return local.date() in holidays
        if hours.dates and local.date() not in hours.dates:
            return False
    if local.weekday() not in {day.number for day in hours.days}:
        return False
    if hours.opens is None or hours.closes is None:
        return True
    clock = local.time()
    return hours.opens <= clock and (bool(hours.closes.fold) or clock < hours.closes)


def closed_at(closed: Sequence[Closed], at: datetime) -> str:
    """Why no raise may happen now, with its end; "" when one may."""
    for one in closed:
        if one.since <= at < one.until:
            return one.why
    return ""


def open_from(
    closed: Sequence[Closed], at: datetime, lasting: timedelta = timedelta(0), known_until: datetime | None = None
) -> datetime | None:
    """
    The first instant from `at` on that is open, and stays open for `lasting`.

    None when no opening is long enough as far as the calendar is told (`known_until`).
    """
    moved = False
    for one in closed:
        if one.until > at and one.since < at + max(lasting, timedelta(microseconds=1)):
            at, moved = max(at, one.until), True
    beyond = known_until is not None and (at >= known_until or at + lasting > known_until)
    return None if moved and beyond else at
