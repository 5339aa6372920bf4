"""
From a moment of the spec to an instant (UTC), and from an anchor to the next.

A clock time that a zone skips (spring) is as much later as the zone jumps; one that it has twice (autumn) is the first
(PEP 495, fold=0). Days are counted by the calendar of the zone, or as 24-hour periods, as `day_basis` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tidegate.language.moments import Anchor, Moment, StepMoment
from tidegate.spec import Spec

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What moments need besides themselves: zone, usual clock time, how days are counted, the anchors so far."""

    zone: ZoneInfo
    starts_at: time | None = None
    periods: bool = False
    anchors: Mapping[Anchor, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Spec, anchors: Mapping[Anchor, datetime]) -> Clockwork:
        starts_at = spec.identity.starts_at if spec.identity else None
        return cls(ZoneInfo(spec.timezone), starts_at, spec.calendar.day_basis == "periods", anchors)

    def local(self, day: date, clock: time | None) -> datetime:
        """The instant of this clock time on this day in the zone."""
        told = clock or self.starts_at or time(0)
        if told.fold:  # 24:00
            day, told = day + DAY, time(0)
        return datetime.combine(day, told.replace(fold=0), self.zone).astimezone(UTC)

    def each(self, day: date, clock: time) -> set[datetime]:
        """Every instant at which the zone's clocks show this on this day: two where a clock is set back."""
        return {datetime.combine(day, clock.replace(fold=fold), self.zone).astimezone(UTC) for fold in (0, 1)}

    def date_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def clock_of(self, at: datetime) -> time:
        return at.astimezone(self.zone).time().replace(fold=0)  # a fold means 24:00 here

    def day(self, number: int, clock: time | None, since: datetime) -> datetime:
        """Day `number`, counted from the anchor's day, which is day 1; without a clock, at the anchor's own time."""
        usual = clock or self.starts_at or self.clock_of(since)
        if not self.periods:
            return self.local(self.date_of(since) + (number - 1) * DAY, usual)
        begins = since + (number - 1) * DAY
        if clock is None:
            return begins
        at = self.local(self.date_of(begins), clock)
        return at if at >= begins else self.local(self.date_of(begins) + DAY, clock)

    def instant(self, moment: Moment | StepMoment) -> datetime | None:
        """None while the anchor has not happened."""
        if isinstance(moment, Moment) and (named := moment.before or moment.after) is not None:
            since = self.anchors.get(named)
            if since is None:
                return None
            return since - moment.by if moment.before else since + moment.by
        if moment.date is not None:
            return self.local(moment.date, moment.clock)
        start = self.anchors.get(Anchor.START)
        return None if start is None or moment.day is None else self.day(moment.day, moment.clock, start)


def planned_start(spec: Spec) -> datetime | None:
    """The instant that the spec names for `start`: its target day at `starts_at`; None without a target."""
    if spec.identity is None or spec.identity.target is None:
        return None
    return Clockwork.of(spec, {}).local(spec.identity.target, spec.identity.starts_at)
