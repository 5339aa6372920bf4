"""What people ask for: the parameter models that Prefect's UI turns into forms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


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
    kind: Annotated[Literal["regular", "hotfix", "major"], Field(description="Class of the release")] = "regular"
    plan: Annotated[
        str | None, Field(description="A named traffic plan of the spec; empty: the active one", title="Plan")
    ] = None
    stop_after: Annotated[
        int | None,
        Field(ge=1, le=99, description="Rest after this weight (per cent); a later run continues", title="Stop after"),
    ] = None
    requester: Annotated[str, Field(max_length=80, description="Who asks for it", title="Requester")] = ""


class RollbackRequest(_Request):
    """Send all traffic back to stable, now."""

    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="Why; stands in the report", title="Reason")
    ] = "decided by a person"
    release: Annotated[
        str | None, Field(description="Release id (system/version/n); empty: the one that is under way or promoted")
    ] = None


class VerifyRequest(_Request):
    """One booked verification slot of a release."""

    release: Annotated[str, Field(description="Release id (system/version/n)")]
    slot: Annotated[str, Field(description="Name of the slot, e.g. T+1h")]
    due: Annotated[datetime, Field(description="When it is due")]
