"""When it goes wrong: what a rollback does after the traffic is back, and how incidents are followed up."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from tidegate.language.base import Duration, Line, Name, Served, Use

Undo = Literal[
    "traffic-back", "flag-off", "stop-green", "redeploy-previous", "flush-cache", "invalidate-cdn", "restore-data",
    "unset-variables", "run-command", "open-issue", "verify", "tell", "record", "report",
]  # fmt: skip


OF_EVERY_ROLLBACK = frozenset({"traffic-back", "stop-green", "verify", "tell", "record", "report"})
"""What a rollback does whether or not the list names it; `checks` and `tell` of such an act are its own."""


class Undoing(Served):
    """
    One act of a rollback; traffic is always taken back first, whatever the order here.

    `run` is its effect, then its `checks` are asked, then its messages are told. traffic-back, stop-green, verify,
    record and report are done by every rollback.
    """

    act: Undo
    run: Use | None = None
    checks: tuple[Name, ...] = ()
    tell: tuple[Name, ...] = ()
    mode: Annotated[
        Literal["auto", "ask", "never"], Field(description="ask: a person confirms; destructive acts are never auto")
    ] = "auto"
    says: str = ""


class RollbackSpec(Served):
    """What follows once the traffic is back: by itself, and when a person rolls back."""

    within: Annotated[Duration, Field(description="decision to traffic back, measured and told (RTO)")] = timedelta(
        minutes=5
    )
    auto: tuple[Undoing, ...] = ()
    manual: tuple[Undoing, ...] = ()
    cooldown: Annotated[
        Duration, Field(description="no new release of the system for this long after an automatic one")
    ] = timedelta(0)
    lock: Annotated[Duration, Field(description="no new release of the system for this long after one")] = timedelta(0)
    post_mortem: tuple[Name, ...] = ()
    says: str = ""


class Timer(Served):
    """How long a problem of this severity may take, and whether it is written up."""

    severity: Annotated[
        Literal["critical", "high", "medium", "low"],
        Field(description="of a problem, not of a message: how soon it has to be mended"),
    ]
    fix_within: Annotated[Duration | None, Field(description="none: it goes to the backlog")] = None
    post_mortem: bool = False


class Remedy(Served):
    """What may be tried once while held, before people decide."""

    name: Name
    does: Literal["diagnose", "weight-zero", "scale-out", "restart"]
    says: Line
    checks: tuple[Name, ...] = ()
    run: Use | None = None
