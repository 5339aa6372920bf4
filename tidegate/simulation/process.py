"""Processes of a play: who is acting now, how a process dies, freezes and keeps its lease alive."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.ledger import Lease


class Crash(BaseException):
    """This process is dead; nothing of it is carried out any more."""


@dataclass(slots=True, eq=False)
class Process:
    """A release attempt, a rollback, a verification, the watch, or a person's command."""

    name: str
    kind: str  # flow, watch or person
    lease: Lease | None = None
    renewed: float = 0.0
    frozen: bool = False
    killed: bool = False
    knew_at: float = -1.0  # elapsed clock of its last reading of the chain: what it could know
    asked_health: float = -1.0
