"""
A release spec: how one system is released, described once.

Strict: an unknown field, a missing unit or a NaN is an error with its path, never a default. This page holds what
the embedded default needs; `blocks/yaml_spec.py` reads the YAML, `blocks/connect.py` connects what `use:` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tidegate.actions import RESERVED
from tidegate.quantities import Duration, Quantity

SCHEMA = 1
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="lower case letters, digits, dashes")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Use(BaseModel):
    """Which connector, with its own fields; those are checked against the connector's class, strictly."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    use: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="a connector, e.g. traefik-router")]
    block: Annotated[str | None, Field(description="name of a saved Prefect block that holds fields and secrets")] = (
        None
    )

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Component(_Strict):
    """A part of the system that is released and routed: its platform, its route, its artifact."""

    platform: Use
    router: Use
    artifact: Use
    metrics: Use
    source: Annotated[Text, Field(description="where the built artifact lies; {version} is filled in")]
    instances: Annotated[int, Field(ge=1, le=1000)] = 2
    keep_ready: Annotated[
        int | None, Field(ge=1, description="blue instances that must stay ready; default: all of them")
    ] = None


class CheckSpec(_Strict):
    """One check: before the release touches anything, or (smoke) on green before it gets traffic."""

    name: Name
    check: Use
    says: Annotated[Text, Field(description="what it proves, in the reader's words")]
    remedy: Annotated[str, Field(description="what to do when it fails")] = ""
    component: Annotated[Name | None, Field(description="whose green it looks at")] = None
    blocking: bool = True


class BackupSpec(_Strict):
    name: Name
    backup: Use


class Gate(_Strict):
    """
    Limits of one metric of the canary, judged at every look.

    At or below `target` passes; above `rollback` for `lasting` fails; the band between holds (design 2.3). Fewer than
    `min_samples` requests are no verdict (exact binomial bounds: docs/judgement.md).
    """

    name: Name
    component: Name
    metric: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    target: Quantity
    rollback: Quantity
    lasting: Annotated[Duration, Field(description="how long it must stay above rollback; 0s: at once")] = timedelta(0)
    window: Annotated[Duration, Field(description="what one reading covers")] = timedelta(minutes=5)
    min_samples: Annotated[int, Field(ge=0)] = 0
    says: str = ""

    @model_validator(mode="after")
    def _tiers_in_order(self) -> Self:
        if self.target > self.rollback:
            raise ValueError(
                f"target {self.target:g} lies above rollback {self.rollback:g}; the smaller one is the target"
            )
        return self


class Step(_Strict):
    """One exposure for all routed components, and how long it bakes."""

    weight: Annotated[int, Field(ge=1, le=100)]
    bake: Duration
    approval: Annotated[Name | None, Field(description="an approval asked before this step")] = None

    @property
    def name(self) -> str:
        return str(self.weight)


class Plan(_Strict):
    """A named way of shifting traffic."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _rising_to_the_end(self) -> Self:
        weights = [step.weight for step in self.steps]
        if sorted(set(weights)) != weights:
            raise ValueError(f"weights must rise: {weights}")
        if weights[-1] < 95:
            raise ValueError(f"the last step is {weights[-1]} %; it must be 100 (or 95 to 98 with a hold-back)")
        return self

    def before(self, step: Step) -> str:
        """The name of the step before this one, "" for the first."""
        at = self.steps.index(step)
        return self.steps[at - 1].name if at else ""


class Approval(_Strict):
    """A question to people; silence has a stated answer."""

    name: Name
    ask: Text
    ask_ko: str = ""
    deadline: Duration = timedelta(hours=24)
    on_expiry: Literal["rollback", "abort"] | None = None  # None: rollback once green has traffic, abort before
    approvers: Annotated[tuple[str, ...], Field(description="who may answer; empty: anybody who can resume")] = ()


class Hold(_Strict):
    """What happens while nothing can be decided."""

    deadline: Duration = timedelta(minutes=10)
    on_expiry: Literal["rollback", "stay"] = "rollback"
    stay_reason: str = ""
    parked_deadline: Duration = timedelta(hours=24)

    @model_validator(mode="after")
    def _stay_needs_a_reason(self) -> Self:
        if self.on_expiry == "stay" and not self.stay_reason:
            raise ValueError("on_expiry: stay needs a stay_reason")
        return self


class Verification(_Strict):
    """Runs after promotion, each a scheduled flow run with its own report."""

    slots: Annotated[tuple[Duration, ...], Field(min_length=1, max_length=400)]
    late: Annotated[Duration, Field(description="how late a slot is still useful; later it is MISSED")] = timedelta(
        hours=2
    )
    checks: tuple[Name, ...] = ()
    on_fail: Literal["rollback", "page"] = "rollback"


class Cleanup(_Strict):
    """When the way back by traffic ends: green is made final and blue removed."""

    keep_blue: Duration = timedelta(days=7)
    grace: Annotated[Duration, Field(description="how long an instance may finish its requests")] = timedelta(
        seconds=30
    )


class Looking(_Strict):
    """The watch's rhythm for this system (machine time: never compressed)."""

    every: Duration = timedelta(seconds=5)
    unhealthy_looks: Annotated[
        int, Field(ge=1, description="looks in a row without a healthy green before rollback")
    ] = 2


class Spec(_Strict):
    """One system and how it is released."""

    schema_version: Literal[1] = 1
    system: Name
    description: Text
    components: Annotated[dict[Name, Component], Field(min_length=1)]
    checks: tuple[CheckSpec, ...] = ()
    backups: tuple[BackupSpec, ...] = ()
    approvals: tuple[Approval, ...] = ()
    readiness: Annotated[Name | None, Field(description="the approval asked before green gets traffic")] = None
    plans: Annotated[dict[Name, Plan], Field(min_length=1)]
    plan: Annotated[Name, Field(description="the active plan")]
    gates: Annotated[tuple[Gate, ...], Field(min_length=1)]
    hold: Hold = Hold()
    verification: Verification
    cleanup: Cleanup = Cleanup()
    looking: Looking = Looking()
    notify: tuple[Use, ...] = ()
    compress: Annotated[int, Field(ge=1, le=100_000, description="set by --compress, never in a file")] = 1

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        for problem in self._loose_names():
            raise ValueError(problem)
        return self

    def _loose_names(self) -> Iterator[str]:
        """Every name that means nothing, is Tidegate's own or stands twice."""
        parts, asked = set(self.components), {approval.name for approval in self.approvals}
        checks = {check.name for check in self.checks}
        said: list[tuple[str, str | None, set[str]]] = [("plan", self.plan, set(self.plans))]
        said.append(("readiness", self.readiness, asked))
        said += [(f"gates.{gate.name}.component", gate.component, parts) for gate in self.gates]
        said += [(f"checks.{check.name}.component", check.component, parts) for check in self.checks]
        said += [(f"plans.{n}.{s.weight}.approval", s.approval, asked) for n, p in self.plans.items() for s in p.steps]
        said += [("verification.checks", name, checks) for name in self.verification.checks]
        for where, name, known in said:
            if name is not None and name not in known:
                yield f"{where}: {name!r} is not defined; defined are {', '.join(sorted(known)) or 'none'}"
        for name in sorted(RESERVED & set(self.plans)):
            yield f"plans: {name!r} is a name of Tidegate's own; call the traffic plan something else"
        for part in sorted(parts - {gate.component for gate in self.gates}):
            yield f"gates: component {part!r} has none; an ungated canary would be promoted unseen"
        yield from self._twice()

    def _twice(self) -> Iterator[str]:
        kinds = {
            "gates": [gate.name for gate in self.gates],
            "checks": [check.name for check in self.checks],
            "approvals": [approval.name for approval in self.approvals],
        }
        for kind, names in kinds.items():
            for name in sorted({n for n in names if names.count(n) > 1}):
                yield f"{kind}: the name {name!r} is used twice"

    def approval(self, name: str) -> Approval:
        return next(approval for approval in self.approvals if approval.name == name)

    def check(self, name: str) -> CheckSpec:
        return next(check for check in self.checks if check.name == name)


_FLOOR = timedelta(seconds=30)  # hold deadlines are never compressed below this (design 6)


def compressed(spec: Spec, n: int) -> Spec:
    """
    The same release with its own waits divided by n (demo, rehearsal): bakes, sustained durations, windows, hold
    deadlines (never below 30 s), slots, retention. Machine time-outs and minimum samples are not touched.
    """
    if n == 1:
        return spec

    def short(value: timedelta, floor: timedelta = timedelta(0)) -> timedelta:
        return max(value / n, min(value, floor))

    plans = {
        name: plan.model_copy(update={"steps": tuple(s.model_copy(update={"bake": short(s.bake)}) for s in plan.steps)})
        for name, plan in spec.plans.items()
    }
    gates = tuple(
        g.model_copy(update={"lasting": short(g.lasting), "window": short(g.window, timedelta(seconds=3))})
        for g in spec.gates
    )
    hold, after, cleanup = spec.hold, spec.verification, spec.cleanup
    changed: Mapping[str, Any] = {
        "plans": plans,
        "gates": gates,
        "hold": hold.model_copy(
            update={
                "deadline": short(hold.deadline, _FLOOR),
                "parked_deadline": short(hold.parked_deadline, _FLOOR),
            }
        ),
        "verification": after.model_copy(
            update={"slots": tuple(short(slot) for slot in after.slots), "late": short(after.late, _FLOOR)}
        ),
        "cleanup": cleanup.model_copy(update={"keep_blue": short(cleanup.keep_blue)}),
        "compress": n,
    }
    return spec.model_copy(update=dict(changed))
