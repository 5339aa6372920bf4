"""Metrics, gates, triggers, KPIs: what is measured, what passes, what shuts the gate, what is only told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tidegate.errors import SpecError
from tidegate.judge.profile import ALPHA, Profile
from tidegate.judge.selected import refuse_bad_rules
from tidegate.language.base import (
    SEVERITIES,
    Count,
    Duration,
    Line,
    MachineTime,
    Measure,
    Name,
    Served,
    Severity,
    Strict,
    Use,
)
from tidegate.language.limits import AnyLimit
from tidegate.language.moments import Anchor, Moment


class Metric(Served):
    """
    A number by name, and where it comes from: all sources are asked, the first that has a figure counts.

    A gate on a metric that stands here is judged by it; other gates read `components.NAME.metrics`. `scope: all` makes
    it one number of old and new together; else it is the new version's, where the source tells versions apart.
    """

    name: Measure
    sources: Annotated[tuple[Use, ...], Field(min_length=1)]
    says: str = ""
    statistic: Literal["mean", "sum", "rate", "min", "max", "p50", "p75", "p90", "p95", "p99", "count"] | None = None
    scope: Annotated[Literal["green", "all"], Field(description="the new version alone, or old and new together")] = (
        "green"
    )
    by: Annotated[
        Literal["page", "endpoint", "error-type", "error-level"] | None, Field(description="what it is split by")
    ] = None
    levels: Annotated[
        dict[str, Severity],
        Field(default_factory=dict, description="severity of each part it is split by; channels route by it"),
    ]
    buckets: Annotated[
        tuple[Duration, ...], Field(description="upper edges of a histogram that the report shows, rising")
    ] = ()
    traffic: Annotated[
        str, Field(pattern=r"^(\d+(\.\d+)?/s)?$", description="requests a second in all, if known: what a step can see")
    ] = ""


class Gate(Served):
    """
    Limits of one metric of the canary, judged at every look.

    What satisfies `target` passes; what satisfies `rollback` for `lasting` fails; the band between holds (design 2.3).
    `alert` tells people and holds nothing. Fewer than `min_samples` requests are no verdict (exact binomial bounds:
    docs/judgement.md). `then: ask` holds and asks instead of rolling back by itself.
    """

    name: Name
    component: Name
    metric: Measure
    target: AnyLimit | None = None
    alert: AnyLimit | None = None
    rollback: AnyLimit | None = None
    lasting: Annotated[Duration, Field(description="how long rollback must hold; 0s: at once")] = timedelta(0)
    samples: Annotated[Count, Field(description="readings in a row that rollback must hold")] = 1
    window: Annotated[Duration, Field(description="what one reading covers")] = timedelta(minutes=5)
    min_samples: Annotated[
        int, Field(ge=0, le=10_000_000, description="requests that a reading needs; fewer are no verdict")
    ] = 0
    then: Annotated[
        Literal["rollback", "ask", "page"], Field(description="what happens when rollback has held for long enough")
    ] = "rollback"
    severity: Annotated[Severity, Field(description=f"of what `alert` and `then: page` tell people; {SEVERITIES}")] = (
        "warning"
    )
    floor: Annotated[
        AnyLimit | None, Field(description="rollback holds only where this holds, too, e.g. above 10 count")
    ] = None
    until: Annotated[
        Moment | None, Field(description="judged from the first raise until then; left out: until promoted")
    ] = None
    no_data: Annotated[
        Literal["hold", "skip"],
        Field(description="skip: where there is no data there is nothing to judge, and it is told"),
    ] = "hold"
    tell: Annotated[tuple[Name, ...], Field(description="messages sent when it alerts, pages or asks")] = ()
    says: str = ""

    def __hash__(self) -> int:
        """Gates are looked up at every look; their names tell them apart."""
        return hash((self.name, self.component, self.metric))

    @property
    def unit(self) -> str:
        """The unit in which its limits are written."""
        return next((one.unit for one in (self.rollback, self.target, self.alert) if one is not None and one.unit), "")

    @property
    def worst(self) -> float:
        """The number that a picture draws as the limit: rollback, or the target where nothing rolls back."""
        found = self.rollback if self.rollback is not None else self.target
        assert found is not None
        return found

    def passes(self, value: float, baseline: float | None = None) -> bool:
        return self.target is None or self.target.holds(value, baseline)

    def fails(self, value: float, baseline: float | None = None) -> bool:
        if self.floor is not None and not self.floor.holds(value, baseline):
            return False
        return self.rollback is not None and self.rollback.holds(value, baseline)

    @model_validator(mode="after")
    def _tiers_in_order(self) -> Self:
        tiers = [(name, one) for name in ("target", "alert", "rollback") if (one := getattr(self, name)) is not None]
        if not any(name != "alert" for name, _ in tiers):
            raise ValueError("a gate needs a target, a rollback limit, or both")
        wanted, worst = self.target, self.rollback
        if wanted is None or worst is None or wanted.relative or worst.relative:
            return self
        if wanted.upper == worst.upper:
            raise ValueError(f"target {wanted.said!r} and rollback {worst.said!r} point the same way")
        if (wanted > worst) if wanted.upper else (wanted < worst):
            raise ValueError(f"target {wanted.said!r} lies beyond rollback {worst.said!r}: every value would be both")
        return self


class Rehearsed(Strict):
    """How often good releases of this plan were rolled back on the site's own traffic."""

    good: Annotated[int, Field(ge=20, le=1_000_000, description="good releases that were rehearsed")]
    rolled_back: Annotated[int, Field(ge=0, description="of these")]

    @model_validator(mode="after")
    def _of_them(self) -> Self:
        if self.rolled_back > self.good:
            raise ValueError(f"rolled_back {self.rolled_back} of {self.good}: more than there were")
        return self


class Comparison(Strict):
    """Whether the new version is also judged against the stable one over the same minutes (docs/judgement.md)."""

    judge: Annotated[
        Literal["sequential", "argo", "kayenta", "off"],
        Field(
            description="sequential: at any look, with a known rate of false rollbacks; argo, kayenta: rules that you "
            "bring, with the verdicts of those projects; off: limits alone decide"
        ),
    ] = "sequential"
    alpha: Annotated[
        float, Field(ge=0.001, le=0.5, description="its nominal rate; `tidegate judge --rehearse` finds a site's own")
    ] = ALPHA
    profile: Annotated[
        dict[Line, float],
        Field(
            default_factory=dict, description="this site's ups and downs, e.g. hiccups: 2 (an hour); docs/judgement.md"
        ),
    ]

    learns: Annotated[
        bool, Field(description="whether it begins with what this system's earlier good releases have taught it")
    ] = True
    rehearsed: Annotated[
        Rehearsed | None,
        Field(description="what `tidegate judge --rehearse` counted at this alpha: told in plan and report"),
    ] = None
    argo: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict, description="metrics: those of an AnalysisTemplate, their provider `samples`; dry_run"
        ),
    ]
    kayenta: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict,
            description="config: a canary config; interval, lookback, delay (minutes); passing, marginal",
        ),
    ]

    def policy(self, learnt: Mapping[str, float]) -> dict[str, Any]:
        """What the judge is made of; what the spec says of the site goes before what was learnt of it."""
        if self.judge in ("argo", "kayenta"):
            return {"judge": self.judge, "rules": getattr(self, self.judge)}
        return {
            "judge": "sequential",
            "alpha": self.alpha,
            "profile": {**(learnt if self.learns else {}), **self.profile},
        }

    @model_validator(mode="after")
    def _usable(self) -> Self:
        """Rules may stand in the file beside another choice: one word changes the judge, and changes it back."""
        for name in ("argo", "kayenta"):
            if self.judge == name or getattr(self, name):
                try:
                    refuse_bad_rules(name, getattr(self, name))
                except SpecError as wrong:
                    raise ValueError("; ".join(told for told in (f"{name}: {wrong}", wrong.advice) if told)) from None
        return self

    @field_validator("profile")
    @classmethod
    def _known(cls, told: dict[str, float]) -> dict[str, float]:
        try:
            Profile.of(told)
        except SpecError as wrong:
            raise ValueError(f"{wrong}; {wrong.advice}") from None
        return told


class Trigger(Served):
    """What shuts the gate besides metrics: a check that fails again and again, an incident, a person's button."""

    name: Name
    says: Line
    check: Name | None = None
    event: Annotated[Name | None, Field(description="something that is pushed, e.g. incident-critical")] = None
    failures: Annotated[Count, Field(description="failures in a row")] = 1
    then: Literal["rollback", "ask", "page", "restart", "scale"] = "rollback"
    asks_for: Annotated[
        Duration | None, Field(description="`then: ask` rolls back when nobody answers for this long")
    ] = None
    tell: Annotated[tuple[Name, ...], Field(description="messages sent when it fires")] = ()
    until: Annotated[Moment, Field(description="in force from the first raise until then")] = Moment(
        after=Anchor.FULL, by=timedelta(days=7)
    )

    @model_validator(mode="after")
    def _one_cause(self) -> Self:
        if (self.check is None) == (self.event is None):
            raise ValueError("a trigger is a check or an event: write one of them")
        return self


class Kpi(Served):
    """A number that the report shows with a light: green at `target`, yellow at `near`, red beyond."""

    name: Name
    metric: Measure
    target: AnyLimit
    near: AnyLimit | None = None
    binding: Annotated[bool, Field(description="red fails the run that judges it")] = False
    covers: Annotated[
        Duration | None, Field(description="how much of the past it judges; left out: since the first raise")
    ] = None
    each: Annotated[
        dict[str, AnyLimit],
        Field(default_factory=dict, description="targets of single parts of its metric: path or error type -> limit"),
    ]
    says: str = ""


class Experiment(Served):
    """An A/B test that runs beside the release; its end asks people."""

    name: Measure
    flag: Name
    control: Annotated[int, Field(ge=1, le=99, description="% of the test's users")]
    treatment: Annotated[int, Field(ge=1, le=99, description="% of the test's users")]
    confidence: Annotated[int, Field(ge=50, le=99, description="%")] = 95
    wants: Annotated[tuple[Name, ...], Field(description="gates or KPIs by name that its end judges")] = ()
    ends: Moment
    ask: Annotated[Name | None, Field(description="the approval asked at its end")] = None
    begins_at: Annotated[str, Field(description="the step's weight with which it begins")] = ""
    control_sets: Annotated[dict[Line, bool], Field(default_factory=dict, description="switch -> value, control group")]
    treatment_sets: Annotated[dict[Line, bool], Field(default_factory=dict, description="the same, treatment group")]
    primary: Annotated[tuple[Measure, ...], Field(description="metrics that decide, taken for each group")] = ()
    secondary: Annotated[tuple[Measure, ...], Field(description="metrics that are shown, taken for each group")] = ()
    lift_of: Annotated[Measure | None, Field(description="the metric that the treatment has to lift")] = None
    lift: Annotated[
        AnyLimit | None, Field(description="of treatment over control, as a share of control, at the test's confidence")
    ] = None
    population: Annotated[
        Literal["everybody", "exposed-and-holdout"],
        Field(description="whose shares these are: of all users, or of the exposed and an equal holdout"),
    ] = "everybody"
    on_full: Annotated[
        Literal["ask", "end-early", "wait", "keep-holdout"],
        Field(description="what becomes of a test that still runs when the last step removes its control group"),
    ] = "ask"


class Slo(Served):
    """A promise over a long time, e.g. 99.5 % of a month; what is left of it is shown and alerted on."""

    name: Name
    metric: Measure
    target: AnyLimit
    over: Literal["hours", "day", "week", "month", "release"] = "month"
    at_least: Annotated[Duration | None, Field(description="not judged before it was measured for this long")] = None
    probe: Annotated[
        Use | None, Field(description="asked always, whether a release runs or not; its samples are kept")
    ] = None
    every: Annotated[MachineTime, Field(description="how often the probe asks")] = timedelta(seconds=60)
    measured_at: Annotated[tuple[Line, ...], Field(description="the places that count")] = ()
    excludes: Annotated[tuple[Line, ...], Field(description="what does not count, e.g. planned maintenance")] = ()
    consequences: Annotated[str, Field(description="what follows when it is missed")] = ""
    tell: Annotated[tuple[Name, ...], Field(description="messages when the probe fails or the budget burns")] = ()
    says: str = ""
