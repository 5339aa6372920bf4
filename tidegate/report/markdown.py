"""The report as Markdown: the same sections and numbers as the HTML, without the picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from tidegate.report.blocks import Badge, Block, Cell, Listing, Pairs, Picture, Table, Text
from tidegate.report.markup import md, md_code
from tidegate.report.sections import sections
from tidegate.report.telling import ICONS, headline, lead
from tidegate.report.values import ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.words import Language


def markdown_of(facts: ReleaseFacts, language: Language = "en", zone: tzinfo = UTC) -> str:
    """The whole report."""
    voice = Voice(language, zone)
    top = headline(facts, voice)
    lines = [f"# {ICONS[top.tone]} {md(top.text)}", "", md(lead(facts, voice)), *banners(facts, voice)]
    for section in sections(facts, voice):
        if all(isinstance(block, Picture) for block in section.blocks):
            continue
        lines += ["", f"## {md(section.title)}"]
        for block in section.blocks:
            lines += ["", *block_lines(block)]
    at = voice("as_of", at=voice.instant(facts.as_of), n=facts.chain.length)
    return "\n".join([*lines, "", "---", "", md(f"{at} {voice('times', zone=voice.zone_name)}"), ""])


def banners(facts: ReleaseFacts, voice: Voice) -> list[str]:
    """What a reader must know before all else."""
    told = list[str]()
    if facts.chain.broken_at is not None:
        told += ["", f"> **✗ {md(voice('broken', n=facts.chain.broken_at))}**"]
    if facts.compress > 1:
        told += ["", f"> **! {md(voice('compressed', n=facts.compress))}**"]
    return told


def block_lines(block: Block) -> list[str]:
    match block:
        case Pairs():
            return [f"- {md(name)}: {cell_text(value)}" for name, value in block.rows]
        case Listing():
            return [f"- {cell_text(item)}" for item in block.items]
        case Table():
            return table_lines([column.name for column in block.columns], block.rows, [c.kind for c in block.columns])
        case Picture():
            return []


def table_lines(names: Sequence[str], rows: Sequence[Sequence[Cell]], kinds: Sequence[str] = ()) -> list[str]:
    """A table; every cell is one line, and no cell can leave its column."""
    marks = ["---:" if kind == "n" else "---" for kind in kinds or [""] * len(names)]
    told = [f"| {' | '.join(md(name) for name in names)} |", f"| {' | '.join(marks)} |"]
    return told + [f"| {' | '.join(cell_text(cell) for cell in row)} |" for row in rows]


def cell_text(cell: Cell) -> str:
    if isinstance(cell, tuple):
        return " · ".join(told for piece in cell if (told := cell_text(piece)))
    match cell:
        case Badge():
            return f"{ICONS[cell.tone]} {md(cell.word)}"
        case Text():
            told = md_code(cell.text) if cell.code else md(cell.text)
            return f"**{told}**" if told and (cell.strong or cell.flag) and not cell.code else told
        case _:
            return md(cell)
