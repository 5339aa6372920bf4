"""Which release of which system this is about, and where it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tidegate.language.base import Duration, Line, Measure, Name, Served, Strict, Text, Use
from tidegate.language.moments import Clock, Date


class Document(Strict):
    """The guide that this spec was written from."""

    version: str = ""
    written: Date | None = None
    author: str = ""
    next_review: Date | None = None


class Identity(Served):
    """Title, versions, kind and dates; a run's request may name another version and another day."""

    title: Line
    version: str = ""
    from_version: str = ""
    kind: Literal["regular", "hotfix", "major", "stage"] = "regular"
    target: Annotated[Date | None, Field(description="the day on which the release starts")] = None
    starts_at: Annotated[Clock | None, Field(description="clock time of the anchor `start`")] = None
    at_least: Annotated[Duration | None, Field(description="how long the whole takes, planned")] = None
    at_most: Duration | None = None
    document: Document = Document()
    references: tuple[Line, ...] = ()
    effects: Annotated[tuple[Line, ...], Field(description="what is expected of it")] = ()


class Variable(Served):
    """One environment variable: an exact value, a value to be supplied, or a secret by reference."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,80}$")]
    value: str | None = None
    kind: Literal["text", "url", "integer", "boolean", "percent"] = "text"
    secret: Annotated[bool, Field(description="supplied by the platform; never written here")] = False
    follows: Annotated[Literal["step-weight"] | None, Field(description="equals the active step's weight")] = None
    required: bool = True

    @model_validator(mode="after")
    def _no_secret_here(self) -> Self:
        if self.secret and self.value is not None:
            raise ValueError(f"{self.name} is a secret: its value never stands in a spec")
        return self


class Environment(Served):
    """Where the system runs, which branch goes there, and what it must be told."""

    branch: str = ""
    urls: dict[Name, str] = Field(default_factory=dict)
    approval: Name | None = None
    variables: tuple[Variable, ...] = ()
    on_push: Annotated[Name | None, Field(description="a routine performed when its branch is pushed")] = None


class Flag(Served):
    """One feature flag and the names under which its providers know it."""

    name: Name
    names: Annotated[dict[Name, str], Field(default_factory=dict, description="provider -> its own spelling")]
    groups: tuple[Name, ...] = ()
    strategy: Annotated[
        Literal["percentage", "groups"] | None, Field(description="how its provider exposes users to it")
    ] = None
    metrics: Annotated[tuple[Measure, ...], Field(description="metrics of the spec that are watched for it")] = ()
    provider: Use | None = None


class Dashboard(Served):
    """A page that people look at during the release."""

    name: Name
    url: str = ""
    says: str = ""
    required: Annotated[bool, Field(description="false: its absence is a note, not a failure")] = True


class Component(Served):
    """A part of the system that is released and routed: its platform, its route, its artifact."""

    platform: Use
    router: Use
    artifact: Use
    metrics: Annotated[
        Use, Field(description="the source from which its gates are read, for old and new version apart")
    ]
    probes: Annotated[
        Use | None,
        Field(description="synthetic requests to old and new version, counted apart; for services with little traffic"),
    ] = None
    source: Annotated[Text, Field(description="where the built artifact lies; {version} is filled in")]
    instances: Annotated[int, Field(ge=1, le=1000)] = 2
    keep_ready: Annotated[
        int | None, Field(ge=1, description="blue instances that must stay ready; default: all of them")
    ] = None
    depends_on: tuple[Name, ...] = ()
    exclude_paths: Annotated[tuple[str, ...], Field(description="patterns that stay on blue during the canary")] = ()
    exclude_until: Literal["full", "always"] = "full"
    sticky: Annotated[Literal["keep", "off-while-shifting"], Field(description="session stickiness")] = "keep"
