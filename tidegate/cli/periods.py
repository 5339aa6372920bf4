"""`tidegate report SYSTEM --period weekly`: a system's delivery figures over a period, from the ledger alone."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.planning import when

LENGTHS = ("half-day", "daily", "weekly", "monthly")


def of_period(arguments: Namespace) -> Exit:
    """Printed as Markdown, or as JSON; written nowhere."""
    system = here.the_system(arguments.release)
    from tidegate.cli.opened import Opened
    from tidegate.report.period import LENGTHS as KNOWN
    from tidegate.report.period import period_of
    from tidegate.report.period_text import as_json, markdown

    length = next(one for one in KNOWN if one == arguments.period)
    opened = Opened.here()
    until = when(arguments.until) if arguments.until else datetime.now(UTC).replace(microsecond=0)
    chains = [opened.ledger.entries(row.id) for row in opened.ledger.releases(system)]
    told = period_of(system, chains, length, until)
    if arguments.json:
        terminal.give("report", as_json(told))
    else:
        terminal.say(markdown(told, "ko" if arguments.lang == "ko" else "en", UTC).rstrip("\n"))
    return Exit.DONE
