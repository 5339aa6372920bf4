"""From a schedule's rhythm to the instants of its runs, once its anchor has happened."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tidegate.clockwork.moments import DAY, Clockwork
from tidegate.language.moments import Rhythm
from tidegate.quantities import spoken

MOST = 5000  # runs of one schedule: more is a mistake in the spec
Due = tuple[str, datetime]  # label, instant


class TooMany(ValueError):
    """A rhythm that never ends, or nearly so."""


def runs(rhythm: Rhythm, at: datetime, clockwork: Clockwork) -> list[Due]:
    """
    Label and instant of every run of this rhythm, in order; `at` is when the anchor happened.

    Two runs at one instant are one (the first). TooMany beyond 5000 runs.
    """
    found: dict[datetime, str] = {}
    for label, due in _every(rhythm, at, clockwork):
        found.setdefault(due, label)
        if len(found) > MOST:
            raise TooMany(f"more than {MOST} runs; shorten `until` or lengthen the rhythm")
    return sorted(((label, due) for due, label in found.items()), key=lambda one: one[1])


def _every(rhythm: Rhythm, at: datetime, clockwork: Clockwork) -> Iterator[Due]:
    if rhythm.offsets:
        yield from ((f"T+{spoken(by)}", at + by) for by in rhythm.offsets)
    elif rhythm.every is not None:
        yield from _interval(rhythm, rhythm.every, at, clockwork)
    elif rhythm.dates:
        yield from ((f"{day}", clockwork.local(day, rhythm.clock)) for day in rhythm.dates)
    elif rhythm.days:
        yield from ((f"day {n}", clockwork.day(n, rhythm.clock, at)) for n in rhythm.days)
    elif rhythm.weeks:
        yield from ((f"T+{n}w", _later(rhythm, at, 7 * n, clockwork)) for n in rhythm.weeks)
    elif rhythm.months:
        yield from ((f"T+{n}mo", _months(rhythm, at, n, clockwork)) for n in rhythm.months)
    else:
        yield from _by_the_clock(rhythm, at, clockwork)


def _interval(rhythm: Rhythm, every: timedelta, at: datetime, clockwork: Clockwork) -> Iterator[Due]:
    """The first one interval after the anchor, or at `begins`."""
    due, last = _begins(rhythm, clockwork) or at + every, _until(rhythm, clockwork)
    for _ in range(MOST + 2):
        if last is None or due > last:
            return
        yield f"T+{spoken(due - at)}", due
        due += every


def _by_the_clock(rhythm: Rhythm, at: datetime, clockwork: Clockwork) -> Iterator[Due]:
    """Daily, weekly and monthly ones: the days from the beginning to the end that the rhythm names."""
    first, last = _begins(rhythm, clockwork) or at, _until(rhythm, clockwork)
    if last is None:
        return
    day, until = clockwork.date_of(first), clockwork.date_of(last)
    while day <= until:
        weekly = rhythm.weekly is None or rhythm.weekly.number == day.weekday()
        monthly = rhythm.monthly is None or rhythm.monthly == day.day
        for clock in (rhythm.clocks or (rhythm.clock,)) if weekly and monthly else ():
            due = clockwork.local(day, clock)
            if first <= due <= last:
                yield f"{due.astimezone(clockwork.zone):%Y-%m-%d %H:%M}", due
        day += DAY


def _begins(rhythm: Rhythm, clockwork: Clockwork) -> datetime | None:
    return clockwork.instant(rhythm.begins) if rhythm.begins is not None else None


def _until(rhythm: Rhythm, clockwork: Clockwork) -> datetime | None:
    """The latest of them; those whose anchor has not happened do not count."""
    found = [at for one in rhythm.until if (at := clockwork.instant(one)) is not None]
    return max(found) if found else None


def _later(rhythm: Rhythm, at: datetime, days: int, clockwork: Clockwork) -> datetime:
    if clockwork.periods and rhythm.clock is None:
        return at + timedelta(days=days)
    return clockwork.local(clockwork.date_of(at) + timedelta(days=days), rhythm.clock or clockwork.clock_of(at))


def _months(rhythm: Rhythm, at: datetime, months: int, clockwork: Clockwork) -> datetime:
    """The same day so many months later; the last day of a shorter month."""
    day = clockwork.date_of(at)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    due = day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
    return clockwork.local(due, rhythm.clock or clockwork.clock_of(at)).astimezone(UTC)
