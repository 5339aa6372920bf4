"""A period's figures as Markdown, in English and Korean; every number is written by the same line in both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from typing import Any

from tidegate.notices import plain
from tidegate.quantities import spoken
from tidegate.report.period import Figure, Period
from tidegate.report.words import Language

_WORDS: dict[str, tuple[str, str]] = {
    "half-day": ("Half-day report", "반일 보고서"),
    "daily": ("Daily report", "일일 보고서"),
    "weekly": ("Weekly report", "주간 보고서"),
    "monthly": ("Monthly report", "월간 보고서"),
    "from": ("From {0} until {1}, beside the period before.", "{0} 부터 {1} 까지, 직전 기간과 비교."),
    "figures": ("Delivery figures", "배포 지표"),
    "head": ("| indicator | this period | before | trend |", "| 지표 | 이번 기간 | 직전 기간 | 추세 |"),
    "deployments": ("releases promoted", "승격된 릴리스"),
    "lead_time": ("lead time, beginning to promoted (median)", "리드 타임, 시작부터 승격까지 (중앙값)"),
    "change_failure_rate": ("change failure rate", "변경 실패율"),
    "time_to_restore": ("time to restore (median)", "복구 시간 (중앙값)"),
    "rollbacks": ("rollbacks", "롤백"),
    "aborted": ("aborted before traffic", "트래픽 전 중단"),
    "verifications": ("verification runs", "검증 실행"),
    "verifications_failed": ("of these failed", "그중 실패"),
    "verifications_missed": ("of these missed", "그중 누락"),
    "checks_failed": ("checks that failed", "실패한 점검"),
    "releases": ("Releases", "릴리스"),
    "none": ("No release ended in this period.", "이 기간에 종료된 릴리스가 없습니다."),
    "promoted": ("promoted", "승격"),
    "rolled-back": ("rolled back", "롤백"),
    "measured": ("Measured by checks", "점검에서 측정된 값"),
    "better": ("🟢 better", "🟢 개선"),
    "same": ("🟡 the same", "🟡 동일"),
    "worse": ("🔴 worse", "🔴 악화"),
    "restored": ("back after {0}", "{0} 후 복구"),
}


def markdown(period: Period, language: Language, zone: tzinfo) -> str:
    """The whole report."""
    return "\n".join(_lines(period, language, zone)) + "\n"


def _lines(period: Period, language: Language, zone: tzinfo) -> Iterator[str]:
    def say(name: str, *values: str) -> str:
        return _WORDS[name][0 if language == "en" else 1].format(*values)

    times = [f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}" for at in (period.since, period.until)]
    yield f"# {say(period.length)}: {period.system}"
    yield ""
    yield say("from", *times)
    yield ""
    yield f"## {say('figures')}"
    yield ""
    yield say("head")
    yield "| --- | ---: | ---: | --- |"
    for one in period.figures:
        yield _row(say(one.name), one, say(one.light) if one.light else "")
    yield ""
    yield f"## {say('releases')}"
    yield ""
    if not period.outcomes:
        yield say("none")
    for outcome in period.outcomes:
        how = say("aborted" if outcome.how == "aborted" else outcome.how)
        why = f": {_safe(outcome.why)}" if outcome.why else ""
        back = f", {say('restored', _number(outcome.seconds, 'seconds'))}" if outcome.seconds is not None else ""
        yield f"- {outcome.at.astimezone(zone):%Y-%m-%d %H:%M} `{_safe(outcome.release)}` {how}{back}{why}"
    if period.measured:
        yield ""
        yield f"## {say('measured')}"
        yield ""
        yield say("head")
        yield "| --- | ---: | ---: | --- |"
        for one in period.measured:
            yield _row(_safe(one.name), one, _trend(one))


def _row(name: str, one: Figure, light: str) -> str:
    return f"| {name} | {_number(one.value, one.unit)} | {_number(one.before, one.unit)} | {light} |"


def _trend(one: Figure) -> str:
    if one.value is None or not one.before:
        return ""
    return f"{(one.value - one.before) / abs(one.before):+.1%}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "—"
    match unit:
        case "share":
            return f"{value:.1%}"
        case "seconds":
            return spoken(timedelta(seconds=round(value, 1))) if value >= 1 else f"{value:.1f}s"
        case "count":
            return f"{value:,.0f}"
    return f"{value:,.4g}"


def _safe(text: str) -> str:
    """Nothing of somebody's text is markup or ends a cell."""
    return "".join(f"\\{c}" if c in "|`*_<>[]\\" else c for c in plain(text))[:300]


def as_json(period: Period) -> dict[str, Any]:
    """The same for a script; instants in UTC."""
    return {
        "system": period.system,
        "period": period.length,
        "since": period.since,
        "until": period.until,
        "figures": {
            one.name: {"value": one.value, "before": one.before, "unit": one.unit, "trend": one.light}
            for one in period.figures
        },
        "releases": [
            {"release": one.release, "at": one.at, "how": one.how, "why": one.why, "seconds": one.seconds}
            for one in period.outcomes
        ],
        "measured": {one.name: {"value": one.value, "before": one.before} for one in period.measured},
    }
