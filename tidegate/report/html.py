"""
The report as one HTML file: nothing outside of it is needed, it prints, and it carries the digest of itself.

Words come from `words`, numbers from the facts; whatever somebody else wrote is escaped.
"""

from __future__ import annotations

from datetime import UTC, tzinfo

from tidegate.report.blocks import Badge, Block, Cell, Listing, Pairs, Picture, Section, Table, Text
from tidegate.report.markup import esc
from tidegate.report.seal import sealed
from tidegate.report.sections import sections
from tidegate.report.style import CSS
from tidegate.report.telling import ICONS, headline, lead
from tidegate.report.values import ReleaseFacts
from tidegate.report.voice import Voice
from tidegate.report.words import Language


def html_of(facts: ReleaseFacts, language: Language = "en", zone: tzinfo = UTC) -> str:
    """The whole report, sealed (tidegate/report/seal.py)."""
    voice = Voice(language, zone)
    told = sections(facts, voice)
    body = "".join(_section(section) for section in told)
    title = esc(voice("title", system=facts.system, version=facts.version))
    return sealed(
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{CSS}</style></head>\n<body>"
        f'<a class="skip" href="#report">{esc(voice("skip"))}</a>\n'
        f'{_header(facts, voice)}{_contents(told, voice)}</header>\n<main id="report">{body}</main>\n'
        f'<footer><p class="small">{esc(_footer(facts, voice))}</p></footer>\n</body>\n</html>\n'
    )


def _header(facts: ReleaseFacts, voice: Voice) -> str:
    top = headline(facts, voice)
    over = voice("title", system=facts.system, version=facts.version)
    banners = ""
    if facts.chain.broken_at is not None:
        banners += f'<p class="banner fail" role="note">✗ {esc(voice("broken", n=facts.chain.broken_at))}</p>'
    if facts.compress > 1:
        banners += f'<p class="banner" role="note">! {esc(voice("compressed", n=facts.compress))}</p>'
    return (
        f'<header><p class="over">{esc(over)}</p>{banners}<div class="hero {top.tone}">'
        f'<span class="icon" aria-hidden="true">{ICONS[top.tone]}</span>'
        f"<div><h1>{esc(top.text)}</h1><p>{esc(lead(facts, voice))}</p></div></div>"
    )


def _contents(told: list[Section], voice: Voice) -> str:
    items = "".join(f'<li><a href="#{section.id}">{esc(section.title)}</a></li>' for section in told)
    return f'<nav aria-label="{esc(voice("contents"))}"><ul>{items}</ul></nav>'


def _footer(facts: ReleaseFacts, voice: Voice) -> str:
    at = voice("as_of", at=voice.instant(facts.as_of), n=facts.chain.length)
    return f"{at} {voice('times', zone=voice.zone_name)}"


def _section(section: Section) -> str:
    blocks = "".join(_block(block) for block in section.blocks)
    return (
        f'<section aria-labelledby="{section.id}"><h2 id="{section.id}">{esc(section.title)}</h2>{blocks}</section>\n'
    )


def _block(block: Block) -> str:
    match block:
        case Pairs():
            rows = "".join(
                f"<div{_kind('wide' if _is_long(value) else '')}><dt>{esc(name)}</dt><dd>{_cell(value)}</dd></div>"
                for name, value in block.rows
            )
            return f'<dl class="card grid">{rows}</dl>'
        case Table():
            return _table(block)
        case Listing():
            items = "".join(f"<li>{_cell(item)}</li>" for item in block.items)
            return f'<div class="card"><ul class="plain">{items}</ul></div>'
        case Picture():
            return f'<figure class="card" tabindex="0">{block.svg}</figure>'


def _table(table: Table) -> str:
    """Wide tables scroll in a region of their own, which the keyboard reaches."""
    heads = "".join(f'<th scope="col"{_kind(column.kind)}>{esc(column.name)}</th>' for column in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_kind(c.kind)}>{_cell(cell)}</td>" for c, cell in zip(table.columns, row, strict=True))
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(table.name)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _is_long(cell: Cell) -> bool:
    return isinstance(cell, Text) and cell.code and len(cell.text) > 40


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cell(cell: Cell) -> str:
    if isinstance(cell, tuple):
        return "<br>".join(_cell(piece) for piece in cell if piece)
    match cell:
        case Badge():
            return (
                f'<span class="badge {cell.tone}"><i aria-hidden="true">{ICONS[cell.tone]}</i>{esc(cell.word)}</span>'
            )
        case Text():
            return _text(cell)
        case _:
            return esc(cell)


def _text(text: Text) -> str:
    told = esc(text.text)
    if text.code:
        return f"<code>{told}</code>"
    if text.strong:
        return f"<strong>{told}</strong>"
    kind = "flag" if text.flag else "small" if text.small else ""
    return f"<span{_kind(kind)}>{told}</span>" if kind else told
