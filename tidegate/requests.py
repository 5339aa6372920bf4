"""
What people ask for: the parameter models that Prefect's UI turns into forms.

The form shows one plain field for what may be left out; what is left out is not sent (Prefect would draw a switch
between "str" and "None", and its server refuses a null that the form does not offer).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.json_schema import SkipJsonSchema


def _plain(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _none_when_blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


LeftOut = SkipJsonSchema[None]
Blank = BeforeValidator(_none_when_blank)


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


class ReleaseRequest(_Request):
    """Take a version of this system to production."""

    version: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
            description="The version to release, e.g. `2.0`",
            title="Version",
        ),
    ]
    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="Why now; stands in the report", title="Reason")
    ] = "regular release"
    requester: Annotated[
        str, Field(max_length=80, description="Who asks for it; stands in the report", title="Your name")
    ] = ""
    kind: Annotated[
        Literal["regular", "hotfix", "major"],
        Field(description="Class of the release; stands in the report", title="Kind"),
    ] = "regular"
    override: Annotated[
        str,
        Field(
            max_length=500,
            description="Only while a lock after a rollback stands: why this release may start all the same. Needs "
            "your name; stands in the report",
            title="Override of a lock",
        ),
    ] = ""
    plan: Annotated[
        str | LeftOut,
        Blank,
        Field(
            description="A named traffic plan of the spec; empty: the active one",
            title="Traffic plan",
            json_schema_extra=_plain,
        ),
    ] = None
    starts: Annotated[
        AwareDatetime | LeftOut,
        Blank,
        Field(
            description="When the release's day begins, with a zone; empty: the spec's own day, or now",
            title="Starts",
            json_schema_extra=_plain,
        ),
    ] = None
    stop_after: Annotated[
        Annotated[int, Field(ge=1, le=99)] | LeftOut,
        Blank,
        Field(
            description="Rest after this weight (per cent) until a later run continues; empty: go to the end",
            title="Stop after",
            json_schema_extra=_plain,
        ),
    ] = None


class RollbackRequest(_Request):
    """Send all traffic back to stable, now."""

    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="Why; stands in the report", title="Reason")
    ] = "decided by a person"
    requester: Annotated[
        str, Field(max_length=80, description="Who decides it; stands in the report", title="Your name")
    ] = ""
    release: Annotated[
        str | LeftOut,
        Blank,
        Field(
            description="A release's id, e.g. `shop/2.0/1`; empty: the one that is under way or promoted",
            title="Release",
            json_schema_extra=_plain,
        ),
    ] = None
    confirm: Annotated[
        list[Annotated[str, Field(max_length=120)]],
        Field(
            description="Acts of the spec's rollback that wait for a person, by the names that the page told, e.g. "
            "`manual-3-restore-data`; they are done once the traffic is back",
            title="Confirmed acts",
            max_length=20,
        ),
    ] = []
    beyond: Annotated[
        Literal["", "restore", "forward-only"],
        Field(
            description="Only behind a point of no return: the way back from there, as the plan names it. Left empty, "
            "nothing moves there; choosing it accepts that the traffic alone does not undo what was done, and the run "
            "says what is left to do by hand. Where the plan says refused, nothing is sent back",
            title="Way back accepted",
        ),
    ] = ""


class VerifyRequest(_Request):
    """One booked verification slot of a release."""

    release: Annotated[str, Field(description="A release's id, e.g. `shop/2.0/1`", title="Release")]
    slot: Annotated[str, Field(description="Name of the slot, e.g. `T+1h`", title="Slot")]
    due: Annotated[datetime, Field(description="When it is due", title="Due")]
