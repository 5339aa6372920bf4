"""What every part of the language stands on: strictness, names, and which requirement a line serves."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate.quantities import Duration, Quantity

NAME, MEASURE = r"^[a-z][a-z0-9-]{0,62}$", r"^[a-z][a-z0-9_]{0,62}$"  # patterns: what a name is made of
Name = Annotated[str, Field(pattern=NAME, description="lower case letters, digits, dashes")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Measure = Annotated[str, Field(pattern=MEASURE, description="a metric's name, e.g. error_rate")]
Ids = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,31}$")], ...],
    Field(max_length=120, description="which lines of the system's own guide this stands for"),
]
Severity = Literal["info", "warning", "critical"]
SEVERITIES = "info: progress; warning: somebody should look; critical: somebody has to act now"
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Machine:
    """Marks a duration that is a machine's time-out: compressed time leaves it as it is (design 6)."""


class People:
    """Marks a duration that people need: compressed time leaves it as it is."""


class NotInFile:
    """Marks a field that Tidegate sets itself: no key of a file, so nothing that could be written is told of it."""


class NotBelow:
    """Marks the shortest that compressed time may make a duration."""

    def __init__(self, seconds: float) -> None:
        self.floor = timedelta(seconds=seconds)


MachineTime = Annotated[Duration, Machine()]
PeopleTime = Annotated[Duration, People()]


class Strict(BaseModel):
    """Unknown fields, NaN and guessed types are errors with their path, never a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Served(Strict):
    """A part that can say which lines of the system's own guide it stands for."""

    serves: Ids = ()


class Use(BaseModel):
    """Which connector, with its own fields; those are checked against the connector's class, strictly."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    use: Annotated[str, Field(pattern=NAME, description="a connector, e.g. traefik-router")]
    block: Annotated[str | None, Field(description="name of a saved Prefect block that holds fields and secrets")] = (
        None
    )

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


__all__ = [
    "Count", "Duration", "Ids", "Line", "Measure", "Name", "Quantity", "Served", "Severity", "Strict", "Text", "Use",
]  # fmt: skip
