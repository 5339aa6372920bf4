"""
Every text of a report, in English and Korean side by side.

Both sentences of a pair name the same values in the same order, so the numbers of a report read the same in both
(tests/unit/test_report_words.py). Acts and conditions are looked up by name: "kind.set-weight", "headline.promoted".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tidegate.report import words_live

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")

_PAIRS: dict[str, tuple[str, str]] = {
    # what it is about
    "title": ("Release report: {system} {version}", "릴리스 보고서: {system} {version}"),
    "page.title": ("{system}: {blue} to {version}", "{system}: {blue} → {version}"),
    "before": ("the version before", "이전 버전"),
    "skip": ("Skip to the report", "본문으로 건너뛰기"),
    "contents": ("Contents", "차례"),
    "times": ("All times are {zone}.", "모든 시각은 {zone} 기준입니다."),
    "as_of": ("As of {at}, entry {n} of the ledger.", "{at} 기준, 원장 {n}번 항목까지."),
    "compressed": (
        "Compressed time: this release's own waits were divided by {n}. A rehearsal, no evidence for a real bake.",
        "압축된 시간: 이 릴리스의 대기 시간을 {n}분의 일로 줄였습니다. 예행 연습이며 실제 관찰의 근거가 아닙니다.",
    ),
    "broken": (
        "The ledger's chain does not hold at entry {n}: what follows may have been changed.",
        "원장의 연결이 {n}번 항목에서 맞지 않습니다. 그 뒤의 내용은 변경되었을 수 있습니다.",
    ),
    # how it stands
    "headline.preparing": ("Preparing {version}", "{version} 준비 중"),
    "headline.waiting": ("Waiting for people: approval {gate}", "사람의 응답 대기 중: 승인 {gate}"),
    "headline.begun": ("{version} is in place, without traffic yet", "{version} 준비 완료, 아직 트래픽 없음"),
    "headline.shifting": (
        "{version} gets {weight} % of the traffic, step {n} of {m}",
        "{version} 버전이 트래픽의 {weight} % 처리 중, 단계 {n} / {m}",
    ),
    "headline.held": (
        "{version} is held at {weight} %, step {n} of {m}",
        "{version} 버전을 {weight} %에서 유지하며 판정 보류 중, 단계 {n} / {m}",
    ),
    "headline.parked": (
        "Parked: {version} keeps running, with 0 % of the traffic",
        "대기 상태: {version} 버전은 실행 중이며 트래픽은 0 %",
    ),
    "headline.resting": (
        "{version} rests at {weight} % until a later run continues",
        "{version} 버전이 {weight} %에서 다음 실행을 기다리는 중",
    ),
    "headline.promoted": (
        "{version} is promoted and carries {weight} % of the traffic",
        "{version} 승격 완료, 트래픽의 {weight} % 처리",
    ),
    "headline.superseded": ("{version} is superseded by a newer release", "{version} 이후 새 릴리스가 배포됨"),
    "headline.finalized": (
        "{version} is final: the way back by traffic has ended",
        "{version} 최종 확정: 트래픽으로 되돌리는 기간 종료",
    ),
    "headline.closed": ("{version} is final and closed", "{version} 최종 확정 및 종료"),
    "headline.down": (
        "Traffic is back on {blue} after {span}; the rest of the rollback is under way",
        "트래픽이 {blue} 버전으로 {span} 만에 복귀, 나머지 롤백 진행 중",
    ),
    "headline.lowering": (
        "Rolling back to {blue}: the routers have not yet confirmed weight 0",
        "{blue} 버전으로 롤백 중: 라우터가 아직 비중 0을 확인하지 않음",
    ),
    "headline.rolled_back": ("Rolled back to {blue} in {span}", "{blue} 버전으로 롤백 완료, 소요 {span}"),
    "headline.returned": ("Rolled back to {blue}", "{blue} 버전으로 롤백 완료"),
    "headline.aborted": (
        "{version} was stopped before it had any traffic",
        "{version} 버전이 트래픽을 받기 전에 중단됨",
    ),
    # the sentence below
    "lead.steps": (
        "{n} of {m} steps passed; every check and verdict is below.",
        "단계 {n} / {m} 통과. 점검과 판정은 아래에 있습니다.",
    ),
    "lead.decided": ("Decided at {at} by {who}: {why}", "{at} {who} 결정: {why}"),
    "lead.late": ("Decided {span} after promotion, at {at} by {who}: {why}", "승격 후 {span}, {at} {who} 결정: {why}"),
    "lead.why": ("Why: {why}", "이유: {why}"),
    "lead.asked": (
        "“{ask}” Answer by {deadline}; silence: {expiry}.",
        "“{ask}” {deadline}까지 응답. 무응답 시: {expiry}.",
    ),
    "lead.under_way": (
        "Nobody has to do anything: the watch judges and goes on.",
        "할 일이 없습니다. 감시 프로세스가 판정하고 진행합니다.",
    ),
    # labels
    "release": ("Release", "릴리스"),
    "versions": ("Versions", "버전"),
    "requested_by": ("Requested by", "요청자"),
    "reason": ("Reason", "사유"),
    "kind": ("Kind", "종류"),
    "request.regular": ("regular", "정기"),
    "request.hotfix": ("hotfix", "긴급 수정"),
    "request.major": ("major", "주요 변경"),
    "plan": ("Traffic plan", "트래픽 계획"),
    "opened": ("Opened", "시작"),
    "ended": ("Ended", "종료"),
    "under_way": ("under way", "진행 중"),
    "took": ("Took", "소요 시간"),
    "exposed": ("New version had traffic", "새 버전이 트래픽을 받은 시간"),
    "exposed.value": ("{span}, at most {weight} %", "{span}, 최대 {weight} %"),
    "worst": ("Worst reading", "가장 나쁜 측정값"),
    "restarts": ("Restarts", "재시작"),
    "attempts": ("Attempts", "시도"),
    "spec_digest": ("Spec digest", "스펙 다이제스트"),
    "digest": ("Digest", "다이제스트"),
    "component": ("Component", "구성 요소"),
    "weight": ("Weight", "비중"),
    "now": ("now {weight} %", "현재 {weight} %"),
    "unproved": ("identity unproved", "신원 미확인"),
    "proved": ("identity proved", "신원 확인됨"),
    "nobody": ("nobody named", "이름 없음"),
    "none": ("none", "없음"),
    "unknown": ("not known", "알 수 없음"),
    # sections
    "section.summary": ("Summary", "요약"),
    "section.timeline": ("Timeline", "타임라인"),
    "section.steps": ("Steps", "단계"),
    "section.verdicts": ("Verdicts and the numbers behind them", "판정과 근거 수치"),
    "section.people": ("Who decided what, and when", "누가, 언제, 무엇을 결정했나"),
    "section.rollback": ("The rollback", "롤백"),
    "section.checks": ("Checks", "점검"),
    "section.backups": ("Backup", "백업"),
    "section.slots": ("Verification after the release", "배포 후 검증"),
    "section.next": ("What is left to do", "남은 일"),
    "section.acts": ("Every act", "모든 작업"),
    "section.log": ("Log", "기록"),
    "section.chain": ("Proof", "증명"),
    # columns
    "col.step": ("Step", "단계"),
    "col.asked": ("Asked", "요청 비중"),
    "col.measured": ("Measured", "측정 비중"),
    "col.planned": ("Planned", "계획"),
    "col.actual": ("Actual", "실제"),
    "col.bake": ("Bake", "관찰 시간"),
    "col.judged": ("Judged", "판정 시각"),
    "col.verdict": ("Verdict", "판정"),
    "col.sentence": ("Because", "이유"),
    "col.metric": ("Metric", "지표"),
    "col.canary": ("New version", "새 버전"),
    "col.stable": ("Old version", "기존 버전"),
    "col.count": ("Requests", "요청 수"),
    "col.target": ("Target", "목표"),
    "col.limit": ("Limit", "한도"),
    "col.at": ("When", "시각"),
    "col.who": ("Who", "누가"),
    "col.what": ("What", "무엇을"),
    "col.answer": ("Answer", "답변"),
    "col.note": ("Note", "메모"),
    "col.check": ("Check", "점검"),
    "col.evidence": ("Evidence", "근거"),
    "col.result": ("Result", "결과"),
    "col.took": ("Took", "소요"),
    "col.due": ("Due", "예정"),
    "col.act": ("Act", "작업"),
    "col.rows": ("Rows", "행 수"),
    "col.table": ("Table", "테이블"),
    "col.late": ("Late", "지연"),
    "col.figure": ("Figure", "지표"),
    "col.measured_value": ("Value", "값"),
    "col.light": ("Light", "상태"),
    "table.figures": ("What the runs measured", "검증에서 측정한 값"),
    "light.green": ("at its target", "목표 달성"),
    "light.yellow": ("near its target", "목표에 근접"),
    "light.red": ("beyond its target", "목표 미달"),
    "light.dark": ("no figure", "측정값 없음"),
    # verdicts, results, answers
    "result.PASS": ("passed", "통과"),
    "result.FAIL": ("failed", "실패"),
    "result.INCONCLUSIVE": ("no verdict", "판정 불가"),
    "result.ERROR": ("cannot be measured", "측정 불가"),
    "result.MISSED": ("missed", "놓침"),
    "result.SUPERSEDED": ("superseded", "새 릴리스로 대체됨"),
    "result.done": ("done", "완료"),
    "result.open": ("under way", "진행 중"),
    "result.never": ("not finished", "끝나지 않음"),
    "result.dropped": ("dropped", "생략됨"),
    "result.approve": ("approved", "승인"),
    "result.reject": ("rejected", "거절"),
    "result.park": ("parked at 0 %", "0 %로 대기"),
    "result.expired": ("nobody answered in time", "시간 안에 응답 없음"),
    "result.waiting": ("waiting", "대기 중"),
    "result.planned": ("still to come", "예정"),
    "result.shut": ("ended by the rollback", "롤백으로 중단"),
    "result.skipped": ("not reached", "도달하지 않음"),
    "standing.within": ("within target", "목표 이내"),
    "standing.band": ("between target and limit", "목표와 한도 사이"),
    "standing.over": ("above the limit", "한도 초과"),
    "standing.few": ("too few requests", "요청 부족"),
    "standing.none": ("no reading", "측정값 없음"),
    "optional": ("not blocking", "차단하지 않음"),
    "remedy": ("Remedy: {text}", "조치: {text}"),
    "rate.nominal": (
        "The comparison is set to roll back at most {most} % of good releases; not rehearsed on this site's traffic.",
        "비교 판정은 정상 릴리스의 최대 {most} %만 되돌리도록 설정됨. 이 사이트의 트래픽으로 예행하지 않음.",
    ),
    "rate.rehearsed": (
        "Of {good} good releases, rehearsed on its traffic, {back} were rolled back: {share} % ({low} to {high})",
        "이 사이트의 트래픽으로 예행한 정상 릴리스 {good}건 중 {back}건을 되돌림: {share} % ({low} ~ {high})",
    ),
    "rate.brought": (
        "Compared by rules that were brought along ({judge}): nobody counted how often they roll back a good release.",
        "직접 가져온 규칙({judge})으로 비교함. 정상 릴리스를 되돌리는 비율은 집계되지 않음.",
    ),
    "likely": ("likely {low} to {high}", "추정 {low} ~ {high}"),
    "with": ("{n} requests", "요청 {n}건"),
    # people
    "who.machine": ("Tidegate ({who})", "Tidegate ({who})"),
    "asked": ("asked {at}, answer by {deadline}", "{at} 질문, {deadline}까지 응답"),
    "may_answer": ("Who may answer: {who}", "응답할 수 있는 사람: {who}"),
    "anybody": ("anybody who can resume the run", "실행을 재개할 수 있는 모든 사람"),
    "down": ("rollback", "롤백"),
    "requested": ("requested the release", "릴리스를 요청함"),
    "approval": ("approval {gate}", "승인 {gate}"),
    "expiry.rollback": ("all traffic goes back to {blue}", "모든 트래픽을 {blue} 버전으로 되돌림"),
    "expiry.hold": ("the weight stays as it is", "비중을 그대로 유지"),
    "expiry.keep": ("the old version is kept, and it is asked again", "기존 버전을 유지하고 다시 질문"),
    "expiry.abort": ("the release ends without traffic", "트래픽 없이 릴리스 종료"),
    # rollback
    "rollback.seconds": ("Traffic back on every route", "모든 경로의 트래픽 복귀"),
    "rollback.from": ("Weight when it was decided", "결정 당시 비중"),
    "rollback.verified": ("Old version seen to answer", "기존 버전 응답 확인"),
    "rollback.after": ("{span} after the decision", "결정 후 {span}"),
    "rollback.undone": ("New version stopped", "새 버전 중지"),
    "rollback.not_verified": ("not yet verified", "아직 확인되지 않음"),
    # backup
    "backup.proof": ("Restored into a scratch place and compared", "임시 장소에 복원하여 비교함"),
    "backup.unproven": ("taken, not yet proven by a restore", "백업함, 복원으로 아직 증명되지 않음"),
    "backup.size": ("Size", "크기"),
    "backup.location": ("Location", "위치"),
    # what is left
    "next.answer": ("By {deadline}, answer “{gate}”: {command}", "{deadline}까지 “{gate}” 응답: {command}"),
    "next.wait": ("Nothing: the release goes on by itself.", "없음: 릴리스가 스스로 진행됩니다."),
    "next.parked": ("Leave the park, or let it end: {command}", "대기를 끝내거나 종료: {command}"),
    "next.resting": ("Start the release again to continue: {command}", "계속하려면 다시 시작: {command}"),
    "next.slots": (
        "Verification runs still to come: {n}; the next is {slot} at {at}.",
        "남은 검증 {n}건, 다음은 {slot}, {at}.",
    ),
    "next.way_back": (
        "Until {at} the traffic can still go back: {command}",
        "{at}까지 트래픽을 되돌릴 수 있음: {command}",
    ),
    "next.verify_by_hand": ("The rollback could not be verified: {evidence}", "롤백을 확인하지 못함: {evidence}"),
    "next.green_runs": (
        "{component}: the new version still runs; stop it once it is not needed.",
        "{component}: 새 버전이 아직 실행 중. 필요 없으면 중지하세요.",
    ),
    "next.cause": ("Find the cause: {why}", "원인 확인: {why}"),
    "next.again": (
        "Release a mended version; {version} is not tried again by itself.",
        "수정한 버전을 배포하세요. {version} 버전은 자동으로 다시 시도하지 않습니다.",
    ),
    "next.mend": ("Mend it ({what}) and start the release again: {command}", "수정 후({what}) 다시 시작: {command}"),
    "next.rollback_runs": ("Wait for the rollback to finish: {command}", "롤백이 끝날 때까지 대기: {command}"),
    "next.slot_failed": ("Look at verification {slot}: {sentence}", "검증 {slot} 확인: {sentence}"),
    "next.slot_missed": ("Verification {slot} was missed: {sentence}", "검증 {slot} 놓침: {sentence}"),
    "next.tell": (
        "Tell people by hand; the notice “{what}” was dropped: {why}",
        "직접 알리세요. “{what}” 알림이 생략됨: {why}",
    ),
    "next.nothing": ("Nothing.", "없음."),
    # proof
    "chain.head": ("Head of the ledger's chain", "원장 연결의 마지막 해시"),
    "chain.holds": ("{n} entries; each follows from the one before", "항목 {n}개, 각 항목이 앞 항목에서 이어짐"),
    "chain.unhashed": ("{n} entries, kept without hashes (a rehearsal)", "항목 {n}개, 해시 없이 보관됨(예행 연습)"),
    "chain.verify": (
        "This file carries its own SHA-256; check it with: {command}",
        "이 파일에는 자체 SHA-256이 들어 있습니다. 확인 명령: {command}",
    ),
    # timeline
    "timeline.title": ("Timeline of {release}", "{release} 타임라인"),
    "timeline.desc": (
        "Weight of the new version over time, with readings of both versions, approvals, verdicts and decisions.",
        "시간에 따른 새 버전의 트래픽 비중과 두 버전의 측정값, 승인, 판정, 결정.",
    ),
    "timeline.weight": ("{component}: weight of {version}", "{component}: {version} 비중"),
    "timeline.canary": ("new version", "새 버전"),
    "timeline.stable": ("old version", "기존 버전"),
    "timeline.limit": ("rollback limit {value}", "롤백 한도 {value}"),
    "timeline.break": ("{span}", "{span}"),
    "timeline.empty": ("Nothing had traffic, so there is nothing to draw.", "트래픽이 없어서 그릴 내용이 없습니다."),
    "timeline.baked": ("{weight} % {verdict}", "{weight} % {verdict}"),
    "timeline.down": ("rollback: {who}", "롤백: {who}"),
    "timeline.promoted": ("promoted", "승격"),
    # metrics
    "metric.error_rate": ("error rate", "오류율"),
    "metric.latency_p50": ("p50 latency", "p50 지연"),
    "metric.latency_p95": ("p95 latency", "p95 지연"),
    "metric.latency_p99": ("p99 latency", "p99 지연"),
    "metric.memory": ("memory", "메모리"),
    "metric.request_rate": ("requests per second", "초당 요청 수"),
}

_ALL = {**_PAIRS, **words_live.PAIRS}
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {key: pair[0] for key, pair in _ALL.items()},
    "ko": {key: pair[1] for key, pair in _ALL.items()},
}
