"""Checks and backups: what proves that a version may go on, and that there is a way back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tidegate.language.base import Duration, Line, Measure, Name, Served, Text, Use
from tidegate.language.moments import Date, Moment


class CheckSpec(Served):
    """One check: before the release touches anything, or (smoke) on green before it gets traffic."""

    name: Name
    check: Use
    says: Annotated[Text, Field(description="what it proves, in the reader's words")]
    remedy: Annotated[str, Field(description="what to do when it fails")] = ""
    component: Annotated[Name | None, Field(description="whose green it looks at")] = None
    environment: Annotated[Name | None, Field(description="where it is asked; default: production")] = None
    blocking: bool = True


class BackupSpec(Served):
    """A backup before traffic; proven by a restore, or by what its provider says of it."""

    name: Name
    backup: Use
    says: str = ""


class Baseline(Served):
    """A measurement of the running version, taken before the release; relative limits are judged against it."""

    name: Name
    metric: Measure
    covers: Annotated[Duration, Field(description="how much of the past one measurement covers")]
    at: Moment


class Waiver(Served):
    """A check that may fail for now: who says so, why, until when."""

    check: Name
    owner: Name
    reason: Line
    expires: Date


class Ready(Served):
    """One line of a readiness register: work that has to be finished before the first release."""

    name: Name
    says: Line
    priority: Literal["high", "medium", "low"] = "medium"
    at_least: Duration | None = None
    at_most: Duration | None = None
    items: Annotated[tuple[Name, ...], Field(description="its boxes: it is done when all of them are ticked")] = ()
