"""
Go's way of writing durations: "90s", "1h30m", "1.5h", "300ms".

Source: Go 1.22, time.ParseDuration; argo-rollouts uses it for `interval` and `initialDelay`.
"""

from __future__ import annotations

import re
from datetime import timedelta

from tidegate.judge.foreign.reading import refused

MICROSECONDS = {"ns": 1e-3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7, "h": 3.6e9}
ALLOWED = 'a duration like "90s" or "1h30m", in ns, us, ms, s, m and h'
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]+)")


def read_duration(value: object, path: str) -> timedelta | None:
    """
    A duration of at least zero; None where nothing (or an empty text) is written. Finer than 1 µs is rounded.

    Raises SpecError naming the unit that is missing or not known.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise refused(path, value, ALLOWED)
    if value == "0":
        return timedelta(0)
    rest, total = value.removeprefix("+"), 0.0
    while rest:
        part = _PART.match(rest)
        if part is None:
            raise refused(path, value, f"{ALLOWED} (every number has a unit)")
        if part[2] not in MICROSECONDS:
            raise refused(path, value, f'{ALLOWED} (unknown unit "{part[2]}" in duration "{value}")')
        total += float(part[1]) * MICROSECONDS[part[2]]
        rest = rest[part.end() :]
    if value == "+":
        raise refused(path, value, ALLOWED)
    return timedelta(microseconds=total)
