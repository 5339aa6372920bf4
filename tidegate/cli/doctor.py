"""`tidegate doctor`: what works here, what does not, and how to mend it; looks only, changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit
from tidegate.cli.table import Command
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from blocks.installation import Installation

State = Literal["ok", "warn", "bad"]
WORDS: dict[State, tuple[str, str]] = {"ok": ("ok", "green"), "warn": ("look", "yellow"), "bad": ("bad", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    what: str
    state: State
    found: str
    fix: str = ""


Examination = Callable[["Installation"], Iterator[Finding]]


def _arguments(_: ArgumentParser) -> None:
    return None


def _run(arguments: Namespace) -> Exit:
    from blocks.installation import Installation
    from tidegate.cli.examining import EXAMINATIONS

    installation = Installation.here()
    found = [one for what, examine in EXAMINATIONS for one in _examined(what, examine, installation)]
    code = Exit.FAILED if any(one.state == "bad" for one in found) else Exit.DONE
    if arguments.json:
        told = {"home": str(here.home()), "findings": [asdict(one) for one in found], "exit": int(code)}
        terminal.give("doctor", told)
        return code
    for one in found:
        word, colour = WORDS[one.state]
        terminal.say(f"{terminal.painted(f'{word:<4}', colour)}  {one.what}: {one.found}")
        if one.fix and one.state != "ok":
            terminal.say(f"      {one.fix}")
    bad, look = (sum(one.state == state for one in found) for state in ("bad", "warn"))
    terminal.say(f"\n{len(found)} looked at: {bad} bad, {look} worth a look." if bad or look else "\nAll well.")
    return code


def _examined(what: str, examine: Examination, installation: Installation) -> list[Finding]:
    """One part that cannot be looked at must not hide the others."""
    try:
        return list(examine(installation))
    except TidegateError as why:
        return [Finding(what, "bad", str(why), why.advice)]
    except Exception as fault:  # noqa: BLE001  # said, and the rest is looked at
        return [Finding(what, "bad", f"cannot be looked at: {type(fault).__name__}: {fault}")]


COMMANDS = {
    "doctor": Command(
        examples=(
            ("tidegate doctor", "one line for each part: ok, look, or bad with what mends it"),
            ("tidegate doctor --json", "the same for a monitor; exit code 1 when something is bad"),
        ),
        arguments=_arguments,
        run=_run,
        more="Versions, disk, ledger and chains, Prefect, what takes its runs, the watch, the proxy, the way back.",
    )
}
