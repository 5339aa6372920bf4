"""A notice as a mail: its subject, its plain text, its HTML. Nothing is loaded from outside, nothing runs."""

from __future__ import annotations

from html import escape
from typing import Literal
from urllib.parse import urlsplit

from tidegate.notices import in_language, plain
from tidegate.ports import Notice

Language = Literal["en", "ko"]
LONGEST = 200  # characters of a subject
COLOURS = {"info": "#1a5fb4", "warning": "#9c6500", "critical": "#b3261e"}
WORDS = {
    "en": {"info": "info", "warning": "warning", "critical": "critical", "release": "Release", "event": "Event"},
    "ko": {"info": "안내", "warning": "주의", "critical": "긴급", "release": "릴리스", "event": "이벤트"},
}


def subject(notice: Notice, language: Language) -> str:
    """`[critical] shop/2.1.0/1 was rolled back`; one line, whatever was put into it."""
    title = in_language(language, notice.title) or notice.event or notice.release
    return plain(f"[{_severity(notice, language)}] {title}")[:LONGEST]


def text(notice: Notice, language: Language) -> str:
    """The plain text, for every reader."""
    words = WORDS[language]
    told = [in_language(language, notice.title), in_language(language, notice.text)]
    facts = [f"{words['release']}: {notice.release}" if notice.release else "", f"{words['event']}: {notice.event}"]
    links = [f"{plain(name)}: {url}" for name, url in _links(notice).items()]
    parts = ["\n".join(map(plain, filter(None, lines))) for lines in (told, facts, links)]
    return "\n\n".join(filter(None, parts)) + "\n"


def html(notice: Notice, language: Language) -> str:
    """The same, to look at."""
    words, colour = WORDS[language], COLOURS.get(notice.severity, "#444444")
    links = " · ".join(f'<a href="{escape(url)}">{_safe(name)}</a>' for name, url in _links(notice).items())
    return (
        f'<!doctype html>\n<html lang="{language}"><body style="font-family:sans-serif;color:#1f1f1f">\n'
        f'<div style="border-left:4px solid {colour};padding:4px 12px">\n'
        f'<p style="margin:0;color:{colour};font-weight:bold">{_safe(_severity(notice, language))}</p>\n'
        f'<h1 style="margin:4px 0;font-size:18px">{_safe(in_language(language, notice.title) or notice.event)}</h1>\n'
        f'<p style="margin:4px 0">{_safe(in_language(language, notice.text))}</p>\n'
        f'<p style="margin:4px 0;color:#595959">{words["release"]} {_safe(notice.release)} · '
        f"{words['event']} {_safe(notice.event)}</p>\n"
        f'<p style="margin:4px 0">{links}</p>\n</div>\n</body></html>\n'
    )


def _severity(notice: Notice, language: Language) -> str:
    return WORDS[language].get(notice.severity, notice.severity) if notice.severity in COLOURS else notice.severity


def _links(notice: Notice) -> dict[str, str]:
    """Those that a click may follow."""
    told = {name: plain(url) for name, url in notice.links.items()}
    return {name: url for name, url in told.items() if urlsplit(url).scheme in ("http", "https")}


def _safe(told: str) -> str:
    return escape(plain(told))
