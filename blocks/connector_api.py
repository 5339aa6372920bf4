"""
A vendor's HTTP API, asked in JSON: one question, one answer, with limits on time and size, and no redirect followed.

Nothing is retried here: that is Prefect's business. What may be asked again is Unreachable or NotApplied, what not is
Denied or NotUnderstood; a message names the vendor, the path and the status, never a token or an answer's whole text.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable
from tidegate.notices import plain

MOST_BYTES = 16 * 1024 * 1024
TOLD = 200  # characters of what a vendor says
LIMIT_HEADERS = ("x-ratelimit-remaining", "x-sentry-rate-limit-remaining")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: `body` is the JSON, None where there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Api:
    """One vendor's address, and how it is told who asks."""

    vendor: str
    base: str
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 10.0

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        also: tuple[int, ...] = (),
    ) -> Answer:
        """2xx, or one of `also`; every other status is the error that it means."""
        try:
            with httpx.Client(
                timeout=self.seconds,
                follow_redirects=False,
                trust_env=False,
                headers={"User-Agent": "tidegate", "Accept": "application/json", **self.headers},
            ) as client:
                until = time.monotonic() + 3 * self.seconds
                url = self.base.rstrip("/") + path
                content, kind = _content(body, form)
                with client.stream(method, url, params=query, content=content, headers=kind) as answer:
                    text = _whole(answer, self.vendor, until)
                    status, headers = answer.status_code, dict(answer.headers)
        except httpx.InvalidURL as why:
            raise Denied(f"{self.vendor}: {self.base[:100]!a} is no address: {why}") from None
        except httpx.TransportError as why:
            raise Unreachable(f"{self.vendor} does not answer {method} {path}: {type(why).__name__}") from None
        told = _parsed(text)
        if status // 100 != 2 and status not in also:
            raise self._error(method, path, status, headers, told)
        if told is _NO_JSON:
            raise NotUnderstood(f"{self.vendor} answers {method} {path} with no JSON")
        return Answer(status, headers, told)

    def _error(self, method: str, path: str, status: int, headers: Mapping[str, str], told: Any) -> Exception:
        said = f"{self.vendor} answers {method} {path} with HTTP {status}{_said(told)}"
        spent = any(headers.get(name) == "0" for name in LIMIT_HEADERS) or "retry-after" in headers
        if status in (408, 425, 429) or status >= 500 or (status == 403 and spent):
            return NotApplied(f"{said}{' (its limit of requests is reached)' if status in (403, 429) else ''}")
        if status // 100 == 4:
            return Denied(said)
        return NotUnderstood(f"{said}; redirects are not followed")


_NO_JSON = object()


def _content(body: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
    """JSON in ASCII: half a character of somebody's text breaks nothing."""
    if body is not None:
        return json.dumps(body, ensure_ascii=True, allow_nan=False).encode(), {"Content-Type": "application/json"}
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return None, {}


def _parsed(text: bytes) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON


def _whole(answer: httpx.Response, vendor: str, until: float) -> bytes:
    """The time-out counts between two pieces; one that drips for ever is ended by the deadline."""
    text = b""
    for piece in answer.iter_bytes():
        text += piece
        if len(text) > MOST_BYTES:
            raise NotUnderstood(f"{vendor} answers with more than {MOST_BYTES // 2**20} MiB")
        if time.monotonic() > until:
            raise Unreachable(f"{vendor} does not come to an end with its answer")
    return text


def _said(told: Any) -> str:
    """What the vendor says is wrong, on one line."""
    if isinstance(told, dict):
        for name in ("message", "detail", "error"):
            if isinstance(told.get(name), str) and told[name]:
                return f": {plain(told[name][:TOLD])}"
    return ""


def secret(name: str, what: str) -> str:
    """The value of our own variable of this name; Denied when it is not set."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise Denied(f"{name or 'its token'} is not set in our environment: {what} cannot be asked")
    if not value.isprintable() or not value.isascii():
        raise Denied(f"{name} holds characters that no header may carry")
    return value
