"""`tidegate check`: everything about a spec that can be known before a release, without touching anything."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.cli import terminal
from tidegate.cli.exits import Exit
from tidegate.cli.paper import on_paper, spec_path, text_of
from tidegate.cli.table import Command
from tidegate.errors import SpecError

if TYPE_CHECKING:
    from tidegate.language.warning import Remark
    from tidegate.spec import Spec


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="SYSTEM|FILE", help="a system, or a spec's file")
    parser.add_argument(
        "--real", action="store_true", help="fail, too, where a real release would be refused: what is not built here"
    )


def _run(arguments: Namespace) -> Exit:
    path = spec_path(arguments.system)
    from blocks.built_connectors import missing, obstacles
    from tidegate.cli.opened import spec_of
    from tidegate.language.unbuilt import unbuilt
    from tidegate.language.warning import remarks

    text = text_of(path)
    spec = spec_of(text, str(path))
    unknown = fields_of_connectors(spec, str(path), text)
    told = on_paper(spec, str(path), text=text)
    found = remarks(spec, told, datetime.now(UTC).date())
    refused = obstacles(spec)
    end = Exit.FAILED if arguments.real and refused else Exit.DONE
    if arguments.json:
        terminal.give(
            "check",
            {
                "system": spec.system,
                "file": str(path),
                "ok": end is Exit.DONE,
                "warnings": [f"{one.where}: {one.says}" for one in found],
                "serious": [f"{one.where}: {one.says}" for one in found if one.serious],
                "connectors_missing": missing(spec),
                "not_carried_out": {one.what: places for one, places in unbuilt(spec)},
                "not_known_here": unknown,
            },
        )
        return end
    _say(spec, path, refused, real=arguments.real)
    for line in grouped(found):
        terminal.say(f"  {line}")
    if unknown:
        terminal.say(
            f"  note: not known before this installation is up: {', '.join(unknown)} (tidegate up writes them)"
        )
    return end


def grouped(found: Sequence[Remark]) -> list[str]:
    """The findings in their order, a line each; what is true of many places is one line with the first of them."""
    from tidegate.language.complaints import listed

    alike: dict[tuple[bool, str], list[Remark]] = {}
    for one in found:
        alike.setdefault((one.serious, one.says), []).append(one)
    return [
        str(replace(ones[0], where=listed([one.where for one in ones]))) if len(ones) > 1 else str(ones[0])
        for ones in alike.values()
    ]


def fields_of_connectors(spec: Spec, name: str, text: bytes) -> list[str]:
    """Check the fields of every connector that is built, without using it; the installation's values that lack."""
    from blocks.built_connectors import is_built, misplaced
    from blocks.yaml_reading import in_file
    from tidegate.cli.connecting import Placeholders
    from tidegate.language.connectors import connectors

    values, wrong = Placeholders.here(), list[SpecError]()
    for where, use in connectors(spec):
        if why := misplaced(where, use.use):
            lines = SpecError(f"{where}.use: {why}", "docs/connectors.md lists all, by what they are for")
            raise in_file(lines, name, text)
    # a saved block needs the server that keeps it
    known = [(where, use) for where, use in connectors(spec) if use.block is None and is_built(use.use)]
    if known:
        from blocks.connect import connector  # seconds: it loads Prefect

        for where, use in known:
            try:
                connector(use, where, values)
            except SpecError as one:
                wrong.append(in_file(one, name, text))
    if wrong:
        raise SpecError("\n".join(str(one) for one in wrong), wrong[0].advice)
    return sorted(values.missing)


def _say(spec: Spec, path: Path, refused: Sequence[str], *, real: bool) -> None:
    terminal.say(f"{path}: this spec can be {'planned and rehearsed' if refused else 'used'}.")
    parts = ", ".join(spec.components)
    terminal.say(
        f"  {spec.system}: {parts}; {len(spec.gates)} gates, {len(spec.checks)} checks, plans {', '.join(spec.plans)}"
    )
    if refused:
        terminal.say(f"  {'error: ' if real else ''}a real release is refused:")
    for one in refused:
        terminal.say(f"    {one}")


COMMANDS = {
    "check": Command(
        examples=(
            ("tidegate check shop", "read the spec of shop (or any file), and connect what it names"),
            ("tidegate check shop --real", "fail also where a real release would be refused"),
        ),
        arguments=_arguments,
        run=_run,
        more="Everything that is wrong is named with its line and path, what may surprise as a warning or a note; "
        "nothing is touched.",
    )
}
