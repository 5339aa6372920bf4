"""
Virtual time: a clock that sleeps by letting everybody else act.

One thread. Whoever sleeps runs what is due meanwhile, so a crash, a click or a look of the watch can fall between any
two calls of a release. The wall clock may jump, the elapsed clock never does.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLL = 1.0  # who sleeps for less than this only asks again: it may sleep until something happens
LONGEST_POLL = 6.0


class Overtime(BaseException):
    """Somebody waits for ever."""


class Timeline:
    """Satisfies `tidegate.ports.Clock`; `at` plans what others do."""

    __slots__ = ("_agenda", "_count", "_told", "eager", "jumped", "limit", "start", "t")

    def __init__(self, start: datetime = START) -> None:
        self.start = start
        self.t = 0.0
        self.jumped = 0.0
        self.limit = float("inf")
        self.eager: Random | None = None  # with it, some who poll are awake before anything has happened
        self._count = 0
        self._told = (0.0, start)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        at = self.t + self.jumped
        if at != self._told[0]:
            self._told = (at, self.start + timedelta(seconds=at))
        return self._told[1]

    def elapsed(self) -> float:
        return self.t

    def sleep(self, seconds: float) -> None:
        """At least this long; a short sleep of somebody who polls lasts until something happens."""
        if seconds < POLL and self._agenda and (self.eager is None or self.eager.random() < 0.8):
            seconds = max(seconds, min(self._agenda[0][0] - self.t, LONGEST_POLL))
        self.run(seconds)

    def run(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due in it."""
        end, agenda = self.t + seconds, self._agenda
        if self.t > self.limit:
            raise Overtime
        while agenda and agenda[0][0] <= end:
            at, _, act = heapq.heappop(agenda)
            self.t = max(self.t, at)
            act()
        self.t = max(self.t, end)

    def at(self, t: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (t, self._count, act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.t + seconds, act)

    @property
    def next(self) -> float | None:
        return self._agenda[0][0] if self._agenda else None
