"""How a command ends, as a number that scripts can tell apart; `tidegate help exit-codes` prints this page."""

from __future__ import annotations

from enum import IntEnum

from tidegate.errors import LedgerUnavailable, Refused, ReleaseRefused, RollbackIncomplete, TidegateError, Unreachable


class Exit(IntEnum):
    """Exit codes; their numbers never change."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    ROLLED_BACK = 3
    WAITING = 4
    UNREACHABLE = 5
    REFUSED = 6
    INCOMPLETE = 7
    ABORTED = 8
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done: what was asked has happened; with --wait, the release is promoted or rests as asked",
    Exit.FAILED: "failed: a finding of check, doctor, audit or report --verify, or an error that is said in one line",
    Exit.USAGE: "usage: an unknown command, option, system or version; nothing was touched",
    Exit.ROLLED_BACK: "rolled back: the release that was waited for gave its traffic back",
    Exit.WAITING: "waits for a person: an approval is open, or a promoted release needs --from to be rolled back",
    Exit.UNREACHABLE: "not reachable: the Prefect server or the ledger does not answer; the line names which",
    Exit.REFUSED: "refused: not now or not by this way (another release, nothing is asked, a route of another release)",
    Exit.INCOMPLETE: "rollback incomplete: a route is not confirmed at 0 % yet; the manual line was printed",
    Exit.ABORTED: "aborted: the release that was waited for ended before it had any traffic",
    Exit.INTERRUPTED: "interrupted by Ctrl-C: a release under way goes on",
}


class UsageError(TidegateError):
    """Something was typed that no command knows; nothing was touched."""


def exit_of(error: TidegateError) -> Exit:
    """The code of an error that ends a command."""
    match error:
        case UsageError():
            return Exit.USAGE
        case RollbackIncomplete():
            return Exit.INCOMPLETE
        case Unreachable() | LedgerUnavailable():
            return Exit.UNREACHABLE
        case Refused() | ReleaseRefused():
            return Exit.REFUSED
        case _:
            return Exit.FAILED
