"""The rows of a timetable: an act, a step, a series of scheduled runs, or what is in force all the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tidegate.spec import Spec

Phase = Literal["before", "traffic", "after", "scheduled", "in force"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `step` is its name in the spec; `last` and `runs` for a series; no `at`: in force all the time."""

    at: datetime | None
    phase: Phase
    step: str
    what: str
    says: str = ""
    lasting: timedelta = timedelta(0)
    deadline: datetime | None = None
    who: str = ""
    silence: str = ""  # what happens when nobody answers until the deadline
    serves: tuple[str, ...] = ()
    last: datetime | None = None
    runs: int = 0
    uses: tuple[str, ...] = ()  # connectors that it needs
    notes: tuple[str, ...] = ()  # holidays, closed windows, budgets


@dataclass(slots=True)
class Timetable:
    """A release that has not been begun; times are the earliest: people answer at once, acts take their budget."""

    spec: Spec
    version: str
    plan: str
    begins: datetime
    rows: list[Row] = field(default_factory=list)
    slots: dict[str, datetime] = field(default_factory=dict)
    promoted_at: datetime | None = None
    final_at: datetime | None = None
    no_return: str = ""  # the step from which the way back is another one

    def of(self, phase: Phase) -> list[Row]:
        return [row for row in self.rows if row.phase == phase]

    @property
    def steps(self) -> Mapping[str, list[Row]]:
        """Rows by the name that the spec has for them."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.step, []).append(row)
        return found
