"""`tidegate freeze`: no raise for a while, lowering always; says whether one in flight landed all the same."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError
from tidegate.cli.rollback import user
from tidegate.cli.table import Command

if TYPE_CHECKING:
    from tidegate.cli.opened import Opened
    from tidegate.ledger import Freeze

IN_FLIGHT = 5.0  # seconds; proof gathered before the freeze is refused when it is older (kernel.HEALTH_LASTS)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", help="which system")
    parser.add_argument("--why", help="the reason; every start and every held step shows it")
    parser.add_argument(
        "--for", dest="lasting", metavar="DURATION", default="2h", help="how long, e.g. 90m, 2h, 3d (default: 2h)"
    )
    parser.add_argument("--lift", action="store_true", help="end the system's freezes")
    parser.add_argument("--name", default=user(), help="who you are (default: %(default)s)")


def _run(arguments: Namespace) -> Exit:
    system = here.the_system(arguments.system)
    from tidegate.cli.opened import Opened

    opened = Opened.here()
    if arguments.lift:
        return _lift(arguments, opened, system)
    if arguments.why is None:
        return _show(arguments, opened, system)
    return _freeze(arguments, opened, system)


def _freeze(arguments: Namespace, opened: Opened, system: str) -> Exit:
    from tidegate.quantities import duration

    try:
        lasting = duration(arguments.lasting)
    except ValueError as wrong:
        raise UsageError(f"--for: {wrong}") from None
    if not arguments.why.strip() or not lasting:
        raise UsageError(
            "a freeze needs a reason and a time", "tidegate freeze SYSTEM --why 'database maintenance' --for 2h"
        )
    made = opened.ledger.freeze(system, arguments.name, arguments.why, lasting)
    before = _weights(opened, system)
    until = f"{made.until.astimezone():%Y-%m-%d %H:%M}"
    say = terminal.tell if arguments.json else terminal.say
    say(f"{system} is frozen until {until}: nothing rises, lowering always works.")
    say(f"Lift it before: tidegate freeze {system} --lift")
    terminal.tell(f"Looking for {IN_FLIGHT:.0f} s whether a raise in flight lands all the same ...")
    time.sleep(IN_FLIGHT)
    landed = _landed(before, _weights(opened, system))
    if arguments.json:
        terminal.give("freeze", {"system": system, "freezes": [_told(made)], "landed": landed})
    elif landed:
        told = ", ".join(f"{name} {old} -> {new} %" for name, (old, new) in landed.items())
        terminal.say(
            f"A raise that was in flight has landed: {told}. It stays; all traffic back: tidegate rollback {system}"
        )
    else:
        terminal.say("No raise was in flight: the weights are as they were.")
    return Exit.DONE


def _weights(opened: Opened, system: str) -> dict[str, int]:
    """Of every component of the releases under way, by the chain and by what the routers showed last."""
    found = dict[str, int]()
    for row in opened.ledger.releases(system):
        if row.over:
            continue
        look = opened.ledger.look(row.id)
        measured = look.row.weights if look else {}
        for component, weight in {**measured, **opened.story(row.id).weights}.items():
            found[component] = max(weight, measured.get(component, 0), found.get(component, 0))
    return found


def _landed(before: dict[str, int], after: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {name: (before.get(name, 0), weight) for name, weight in after.items() if weight > before.get(name, 0)}


def _lift(arguments: Namespace, opened: Opened, system: str) -> Exit:
    count = opened.ledger.lift(system, arguments.name)
    if arguments.json:
        terminal.give("freeze", {"system": system, "lifted": count})
    else:
        terminal.say(f"{count} freezes of {system} are lifted." if count != 1 else f"The freeze of {system} is lifted.")
    return Exit.DONE


def _show(arguments: Namespace, opened: Opened, system: str) -> Exit:
    """Without a reason nothing is frozen: what is in force is shown."""
    found = opened.ledger.freezes(system)
    if arguments.json:
        terminal.give("freeze", {"system": system, "freezes": [_told(one) for one in found]})
        return Exit.DONE
    for one in found:
        terminal.say(f"{one.who} froze {system} until {one.until.astimezone():%Y-%m-%d %H:%M} ({one.why})")
    if not found:
        terminal.say(f"{system} is not frozen. Freeze it: tidegate freeze {system} --why 'reason' --for 2h")
    return Exit.DONE


def _told(one: Freeze) -> dict[str, object]:
    return {"who": one.who, "why": one.why, "since": one.since, "until": one.until}


COMMANDS = {
    "freeze": Command(
        examples=(
            (
                "tidegate freeze shop --why 'database maintenance' --for 2h",
                "nothing rises for two hours; lowering always works",
            ),
            ("tidegate freeze shop --lift", "end it before its time"),
        ),
        arguments=_arguments,
        run=_run,
        more="Without --why it shows those in force. A release under way waits in hold, and its hold deadline runs.",
    )
}
