"""Text into HTML, SVG and Markdown: whatever was written by somebody else stays text there."""

from __future__ import annotations

import html
import re

# Control characters, halves of a surrogate pair, and marks that turn the direction of the text around them.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_MARKS = re.compile(r"([\\`*_\[\]#|~$])")
_LEADING = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=>]))(.)")  # begins a list, an underline or a quotation


def plain(text: object) -> str:
    """Without characters that a reader cannot see and a page would act on."""
    return _UNSEEN.sub("\ufffd", str(text))


def one_line(text: object) -> str:
    return " ".join(plain(text).split())


def esc(text: object) -> str:
    """Safe between tags and inside quoted attributes."""
    return html.escape(plain(text), quote=True)


def md(text: object) -> str:
    """Safe in a line or a table cell of Markdown: no mark, no tag, no link, no new line."""
    told = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace("://", ":\u200b//")
    told = _MARKS.sub(r"\\\1", told)
    return _LEADING.sub(r"\1\\\2", told)


def md_code(text: object) -> str:
    """Code of one line, also in a table cell; its own backticks become quotes."""
    told = one_line(text).replace("`", "'").replace("|", "\\|")
    return f"`{told}`" if told else ""


def web_address(address: str) -> str:
    """The address, when a click on it can only open a page; else nothing."""
    told = plain(address)
    safe = re.fullmatch(r"(?:https?|file)://[^\s<>\"'`()\[\]{}|\\]*", told)
    return told if safe else ""


def md_link(label: str, address: str) -> str:
    return f"[{md(label)}]({web_address(address)})" if web_address(address) else md(f"{label}: {address}")
