"""
What can go wrong, as sentences a person can act on.

    TidegateError                 what happened; .advice: what to do next
    ├── SpecError                 the release spec cannot be used                 nothing was touched
    ├── ReleaseRefused            not now: AlreadyReleasing, CheckFailed          nothing was touched
    ├── ConnectorError            Unreachable, NotApplied: tried again · Denied, NotUnderstood: not
    ├── Refused                   the kernel says no to this write                nothing was written
    │   ├── Fenced                the route or the release belongs to another by now
    │   └── NoReturn              the way back is another one; only a person who names it sends the traffic back
    ├── LedgerMismatch            the ledger and the plan tell different stories
    ├── LedgerUnavailable         the ledger cannot be read or written now
    └── RollbackIncomplete        what is still to be done; the one that wakes somebody

A failed gate is no error but a verdict; an aborted release is an outcome.
"""

from __future__ import annotations


class TidegateError(Exception):
    """Something a person has to know; `advice` says what they can do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice

    def __reduce__(self) -> tuple[type[TidegateError], tuple[str, str]]:
        return type(self), (str(self), self.advice)


class SpecError(TidegateError):
    """The release spec cannot be used; nothing was touched."""


class ReleaseRefused(TidegateError):
    """Not now; nothing was touched."""


class AlreadyReleasing(ReleaseRefused):
    """Another release of this system holds its row."""


class CheckFailed(ReleaseRefused):
    """A blocking check said no."""


class ConnectorError(TidegateError):
    """A connector could not do what it was asked."""


class Unreachable(ConnectorError):
    """No answer in time; asking again may help."""


class NotApplied(ConnectorError):
    """Accepted, but the world does not show it yet; asking again may help."""


class Denied(ConnectorError):
    """The other side refuses us; asking again does not help."""


class NotUnderstood(ConnectorError):
    """The answer is not what this connector knows; asking again does not help."""


class Refused(TidegateError):
    """The kernel refuses this write; nothing was written."""


class Fenced(Refused):
    """Route or release belong to another attempt, release or decision by now."""


class NoReturn(Refused):
    """A point of no return was crossed: nothing is lowered unless a person has named the way back from there."""


class LedgerMismatch(TidegateError):
    """The ledger and the plan tell different stories; the weight stays, rollback stays possible."""


class LedgerUnavailable(TidegateError):
    """The ledger cannot be read or written now: nothing is raised, lowering goes on."""


class RollbackIncomplete(TidegateError):
    """Traffic could not be lowered yet: what is still to be done stands in the message."""
