"""What people are told, in English and Korean; the numbers are the same in both."""

from __future__ import annotations

from tidegate.ports import Notice
from tidegate.story import Story

_TITLES = {
    "promoted": ("{release} is promoted", "{release} 승격 완료"),
    "rolled-back": ("{release} was rolled back", "{release} 롤백됨"),
    "aborted": ("{release} was aborted before it had traffic", "{release} 트래픽 전 중단됨"),
    "closed": ("{release} is final and closed", "{release} 최종 확정 및 종료"),
    "asked": ("{release} waits for an approval", "{release} 승인 대기 중"),
    "page": ("{release} needs somebody", "{release} 확인 필요"),
    "slot": ("{release}: verification", "{release}: 검증"),
}


def notice(event: str, severity: str, story: Story, text: str = "", text_ko: str = "") -> Notice:
    """The notice of an event of this story."""
    english, korean = _TITLES.get(event, (f"{{release}}: {event}", f"{{release}}: {event}"))
    why = text or (story.down.why if story.down else _why(story))
    return Notice(
        event,
        severity,
        story.release,
        {"en": english.format(release=story.release), "ko": korean.format(release=story.release)},
        {"en": why, "ko": text_ko or why},
    )


def _why(story: Story) -> str:
    aborted = next((body for body in story.answers.values() if body.get("event") == "aborted"), None)
    return str(aborted["why"]) if aborted else f"state {story.state}, weight {story.weight} %"
