"""Every command: its group, its line in the help, and its module, which is imported only when it is asked for."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from tidegate.cli.exits import Exit, UsageError


@dataclass(frozen=True, slots=True)
class Command:
    """What a command's module says of it; `examples` are command lines with what each does."""

    examples: tuple[tuple[str, str], ...]
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Exit]
    more: str = ""  # a sentence below its line in the help


@dataclass(frozen=True, slots=True)
class Listed:
    """A command in the list of all."""

    name: str
    line: str
    module: str

    @property
    def command(self) -> Command:
        found: Command = importlib.import_module(f"tidegate.cli.{self.module}").COMMANDS[self.name]
        return found


GROUPS: tuple[tuple[str, tuple[Listed, ...]], ...] = (
    (
        "Before a release",
        (
            Listed("check", "read a release spec and say what is wrong with it", "checking"),
            Listed("plan", "show what a release will do and when, without doing anything", "planning"),
            Listed("rehearse", "play the whole release on a virtual clock; nothing outside is touched", "rehearsing"),
            Listed("judge", "judge stored measurements again, under this policy and another", "judging"),
            Listed("docs", "what a key of a release spec means, or what a connector takes", "explaining"),
        ),
    ),
    (
        "A release",
        (
            Listed("release", "take a version to production", "releasing"),
            Listed("status", "where a release stands, and how long until the next step", "status"),
            Listed("approve", "answer an open question with yes", "answering"),
            Listed("reject", "answer an open question with no, and why", "answering"),
            Listed("park", "answer an open question with weight 0; the new version keeps running", "answering"),
            Listed("push", "tell a value of a metric, or an event, from outside", "pushing"),
            Listed("freeze", "no more traffic for a new version for a while", "freezing"),
        ),
    ),
    (
        "In an emergency",
        (Listed("rollback", "all traffic back to the version before, now; needs nothing but the router", "rollback"),),
    ),
    (
        "Afterwards",
        (
            Listed("report", "the report of a release; check a report file", "reporting"),
            Listed("audit", "whether the ledger's chains are whole", "reporting"),
        ),
    ),
    (
        "This installation",
        (
            Listed("up", "start Prefect, what runs the flows, the watch and the proxy", "serving"),
            Listed("down", "end what `up` started; versions keep running", "serving"),
            Listed("watch", "run the watch in this terminal", "serving"),
            Listed("doctor", "what works here, what does not, and how to mend it", "doctor"),
            Listed("completion", "completion for bash, zsh or fish", "completion"),
            Listed("help", "help on a command, or on exit codes", "helping"),
        ),
    ),
)
LISTED = {listed.name: listed for _, group in GROUPS for listed in group}


class Parser(ArgumentParser):
    """argparse whose errors are one line what and one line advice."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}", f"{self.prog} --help shows what it takes, with examples")

    def options(self) -> list[str]:
        """The long options, for completion."""
        return [option for action in self._actions for option in action.option_strings if option.startswith("--")]


def parser_of(listed: Listed) -> Parser:
    """The parser of one command; only its own module is imported."""
    command = listed.command
    line = f"{listed.line[0].upper()}{listed.line[1:]}."
    made = Parser(
        prog=f"tidegate {listed.name}",
        description=f"{line} {command.more}".strip(),
        epilog="examples:\n" + "\n".join(f"  {typed}\n      {does}" for typed, does in command.examples),
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,
    )
    command.arguments(made)
    common = made.add_argument_group("everywhere")
    common.add_argument("--json", action="store_true", help="one JSON object on stdout, talk on stderr")
    common.add_argument("--debug", action="store_true", help="show the trace of an error")
    common.add_argument("--home", metavar="FOLDER", help="this installation's folder (TIDEGATE_HOME, else .tidegate)")
    common.add_argument("-h", "--help", action="help", help="this page")
    return made


class _Formatter(HelpFormatter):
    """Wraps the description and leaves the examples as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return text
        return super()._fill_text(text, width, indent)
