"""
What a command says: results on stdout, talk on stderr, one JSON object on stdout with --json.

Colour only supports a word, on a terminal that wants it (NO_COLOR, TERM=dumb); nothing is said by colour alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

SCHEMA = 1  # of everything printed by --json
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def prepare() -> None:
    """A terminal without UTF-8 gets a substitute for a sign it lacks, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # replaced by something else in tests


def say(text: str = "") -> None:
    """A line of the result."""
    print(_fitted(text, sys.stdout), flush=True)


def tell(text: str) -> None:
    """A line of talk: progress, advice, errors."""
    print(_fitted(text, sys.stderr), file=sys.stderr, flush=True)


def _fitted(text: str, stream: TextIO) -> str:
    """Wrapped at words for a person's terminal (and where COLUMNS asks for it); nothing that could be typed is cut."""
    if len(text) <= 40 or not (stream.isatty() or "COLUMNS" in os.environ):
        return text
    import textwrap

    room, lines = width(), list[str]()
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if len(line) <= room or line.lstrip().startswith(("sed ", "tidegate ")):
            lines.append(line)
        else:
            wrapped = textwrap.wrap(
                line, room, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False
            )
            lines.extend(wrapped)
    return "\n".join(lines)


def give(command: str, told: Mapping[str, Any]) -> None:
    """The result as one JSON object; `tidegate` is the version of its shape."""
    import json

    print(json.dumps({"tidegate": SCHEMA, "command": command, **told}, ensure_ascii=False, default=_plain), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    return str(value)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person watches who can be redrawn for."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM", "") != "dumb"


def painted(text: str, colour: str) -> str:
    """The text, in colour where that is wanted."""
    if not is_terminal() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def dated(text: str, at: datetime | None = None) -> str:
    """One line of a log: `2026-11-24 09:00:00  ...`, local time."""
    return f"{(at or datetime.now(UTC)).astimezone():%Y-%m-%d %H:%M:%S}  {text}"


def width() -> int:
    """Columns to write for: the terminal's, COLUMNS, else 80."""
    import shutil

    return max(40, shutil.get_terminal_size((80, 24)).columns)
