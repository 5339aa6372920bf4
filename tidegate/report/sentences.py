"""
The core's own sentences in Korean: what a watch, a judge or a plan recorded in English, told with the same numbers.

A chain keeps one spelling of a sentence; people read it in their language. What is not known here (a person's note, a
check's own output) is left as it was written. Numbers and names keep their order.
"""

from __future__ import annotations

import re

# English pattern, Korean template; {1} is a group as it stands, {1:s} one that is a sentence itself.
_KNOWN: tuple[tuple[str, str], ...] = (
    # what plans say
    (r"(\d+) %: (.+)", "{1} %: {2:s}"),
    (r"approval (\S+): nobody answered in time", "승인 {1}: 시간 안에 응답 없음"),
    (r"approval (\S+): (.+) said (approve|reject|park)(.*)", "승인 {1}: {2} {3:w}{4}"),
    (r"check (\S+): (.+)", "점검 {1}: {2:s}"),
    (r"backup (\S+): (.+)", "백업 {1}: {2:s}"),
    (r"green (\S+): (.+)", "green {1}: {2:s}"),
    (r"verification (\S+): (.+)", "검증 {1}: {2:s}"),
    (r"chosen at an approval", "승인에서 선택됨"),
    (r"(.+) \(decided by (.+)\)", "{1:s} ({2} 결정)"),
    # what limits say
    (r"(\S+) (\w+): cannot be measured \((.+)\)", "{1} {2:m}: 측정할 수 없음 ({3})"),
    (r"(\S+) (\w+): (\d+) of (\d+) requests needed", "{1} {2:m}: 필요한 요청 {3} / {4}건"),
    (r"(\S+) (\w+): was last measured (\d+) s ago", "{1} {2:m}: {3}초 전에 마지막으로 측정됨"),
    (r"(\S+) (\w+): does not say of how many requests", "{1} {2:m}: 요청 수를 알 수 없음"),
    (r"(\d+) are needed", "{1}건 필요"),
    (r"(\S+) (\w+): no series: no data is never a pass", "{1} {2:m}: 측정값 없음, 값이 없으면 통과가 아님"),
    (r"(\S+) (\w+): is (\S+), which is no measurement", "{1} {2:m}: {3}, 측정값이 아님"),
    (r"(\S+) (\w+): ((?:\d|\S+ of ).+)", "{1} {2:m}: {3:s}"),
    (r"(.+), limit (.+)", "{1:s}, 한도 {2}"),
    (r"(.+), between (.+) and (.+)", "{1:s}, {2} ~ {3} 사이"),
    (r"(.+), at most (.+) wanted", "{1:s}, 목표 {2} 이하"),
    (r"(.+) above the limit, not yet for long enough", "{1:s} 한도 초과, 아직 지속 시간 미달"),
    (r"(\d+) of (\d+) requests \((.+)\)", "요청 {1} / {2}건 ({3})"),
    (r"(\d+) of (\d+) requests needed", "필요한 요청 {1} / {2}건"),
    (r"(\S+(?: %| ms| MB)?) of (\d+) requests", "{1} (요청 {2}건)"),
    # what the watch says
    (r"held for (\S+) s, longer than (\S+) s: (.+)", "{1}초 동안 보류, 허용된 {2}초 초과: {3:s}"),
    (r"the verdict changed (\d+) times between PASS and FAIL in one step", "한 단계에서 판정이 {1}번 바뀜"),
    (r"the router of (\S+) cannot be read", "{1} 라우터를 읽을 수 없음"),
    (r"somebody lowered (\S+) by hand from (\d+) to (\d+) %", "누군가 {1} 비중을 직접 낮춤: {2} → {3} %"),
    (r"(\S+) stands at (\d+) %, the story tells (\d+) %", "{1} 실제 비중 {2} %, 기록된 비중 {3} %"),
    (r"the health of (\S+) cannot be read", "{1} 인스턴스 상태를 읽을 수 없음"),
    (r"the mark of (\S+) cannot be read", "{1} 경로의 표식을 읽을 수 없음"),
    (r"the mark of (\S+) names (.+)", "{1} 경로의 표식: {2}"),
    (r"(\S+) is (\w+): nobody lowers for it any more", "{1} 상태 {2}: 더 이상 트래픽을 내리지 않음"),
    (r"the route of (\S+) names (.+)", "{1} 경로의 소유자: {2}"),
    (r"(\d+) of (\d+) green (\S+) instances are healthy(.*)", "green 인스턴스 {1} / {2}개 정상: {3}{4}"),
    (
        r"(\d+) of (\d+) green (\S+) instances are running the release's digest(.*)",
        "릴리스의 다이제스트로 실행 중인 green 인스턴스 {1} / {2}개: {3}{4}",
    ),
    (r"it rested longer than allowed, and no later run continued it", "허용된 시간이 지나도록 이어서 실행되지 않음"),
    (r"the run was cancelled in Prefect \((.*)\)", "Prefect에서 실행이 취소됨 ({1})"),
    (r"restarted (\d+) times, and died again", "{1}번 재시작했지만 다시 중단됨"),
    (r"the lease ran out (\d+) s ago", "임대가 {1}초 전에 만료됨"),
    (r"its run was (.+)", "실행 상태: {1}"),
    (r"no green traffic yet", "아직 새 버전의 트래픽 없음"),
    (r"(\S+) has claimed the route", "{1} 릴리스가 경로를 확보함"),
    (r"half-way limit of step (\d+) %: not promoted since (.+)", "단계 {1} %의 중간 상태 한도: {2}부터 승격되지 않음"),
    (r"forward or back by (.+) \(limit (.+)\)", "{1}까지 진행하거나 되돌림 (한도 {2})"),
    (
        r"behind the point of no return at (\d+) % the way back is (\S+) \((.+)\)",
        "복귀 불가 지점 {1} % 이후, 되돌리는 방법: {2} ({3})",
    ),
    (r"the weight stays", "비중 유지"),
    (r"this traffic is not sent back", "이 트래픽은 되돌리지 않음"),
    (r"who accepts that types: (.+)", "이를 받아들이는 사람이 입력: {1}"),
    (r"no look of the watch for (\d+) s", "{1}초 동안 감시의 확인이 없음"),
    # what preparing and rolling back say
    (r"(\d+) tables, (\d+) rows restored and equal", "테이블 {1}개, 행 {2}개를 복원했고 모두 같음"),
    (r"(\d+) of (\d+) instances healthy, each reports (\S+)", "인스턴스 {1} / {2}개 정상, 보고된 다이제스트 {3}"),
    (r"(\d+) of (\d+) instances are healthy", "인스턴스 {1} / {2}개 정상"),
    (r"nothing runs under this name", "이 이름으로 실행 중인 것이 없음"),
    (r"(.+) run another digest", "다른 다이제스트로 실행 중: {1}"),
    (r"stable is healthy and carries everything", "기존 버전이 정상이며 모든 트래픽을 처리함"),
    (r"(\S+): (\S+) does not carry everything", "{1}: {2} 버전이 모든 트래픽을 받지 않음"),
    (r"(\S+): no instance of (\S+) is healthy", "{1}: {2} 버전의 정상 인스턴스가 없음"),
    (r"(\S+) left alone: (.+)", "{1} 그대로 둠: {2}"),
    (r"(\S+) to (\d+) % waited too long: (.+)", "{1} 비중 {2} % 설정 대기 시간 초과: {3:s}"),
    (r"kept: (.+) carries traffic", "유지: {1} 버전이 트래픽을 받는 중"),
    (r"decided by a person", "사람이 결정함"),
    (r"regular release", "정기 릴리스"),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), template) for pattern, template in _KNOWN)
_GROUP = re.compile(r"\{(\d)(?::(\w))?\}")
_SAID = {"approve": "승인", "reject": "거절", "park": "대기 선택"}
_DEEPEST = 6  # sentences within sentences; what lies deeper stays as it is
_LONGEST = 2000  # characters; more than that was not written by the core

METRICS = {
    "error_rate": "오류율", "latency_p50": "p50 지연", "latency_p95": "p95 지연", "latency_p99": "p99 지연",
    "memory": "메모리", "request_rate": "초당 요청 수",
}  # fmt: skip


def korean(sentence: str, depth: int = 0) -> str:
    """The sentence in Korean where the core wrote it, else as it stands."""
    if depth >= _DEEPEST or len(sentence) > _LONGEST:
        return sentence
    if "; " in sentence:
        return "; ".join(korean(part, depth + 1) for part in sentence.split("; "))
    for pattern, template in _PATTERNS:
        found = pattern.fullmatch(sentence)
        if found:
            return _filled(template, found, depth)
    return sentence


def _filled(template: str, found: re.Match[str], depth: int) -> str:
    def group(hole: re.Match[str]) -> str:
        text = found[int(hole[1])]
        match hole[2]:
            case "s":
                return korean(text, depth + 1)
            case "m":
                return METRICS.get(text, text)
            case "w":
                return _SAID.get(text, text)
            case _:
                return text

    return _GROUP.sub(group, template)
