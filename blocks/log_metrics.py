"""
How often a pattern comes in a log file, from where it stood when it was first read.

Read like `tail -F`: only what is new, whole lines, over a rotation. UTF-8; what is not is replaced, not refused.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import Field, PrivateAttr, model_validator

from blocks.connector import Connector, Measuring, machine_troubles
from tidegate.measuring import statistic
from tidegate.ports import Sample
from tidegate.quantities import Duration, base_unit
from tidegate.traffic import Side

MOST_AT_ONCE = 8 * 1024 * 1024  # bytes of one look; what is beyond comes with the next
LONGEST_LINE = 4096  # characters of a line that are searched: a pattern may be slow on long ones
KEPT = 100_000  # lines that matter


class Line(NamedTuple):
    """A line that is counted: when it was read, whether the pattern is in it, the number it names."""

    read: float
    matches: bool
    value: float | None


class LogMetrics(Connector):
    """
    Lines that match, in the gate's window by when they were read.

    With `among` it is a share: of the lines that match that. With a group `(?P<value>...)` the pattern's numbers count,
    by the metric's `statistic`. With `last` the window plays no part: the last so many lines are looked at.
    """

    _block_type_name = "Pattern in a log"
    _block_type_slug = "log-metrics"
    _description = "Counts lines of a log file that match a pattern, or takes numbers from them."
    sided: ClassVar[bool] = False

    file: str = Field(title="File", description="On the machine of the watch.", examples=["/var/log/app.log"])
    pattern: str = Field(title="Pattern", description="A regular expression (Python's), searched in each line.")
    among: str = Field("", title="Among", description="A pattern of all lines: the figure is the share of them.")
    last: int = Field(0, ge=0, le=100_000, title="Last", description="Only the last so many lines; 0: by time.")
    since: Literal["now", "begin"] = Field(
        "now", title="Since", description="begin: lines that stand there count, too."
    )
    unit: str = Field("", title="Unit", description="Of the numbers that the pattern names, e.g. ms.")
    every: Duration = Field(timedelta(seconds=5), title="Every", description="How often the file is read.")

    _how: Measuring = PrivateAttr(default_factory=Measuring)
    _lines: deque[Line] = PrivateAttr(default_factory=lambda: deque(maxlen=KEPT))
    _at: tuple[int, int] | None = PrivateAttr(default=None)  # the file's inode, and how far it was read
    _rest: bytes = PrivateAttr(default=b"")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        base_unit(self.unit)
        for text in (self.pattern, self.among):
            try:
                re.compile(text)
            except re.error as why:
                raise ValueError(f"{text[:60]!r} is no regular expression: {why}") from None
        if self.among and "(?P<value>" in self.pattern:
            raise ValueError("a share counts lines, (?P<value>...) takes numbers: write one of them")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """Denied when the file cannot be read; a file that is not there yet is no data."""
        there, now = self._read(), time.monotonic()
        if not there:
            return Sample(metric, None, None, None, window, datetime.now(UTC))
        lines = [one for one in self._lines if self.last or now - one.read <= window.total_seconds()]
        found = [one for one in lines if one.matches]
        count, bad = None, None
        if "(?P<value>" in self.pattern:
            how = self._how.metric.statistic if self._how.metric else None
            value = statistic([one.value for one in found if one.value is not None], how)
        elif self.among:
            count, bad = len(lines), len(found)
            value = bad / count if count else None
        else:
            value = float(len(found))
        return Sample(metric, value, count, bad, window, datetime.now(UTC))

    def _read(self) -> bool:
        """Take in what is new; whether there is a file."""
        path = Path(self.file)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False
        with machine_troubles("a log"):
            first = self._at is None
            inode, read = self._at or (stat.st_ino, 0)
            if inode != stat.st_ino or stat.st_size < read:
                inode, read, self._rest = stat.st_ino, 0, b""  # rotated, or emptied: another file begins
            if first and self.since == "now" and not self.last:
                read = stat.st_size
            if first and self.last:
                read = max(0, stat.st_size - MOST_AT_ONCE)
                self._lines = deque(maxlen=self.last)
            with path.open("rb") as log:
                log.seek(read, os.SEEK_SET)
                new = log.read(MOST_AT_ONCE)
            self._at = inode, read + len(new)
        *whole, self._rest = (self._rest + new).split(b"\n")
        self._rest = self._rest[-4 * LONGEST_LINE :]
        self._take(line.decode("utf-8", "replace")[:LONGEST_LINE] for line in whole)
        return True

    def _take(self, lines: Iterable[str]) -> None:
        """Lines are of the moment in which they were read: logs do not agree on how a time is written."""
        now = time.monotonic()
        for line in lines:
            found = re.search(self.pattern, line)
            counted = found is not None or (self.among and re.search(self.among, line)) or self.last
            if counted:
                self._lines.append(Line(now, found is not None, _value(found, self.unit)))


def _value(found: re.Match[str] | None, unit: str) -> float | None:
    if found is None or "value" not in found.re.groupindex:
        return None
    try:
        return float(found["value"]) * base_unit(unit)
    except (TypeError, ValueError):
        return None  # this line names none
