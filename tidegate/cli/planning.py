"""`tidegate plan`: what a release will do and when; no effects."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.paper import on_paper, spec_path, text_of
from tidegate.cli.table import Command
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from tidegate.spec import Spec
    from tidegate.timetable.rows import Timetable


def _plan_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="SYSTEM|FILE", help="a system, or a spec's file")
    parser.add_argument("--plan", help="a named traffic plan of the spec (default: the active one)")
    parser.add_argument("--version", default="", help="the version, for the lines to type")
    parser.add_argument("--stop-after", type=int, metavar="PERCENT", help="as the release would be started")
    parser.add_argument(
        "--at", metavar="WHEN", help="when it would begin, e.g. 2026-11-30T09:00 (default: the spec's target, now)"
    )
    parser.add_argument("--all", action="store_true", help="limits, triggers, people, promises, too")
    parser.add_argument("--html", metavar="FILE", help="draw it, too: a page that needs nothing else")


def _plan(arguments: Namespace) -> Exit:
    path = spec_path(arguments.system)
    from tidegate.cli.opened import spec_of
    from tidegate.spec import compressed
    from tidegate.timetable.text import as_json, as_lines

    text = text_of(path)
    spec = compressed(spec_of(text, str(path)), _compress())
    if arguments.plan is not None and arguments.plan not in spec.plans:
        here.unknown("plan", arguments.plan, sorted(spec.plans))
    begins = when(arguments.at) if arguments.at else None
    told = on_paper(spec, str(path), begins, arguments.version, arguments.plan or "", arguments.stop_after, text)
    by_hand, missing = _by_hand(spec), _not_built(told)
    if arguments.html:
        _draw(told, Path(arguments.html), missing)
    if arguments.json:
        terminal.give("plan", {**as_json(told, missing), "by_hand": by_hand})
        return Exit.DONE
    for line in as_lines(told, by_hand, missing, everything=arguments.all):
        terminal.say(line)
    return Exit.DONE


def _not_built(told: Timetable) -> set[str]:
    """Connectors that the timetable needs and this installation does not have."""
    from blocks.built_connectors import is_built

    return {use for row in told.rows for use in row.uses if not is_built(use)}


def _draw(told: Timetable, path: Path, missing: set[str]) -> None:
    from tidegate.timetable.picture import page

    try:
        path.write_text(page(told, missing), "utf-8")
    except OSError as failed:
        raise UsageError(f"--html {path}: {failed.strerror}", "name a file that can be written") from None
    terminal.tell(f"drawn: file://{path.resolve()}")


def _compress() -> int:
    from blocks.installation import Installation

    return Installation.here().compress


def when(typed: str) -> datetime:
    """The beginning that was typed, as an instant."""
    from tidegate.language.moments import YEARS

    try:
        at = datetime.fromisoformat(typed)
        if at.year in YEARS:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # said below
    raise UsageError(f"--at {typed!r} is no time", "write e.g. 2026-11-30T09:00")


def _by_hand(spec: Spec) -> dict[str, str]:
    """Component -> the break-glass line, as far as the routes are there to be read."""
    from blocks.connect import connector
    from blocks.installation import Installation

    values, found = Installation.here().values, dict[str, str]()
    for name, part in spec.components.items():
        try:
            found[name] = str(connector(part.router, f"components.{name}.router", values).by_hand())
        except TidegateError as why:
            found[name] = f"not known yet: {why}"
    return found


COMMANDS = {
    "plan": Command(
        examples=(
            ("tidegate plan shop", "the dated timeline of a release that begins now"),
            (
                "tidegate plan shop --plan halves --at 2026-11-30T09:00 --json",
                "by another traffic plan, on a day to come",
            ),
        ),
        arguments=_plan_arguments,
        run=_plan,
        more="Every act in its order, with the way back at each point; earliest times, as if people answered at once.",
    ),
}
