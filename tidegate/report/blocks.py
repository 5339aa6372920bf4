"""
A report as blocks: headings, pairs, tables, lists. Made once from the facts; HTML and Markdown only spell it.

So both say the same, in both languages, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tidegate.report.telling import Tone


@dataclass(frozen=True, slots=True)
class Text:
    """Words of ours or somebody else's; a renderer escapes them."""

    text: str
    code: bool = False
    strong: bool = False
    small: bool = False
    flag: bool = False  # wants to be noticed: told by word, and by colour besides


@dataclass(frozen=True, slots=True)
class Badge:
    """A result: icon and word."""

    tone: Tone
    word: str


Piece = str | Text | Badge
Cell = Piece | tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values."""

    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: str = ""  # "n": a number, to the right; "t": never broken; "w": long text


@dataclass(frozen=True, slots=True)
class Table:
    name: str  # for people who hear the page
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of sentences."""

    items: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Picture:
    """SVG of ours, already escaped; Markdown leaves it out."""

    svg: str


Block = Pairs | Table | Listing | Picture


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=tuple)
