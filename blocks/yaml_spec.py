"""
Reads the YAML of a release spec, and refuses everything in YAML that surprises people or machines.

One pass over the parser's events; no object is ever built from a tag. What the values mean is the spec's
business; this file says where in which file something cannot be read (reliability.md 5.5, F132 to F138).

Scalars are YAML 1.2's core schema with one exception that guides need: a number with a leading zero stays
text, as `no`, `1:30` and dates do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from yaml import events

from blocks.yaml_refusals import MOST_DEPTH, MOST_DIGITS, MOST_NODES, REFUSALS, plain
from tidegate.errors import SpecError

MOST_BYTES = 256 * 1024

Path = tuple[str | int, ...]
Stream = Iterator[Any]  # the parser's events, read one by one: a limit stops the parser where it stands

# Invisible and dangerous: controls, direction marks, line separators, half characters, the byte order mark.
# A person types only tab and line feed on purpose; a carriage return is one half of a Windows line end.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_CORE_TAGS = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMBERS = (_WHOLE, _OTHER_BASE, _DECIMAL)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where: `places` leads from a path to line and column, both counted from 1."""

    value: Any
    places: dict[Path, tuple[int, int]]
    bare: frozenset[Path] = frozenset()  # keys within {...} that stand alone: mostly the rest of a text with a comma


def load_yaml(text: bytes, name: str) -> Any:
    """The file's value; SpecError names file, line, column, path, what was found and allowed, what to do."""
    return read_yaml(text, name).value


def read_yaml(text: bytes, name: str) -> Document:
    """As load_yaml, with the place of everything: a later complaint about a value can name its line."""
    reading = _Reading(name)
    source = _decoded(text, name)
    try:
        value = reading.document(iter(yaml.parse(source, Loader=yaml.SafeLoader)))
    except yaml.MarkedYAMLError as wrong:
        said = plain(", ".join(part for part in (wrong.context, wrong.problem) if part))
        why = "flow" if "flow" in (wrong.context or "") else "syntax"
        reading.refuse(why, wrong.problem_mark or wrong.context_mark, (), said)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError, IndexError) as wrong:
        # The parser's own ways to give up on bytes that nobody writes by hand.
        reading.refuse("syntax", None, (), f"{wrong} ({type(wrong).__name__})")
    return Document(value, reading.places, frozenset(reading.bare))


def _decoded(text: bytes, name: str) -> str:
    if len(text) > MOST_BYTES:
        raise SpecError(
            f"{name}:1:1: the file is longer than the {MOST_BYTES:,} bytes that a spec may have.",
            "Give the path of the release spec itself; nothing of this file was read.",
        )
    try:
        source = text.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line, column = _position(text[: wrong.start].decode("utf-8"))
        raise SpecError(
            f"{name}:{line}:{column}: found the byte 0x{text[wrong.start]:02x}, which is not UTF-8; "
            "only UTF-8 is allowed.",
            "Save the file as UTF-8.",
        ) from None
    if found := _INVISIBLE.search(source):
        line, column = _position(source[: found.start()])
        raise SpecError(
            f"{name}:{line}:{column}: found the invisible character U+{ord(found.group()):04X}; "
            "of these, only tabs and line ends are allowed.",
            "Save the file as UTF-8 without a byte order mark."
            if found.group() == "\ufeff"
            else "Delete the character.",
        )
    return source


@dataclass(slots=True)
class _Reading:
    """One file on its way from events to values."""

    name: str
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    bare: set[Path] = field(default_factory=set)
    nodes: int = 0

    def document(self, stream: Stream) -> Any:
        next(stream)  # the stream's start
        start = next(stream)
        if isinstance(start, events.StreamEndEvent):
            self.refuse("empty", None, ())
        if start.tags:
            self.refuse("tag", start.start_mark, (), "%TAG")
        value = self.node(stream, next(stream), ())
        next(stream)  # the document's end
        after = next(stream)
        if not isinstance(after, events.StreamEndEvent):
            self.refuse("second", after.start_mark, ())
        return value

    def node(self, stream: Stream, event: Any, path: Path) -> Any:
        """The value that begins with this event."""
        self._limits(event, path)
        self.places.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
        if isinstance(event, events.ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(stream, path)
        return self._mapping(stream, path, flow=bool(event.flow_style))

    def _limits(self, event: Any, path: Path) -> None:
        self.nodes += 1
        if isinstance(event, events.AliasEvent):
            self.refuse("alias", event.start_mark, path, event.anchor)
        if event.anchor is not None:
            self.refuse("anchor", event.start_mark, path, event.anchor)
        if event.tag is not None:
            self.refuse("tag", event.start_mark, path, event.tag.replace(_CORE_TAGS, "!!"))
        if self.nodes > MOST_NODES:
            self.refuse("many", event.start_mark, path)
        if len(path) > MOST_DEPTH:
            self.refuse("deep", event.start_mark, path)

    def _sequence(self, stream: Stream, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(stream), events.SequenceEndEvent):
            values.append(self.node(stream, event, (*path, len(values))))
        return values

    def _mapping(self, stream: Stream, path: Path, *, flow: bool) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(stream), events.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in values:
                self.refuse("twice", event.start_mark, here, self.places[here][0])
            # People look for the key, not for where its value begins.
            self.places[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            value = next(stream)
            if flow and value.start_mark.index == event.end_mark.index:  # not even a colon
                self.bare.add(here)
            values[key] = self.node(stream, value, here)
        return values

    def _key(self, event: Any, path: Path) -> str:
        self._limits(event, path)
        if not isinstance(event, events.ScalarEvent):
            self.refuse("key", event.start_mark, path, "a list or mapping")
        if event.value == "<<" and event.implicit[0]:
            self.refuse("merge", event.start_mark, path)
        key = self._scalar(event, path)
        if not isinstance(key, str):
            self.refuse("key", event.start_mark, path, _shown(event.value))
        return key

    def _scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if found := _INVISIBLE.search(text):
            self.refuse("invisible", event.start_mark, path, f"U+{ord(found.group()):04X}")
        if not event.implicit[0]:  # it stands in quotes, or is a block of text
            return text
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        number = _number(text)
        if number is None and any(kind.fullmatch(text) for kind in (*_NUMBERS, _NOT_FINITE)):
            self.refuse("number", event.start_mark, path, _shown(text))
        return text if number is None else number

    def refuse(self, why: str, mark: Any, path: Path, found: object = "") -> NoReturn:
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        where = f"{spelled(path)}: " if path else ""
        sentence, remedy = REFUSALS[why]
        # `from None`: the parser's own error has nothing to add for the reader of a spec.
        raise SpecError(f"{self.name}:{line}:{column}: {where}{_one_line(sentence.format(found))}.", remedy) from None


def _number(text: str) -> int | float | None:
    """The number that a plain scalar means; None when it means none, or one that nobody can hold."""
    if len(text) > MOST_DIGITS:
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return None


def spelled(path: Path) -> str:
    """`stages[0].steps[2].weight`, as people say it; a key with odd letters is quoted."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        elif re.fullmatch(r"[\w-]{1,60}", part):
            words += f".{part}" if words else part
        else:
            words += f"[{_shown(part)}]"
    return words if len(words) <= 200 else f"{words[:100]}...{words[-97:]}"


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _shown(text: str) -> str:
    """A value as one line of ordinary characters, whatever it holds."""
    return ascii(text if len(text) <= 60 else text[:57] + "...")


def _one_line(sentence: str) -> str:
    """A sentence that may carry a hostile name, without control characters and not without end."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in sentence[:400])
