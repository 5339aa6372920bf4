"""`tidegate status`: where a release stands, once or redrawn; one dated line an event where nothing can be redrawn."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.table import Command
from tidegate.errors import LedgerUnavailable, Refused

if TYPE_CHECKING:
    from tidegate.cli.opened import Opened
    from tidegate.ledger import ReleaseRow

EVERY = 1.0  # seconds between two drawings


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="a system, or a release's id (system/version/n); else all systems")
    parser.add_argument("--watch", action="store_true", help="stay until it ends; Ctrl-C leaves the release running")
    parser.add_argument(
        "--exit-status", action="store_true", help="exit as the release stands: 3 rolled back, 4 waits, 8 aborted"
    )
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language (default: en)")


def _run(arguments: Namespace) -> Exit:
    named = [arguments.system] if arguments.system and "/" in arguments.system else _systems(arguments)
    from tidegate.cli.opened import Opened

    opened = Opened.here()
    try:
        if arguments.watch:
            return _watch(arguments, opened, named[0] if len(named) == 1 else here.the_system(arguments.system))
        return _once(arguments, opened, named)
    except LedgerUnavailable:
        _by_the_routes(named)
        raise


def _systems(arguments: Namespace) -> list[str]:
    return [here.the_system(arguments.system)] if arguments.system or len(here.systems()) < 2 else here.systems()


# -- once --------------------------------------------------------------------------------------------------------------


def _once(arguments: Namespace, opened: Opened, named: list[str]) -> Exit:
    screens, shown, code = list[list[str]](), list[dict[str, Any]](), Exit.DONE
    for name in named:
        try:
            row = opened.row(name)
        except Refused as none:
            if len(named) == 1:
                raise
            screens.append([f"{none}."])
            continue
        code = max(code, standing(opened, row))
        if arguments.json:
            shown.append(_json(opened, row))
        else:
            screens.append(_screen(arguments, opened, row))
    if arguments.json:
        terminal.give("status", {"releases": shown})
    else:
        terminal.say("\n\n".join("\n".join(screen) for screen in screens))
    return code if arguments.exit_status else Exit.DONE


def standing(opened: Opened, row: ReleaseRow) -> Exit:
    """A release's state as an exit code."""
    from tidegate.cli.following import end_of

    story = opened.story(row.id)
    if (end := end_of(story)) is not None:
        return end
    return Exit.WAITING if story.questions else Exit.DONE


def _screen(arguments: Namespace, opened: Opened, row: ReleaseRow) -> list[str]:
    from tidegate.report.status import status_lines

    entries = opened.ledger.entries(row.id)
    facts = _facts(opened, entries)
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    lines = status_lines(
        facts,
        opened.ledger.look(row.id),
        opened.ledger.now(),
        terminal.width(),
        color=terminal.is_terminal() and not os.environ.get("NO_COLOR"),
        unicode="utf" in (sys.stdout.encoding or "").lower(),
        language=arguments.lang,
        zone=zone,
    )
    return [*lines, *_besides(opened, row)]


def _besides(opened: Opened, row: ReleaseRow) -> list[str]:
    """What the chain does not hold: freezes, the run that holds the release, the manual lines."""
    lines = [
        f"  Frozen        {one.who} until {one.until.astimezone():%Y-%m-%d %H:%M}: {one.why}"
        for one in opened.ledger.freezes(row.system)
    ]
    if row.run_id and not row.over and opened.installation.prefect_url:
        lines.append(f"  Run           {opened.run_link(row.run_id)}")
    if not row.over:
        for component, line in by_hand(row).items():
            lines += [f"  By hand       {component}:", *(f"    {one}" for one in line.splitlines())]
    return lines


def by_hand(row: ReleaseRow) -> dict[str, str]:
    """The break-glass lines of a release's way-back record, if it lies here."""
    from tidegate.cli.records import records

    found = next((one.record for one in records() if one.record and one.record.release == row.id), None)
    return {way.component: way.by_hand for way in found.ways} if found else {}


def _facts(opened: Opened, entries: Any) -> Any:
    from tidegate.cli.opened import frozen_spec
    from tidegate.report.facts import facts_of

    return facts_of(entries, opened.ledger.readings(entries[0].release), frozen_spec(entries[0].body))


def _json(opened: Opened, row: ReleaseRow) -> dict[str, Any]:
    from tidegate.report.status import json_of

    told = json_of(_facts(opened, opened.ledger.entries(row.id)), opened.ledger.look(row.id))
    freezes = [
        {"who": one.who, "why": one.why, "until": one.until.isoformat()} for one in opened.ledger.freezes(row.system)
    ]
    link = opened.run_link(row.run_id) if row.run_id and opened.installation.prefect_url else ""
    return {**told, "freezes": freezes, "run": row.run_id, "link": link, "by_hand": by_hand(row)}


# -- watching ----------------------------------------------------------------------------------------------------------


def _watch(arguments: Namespace, opened: Opened, named: str) -> Exit:
    row = opened.row(named)
    try:
        if arguments.json or not terminal.is_terminal():
            from tidegate.cli.following import follow

            if row.over and not arguments.json:
                terminal.say("\n".join(_screen(arguments, opened, row)))
                return standing(opened, row)
            code = follow(opened, row.id, terminal.tell if arguments.json else terminal.say)
            if arguments.json:
                terminal.give("status", {"releases": [_json(opened, row)], "exit": int(code)})
            return code
        return _redraw(arguments, opened, row)
    except KeyboardInterrupt:
        terminal.tell(f"\n{row.id} goes on without you. See it again: tidegate status {row.system} --watch")
        return Exit.INTERRUPTED


def _redraw(arguments: Namespace, opened: Opened, row: ReleaseRow) -> Exit:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from tidegate.cli.following import end_of

    lines, quiet = [f"{row.id} ..."], ""
    console = Console(highlight=False, soft_wrap=True)
    with Live(Text("\n".join(lines)), console=console, auto_refresh=False, vertical_overflow="visible") as screen:
        while True:
            end: Exit | None = None
            try:
                row = opened.ledger.find(row.id) or row
                lines, quiet = _screen(arguments, opened, row), ""
                end = end_of(opened.story(row.id))
            except LedgerUnavailable as why:
                quiet = quiet or terminal.dated(f"the ledger does not answer since then ({why}); the release goes on")
            screen.update(Text.from_ansi("\n".join([*lines, *filter(None, [quiet])])), refresh=True)
            if end is not None:
                return end
            time.sleep(EVERY)


def _by_the_routes(named: list[str]) -> None:
    """Without the ledger: what the routes themselves show, by the way-back records."""
    from tidegate.cli.lowering import weight_of
    from tidegate.cli.records import records

    for found in records():
        if found.record is None or found.record.system not in {name.split("/")[0] for name in named}:
            continue
        terminal.say(f"{found.line}; the ledger does not answer, the routes themselves show:")
        for way in found.record.ways:
            terminal.say(f"  {way.component}: {weight_of(way)}")


COMMANDS = {
    "status": Command(
        examples=(
            ("tidegate status shop", "step, weights, verdicts, time left, who is waited for, and what to type"),
            ("tidegate status shop --watch | tee release.log", "one dated line an event, until it ends"),
        ),
        arguments=_arguments,
        run=_run,
        more="With --watch the exit code says how the release ended.",
    )
}
