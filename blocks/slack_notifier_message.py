"""A notice as Slack shows it: Block Kit, with everything that came from outside made harmless."""

from __future__ import annotations

from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from tidegate.notices import in_language, plain
from tidegate.ports import Notice

# Slack's own limits, in characters
HEADER, SECTION, CONTEXT, FALLBACK = 150, 3000, 2000, 3000
SIGNS = {"info": ":large_blue_circle:", "warning": ":large_yellow_circle:", "critical": ":red_circle:"}
SEVERITY = {"ko": {"info": "안내", "warning": "주의", "critical": "긴급"}}
COUNTED = {"en": "message {n} of this release", "ko": "이 배포의 {n}번째 메시지"}
Language = Literal["en", "ko"]


class Card(TypedDict):
    """What chat.postMessage, chat.update and a webhook take alike."""

    text: str
    blocks: list[dict[str, Any]]


def head(notice: Notice, language: Language, number: int) -> Card:
    """The first message of a thread: the release, where it stands now, how many messages there were."""
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(plain(_name(notice)), HEADER), "emoji": False}},
        *_body(notice, language),
        _small(f"{_severity(notice, language)} · {_safe(notice.event)} · {COUNTED[language].format(n=number)}"),
    ]
    return Card(text=_fallback(notice, language), blocks=blocks)


def reply(notice: Notice, language: Language) -> Card:
    """One notice inside the thread."""
    blocks = [*_body(notice, language), _small(f"{_severity(notice, language)} · {_safe(notice.event)}")]
    return Card(text=_fallback(notice, language), blocks=blocks)


def _body(notice: Notice, language: Language) -> list[dict[str, Any]]:
    title, text = in_language(language, notice.title), in_language(language, notice.text)
    lines = [f"*{_safe(title or notice.event)}*", _safe(text), _links(notice)]
    told = _cut("\n".join(line for line in lines if line), SECTION)
    return [{"type": "section", "text": {"type": "mrkdwn", "text": told, "verbatim": True}}]


def _name(notice: Notice) -> str:
    return notice.release or notice.event or "Tidegate"


def _severity(notice: Notice, language: Language) -> str:
    word = SEVERITY.get(language, {}).get(notice.severity, notice.severity)
    return f"{SIGNS.get(notice.severity, ':white_circle:')} {_safe(word)}"


def _links(notice: Notice) -> str:
    told = list[str]()
    for name, url in notice.links.items():
        if urlsplit(plain(url)).scheme in ("http", "https") and not set(url) & set("<>| \n"):
            told.append(f"<{_safe(url)}|{_safe(name).replace('|', '/')}>")
    return " · ".join(told)


def _small(text: str) -> dict[str, Any]:
    element = {"type": "mrkdwn", "text": _cut(text, CONTEXT), "verbatim": True}
    return {"type": "context", "elements": [element]}


def _fallback(notice: Notice, language: Language) -> str:
    """What a phone shows in its notification."""
    title = in_language(language, notice.title) or notice.event
    return _cut(_safe(f"{notice.severity}: {title} | {in_language(language, notice.text)}"), FALLBACK)


def _safe(text: str) -> str:
    """No mention, no link and no control character can be smuggled in: <!channel> is shown as it is written."""
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, most: int) -> str:
    """At most this long, never inside an escaped character or a link."""
    if len(text) <= most:
        return text
    short = text[: most - 1]
    tail = max(short.rfind("&"), short.rfind("<"))
    whole = max(short.rfind(";"), short.rfind(">"))
    return (short[:tail] if tail > whole else short) + "…"
