"""What the watch wants of others beside it, and waits for no one: the orchestrator, and whoever tells people."""

from __future__ import annotations

from typing import Protocol

from tidegate.ledger import ReleaseRow
from tidegate.ports import RunState
from tidegate.sight import Decision


class Aside(Protocol):
    """The orchestrator, asked from a side thread: nothing here waits for it."""

    def state(self, run_id: str) -> RunState | None:
        """What was last heard of this run; None when nothing was."""

    def want(self, decision: Decision, row: ReleaseRow) -> None:
        """Carry out `again`, `new-run` or `ask-rollback` when the orchestrator answers; `page` and `tell` at once."""


class NoOrchestrator:
    """Nobody to ask: looking and lowering go on."""

    def state(self, run_id: str) -> RunState | None:
        return None

    def want(self, decision: Decision, row: ReleaseRow) -> None:
        return None
