"""`tidegate help`: the list of commands, one command's page, and what the exit codes mean."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from tidegate.cli import here, terminal
from tidegate.cli.exits import MEANINGS, Exit
from tidegate.cli.table import GROUPS, LISTED, Command, parser_of

TOPICS = ("exit-codes", "environment")
ENVIRONMENT = (
    ("TIDEGATE_HOME", "this installation's folder: ledger, way-back records, logs, reports (default: .tidegate)"),
    ("TIDEGATE_ROOT", "the project: where deployments/releases/ lies (default: beside the program)"),
    ("TIDEGATE_LEDGER_URL", "the ledger: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"),
    ("PREFECT_API_URL", "the Prefect server (default: the one that `tidegate up` started)"),
    ("PREFECT_API_AUTH_STRING", "user:password of a Prefect server that asks for them"),
    ("NO_COLOR", "any value: no colour"),
    ("COLUMNS", "columns to write for (default: the terminal's, else 80)"),
)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("topic", nargs="?", metavar="COMMAND|TOPIC", help=f"a command, or {' or '.join(TOPICS)}")


def _run(arguments: Namespace) -> Exit:
    topic = arguments.topic
    if topic is None:
        return _overview()
    if topic == "exit-codes":
        for code, meaning in MEANINGS.items():
            terminal.say(f"{code.value:>5}  {meaning}")
    elif topic == "environment":
        for name, meaning in ENVIRONMENT:
            terminal.say(f"  {name}\n      {meaning}")
    elif topic in LISTED:
        parser_of(LISTED[topic]).print_help()
    else:
        here.unknown("topic", topic, [*LISTED, *TOPICS])
    return Exit.DONE


def _overview() -> Exit:
    terminal.say("Tidegate takes one version of a system to production: staged, judged at every step, shut by")
    terminal.say("itself when the new version is worse.\n")
    terminal.say("usage: tidegate COMMAND [SYSTEM] [options]\n")
    for title, group in GROUPS:
        terminal.say(title)
        for listed in group:
            terminal.say(f"  {listed.name:<11} {listed.line}")
        terminal.say()
    terminal.say("tidegate COMMAND --help shows options and examples; tidegate help exit-codes and")
    terminal.say("tidegate help environment the rest. With one system known, SYSTEM may be left out.")
    return Exit.DONE


COMMANDS = {
    "help": Command(
        examples=(
            ("tidegate help", "all commands, by what they are for"),
            ("tidegate help exit-codes", "what the exit code of a command tells a script"),
        ),
        arguments=_arguments,
        run=_run,
    )
}
