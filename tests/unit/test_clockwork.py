"""Rhythms and windows in three zones, across the changes of their clocks: against the calendar and a minute's count."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.clockwork.moments import DAY, Clockwork
from tidegate.clockwork.rhythms import MOST, TooMany, runs
from tidegate.clockwork.windows import Closed, closed_at, closed_between, open_from
from tidegate.language.calendar import Blocked, Calendar, Window
from tidegate.language.moments import Anchor, Rhythm

ZONES = ("Asia/Seoul", "Europe/Berlin", "America/New_York")
CHANGES = (date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1))
HOLIDAYS = {date(2026, 3, 10), date(2026, 10, 27), date(2026, 11, 3)}
MINUTE = timedelta(minutes=1)

zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.builds(
    lambda day, back, minute: datetime.combine(day, time(0), UTC) - back * DAY + minute * MINUTE,
    st.sampled_from(CHANGES), st.integers(0, 8), st.integers(0, 1439),
)  # fmt: skip


def rhythm(**told: Any) -> Rhythm:
    return Rhythm.model_validate({"anchor": "promoted", **told})


def due(told: Rhythm, at: datetime, zone: ZoneInfo, *, periods: bool = False, **anchors: datetime) -> list[datetime]:
    known = {Anchor.PROMOTED: at} | {Anchor(name): instant for name, instant in anchors.items()}
    return [instant for _, instant in runs(told, at, Clockwork(zone, None, periods, known))]


def after(by: str) -> list[dict[str, str]]:
    return [{"after": "promoted", "by": by}]


# -- rhythms ----------------------------------------------------------------------------------------------------------


@pytest.mark.proves("G10")
@given(instants, zones)
def test_daily_runs_are_once_a_calendar_day_at_each_local_time(at: datetime, zone: ZoneInfo) -> None:
    found = due(rhythm(clocks=["09:00", "14:00", "18:00"], until=after("14d")), at, zone)
    local = [instant.astimezone(zone) for instant in found]
    begins, ends = at.astimezone(zone), (at + timedelta(days=14)).astimezone(zone)
    assert found == sorted(set(found))
    for hour in (9, 14, 18):
        days = [one.date() for one in local if (one.hour, one.minute) == (hour, 0)]
        first = begins.date() if begins.time() <= time(hour) else begins.date() + DAY
        last = ends.date() if ends.time() >= time(hour) else ends.date() - DAY
        assert days == [first + n * DAY for n in range((last - first).days + 1)]
    assert {(one.hour, one.minute) for one in local} == {(9, 0), (14, 0), (18, 0)}


@pytest.mark.parametrize(
    ("zone", "day", "clock", "utc"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30", "2026-03-29T01:30"),  # skipped: 03:30 summer time
        ("America/New_York", date(2026, 3, 8), "02:30", "2026-03-08T07:30"),
        ("Europe/Berlin", date(2026, 10, 25), "02:30", "2026-10-25T00:30"),  # twice: the first
        ("America/New_York", date(2026, 11, 1), "01:30", "2026-11-01T05:30"),
        ("Asia/Seoul", date(2026, 3, 29), "02:30", "2026-03-28T17:30"),
        ("Europe/Berlin", date(2026, 3, 28), "24:00", "2026-03-28T23:00"),
        ("Europe/Berlin", date(2026, 3, 29), "24:00", "2026-03-29T22:00"),
    ],
)
def test_a_clock_time_that_a_day_lacks_or_has_twice_is_run_once(zone: str, day: date, clock: str, utc: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    found = due(rhythm(dates=[f"{day}"], clock=clock), at, ZoneInfo(zone))
    assert found == [datetime.fromisoformat(utc).replace(tzinfo=UTC)]


@given(instants, zones)
def test_a_daily_run_at_half_past_two_happens_once_on_every_day(at: datetime, zone: ZoneInfo) -> None:
    found = due(rhythm(clocks=["02:30"], until=after("10d")), at, zone)
    days = [instant.astimezone(zone).date() for instant in found]
    assert all(later - earlier == DAY for earlier, later in pairwise(days))
    assert len(days) in (9, 10, 11)


@given(instants, zones, st.lists(st.integers(1, 20_000), min_size=1, max_size=8, unique=True))
def test_offsets_and_intervals_are_elapsed_time_whatever_the_clocks_do(
    at: datetime, zone: ZoneInfo, minutes: list[int]
) -> None:
    assert due(rhythm(offsets=[f"{n}m" for n in minutes]), at, zone) == [at + n * MINUTE for n in sorted(minutes)]
    every = due(rhythm(every="6h", until=after("7d")), at, zone)
    assert every == [at + n * timedelta(hours=6) for n in range(1, 29)]


@given(instants, zones, st.integers(0, 6))
def test_weekly_runs_are_on_that_weekday_at_that_local_time(at: datetime, zone: ZoneInfo, number: int) -> None:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    found = due(rhythm(weekly=names[number], clock="09:00", until=after("8w")), at, zone)
    local = [instant.astimezone(zone) for instant in found]
    assert {(one.weekday(), one.hour, one.minute) for one in local} == {(number, 9, 0)}
    assert all(later.date() - earlier.date() == 7 * DAY for earlier, later in pairwise(local))
    assert len(local) in (7, 8, 9)


@given(instants, zones, st.integers(1, 28))
def test_monthly_runs_are_on_that_day_of_every_month(at: datetime, zone: ZoneInfo, day: int) -> None:
    found = due(rhythm(monthly=day, clock="14:00", until=after("53w")), at, zone)
    local = [instant.astimezone(zone) for instant in found]
    assert {(one.day, one.hour, one.minute) for one in local} == {(day, 14, 0)}
    months = [one.year * 12 + one.month for one in local]
    assert months == list(range(months[0], months[0] + len(months)))
    assert len(months) in (12, 13)


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), zones, st.integers(1, 24))
def test_months_later_is_the_same_day_or_a_short_months_last(day: date, zone: ZoneInfo, months: int) -> None:
    at = datetime.combine(day, time(12), zone).astimezone(UTC)
    [found] = due(rhythm(months=[months], clock="09:00"), at, zone)
    local = found.astimezone(zone)
    assert local.year * 12 + local.month == day.year * 12 + day.month + months
    assert local.day == min(day.day, monthrange(local.year, local.month)[1])
    assert (local.hour, local.minute) == (9, 0)


@given(instants, zones, st.integers(2, 30))
def test_days_are_counted_by_the_calendar_or_as_periods(at: datetime, zone: ZoneInfo, number: int) -> None:
    [calendar] = due(rhythm(days=[number], clock="09:00"), at, zone)
    first = at.astimezone(zone).date()
    assert calendar.astimezone(zone).replace(tzinfo=None) == datetime.combine(first + (number - 1) * DAY, time(9))
    assert due(rhythm(days=[number]), at, zone, periods=True) == [at + (number - 1) * DAY]
    [later] = due(rhythm(days=[number], clock="09:00"), at, zone, periods=True)
    begins = at + (number - 1) * DAY
    assert begins <= later < begins + timedelta(hours=25), "the first such clock time of that period"
    assert later.astimezone(zone).time() == time(9)


@given(instants, zones, st.integers(1, 8))
def test_weeks_later_is_the_same_local_time_or_as_periods_the_same_number_of_hours(
    at: datetime, zone: ZoneInfo, weeks: int
) -> None:
    assert due(rhythm(weeks=[weeks]), at, zone, periods=True) == [at + weeks * 7 * DAY]
    [found] = due(rhythm(weeks=[weeks]), at, zone)
    local, began = found.astimezone(zone), at.astimezone(zone)
    assert local.date() == began.date() + weeks * 7 * DAY
    assert abs(found - (at + weeks * 7 * DAY)) <= timedelta(hours=1)


@given(instants, zones, st.integers(1, 72), st.integers(1, 72))
def test_until_is_the_latest_of_several_and_begins_the_earliest_run(
    at: datetime, zone: ZoneInfo, one: int, other: int
) -> None:
    full = at + timedelta(hours=5)
    until = [{"after": "promoted", "by": f"{one}h"}, {"after": "full", "by": f"{other}h"}]
    last = max(at + timedelta(hours=one), full + timedelta(hours=other))
    found = due(rhythm(every="1h", until=until), at, zone, full=full)
    assert found == [at + n * timedelta(hours=1) for n in range(1, int((last - at) / timedelta(hours=1)) + 1)]
    unknown = due(rhythm(every="1h", until=until), at, zone)
    assert unknown == [at + n * timedelta(hours=1) for n in range(1, one + 1)], "what has not happened does not count"
    begins = {"after": "promoted", "by": "90m"}
    late = due(rhythm(every="1h", until=until, begins=begins), at, zone, full=full)
    assert all(instant >= at + 90 * MINUTE for instant in late)
    assert not late or late[0] == at + 90 * MINUTE


def test_a_rhythm_that_never_ends_is_refused_and_an_instant_is_run_once() -> None:
    at, zone = datetime(2026, 3, 2, 9, tzinfo=UTC), ZoneInfo("Asia/Seoul")
    with pytest.raises(TooMany, match=str(MOST)):
        due(rhythm(every="5s", until=after("30d")), at, zone)
    assert due(rhythm(offsets=["1h", "60m"]), at, zone) == [at + timedelta(hours=1)]


# -- windows ----------------------------------------------------------------------------------------------------------

CLOCKS = ("00:00", "02:30", "09:00", "10:30", "14:00", "18:00", "24:00")
hours = st.sampled_from([(a, b) for n, a in enumerate(CLOCKS) for b in CLOCKS[n + 1 :]])
days = st.lists(st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), min_size=1, unique=True)


def _hours(made: tuple[list[str], tuple[str, str] | None], name: str) -> dict[str, Any]:
    opens = {"opens": made[1][0], "closes": made[1][1]} if made[1] else {}
    return {"name": name, "days": made[0], **opens}


some_hours = st.tuples(days, st.none() | hours)
windows = st.lists(some_hours, max_size=3).map(
    lambda made: tuple(Window.model_validate(_hours(one, f"w{n}")) for n, one in enumerate(made))
)
dates = st.lists(st.sampled_from([day + n * DAY for day in CHANGES for n in (-3, 0, 2)]), max_size=2, unique=True)
blocks = st.lists(st.tuples(some_hours, dates, st.booleans()), max_size=3).map(
    lambda made: tuple(
        Blocked.model_validate({**_hours(one, f"b{n}"), "dates": named, "holidays": holidays})
        for n, (one, named, holidays) in enumerate(made)
    )
)


def by_hand(calendar: Calendar, local: datetime) -> str:
    """Why traffic may not be raised in this minute of a wall clock, from the words of the spec alone."""

    def within(one: Window | Blocked) -> bool:
        minute = local.hour * 60 + local.minute
        if local.weekday() not in [day.number for day in one.days]:
            return False
        if one.opens is None or one.closes is None:
            return True
        closes = 1440 if one.closes.fold else one.closes.hour * 60 + one.closes.minute
        return one.opens.hour * 60 + one.opens.minute <= minute < closes

    for one in calendar.blocked:
        if local.date() in HOLIDAYS if one.holidays else (not one.dates or local.date() in one.dates) and within(one):
            return f"blocked: {one.name}"
    return "" if not calendar.windows or any(map(within, calendar.windows)) else "outside every window"


@pytest.mark.timeout(180)
@settings(max_examples=8, deadline=None)
@given(st.sampled_from(CHANGES), zones, windows, blocks)
def test_closed_intervals_are_what_a_count_of_every_minute_says(
    change: date, zone: ZoneInfo, opened: tuple[Window, ...], blocked: tuple[Blocked, ...]
) -> None:
    calendar = Calendar(windows=opened, blocked=blocked)
    since = datetime.combine(change - 10 * DAY, time(0), UTC)
    until = since + 21 * DAY
    closed = closed_between(calendar, Clockwork(zone), HOLIDAYS, since, until)
    assert all(one.since < one.until for one in closed)
    assert all(one.until <= other.since for one, other in pairwise(closed)), "no two overlap"
    assert all(one.until < other.since or one.why != other.why for one, other in pairwise(closed))
    counted = [by_hand(calendar, (since + n * MINUTE).astimezone(zone)) for n in range(21 * 1440)]
    told, n = [""] * len(counted), 0
    for one in closed:
        first, last = int((one.since - since) / MINUTE), int((one.until - since) / MINUTE)
        told[first:last] = [one.why] * (last - first)
    wrong = [(since + n * MINUTE, told[n], counted[n]) for n in range(len(counted)) if told[n] != counted[n]]
    assert not wrong, wrong[:3]
    for n in range(0, len(counted), 997):
        at = since + n * MINUTE
        assert closed_at(closed, at) == counted[n]
        first_open = next((m for m in range(n, len(counted)) if not counted[m]), len(counted))
        opens = open_from(closed, at)
        assert opens == since + first_open * MINUTE
        assert not any(one.since <= opens < one.until for one in closed)
        known = open_from(closed, at, known_until=until)
        assert known == (opens if first_open < len(counted) else None)
    assert tuple(Closed.from_json(one.to_json()) for one in closed) == closed


@settings(max_examples=25, deadline=None)
@given(instants, zones, windows, st.integers(1, 600))
def test_an_opening_that_lasts_is_open_all_the_while(
    at: datetime, zone: ZoneInfo, opened: tuple[Window, ...], minutes: int
) -> None:
    lasting = minutes * MINUTE
    closed = closed_between(Calendar(windows=opened), Clockwork(zone), (), at - DAY, at + 21 * DAY)
    found = open_from(closed, at, lasting)
    assert found is not None
    assert found >= at
    assert not any(one.since < found + lasting and found < one.until for one in closed)
    earlier = [at, *(one.until for one in closed if at < one.until < found)]
    for candidate in earlier:
        free = not any(one.since < candidate + lasting and candidate < one.until for one in closed)
        assert candidate == found or not free, "the first such opening"


def test_what_is_blocked_wins_over_windows_and_a_holiday_counts_in_the_zone() -> None:
    told = {"days": ["tue"], "opens": "09:00", "closes": "24:00"}
    calendar = Calendar.model_validate(
        {"windows": [{"name": "w", **told}], "blocked": [{"name": "b", "holidays": True}]}
    )
    seoul = Clockwork(ZoneInfo("Asia/Seoul"))
    since = datetime(2026, 3, 9, 15, tzinfo=UTC)  # Tuesday 10 March, 00:00 in Seoul: a holiday
    closed = closed_between(calendar, seoul, HOLIDAYS, since, since + 9 * DAY)
    assert closed_at(closed, since + timedelta(hours=10)) == "blocked: b"
    assert open_from(closed, since) == datetime(2026, 3, 17, 0, tzinfo=UTC), "the Tuesday after, 09:00"
