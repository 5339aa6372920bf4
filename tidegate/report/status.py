"""
The status of a release for a terminal, and the same as JSON.

Words and icons say everything; colour only repeats it. Without `unicode` every mark is ASCII. Letters that are two
columns wide (Korean) count as two.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import Any

from tidegate.ledger import SeenLook
from tidegate.report import commands
from tidegate.report.cells import badge, standing
from tidegate.report.crossed import beyond_line, halfway_line
from tidegate.report.live import UNDER_WAY, WAY_BACK_ENDED, Live, live
from tidegate.report.markup import one_line
from tidegate.report.page import step_of, time_left, weight_lines
from tidegate.report.telling import (
    ICONS,
    PLAIN_ICONS,
    Tone,
    blue,
    headline,
    lead,
    left_to_do,
    noted_line,
    question_of,
    who,
)
from tidegate.report.values import Measured, ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.words import Language

JSON_VERSION = 1
LABEL = 14  # columns
_COLOURS = {
    Tone.GOOD: "32", Tone.BAD: "31", Tone.BACK: "33", Tone.WAIT: "33", Tone.BUSY: "36", Tone.CALM: "2",
}  # fmt: skip
_ASCII = str.maketrans({"→": "->", "—": "-", "“": '"', "”": '"', "…": "...", "·": "-", "⋯": "...", "\u200b": ""})

Row = tuple[str, list[tuple[Tone | None, str]]]


def status_lines(
    facts: ReleaseFacts,
    look: SeenLook | None,
    now: datetime,
    width: int = 80,
    *,
    color: bool = False,
    unicode: bool = True,
    language: Language = "en",
    zone: tzinfo = UTC,
) -> list[str]:
    """One screen; no line is wider than `width` columns (40 at least)."""
    voice, watch = Voice(language, zone), live(facts, look.row if look else None, look.age if look else None)
    screen = _Screen(max(40, width), color, unicode)
    top = headline(facts, voice, watch)
    screen.add(0, top.tone, top.text)
    screen.add(2, None, lead(facts, voice))
    if facts.compress > 1:
        screen.add(2, Tone.WAIT, voice("compressed", n=facts.compress))
    for label, values in _rows(facts, watch, voice, now):
        screen.row(label, values)
    return screen.lines


def _rows(facts: ReleaseFacts, watch: Live, voice: Voice, now: datetime) -> list[Row]:
    until = facts.ended_at or max(now, facts.as_of)
    rows: list[Row] = [
        (voice("release"), [(None, f"{facts.release} ({blue(facts, voice)} → {facts.version})")]),
        (voice("requested_by"), [(None, _person(facts, voice))]),
        (voice("took"), [(None, voice.span(until - facts.opened_at))]),
        (voice("label.step"), [(None, step_of(facts, voice))]),
    ]
    rows.append((voice("weight"), [(None, told) for told in weight_lines(facts, watch, voice)]))
    if facts.condition not in WAY_BACK_ENDED:
        rows.append((voice("beyond"), [(Tone.WAIT, told) for told in beyond_line(facts, voice)]))
    rows.append((voice("halfway"), [(None, told) for told in halfway_line(facts, voice)]))
    if watch.verdict is not None and facts.condition in UNDER_WAY:
        mark = badge(voice, str(watch.verdict))
        rows.append((voice("label.verdict"), [(mark.tone, mark.word)]))
    rows.append(("", [(standing(voice, gate).tone, _gate(gate, voice)) for gate in watch.gates]))
    if facts.condition in UNDER_WAY:
        rows.append((voice("label.left"), [(None, told) for told in time_left(facts, watch, voice)]))
        rows.append((voice("label.look"), _watch(watch, voice)))
    rows += [(voice("label.waits"), [(Tone.GOOD, noted_line(asked, voice))]) for asked in facts.waiting if asked.noted]
    for asked in facts.unanswered:
        may = ", ".join(asked.approvers) or voice("anybody")
        told = [question_of(asked, voice), voice("may_answer", who=may)]
        rows.append((voice("label.waits"), [(Tone.WAIT, told[0]), (None, told[1])]))
    rows.append((voice("label.next"), [(None, told) for told in left_to_do(facts, voice)]))
    if facts.condition in UNDER_WAY and facts.down is None:
        rows.append(("", [(None, voice("rollback_with", command=commands.roll_back(facts)))]))
    return [(label, values) for label, values in rows if values]


def _person(facts: ReleaseFacts, voice: Voice) -> str:
    return f"{who(voice, facts.requester)} ({voice('proved' if facts.requester_proved else 'unproved')})"


def _gate(gate: Measured, voice: Voice) -> str:
    value, limit = voice.value(gate.metric, gate.value), voice.value(gate.metric, gate.rollback)
    told = f"{gate.component} {voice.metric(gate.metric)} {value}, {voice('timeline.limit', value=limit)}"
    count = f", {voice('with', n=voice.number(gate.count))}" if gate.count is not None else ""
    return f"{told}{count}: {standing(voice, gate).word}"


def _watch(watch: Live, voice: Voice) -> list[tuple[Tone | None, str]]:
    if not watch.seen:
        return [(Tone.WAIT, voice("look.never"))]
    told: list[tuple[Tone | None, str]] = []
    if watch.age is not None:
        old = watch.age > 30
        told.append((Tone.BAD if old else None, voice("look.old" if old else "look.fresh", span=voice.span(watch.age))))
    if watch.against:
        told.append((Tone.WAIT, voice("against", why=voice.recorded(watch.against))))
    return told


class _Screen:
    """Lines of a terminal."""

    def __init__(self, width: int, color: bool, unicode: bool) -> None:
        self.width, self.color, self.unicode = width, color, unicode
        self.lines: list[str] = []

    def row(self, label: str, values: list[tuple[Tone | None, str]]) -> None:
        for n, (tone, text) in enumerate(values):
            first = one_line(label) if n == 0 else ""
            if columns(first) > LABEL - 1:
                self.lines.append(f"  {first}")
                first = ""
            self.add(2 + LABEL, tone, text, f"  {first}{' ' * (LABEL - columns(first))}")

    def add(self, indent: int, tone: Tone | None, text: str, before: str = "") -> None:
        """One text, wrapped under itself; the icon in front says its tone."""
        icon = f"{(ICONS if self.unicode else PLAIN_ICONS)[tone]} " if tone else ""
        told = f"{icon}{one_line(text)}"
        if not self.unicode:
            told = told.translate(_ASCII)
        hang = indent + columns(icon)
        for n, line in enumerate(wrapped(told, self.width - hang)):
            start = (before or " " * indent) if n == 0 else " " * hang
            self.lines.append(start + (f"\x1b[{_COLOURS[tone]}m{line}\x1b[0m" if tone and self.color else line))


def columns(text: str) -> int:
    """How wide a text stands in a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns; a word that is longer is cut."""
    lines, line = list[str](), ""
    for word in text.split(" "):
        rest = word
        if line and columns(f"{line} {rest}") <= width:
            line = f"{line} {rest}"
            continue
        if line:
            lines.append(line)
        while columns(rest) > width:
            head = _head(rest, width)
            lines.append(head)
            rest = rest[len(head) :]
        line = rest
    return [*lines, line] if line or not lines else lines


def _head(text: str, width: int) -> str:
    head = ""
    for letter in text:
        if columns(head + letter) > width:
            break
        head += letter
    return head or text[:1]


def json_of(facts: ReleaseFacts, look: SeenLook | None = None) -> dict[str, Any]:
    """Everything but the spec and the readings; instants in ISO 8601, durations in seconds under `..._seconds`."""
    told: dict[str, Any] = {"tidegate": JSON_VERSION, "system": facts.system, "compress": facts.compress}
    for field in dataclasses.fields(facts):
        if field.name not in ("spec", "series"):
            told |= _named(field.name, getattr(facts, field.name))
    voice, watch = Voice(), live(facts, look.row if look else None, look.age if look else None)
    told["headline"] = headline(facts, voice, watch).text
    told["step"] = {"n": facts.step_number, "of": facts.step_count}
    told["weight"] = facts.weight
    told["watch"] = {**_plain(watch), **_named("left", watch.left)} if look else None
    return told


def _named(name: str, value: Any) -> dict[str, Any]:
    return {f"{name}_seconds" if isinstance(value, timedelta) else name: _plain(value)}


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            told: dict[str, Any] = {}
            for field in dataclasses.fields(value):
                told |= _named(field.name, getattr(value, field.name))
            return told
        case _:
            return value
