"""`tidegate check` and `tidegate plan`: what is wrong with a spec, and what a release by it will do; no effects."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.table import Command
from tidegate.errors import SpecError, TidegateError

if TYPE_CHECKING:
    from tidegate.spec import Spec
    from tidegate.timetable.rows import Timetable


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="SYSTEM|FILE", help="a system, or a spec's file")


def _plan_arguments(parser: ArgumentParser) -> None:
    _check_arguments(parser)
    parser.add_argument("--plan", help="a named traffic plan of the spec (default: the active one)")
    parser.add_argument("--version", default="", help="the version, for the lines to type")
    parser.add_argument("--stop-after", type=int, metavar="PERCENT", help="as the release would be started")
    parser.add_argument(
        "--at", metavar="WHEN", help="when it would begin, e.g. 2026-11-30T09:00 (default: the spec's target, now)"
    )
    parser.add_argument("--all", action="store_true", help="limits, triggers, people, promises, too")
    parser.add_argument("--html", metavar="FILE", help="draw it, too: a page that needs nothing else")


def _check(arguments: Namespace) -> Exit:
    path = _file(arguments.system)
    from blocks.connect import connector, read_spec
    from tidegate.cli.connecting import Placeholders, uses_of, warnings_of

    spec = read_spec(_text(path), str(path))
    values = Placeholders.here()
    for where, use in uses_of(spec):
        if use.block is None:  # a saved block needs the server that keeps it
            connector(use, where, values)
    warnings = warnings_of(spec)
    if arguments.json:
        told = {"system": spec.system, "file": str(path), "ok": True, "warnings": warnings}
        terminal.give("check", {**told, "not_known_here": sorted(values.missing)})
        return Exit.DONE
    terminal.say(f"{path}: this spec can be used.")
    parts = ", ".join(spec.components)
    terminal.say(
        f"  {spec.system}: {parts}; {len(spec.gates)} gates, {len(spec.checks)} checks, plans {', '.join(spec.plans)}"
    )
    for warning in warnings:
        terminal.say(f"  note: {warning}")
    if values.missing:
        known = ", ".join(sorted(values.missing))
        terminal.say(f"  note: not known before this installation is up: {known} (tidegate up writes them)")
    return Exit.DONE


def _file(named: str | None) -> Path:
    """The spec's file: named itself, or its system."""
    if named is not None and (named.endswith((".yaml", ".yml")) or "/" in named):
        path = Path(named)
        if not path.is_file():
            raise UsageError(f"there is no file {named}", "name a system or a spec's file")
        return path
    path = here.root() / "deployments" / "releases" / f"{here.the_system(named)}.yaml"
    if not path.is_file():
        raise SpecError(f"{path.stem} has a way-back record here, but no spec", f"a spec would be {path}")
    return path


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failed:
        raise SpecError(f"{path} cannot be read: {failed.strerror}") from None


def _plan(arguments: Namespace) -> Exit:
    path = _file(arguments.system)
    from tidegate.cli.opened import spec_of
    from tidegate.spec import compressed
    from tidegate.timetable.text import as_json, as_lines

    spec = compressed(spec_of(_text(path), str(path)), _compress())
    if arguments.plan is not None and arguments.plan not in spec.plans:
        here.unknown("plan", arguments.plan, sorted(spec.plans))
    told = _on_paper(spec, arguments)
    by_hand, missing = _by_hand(spec), _not_built(told)
    if arguments.html:
        _draw(told, Path(arguments.html), missing)
    if arguments.json:
        terminal.give("plan", {**as_json(told, missing), "by_hand": by_hand})
        return Exit.DONE
    for line in as_lines(told, by_hand, missing, everything=arguments.all):
        terminal.say(line)
    return Exit.DONE


def _on_paper(spec: Spec, arguments: Namespace) -> Timetable:
    """The timetable that was asked for: on the day typed, else on the spec's own, else now."""
    from blocks.public_holidays import of_calendar
    from tidegate.clockwork.moments import planned_start
    from tidegate.timetable.walk import timetable

    begins = _when(arguments.at)
    if arguments.at is None:
        begins = planned_start(spec) or begins
    holidays = of_calendar(spec.calendar.holidays, begins.date() - timedelta(days=30), 400)
    version = arguments.version or (spec.identity.version if spec.identity else "") or "VERSION"
    return timetable(spec, begins, version, arguments.plan or "", arguments.stop_after, holidays)


def _not_built(told: Timetable) -> set[str]:
    """Connectors that the timetable needs and this installation does not have."""
    from blocks.connect import is_built

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


def _when(typed: str | None) -> datetime:
    """The beginning, to the minute: asked twice, the plan is twice the same."""
    if typed is None:
        return datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        return datetime.fromisoformat(typed).astimezone(UTC)
    except ValueError:
        raise UsageError(f"--at {typed!r} is no time", "write e.g. 2026-11-30T09:00") from None


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
    "check": Command(
        examples=(
            ("tidegate check shop", "read the spec of shop, and connect what it names without using it"),
            ("tidegate check ./shop.yaml", "the same for any file"),
        ),
        arguments=_check_arguments,
        run=_check,
        more="The first thing that is wrong is named with its path; nothing is touched.",
    ),
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
