"""
`tidegate rollback`: all traffic back to stable, by the way-back record and the router alone (design 2.7).

No spec, no ledger, no Prefect, no metrics, no package: standard library only up to here. The order is that of every
Down: weight with stop on every route (that is the fence), then the ledger for at most a second, then the telling.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime

from tidegate.cli import accepting, terminal
from tidegate.cli.accepting import WAYS
from tidegate.cli.choosing import chosen
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.lowering import Route, bar_all, lower_all, told
from tidegate.cli.table import Command
from tidegate.traffic import Beyond, Stop
from tidegate.wayback import WayBack

PATIENCE = 10.0  # seconds
SHORT = 90  # characters of somebody else's reason


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="which system; may be left out when only one has a way back here")
    parser.add_argument(
        "--from", dest="leave", metavar="VERSION", help="the version to leave; needed once it is promoted"
    )
    parser.add_argument(
        "--beyond", choices=WAYS, default="", metavar="WAY",
        help="behind a point of no return: accept its way back by name (restore, forward-only)",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="do not ask; without SYSTEM: the newest way back")
    parser.add_argument("--reason", default="", help="why; stands in the route, the ledger and the report")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help="how long to insist on a route (default: 10)",
    )


def _run(arguments: Namespace) -> Exit:
    began = time.monotonic()
    record = chosen(arguments.system, yes=arguments.yes)
    if arguments.leave is not None and arguments.leave != record.version:
        raise UsageError(
            f"{record.system}: nothing to leave in version {arguments.leave!r}",
            f"the way back that lies here is from {record.version} to {record.blue}",
        )
    stop = new_stop(arguments.reason, arguments.beyond)
    if record.state == "promoted" and arguments.leave is None:
        return _bar(arguments, record, stop)
    beyond = accepting.tested(record, arguments.beyond)
    routes = lower_all(record, stop, arguments.patience, beyond)
    accepting.tested_after(record, routes, arguments.beyond)
    return _after(arguments, record, stop, routes, time.monotonic() - began, beyond)


def new_stop(reason: str, despite: str = "") -> Stop:
    """The token of this decision; who it was is taken from the machine and not proved."""
    who, at = f"{user()} at a terminal", datetime.now(UTC).isoformat()
    return Stop(os.urandom(16).hex(), who, at, reason or "decided by a person", despite=despite)


def user() -> str:
    """The name of whoever is logged in; never empty."""
    named = next(filter(None, (os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME"))), "")
    if named:
        return named
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


# -- what is said ------------------------------------------------------------------------------------------------------


def _after(
    arguments: Namespace, record: WayBack, stop: Stop, routes: list[Route], seconds: float, beyond: Beyond | None
) -> Exit:
    code = _code(routes)
    lowered = [route for route in routes if route.fate == "lowered"]
    if not arguments.json:
        _say_traffic(record, routes, code, seconds)
    ledger = _write_down(record, stop, lowered, seconds) if lowered else "not asked: no route was lowered"
    left = _left(record, code)
    if beyond is not None and lowered:
        left.insert(0, accepting.left_by_hand(record, beyond))
    if arguments.json:
        terminal.give(
            "rollback",
            {
                "system": record.system,
                "release": record.release,
                "from": record.version,
                "to": record.blue,
                "seconds": round(seconds, 3),
                "reason": stop.why,
                "beyond": beyond.to_json() if beyond else None,
                "routes": [told(route) for route in routes],
                "ledger": ledger,
                "left": left,
                "exit": int(code),
            },
        )
        return code
    terminal.say(f"Ledger: {ledger}.")
    for line in left:
        terminal.say(line)
    return code


def _code(routes: list[Route]) -> Exit:
    if any(route.fate == "not confirmed" for route in routes):
        return Exit.INCOMPLETE
    return Exit.REFUSED if any(route.fate == "left alone" for route in routes) else Exit.DONE


def _say_traffic(record: WayBack, routes: list[Route], code: Exit, seconds: float) -> None:
    match code:
        case Exit.DONE if all(route.before == 0 for route in routes):
            terminal.say(f"All traffic was on {record.blue} already; the routes were looked at in {seconds:.2f} s.")
        case Exit.DONE:
            terminal.say(f"Rolled back to {record.blue} in {seconds:.2f} s.")
        case Exit.REFUSED if all(route.fate == "left alone" for route in routes):
            terminal.say(f"Nothing was rolled back: the way-back record is of {record.release}, its routes are not.")
        case _:
            terminal.say(f"Not rolled back everywhere: {record.release} after {seconds:.1f} s.")
    longest = max(len(route.component) for route in routes)
    for route in routes:
        terminal.say(f"  {route.component:<{longest}}  {_line(route)}")
        if route.by_hand and not route.is_final:
            terminal.say("    by hand: " + route.by_hand.replace("\n", "\n    "))


def _line(route: Route) -> str:
    was = "was not readable" if route.before is None else f"{route.before} %"
    if route.fate == "lowered":
        stop = route.mark.stop if route.mark else None
        again = (
            f" (stopped by {stop.who} at {stop.at[11:19]} UTC: {_short(stop.why)})"
            if stop and route.before == 0
            else ""
        )
        return f"{was} -> 0 %, the router shows it{again}"
    if route.fate == "left alone":
        return f"left alone at {was}: {route.why}"
    return f"{was}, NOT CONFIRMED at 0 %: {route.why}"


def _short(why: str) -> str:
    return why if len(why) <= SHORT else f"{why[:SHORT].rstrip()} ..."


def _left(record: WayBack, code: Exit) -> list[str]:
    """What is still to be done, and the next thing to type."""
    system = record.system
    if code is Exit.INCOMPLETE:
        return [
            "Left: the routes above. Type the manual line, or the command again; the watch lowers as well, if it runs.",
            f"Next: tidegate rollback {system}",
        ]
    if code is Exit.REFUSED:
        return [f"Next: tidegate status {system}"]
    return [
        f"Left: {record.version} still runs, without traffic. The watch has it stopped and the rollback verified.",
        "Without a watch nothing else happens (tidegate up starts one).",
        f"Next: tidegate status {system}",
    ]


def _bar(arguments: Namespace, record: WayBack, stop: Stop) -> Exit:
    """Promoted: this version may be what everybody relies on, so its traffic moves only when it is named."""
    routes = bar_all(record, stop, arguments.patience)
    beyond = accepting.crossed(record)
    line = f"tidegate rollback {record.system} --from {record.version}"
    line = accepting.typed(record, beyond.way) if beyond is not None and beyond.way != "refused" else line
    barred = [route.component for route in routes if route.fate == "barred"]
    if arguments.json:
        given = {"system": record.system, "release": record.release, "routes": [told(route) for route in routes]}
        terminal.give("rollback", {**given, "type": line, "exit": int(Exit.WAITING)})
        return Exit.WAITING
    terminal.say(f"{record.release} is promoted: its traffic moves only when you name the version to leave.")
    terminal.say("No traffic has moved.")
    if barred:
        terminal.say(
            f"A bar stands on {', '.join(barred)} now: nothing claims it or removes {record.blue} without asking."
        )
    for route in routes:
        if route.fate != "barred":
            terminal.say(f"  {route.component}: no bar, {route.why}")
    if beyond is not None:
        terminal.say(f"Besides, {beyond}.")
    terminal.say(f"All traffic back to {record.blue}:\n  {line}")
    return Exit.WAITING


def _write_down(record: WayBack, stop: Stop, lowered: list[Route], seconds: float) -> str:
    """Try the ledger for at most a second; what happened, in a few words."""
    from tidegate.cli.down_entry import in_a_side_process

    standing = next((route.mark.stop for route in lowered if route.mark and route.mark.stop), stop)
    return in_a_side_process(record, standing, seconds if standing == stop else None)


COMMANDS = {
    "rollback": Command(
        examples=(
            ("tidegate rollback shop", "all traffic of shop back to the version before, at once"),
            (
                "tidegate rollback shop --from 2.0 --reason 'orders are lost'",
                "the same once 2.0 is promoted, with the reason",
            ),
        ),
        arguments=_arguments,
        run=_run,
        more="Behind a point of no return nothing moves until its way back is named with --beyond. "
        "It works while Prefect, the ledger and the metrics are down: it needs the way-back record in this "
        "installation's folder and the router.",
    )
}
