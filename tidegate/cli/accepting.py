"""
`tidegate rollback` behind a point of no return: tested at that moment, refused or accepted, and what is left.

Standard library only. The routes' marks say it; where one is lost, the way-back record.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.cli.lowering import Route, read_all
from tidegate.errors import NoReturn
from tidegate.traffic import Beyond
from tidegate.wayback import WayBack

WAYS = ("restore", "forward-only")


def typed(record: WayBack, way: str) -> str:
    """The command that accepts this way back."""
    late = f" --from {record.version}" if record.state == "promoted" else ""
    return f"tidegate rollback {record.system}{late} --beyond {way}"


def crossed(record: WayBack) -> Beyond | None:
    """The point behind which the routes stand now; nothing is read for a plan that has none."""
    return record.beyond(read_all(record)) if record.extra.get("no_return") else None


def refusal(record: WayBack, beyond: Beyond, named: str = "") -> NoReturn:
    """What, why, and which words to type; nothing was touched."""
    what = f"{beyond}; no traffic of {record.release} has moved"
    if beyond.way == "refused":
        return NoReturn(what, "this traffic is not sent back: go forward, mend it or release another version")
    other = f"the way back is not {named}; " if named else ""
    return NoReturn(what, f"{other}whoever accepts that types: {typed(record, beyond.way)}")


def tested(record: WayBack, named: str) -> Beyond | None:
    """The point that this rollback goes back behind, with its way back named; NoReturn where it is not."""
    beyond = crossed(record)
    if beyond is not None and (beyond.way == "refused" or named != beyond.way):
        raise refusal(record, beyond, named)
    return beyond


def tested_after(record: WayBack, routes: Sequence[Route], named: str) -> None:
    """NoReturn where every route refused: one was crossed after the test, or the record is older than its plan."""
    found = [route.mark.beyond for route in routes if route.no_return and route.mark and route.mark.beyond]
    if found and not any(route.fate == "lowered" for route in routes):
        raise refusal(record, found[0], named)


def left_by_hand(record: WayBack, beyond: Beyond) -> str:
    return (
        f"By hand: {beyond.way} ({beyond.says}). The traffic alone does not undo what was done at {beyond.weight} %: "
        f"until that is done, {record.blue} may not work."
    )
