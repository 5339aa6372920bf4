"""
The command line: `tidegate <command>`. Light at its top, so that help and rollback start at once.

A command imports what it needs when it runs. It is the one leaf that may import upwards, and nobody imports it.
Results go to stdout, talk to stderr; how it ends is a number of `exits`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from tidegate.cli import here, terminal
from tidegate.cli.exits import Exit, UsageError, exit_of
from tidegate.cli.table import LISTED, parser_of
from tidegate.errors import TidegateError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    terminal.prepare()
    try:
        return int(_run(words))
    except TidegateError as error:
        if "--debug" in words:
            raise
        terminal.tell(_sentence(str(error)))
        if error.advice:
            terminal.tell(_sentence(error.advice, end=""))
        return int(exit_of(error))
    except KeyboardInterrupt:
        terminal.tell("Interrupted. A release under way goes on; see: tidegate status")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:  # `| head`: whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.DONE)
    except Exception as fault:  # a fault of ours, told in one line all the same
        if "--debug" in words:
            raise
        terminal.tell(f"Tidegate itself failed: {type(fault).__name__}: {fault}")
        terminal.tell("Run it again with --debug and report the trace; `tidegate rollback` needs none of this.")
        return int(Exit.FAILED)


def _run(words: list[str]) -> Exit:
    if not words or words[0] in ("-h", "--help"):
        words = ["help"]
    if words[0] in ("--version", "-V"):
        return _version()
    name = words[0]
    if name not in LISTED:
        here.unknown("command", name, list(LISTED), "tidegate --help lists them")
    arguments = parser_of(LISTED[name]).parse_intermixed_args(words[1:])
    if arguments.home is not None:
        os.environ[here.HOME] = arguments.home
    here.find_the_project()
    return LISTED[name].command.run(arguments)


def _version() -> Exit:
    from importlib.metadata import PackageNotFoundError, version

    try:
        terminal.say(f"tidegate {version('tidegate')}")
    except PackageNotFoundError:
        terminal.say("tidegate (not installed, run from its folder)")
    return Exit.DONE


def _sentence(said: str, end: str = ".") -> str:
    """Errors are written as parts of sentences; they are printed as whole ones."""
    said = said.strip()
    if said.startswith(("tidegate ", "/", "make", "chmod")) or ".yaml:" in said.split(" ", 1)[0]:
        return said  # something to type, or a path
    return said[:1].upper() + (said if said.endswith((".", ":", "?", "!")) else said + end)[1:]


__all__ = ["Exit", "UsageError", "main"]
