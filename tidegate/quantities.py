"""Values with units, as a spec writes them: `45m`, `500ms`, `0.5 %`, `200MB`. A number without its unit is refused."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
MOST = 1e18  # bytes, requests a second: an exabyte is enough
LONGEST = timedelta(days=3660)  # ten years: longer is a slip of the pen, and dates end somewhere
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z%]+)(?:/([a-z]+))?")


def duration(value: Any) -> timedelta:
    """`45m` -> 45 minutes; ValueError says what is allowed."""
    if isinstance(value, timedelta):
        return value
    total, rest = 0.0, str(value).strip()
    while rest:
        found = re.match(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", rest)
        if not found:
            raise ValueError(
                f"{_short(value)} is no duration; write a number with ms, s, m, h, d or w, e.g. 45m or 1h 30m"
            )
        total, rest = total + float(found[1]) * _SECONDS[found[2]], rest[found.end() :]
    if not str(value).strip():
        raise ValueError("an empty text is no duration; write e.g. 45m")
    if total > LONGEST.total_seconds():
        raise ValueError(f"{_short(value)} is longer than ten years; the longest duration is {spoken(LONGEST)}")
    return timedelta(seconds=total)


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:50]}...{text[-5:]}"


def spoken(value: timedelta) -> str:
    """45 minutes -> `45m`; the largest units first, at most two."""
    seconds = value.total_seconds()
    if seconds < 60:
        return f"{seconds:g}s"
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, _SECONDS[unit])
        if count:
            parts.append(f"{count:g}{unit}")
    return " ".join(parts[:2]) or "0s"


def quantity(value: Any) -> float:
    """
    `0.5 %` -> 0.005, `500ms` -> 0.5 (seconds), `200MB` -> 200e6 (bytes), `350/s` -> 350, `12 count` -> 12.

    ValueError for a bare number: whether 5 means 5 % or 500 % must not be guessed (F83).
    """
    text = str(value).strip()
    per_second = re.fullmatch(r"(\d+(?:\.\d+)?)\s*/\s*s", text)
    if per_second:
        return _finite(float(per_second[1]), value)
    found = _QUANTITY.fullmatch(text)
    known = {"%": 0.01, "count": 1.0, **_SECONDS, **_BYTES}
    if not found or found[3] or found[2] not in known:
        raise ValueError(
            f"{_short(value)} has no unit known here; write e.g. 0.5 % (rate), 500ms (time), "
            "200MB (size), 350/s, 3 count"
        )
    return _finite(float(found[1]) * known[found[2]], value)


def base_unit(unit: str) -> float:
    """What one of it is in base units: `%` 0.01, `ms` 0.001 (seconds), `MB` 1e6 (bytes); ValueError for others."""
    known = {"": 1.0, "%": 0.01, "count": 1.0, "/s": 1.0, **_SECONDS, **_BYTES}
    if unit not in known:
        raise ValueError(f"{_short(unit)} is no unit known here; there are {', '.join(one for one in known if one)}")
    return known[unit]


def _finite(number: float, value: Any) -> float:
    if not number < MOST:
        raise ValueError(f"{_short(value)} is too large; a quantity is less than {MOST:g} of its base unit")
    return number


NUMBER = r"\d+(\.\d+)?"
UNIT = r"(\s*(%|count|ms|s|m|h|d|w|B|kB|MB|GB|KiB|MiB|GiB)|\s*/\s*s)"
_WRITTEN = {"type": "string", "pattern": rf"^\s*({NUMBER}\s*(ms|s|m|h|d|w)\s*)+$", "examples": ["45m", "1h 30m", "7d"]}
Duration = Annotated[
    timedelta, BeforeValidator(duration), PlainSerializer(spoken, return_type=str), WithJsonSchema(_WRITTEN)
]
Quantity = Annotated[float, BeforeValidator(quantity)]
