"""Traffic plans: steps, their bakes, their days, who is exposed, and where the way back changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.base import Duration, Line, MachineTime, Name, Served, Strict
from tidegate.language.moments import StepMoment


class Audience(Strict):
    """Who is exposed at a step besides a share of everybody."""

    include: Annotated[tuple[Name, ...], Field(min_length=1, description="groups that the router knows")]
    fill: Annotated[
        Literal["random", "none"], Field(description="whether others fill the share up when the groups are smaller")
    ] = "none"


class WayBackAfter(Strict):
    """A point of no return: from this step's weight on the way back is another one, and only a person takes it."""

    way: Literal["restore", "forward-only", "refused"]
    says: Line
    approval: Annotated[Name, Field(description="asked for separately, before this step")]


class Step(Served):
    """One exposure for all routed components, and how long it bakes."""

    weight: Annotated[int, Field(ge=1, le=100)]
    bake: Duration
    approval: Annotated[Name | None, Field(description="an approval asked before this step")] = None
    begins: Annotated[StepMoment | None, Field(description="not before this day")] = None
    before: Annotated[Name | None, Field(description="a routine performed before the weight is raised")] = None
    raised: Annotated[
        Name | None, Field(description="a routine performed once the weight is read back, before the bake begins")
    ] = None
    after: Annotated[Name | None, Field(description="a routine performed after the bake")] = None
    band: Annotated[
        Literal["hold", "rollback"],
        Field(description="rollback: at this step what misses a gate's target fails it; there is no band that holds"),
    ] = "hold"
    looks_every: Annotated[
        MachineTime | None, Field(description="the watch's rhythm at this step, where it is another than `looking`")
    ] = None
    audience: Audience | None = None
    no_return: WayBackAfter | None = None
    halfway_limit: Annotated[
        Duration | None,
        Field(description="not promoted this long after this step's raise: people are told at half of it, then back"),
    ] = None

    @property
    def name(self) -> str:
        return str(self.weight)


class Plan(Served):
    """A named way of shifting traffic."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    budget: Annotated[
        Duration | None, Field(description="the time planned from the first raise to the last; longer bakes are told")
    ] = None
    says: str = ""

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

    def at_a_stretch(self, step: Step) -> timedelta:
        """The bakes from this step on, up to the next one that has a day of its own; 0 within such a stretch."""
        at = self.steps.index(step)
        if at and step.begins is None:
            return timedelta(0)
        rest = self.steps[at + 1 :]
        until = next((n for n, one in enumerate(rest) if one.begins is not None), len(rest))
        return sum((one.bake for one in (step, *rest[:until])), timedelta(0))

    @property
    def bakes(self) -> timedelta:
        return sum((step.bake for step in self.steps), timedelta(0))
