"""How a report speaks: one language and one time zone, and how instants, durations, sizes and values are spelled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from tidegate.judge.limits import shown
from tidegate.report.figures import is_rate
from tidegate.report.sentences import korean
from tidegate.report.words import WORDS, Language

_UNITS = {"en": ("d", "h", "m", "s"), "ko": ("일", "시간", "분", "초")}


@dataclass(frozen=True, slots=True)
class Voice:
    """Call it with a key of `words` and the values that the text names."""

    language: Language = "en"
    zone: tzinfo = UTC

    def __call__(self, key: str, /, **values: object) -> str:
        return WORDS[self.language][key].format(**values)

    def has(self, key: str) -> bool:
        return key in WORDS[self.language]

    @property
    def zone_name(self) -> str:
        return self.zone.tzname(datetime(2000, 1, 1, tzinfo=UTC)) or "UTC"

    def instant(self, at: datetime | None) -> str:
        """Date and time to the second; a dash for an instant that is not known."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M:%S}" if at else "—"

    def clock(self, at: datetime | None, beside: datetime | None = None) -> str:
        """The time of day; with the date where it is another day than `beside`."""
        if at is None:
            return "—"
        here = at.astimezone(self.zone)
        other_day = beside is not None and beside.astimezone(self.zone).date() != here.date()
        return f"{here:%m-%d %H:%M:%S}" if other_day else f"{here:%H:%M:%S}"

    def span(self, lasting: timedelta | float) -> str:
        """`0.8 s`, `41 s`, `6m 12s`, `2d 3h`: the largest unit and the next."""
        seconds = lasting.total_seconds() if isinstance(lasting, timedelta) else lasting
        d, h, m, s = _UNITS[self.language]
        if round(abs(seconds)) < 60:
            gap = " " if self.language == "en" else ""
            return f"{seconds:.1f}{gap}{s}" if abs(seconds) < 10 and round(seconds, 1) % 1 else f"{seconds:.0f}{gap}{s}"
        whole, parts = round(abs(seconds)), list[str]()
        for unit, size in ((d, 86_400), (h, 3600), (m, 60), (s, 1)):
            count, whole = divmod(whole, size)
            if count:
                parts.append(f"{count}{unit}")
            if len(parts) == 2 or (parts and not count):
                break
        return ("-" if seconds < 0 else "") + " ".join(parts)

    def value(self, metric: str, value: float | None) -> str:
        """A measured value in the unit that people know for it; a dash where there is none."""
        return "—" if value is None else "0 %" if is_rate(metric) and value == 0 else shown(metric, value)

    def metric(self, name: str) -> str:
        return self(f"metric.{name}") if self.has(f"metric.{name}") else name

    def size(self, count: int) -> str:
        for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
            if count >= size:
                return f"{count / size:.1f} {unit}"
        return f"{count} B"

    def number(self, count: int | None) -> str:
        """A whole number with its thousands apart."""
        return "—" if count is None else f"{count:,}"

    def recorded(self, sentence: str) -> str:
        """A sentence of the ledger: the core's own ones are told in this language, all others as written."""
        return korean(sentence) if self.language == "ko" else sentence
