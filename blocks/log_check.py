"""
Lines of a log file: how many match a pattern, among the last ones or since a moment; what matched is the evidence.

A log that is not there is a FAIL, also where no match is wanted: silence is not health.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, field_validator

from blocks.connector import Connector, machine_troubles
from tidegate.language.limits import AnyLimit
from tidegate.notices import plain
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration, spoken
from tidegate.spec import Spec

MOST_BYTES = 256 * 1024 * 1024  # read from the end of the file; more of a log is for other tools
LONGEST_LINE = 4000  # characters that are looked at
SHOWN_LINE = 300  # characters of a line that are told
STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")  # ISO 8601
STAMP_WITHIN = 64  # characters from a line's beginning
SECRET = re.compile(
    r"(?i)\b(authorization|token|password|passwd|secret|api[_-]?key|bearer)(\W{1,5})((?:bearer|basic)\s+)?\S+"
)


class LogCheck(Connector):
    """How many lines of a log match a pattern."""

    _block_type_name = "Lines of a log"
    _block_type_slug = "log-check"
    _description = "Counts the lines of a UTF-8 file that match a pattern, and shows the last of them."

    file: Path = Field(title="File", description="The log, UTF-8.", examples=["/var/log/app.log"])
    pattern: str = Field(title="Pattern", description="A regular expression that a line holds.", examples=["ERROR"])
    found: AnyLimit | None = Field(
        None, title="Found", description="How many lines may match; left out: any number, they are only shown."
    )
    since: Duration | None = Field(
        None,
        title="Since",
        description="Only lines of this time until now; a line has its ISO 8601 time near its beginning, in the "
        "spec's zone where it names none, and lines without one belong to the line before.",
        examples=["30m"],
    )
    last_lines: int | None = Field(None, ge=1, title="Last lines", description="Look at so many from the end only.")
    show: int = Field(20, ge=0, le=100, title="Show", description="How many of the last matches are the evidence.")

    _zone: tzinfo = PrivateAttr(default=UTC)
    _now: Callable[[], float] = PrivateAttr(default=time.time)

    @field_validator("pattern")
    @classmethod
    def _is_one(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as why:
            raise ValueError(f"{pattern!r:.80} is no regular expression: {why}") from None
        return pattern

    def told_of(self, spec: Spec) -> Self:
        self._zone = ZoneInfo(spec.timezone)
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: `lines` looked at, `found`, and `rate`, the share of those that match."""
        began, pattern = time.monotonic(), re.compile(self.pattern)
        matches, seen, found, stamped = deque[str](maxlen=self.show), 0, 0, False
        after = datetime.fromtimestamp(self._now(), UTC) - (self.since or timedelta(0))
        with machine_troubles(str(self.file)):
            if not self.file.is_file():
                return CheckResult(Verdict.FAIL, f"there is no log {self.file}")
            lines: Iterator[str] = _lines(self.file)
            if self.last_lines is not None:
                lines = iter(deque(lines, maxlen=self.last_lines))
            for line, at in self._timed(lines):
                stamped = stamped or at is not None
                if self.since is not None and (at is None or at < after):
                    continue
                seen += 1
                if pattern.search(line):
                    found += 1
                    matches.append(SECRET.sub(r"\1\2***", plain(line))[:SHOWN_LINE])
        if self.since is not None and not stamped and self.file.stat().st_size:
            return CheckResult(Verdict.INCONCLUSIVE, f"{self.file}: no line tells its time, so `since` selects none")
        within = f" of the last {spoken(self.since)}" if self.since else ""
        told = f"{self.file}: {found:,} of {seen:,} lines{within} match {self.pattern}"
        wanted = f", wanted: {self.found.said}" if self.found is not None else ""
        good = self.found is None or self.found.holds(float(found))
        return CheckResult(
            Verdict.PASS if good else Verdict.FAIL,
            "\n".join([told + wanted, *matches]),
            seconds=round(time.monotonic() - began, 3),
            figures={"lines": float(seen), "found": float(found), "rate": round(found / seen, 6) if seen else 0.0},
        )

    def _timed(self, lines: Iterator[str]) -> Iterator[tuple[str, datetime | None]]:
        """Each line with its moment; None before the first line that has one."""
        at: datetime | None = None
        for line in lines:
            if self.since is not None and (stamp := STAMP.search(line[:STAMP_WITHIN])):
                at = self._moment(stamp.group()) or at
            yield line, at

    def _moment(self, text: str) -> datetime | None:
        try:
            found = datetime.fromisoformat(text.replace(",", "."))
        except ValueError:  # the 31st of February
            return None
        return found if found.tzinfo else found.replace(tzinfo=self._zone)


def _lines(file: Path) -> Iterator[str]:
    """Of the last MOST_BYTES; bytes that are no UTF-8 are shown as such and break nothing."""
    with file.open("rb") as opened:
        if (size := file.stat().st_size) > MOST_BYTES:
            opened.seek(size - MOST_BYTES)
            opened.readline()  # the rest of a line that was cut
        for raw in opened:
            yield raw[: LONGEST_LINE * 4].decode("utf-8", "backslashreplace").rstrip("\r\n")[:LONGEST_LINE]
