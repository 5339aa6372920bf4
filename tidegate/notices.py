"""What people are told, in English and Korean; the numbers are the same in both."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tidegate.ports import Notice
from tidegate.story import Story

_TITLES = {
    "promoted": ("{release} is promoted", "{release} 승격 완료"),
    "rolled-back": ("{release} was rolled back", "{release} 롤백됨"),
    "aborted": ("{release} was aborted before it had traffic", "{release} 트래픽 전 중단됨"),
    "closed": ("{release} is final and closed", "{release} 최종 확정 및 종료"),
    "asked": ("{release} waits for an approval", "{release} 승인 대기 중"),
    "alert": ("{release}: a metric alerts", "{release}: 지표 경보"),
    "page": ("{release} needs somebody", "{release} 확인 필요"),
    "slot": ("{release}: verification", "{release}: 검증"),
}
_NAMED = re.compile(r"\{([a-z_]+)\}")


def notice(event: str, severity: str, story: Story, text: str = "", text_ko: str = "") -> Notice:
    """The notice of an event of this story."""
    english, korean = _TITLES.get(event, (f"{{release}}: {event}", f"{{release}}: {event}"))
    why = text or reason(story)
    return Notice(
        event,
        severity,
        story.release,
        {"en": english.format(release=story.release), "ko": korean.format(release=story.release)},
        {"en": why, "ko": text_ko or why},
    )


def reason(story: Story) -> str:
    """Why the release went back or was aborted; else where it stands."""
    if story.down:
        return story.down.why
    aborted = next((body for body in story.answers.values() if body.get("event") == "aborted"), None)
    return str(aborted["why"]) if aborted else f"state {story.state}, weight {story.weight} %"


def worded(text: str, facts: Mapping[str, str]) -> str:
    """A message's words with what is known filled in; what is not known at this moment is a dash, never an error."""
    return _NAMED.sub(lambda found: facts.get(found[1]) or "—", text)


def in_language(language: str, told: Mapping[str, str]) -> str:
    """In this language, or in whatever there is; "" when there is nothing."""
    return told.get(language) or told.get("en") or next(iter(told.values()), "")


def plain(text: str) -> str:
    """One line that moves no cursor and runs in no other direction, whatever somebody put into it (C23)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
