"""`tidegate rehearse`: a whole release on a virtual clock, with simulated connectors; nothing outside is touched."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.paper import spec_path, text_of
from tidegate.cli.planning import when
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from tidegate.rehearsal.options import Options
    from tidegate.rehearsal.stage import Rehearsed
    from tidegate.spec import Spec


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="SYSTEM|FILE", help="a system, or a spec's file")
    parser.add_argument("--plan", help="a named traffic plan of the spec (default: the active one)")
    parser.add_argument("--version", default="", help="the version's name (default: the spec's, or v2)")
    parser.add_argument("--at", metavar="WHEN", help="when it begins (default: the spec's target, now)")
    parser.add_argument("--bad", type=int, nargs="?", const=0, metavar="WEIGHT", help="bad above this weight (0)")
    parser.add_argument("--absent", action="append", default=[], metavar="APPROVAL", help="nobody answers it (or all)")
    parser.add_argument("--reject", action="append", default=[], metavar="APPROVAL", help="it is answered with no")
    parser.add_argument("--lost", action="append", default=[], metavar="METRIC", help="no data of it; all: of none")
    parser.add_argument("--outage", metavar="LASTING", help="Tidegate itself is away for so long, e.g. 1h")
    parser.add_argument("--outage-after", default="5m", metavar="LASTING", help="after the first raise (default: 5m)")
    parser.add_argument("--answers-after", default="5m", metavar="LASTING", help="people need so long (default: 5m)")
    parser.add_argument("--look", default="1m", metavar="LASTING", help="the watch's rhythm, at least (default: 1m)")
    parser.add_argument("--live", action="store_true", help="real processes and traffic on AWS's API (greenflow)")
    parser.add_argument("--html", metavar="FILE", help="write the report, too, with its timeline")
    parser.add_argument("--lang", choices=("en", "ko"), default="en", help="language of the report (default: en)")


def _rehearse(arguments: Namespace) -> Exit:
    if arguments.live:
        return _live(arguments)
    path = spec_path(arguments.system)
    from blocks.public_holidays import of_calendar
    from tidegate.cli.happenings import line_of
    from tidegate.cli.opened import spec_of
    from tidegate.rehearsal.stage import rehearse
    from tidegate.rehearsal.told import GOOD_ENDS, as_json, as_lines

    spec = spec_of(text_of(path), str(path))
    options = _options(arguments, spec)
    holidays = of_calendar(spec.calendar.holidays, options.begins.date() - timedelta(days=30), 400)
    began = time.process_time()
    told = rehearse(spec, options, holidays)
    cpu = time.process_time() - began
    if arguments.html:
        _report(told, Path(arguments.html), arguments.lang)
    if arguments.json:
        terminal.give("rehearse", as_json(told, line_of, cpu))
    else:
        for line in as_lines(told, line_of, cpu):
            terminal.say(line)
    return Exit.DONE if told.story.state in GOOD_ENDS else Exit.FAILED


def _live(arguments: Namespace) -> Exit:
    if arguments.system != "greenflow":
        raise UsageError(f"--live knows greenflow, not {arguments.system!r}", "leave --live out")
    try:
        from examples.aws.live import rehearse_live
    except ImportError as missing:
        raise UsageError(
            f"--live needs {missing.name}, which is among the tools for tests", "make check installs it"
        ) from None

    plans = ("canary", "three-step", "blue-green")
    plan = arguments.plan or plans[0]
    if plan not in plans:
        here.unknown("plan", plan, sorted(plans))
    return Exit.DONE if rehearse_live(plan, bad=arguments.bad is not None) == 0 else Exit.FAILED


def _options(arguments: Namespace, spec: Spec) -> Options:
    from tidegate.clockwork.moments import planned_start
    from tidegate.rehearsal.options import Options

    if arguments.plan is not None and arguments.plan not in spec.plans:
        here.unknown("plan", arguments.plan, sorted(spec.plans))
    begins = when(arguments.at) if arguments.at else planned_start(spec) or datetime.now(UTC).replace(microsecond=0)
    return Options(
        begins=begins,
        version=arguments.version or (spec.identity.version if spec.identity else "") or "v2",
        plan=arguments.plan or "",
        bad_from=arguments.bad,
        absent=_named("approval", arguments.absent, [one.name for one in spec.approvals]),
        rejects=_named("approval", arguments.reject, [one.name for one in spec.approvals]),
        lost=_named("metric", arguments.lost, sorted({gate.metric for gate in spec.gates})),
        outage=_lasting("--outage", arguments.outage or "0s"),
        outage_after=_lasting("--outage-after", arguments.outage_after),
        answers_after=_lasting("--answers-after", arguments.answers_after),
        look=_lasting("--look", arguments.look),
    )


def _named(what: str, typed: list[str], known: list[str]) -> tuple[str, ...]:
    """The names typed; `all` is every one."""
    for name in typed:
        if name != "all" and name not in known:
            here.unknown(what, name, known)
    return tuple(known) if "all" in typed else tuple(typed)


def _lasting(option: str, typed: str) -> timedelta:
    from tidegate.quantities import duration

    try:
        return duration(typed)
    except ValueError as wrong:
        raise UsageError(f"{option}: {wrong}", "write e.g. 1h or 90s") from None


def _report(told: Rehearsed, path: Path, language: str) -> None:
    from tidegate.report.facts import facts_of
    from tidegate.report.html import html_of
    from tidegate.timetable.text import zone_of

    if not told.entries:
        raise UsageError("nothing happened in this rehearsal, so there is no report", "leave --html out")
    text = html_of(facts_of(told.entries, (), told.spec), "ko" if language == "ko" else "en", zone_of(told.spec) or UTC)
    try:
        path.write_text(text, "utf-8")
    except OSError as failed:
        raise UsageError(f"--html {path}: {failed.strerror}", "name a file that can be written") from None
    terminal.tell(f"report: file://{path.resolve()}")


COMMANDS = {
    "rehearse": Command(
        examples=(
            ("tidegate rehearse greenflow", "the whole release on a virtual clock, days in a second"),
            (
                "tidegate rehearse shop --bad 25 --html rehearsal.html",
                "one that fails above 25 %, with its report",
            ),
        ),
        arguments=_arguments,
        run=_rehearse,
        more="Plan, watch, kernel and ledger rules are the real ones; connectors, people and time are simulated. "
        "Exit 1 when the release did not end promoted.",
    ),
}
