"""
A release spec: how one system is released, described once.

Strict: an unknown field, a missing unit or a NaN is an error with its path, never a default. The parts of the language
lie in `tidegate/language/`; `blocks/yaml_spec.py` reads the YAML, `blocks/connect.py` connects what `use:` names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.acts import Act, Schedule
from tidegate.language.aftermath import Remedy, RollbackSpec, Timer
from tidegate.language.base import Duration, MachineTime, Name, NotBelow, NotInFile, Served, Strict, Text, Use
from tidegate.language.calendar import Calendar
from tidegate.language.evidence import BackupSpec, Baseline, CheckSpec, Ready, Waiver
from tidegate.language.identity import Component, Dashboard, Environment, Flag, Identity
from tidegate.language.judging import Comparison, Experiment, Gate, Kpi, Metric, Slo, Trigger
from tidegate.language.meeting import loose_ends
from tidegate.language.moments import Zone
from tidegate.language.people import Approval, Channel, Contact, Item, Message
from tidegate.language.shortening import shortened
from tidegate.language.traffic import Plan, Step

SCHEMA = 1
FLOOR = NotBelow(30)  # hold deadlines are never compressed below this (design 6)


class Hold(Strict):
    """What happens while nothing can be decided."""

    deadline: Annotated[Duration, FLOOR] = timedelta(minutes=10)
    on_expiry: Literal["rollback", "stay"] = "rollback"
    stay_reason: str = ""
    parked_deadline: Annotated[Duration, FLOOR] = timedelta(hours=24)
    remedies: tuple[Remedy, ...] = ()

    @model_validator(mode="after")
    def _stay_needs_a_reason(self) -> Self:
        if self.on_expiry == "stay" and not self.stay_reason:
            raise ValueError("on_expiry: stay needs a stay_reason")
        return self


class Verification(Strict):
    """Runs after promotion, each a scheduled flow run with its own report; `schedules` are the longer form."""

    slots: Annotated[tuple[Duration, ...], Field(max_length=400)] = ()
    late: Annotated[
        Duration, NotBelow(120), Field(description="how late a slot is still useful; later it is MISSED")
    ] = timedelta(hours=2)
    checks: tuple[Name, ...] = ()
    on_fail: Literal["rollback", "page"] = "rollback"


class Cleanup(Served):
    """When the way back by traffic ends: green is made final and blue removed."""

    keep_blue: Duration = timedelta(days=7)
    grace: Annotated[MachineTime, Field(description="how long an instance may finish its requests")] = timedelta(
        seconds=30
    )
    approval: Annotated[
        Name | None,
        Field(description="asked before blue is removed; a no (asked again in a day) and silence keep it"),
    ] = None


class Looking(Strict):
    """The watch's rhythm for this system (machine time: never compressed)."""

    every: MachineTime = timedelta(seconds=5)
    unhealthy_looks: Annotated[
        int, Field(ge=1, description="looks in a row without a healthy green before rollback")
    ] = 2


class Spec(Served):
    """One system and how it is released."""

    schema_version: Literal[1] = 1
    system: Name
    description: Text
    identity: Identity | None = None
    timezone: Annotated[Zone, Field(description="of every clock time and date in this file")] = "UTC"
    calendar: Calendar = Calendar()
    environments: dict[Name, Environment] = Field(default_factory=dict)
    contacts: tuple[Contact, ...] = ()
    channels: tuple[Channel, ...] = ()
    messages: tuple[Message, ...] = ()
    dashboards: tuple[Dashboard, ...] = ()
    components: Annotated[dict[Name, Component], Field(min_length=1)]
    flags: tuple[Flag, ...] = ()
    groundwork: Annotated[tuple[Ready, ...], Field(description="what has to be finished before the first release")] = ()
    metrics: tuple[Metric, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    backups: tuple[BackupSpec, ...] = ()
    items: tuple[Item, ...] = ()
    approvals: tuple[Approval, ...] = ()
    readiness: Annotated[Name | None, Field(description="the approval asked before green gets traffic")] = None
    prepare: Annotated[
        tuple[Act, ...], Field(description="before traffic; left out: checks, backups, green, smoke, readiness")
    ] = ()
    routines: Annotated[dict[Name, tuple[Act, ...]], Field(default_factory=dict, description="acts that steps name")]
    plans: Annotated[dict[Name, Plan], Field(min_length=1)]
    plan: Annotated[Name, Field(description="the active plan")]
    gates: Annotated[tuple[Gate, ...], Field(min_length=1)]
    comparison: Comparison = Comparison(profile={}, argo={}, kayenta={})
    triggers: tuple[Trigger, ...] = ()
    hold: Hold = Hold()
    finish: Annotated[tuple[Act, ...], Field(description="after promotion, in order")] = ()
    schedules: tuple[Schedule, ...] = ()
    verification: Verification = Verification()
    kpis: tuple[Kpi, ...] = ()
    slos: tuple[Slo, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    rollback: RollbackSpec = RollbackSpec()
    timers: tuple[Timer, ...] = ()
    cleanup: Cleanup = Cleanup()
    looking: Looking = Looking()
    notify: tuple[Use, ...] = ()
    compress: Annotated[int, Field(ge=1, le=100_000, description="set by --compress"), NotInFile()] = 1

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        if problems := list(loose_ends(self)):
            raise ValueError("\n".join(problems))
        return self

    def approval(self, name: str) -> Approval:
        return next(approval for approval in self.approvals if approval.name == name)

    def check(self, name: str) -> CheckSpec:
        return next(check for check in self.checks if check.name == name)


def compressed(spec: Spec, n: int) -> Spec:
    """
    The same release with its own waits divided by n (demo, rehearsal): bakes, sustained durations, windows, hold
    deadlines (never below 30 s), slots (each may still be two minutes late), retention. Machine and people's time-outs
    and minimum samples are not touched.
    """
    return shortened(spec, n).model_copy(update={"compress": n}) if n > 1 else spec


__all__ = [
    "Approval", "BackupSpec", "CheckSpec", "Component", "Gate", "Hold", "Plan", "Spec", "Step", "Use", "compressed",
]  # fmt: skip
