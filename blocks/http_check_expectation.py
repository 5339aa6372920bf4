"""What an answer has to look like, and the first thing in which one does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from blocks.http_check_request import Answer
from tidegate.quantities import spoken

Scalar = bool | int | float | str | None
NOTHING = object()


@dataclass(frozen=True, slots=True)
class Expectation:
    """All of it has to hold."""

    status: Sequence[int]
    headers: Mapping[str, str] = field(default_factory=dict)  # the answer's, each holding this text
    contains: str = ""
    json_equals: Mapping[str, Scalar] = field(default_factory=dict)  # dotted path -> value
    within: timedelta | None = None

    def missing(self, answer: Answer) -> str:
        """The first thing that is not as it should be; empty when all is."""
        if answer.status not in self.status:
            return f"status {answer.status}, expected {' or '.join(map(str, self.status))}"
        for name, text in self.headers.items():
            found = answer.headers.get(name, "")
            if text.lower() not in found.lower():
                return f"header {name} is {found[:200]!r}, expected {text!r} in it"
        if self.contains.encode() not in answer.body:
            return f"the answer's {len(answer.body):,} bytes do not hold {self.contains!r}"
        if self.json_equals and (other := self._other_json(answer.body)):
            return other
        if self.within is not None and answer.seconds > self.within.total_seconds():
            return f"took {answer.seconds * 1000:.0f} ms, limit {spoken(self.within)}"
        return ""

    def _other_json(self, body: bytes) -> str:
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return f"no JSON, but {body[:60]!r}"
        for path, value in self.json_equals.items():
            found = _at(told, path)
            if found is NOTHING:
                return f"the JSON has no {path}"
            # True is no 1: Python would take them for equal.
            if found != value or isinstance(found, bool) != isinstance(value, bool):
                return f"{path} is {json.dumps(found, ensure_ascii=False)[:200]}, expected {json.dumps(value)}"
        return ""


def _at(told: Any, path: str) -> Any:
    """What a dotted path leads to; numbers count in lists from 0."""
    for part in path.split("."):
        if isinstance(told, dict) and part in told:
            told = told[part]
        elif isinstance(told, list) and part.isascii() and part.isdecimal() and int(part) < len(told):
            told = told[int(part)]
        else:
            return NOTHING
    return told
