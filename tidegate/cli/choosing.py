"""Which way back a rollback takes: the named one, the only one, or, with --yes, the newest. Standard library only."""

from __future__ import annotations

import sys

from tidegate.cli import here, terminal
from tidegate.cli.exits import UsageError
from tidegate.cli.records import Found, by_hand, records, routes_by_hand
from tidegate.errors import Refused
from tidegate.wayback import WayBack


def chosen(system: str | None, *, yes: bool) -> WayBack:
    """The record to go by; UsageError or Refused say which there are, and what to do by hand."""
    found = records()
    if system is not None:
        return _readable(_named(system, found))
    if not found:
        raise Refused(_nothing(""), _look_elsewhere(""))
    if len(found) > 1 and not yes:
        listed = "\n".join(f"  {one.line}" for one in found)
        raise UsageError(
            "several systems can go back; name one, or take the newest with --yes", f"ways back here:\n{listed}"
        )
    record = _readable(found[0])
    if not yes and sys.stdin.isatty() and terminal.is_terminal(sys.stderr):
        terminal.tell(found[0].line)
        if input("Take all traffic back now? [y/N] ").strip().lower() not in ("y", "yes"):
            raise UsageError("nothing was done", f"tidegate rollback {record.system} does not ask")
    return record


def _named(system: str, found: list[Found]) -> Found:
    one = next((one for one in found if one.system == system), None)
    if one is not None:
        return one
    if system not in here.systems():
        possible = "; ".join(other.line for other in found) or "none"
        here.unknown("system", system, here.systems(), f"ways back here: {possible}")
    raise Refused(_nothing(system), _look_elsewhere(system))


def _nothing(system: str) -> str:
    what = f" of {system}" if system else ""
    return f"no way-back record{what} lies in {here.home() / 'wayback'}: no release holds a route here, or it is final"


def _look_elsewhere(system: str) -> str:
    lines = routes_by_hand(system)
    if lines:
        return "if traffic must go back all the same, by hand:\n" + "\n".join(f"  {line}" for line in lines)
    return "is this the right installation? name its folder with --home or TIDEGATE_HOME"


def _readable(found: Found) -> WayBack:
    if found.record is not None:
        return found.record
    lines = (
        "\n".join(f"  {line}" for line in by_hand(found))
        or "  at the router itself: the stable side to 100, the other to 0"
    )
    raise Refused(f"{found.path} cannot be read ({found.why})", f"all traffic back by hand:\n{lines}")
