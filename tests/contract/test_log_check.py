"""Lines of real log files, in both languages, with and without times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from blocks import log_check
from blocks.log_check import LogCheck
from tests.contract.spec_with_environment import with_environment
from tidegate.ports import CheckResult, Verdict

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
ERRORS = "(TimeProcessor.*ERROR|시간.*오류)"
LINES = """2026-12-01T08:00:00Z INFO up
2026-12-01T08:10:00Z TimeProcessor ERROR old
2026-12-01T09:10:00Z 시간 처리 오류: 값이 없습니다
  caused by: TimeProcessor ERROR inside
2026-12-01T09:20:00Z INFO fine
"""


def asked(file: Path, text: str | bytes, zone: str = "UTC", **fields: Any) -> CheckResult:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    spec = with_environment("x", []).model_copy(update={"timezone": zone})
    check = LogCheck(**{"file": file, "pattern": ERRORS, **fields}).told_of(spec)
    check._now = NOW.timestamp
    return check.run({})


@pytest.mark.proves("ver.logs", "S4-027")
def test_matches_in_both_languages_are_counted_and_shown(tmp_path: Path) -> None:
    told = asked(tmp_path / "log", LINES, found="at most 0 count")
    assert told.verdict is Verdict.FAIL
    first, *shown = told.evidence.splitlines()
    assert first.endswith(f"3 of 5 lines match {ERRORS}, wanted: at most 0 count")
    assert "시간 처리 오류: 값이 없습니다" in shown[1]
    assert told.figures == {"lines": 5.0, "found": 3.0, "rate": 0.6}
    assert asked(tmp_path / "log", "all quiet\n", found="at most 0 count").verdict is Verdict.PASS


@pytest.mark.proves("ver.logs", "S3-101")
def test_only_lines_since_a_moment_count_and_a_stack_trace_belongs_to_its_line(tmp_path: Path) -> None:
    told = asked(tmp_path / "log", LINES, since="30m", found="at most 0 count")
    assert told.figures["found"] == 2
    assert told.figures["lines"] == 3
    assert "old" not in told.evidence
    assert asked(tmp_path / "log", LINES, since="15m", found="at most 0 count").verdict is Verdict.PASS


def test_a_time_without_a_zone_is_of_the_specs_zone(tmp_path: Path) -> None:
    lines = "2026-12-01 18:20:00,123 TimeProcessor ERROR\n"  # 09:20 UTC in Seoul
    assert asked(tmp_path / "log", lines, zone="Asia/Seoul", since="30m").figures["found"] == 1
    earlier = asked(tmp_path / "log", lines.replace("18:20", "17:20"), zone="Asia/Seoul", since="30m")
    assert earlier.figures["found"] == 0


def test_a_log_without_times_cannot_be_asked_since_when(tmp_path: Path) -> None:
    told = asked(tmp_path / "log", "TimeProcessor ERROR\n", since="30m", found="at most 0 count")
    assert told.verdict is Verdict.INCONCLUSIVE
    assert "no line tells its time" in told.evidence


@pytest.mark.proves("ver.logs", "S4-026")
def test_the_last_hundred_matches_are_the_evidence(tmp_path: Path) -> None:
    many = "".join(f"TimeProcessor {n}\n" for n in range(250))
    told = asked(tmp_path / "log", many, pattern="TimeProcessor", show=100)
    assert told.verdict is Verdict.PASS
    shown = told.evidence.splitlines()[1:]
    assert (len(shown), shown[0], shown[-1]) == (100, "TimeProcessor 150", "TimeProcessor 249")
    last = asked(tmp_path / "log", many, pattern="TimeProcessor", last_lines=10)
    assert last.figures["lines"] == 10


def test_no_log_is_no_health(tmp_path: Path) -> None:
    told = LogCheck(file=tmp_path / "none", pattern="x", found="at most 0 count").run({})  # type: ignore[arg-type]
    assert told.verdict is Verdict.FAIL


def test_what_breaks_terminals_and_what_is_secret_is_not_repeated(tmp_path: Path) -> None:
    raw = b"ERROR \x1b[31m \xff\xfe password=planted-secret-77 Authorization: Bearer planted-secret-78\n"
    told = asked(tmp_path / "log", raw, pattern="ERROR")
    assert "\x1b" not in told.evidence
    assert "planted-secret" not in told.evidence
    assert r"\xff" in told.evidence


def test_of_a_huge_log_only_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_check, "MOST_BYTES", 1000)
    told = asked(tmp_path / "log", "ERROR x\n" * 1000, pattern="ERROR")
    assert 100 < told.figures["lines"] <= 125


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no regular expression"):
        LogCheck(file=Path("x"), pattern="(")
