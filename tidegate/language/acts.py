"""Acts: what a release does besides moving traffic, in the order in which it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.base import Duration, Measure, Name, NotBelow, Served, Text, Use
from tidegate.language.moments import Moment, Rhythm

FORMS = ("checks", "ask", "backups", "green", "run", "watch", "tell", "baselines", "remember", "report")


class Act(Served):
    """
    One act, of exactly one form.

    `checks: [names]` and `backups: [names]` prove; `ask: approval` asks; `green: [components]` pushes, creates and
    awaits; `run: {use: ...}` performs a connector's effect; `watch: 30m` looks without moving; `tell: [messages]`;
    `baselines: [names]`; `remember: previous` notes what production runs; `report: name` writes a report.
    """

    act: Name
    says: str = ""
    at: Annotated[Moment | None, Field(description="not before this")] = None
    budget: Annotated[Duration, Field(description="the time planned for it; the plan shows it, `check` adds it up")] = (
        timedelta(0)
    )
    checks: tuple[Name, ...] = ()
    ask: Name | None = None
    backups: tuple[Name, ...] = ()
    green: tuple[Name, ...] = ()
    run: Use | None = None
    watch: Duration | None = None
    tell: tuple[Name, ...] = ()
    baselines: tuple[Name, ...] = ()
    remember: Literal["previous"] | None = None
    report: Name | None = None
    on_fail: Annotated[
        Literal["stop", "rollback", "page"],
        Field(description="stop: before traffic; rollback: once green has traffic; page: go on"),
    ] = "stop"

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        found = self.forms
        if len(found) != 1:
            raise ValueError(f"act {self.act!r} must be one of {', '.join(FORMS)}; found: {', '.join(found) or 'none'}")
        return self

    @property
    def forms(self) -> list[str]:
        return [name for name in FORMS if getattr(self, name)]

    @property
    def form(self) -> str:
        return self.forms[0]


class Schedule(Served):
    """
    Verification runs by one rhythm: each a scheduled flow run with its own report and exactly one outcome.

    A run later than `late` is MISSED; one whose release is superseded is SUPERSEDED; never run twice.
    """

    name: Name
    rhythm: Rhythm
    checks: tuple[Name, ...] = ()
    gates: Annotated[Literal["all", "none"], Field(description="whether the gates are judged, too")] = "all"
    metrics: Annotated[tuple[Measure, ...], Field(description="read at each run and shown in the report")] = ()
    items: tuple[Name, ...] = ()
    kpis: Annotated[
        tuple[Name, ...], Field(description="read at each run and shown with their lights; a binding one can fail it")
    ] = ()
    ask: Annotated[Name | None, Field(description="an approval that the run asks")] = None
    tell: Annotated[tuple[Name, ...], Field(description="messages sent when a run passes")] = ()
    report: Annotated[Name | None, Field(description="the report that it writes")] = None
    late: Annotated[
        Duration, NotBelow(120), Field(description="how late a run is still useful; later it is MISSED")
    ] = timedelta(hours=2)
    on_fail: Literal["rollback", "page"] = "page"
    says: Text | None = None
