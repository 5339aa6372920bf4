"""When a release may move traffic: windows, blocked times, holidays, cadence, and how days are counted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.base import Name, Served, Strict
from tidegate.language.moments import Clock, Date, Weekday


class _Hours(Served):
    days: tuple[Weekday, ...] = tuple(Weekday)
    opens: Clock | None = None
    closes: Clock | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.opens is None) != (self.closes is None):
            raise ValueError("opens and closes go together; leave both out for whole days")
        if self.opens is not None and self.closes is not None and not self.closes.fold and self.opens >= self.closes:
            raise ValueError("closes must be later than opens on the same day; write two windows for a night")
        return self


class Window(_Hours):
    """Hours in which a release may start (or, with `applies_to: whole`, must also end)."""

    name: Name
    rank: Literal["best", "good"] = "good"


class Blocked(_Hours):
    """Hours or dates in which traffic is never raised; they win over windows."""

    name: Name
    dates: tuple[Date, ...] = ()
    holidays: Annotated[bool, Field(description="every public holiday of the calendar's countries")] = False


class Cadence(Strict):
    """How often this system is released."""

    every: Literal["day", "week", "month"]
    on: Weekday | None = None
    kind: Annotated[
        Literal["regular", "hotfix", "major", "stage"] | None,
        Field(description="of releases of this kind; left out: any"),
    ] = None


class Calendar(Served):
    """
    The system's calendar, in the spec's zone.

    `holidays` names countries (ISO 3166, e.g. KR); the dates come from the installation and are frozen into the
    release's first entry. Without windows every hour that is not blocked is open.
    """

    holidays: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...] = ()
    windows: tuple[Window, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    applies_to: Annotated[
        Literal["start", "whole"], Field(description="start: the first raise; whole: every raise, and the end")
    ] = "start"
    override: Annotated[
        tuple[Literal["hotfix", "major"], ...], Field(description="kinds of release that may move at any time")
    ] = ()
    cadence: tuple[Cadence, ...] = ()
    day_basis: Annotated[
        Literal["calendar", "periods"], Field(description="days counted by the calendar, or as 24-hour periods")
    ] = "calendar"
