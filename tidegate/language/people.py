"""People: who is asked what, who is told, who is reached in which order."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.base import SEVERITIES, Duration, Line, Name, PeopleTime, Served, Severity, Text, Use


class Item(Served):
    """One line that a person confirms: in an approval's form, or inside a verification run."""

    name: Name
    says: Line
    says_ko: str = ""
    owner: Annotated[Name | None, Field(description="a role of the contacts")] = None
    blocking: bool = True
    due: Annotated[Duration | None, Field(description="overdue after this long; then it is escalated")] = None
    answer: Annotated[
        Literal["tick", "text", "person"],
        Field(description="text: words are asked for and kept; person: who takes the owner's role in this release"),
    ] = "tick"
    check: Annotated[Name | None, Field(description="a check that ticks it when it passes; a person still may")] = None


class Approval(Served):
    """A question to people; silence has a stated answer."""

    name: Name
    ask: Text
    ask_ko: str = ""
    deadline: PeopleTime = timedelta(hours=24)
    on_expiry: Literal["rollback", "abort"] | None = None  # None: rollback once green has traffic, abort before
    approvers: Annotated[tuple[str, ...], Field(description="who may answer; empty: anybody who can resume")] = ()
    items: tuple[Name, ...] = ()
    choose_plan: Annotated[bool, Field(description="the form offers the other traffic plans")] = False
    people: Annotated[int, Field(ge=1, le=9, description="how many different people must approve")] = 1
    requester: Annotated[
        Literal["may-approve", "not-alone"],
        Field(description="not-alone: who asked for the release cannot be the only one to approve"),
    ] = "may-approve"

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        if self.approvers and len(set(self.approvers)) < self.people:
            may = len(set(self.approvers))
            raise ValueError(f"{self.people} people must approve, and only {may} may: add approvers")
        return self


class Contact(Served):
    """One role, and how it is reached; a lower level is tried first."""

    role: Name
    says: str = ""
    level: Annotated[int, Field(ge=1, le=9)] = 1
    reach: Annotated[
        tuple[Literal["phone", "sms", "slack", "email", "pagerduty"], ...],
        Field(description="how, in the order in which it is tried; who is told by whom is the channels' business"),
    ] = ()
    handle: Annotated[str, Field(description="e.g. @team-lead; never a secret")] = ""
    hours: Literal["always", "office", "emergency"] = "always"


# What people are told of every release; a message of that name gives it its words.
EVENTS = frozenset({"promoted", "rolled-back", "aborted", "closed", "page", "alert"})


class Channel(Served):
    """Where messages go, and which ones; no channel is ever waited for."""

    name: Name
    to: Use
    required: Annotated[
        bool, Field(description="the report names what it did not deliver; it has to be set up before a release begins")
    ] = True
    severities: Annotated[tuple[Severity, ...], Field(description="those that go this way; left out: all")] = (
        "info",
        "warning",
        "critical",
    )
    events: Annotated[
        tuple[Name, ...],
        Field(description="messages by name, or promoted, rolled-back, aborted, closed, page, alert; empty: all"),
    ] = ()


class Message(Served):
    """What people are told at a moment of the release, in both languages."""

    name: Name
    text: Text
    text_ko: str = ""
    channels: tuple[Name, ...] = ()
    severity: Annotated[Severity, Field(description=SEVERITIES)] = "info"
