"""`tidegate push`: a value that a person enters or a program tells, or an event; kept with author and time."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.rollback import user
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from tidegate.ledger import Push

SHOWN = timedelta(days=30)
HOW = "tidegate push SYSTEM NAME VALUE, e.g. tidegate push shop user_satisfaction 4.2"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="which system")
    parser.add_argument("pushed", nargs="?", metavar="NAME", help="of the metric, or of the event")
    parser.add_argument("value", nargs="?", help="with its unit if it has one (4.2, 0.5 %%, 300ms); none: an event")
    parser.add_argument("--why", default="", help="a word on it; reports show it")
    parser.add_argument("--name", default=user(), help="who you are (default: %(default)s)")


def _run(arguments: Namespace) -> Exit:
    system = here.the_system(arguments.system)
    from tidegate.cli.opened import Opened
    from tidegate.ledger import Push

    ledger = Opened.here().ledger
    if arguments.pushed is None:
        found = ledger.pushes(system, ledger.now() - SHOWN)
        return _show(arguments, system, list(found))
    if not NAME.fullmatch(arguments.pushed):
        raise UsageError(f"{arguments.pushed[:60]!r} is no name: lower case, digits, _ and -", HOW)
    kept = ledger.push(system, Push(arguments.pushed, _number(arguments.value), arguments.name, arguments.why))
    return _show(arguments, system, [kept])


def _number(told: str | None) -> float | None:
    from tidegate.quantities import quantity

    if told is None:
        return None
    try:
        return float(told) if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", told) else quantity(told)
    except ValueError as wrong:
        raise UsageError(str(wrong), HOW) from None


def _show(arguments: Namespace, system: str, found: list[Push]) -> Exit:
    if arguments.json:
        told = [{"name": one.name, "value": one.value, "who": one.who, "why": one.why, "at": one.at} for one in found]
        terminal.give("push", {"system": system, "pushed": told})
        return Exit.DONE
    for one in found:
        what = f"{one.name} = {one.value:g}" if one.value is not None else f"event {one.name}"
        when = f"{one.at.astimezone():%Y-%m-%d %H:%M:%S}" if one.at else ""
        terminal.say(f"{system}: {what}, by {one.who}, {when}{f' ({one.why})' if one.why else ''}")
    if not found:
        terminal.say(f"Nothing was pushed to {system} in {SHOWN.days} days. {HOW}")
    return Exit.DONE


COMMANDS = {
    "push": Command(
        examples=(
            ("tidegate push shop user_satisfaction 4.2 --why 'survey of Monday'", "a value of a metric"),
            ("tidegate push shop incident-critical", "an event, which a trigger may wait for"),
        ),
        arguments=_arguments,
        run=_run,
        more="pushed-metrics reads the value, a trigger acts on its event. Without NAME: what was pushed in 30 days.",
    )
}
