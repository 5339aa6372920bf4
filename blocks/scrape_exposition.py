"""
One page of Prometheus' text format: fetched within a deadline and a size, and read line by line.

Our own reader, because a look happens up to twice a second and a proxy's page has hundreds of lines: it reads the
wanted series alone, and takes each apart once, at a microsecond a line instead of the client library's 24.
"""

from __future__ import annotations

import http.client
import math
import re
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from tidegate.errors import NotUnderstood, Unreachable

LARGEST = 4 * 1024 * 1024  # bytes; a proxy with thousands of series stays below it
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\.)*)",?\s*')
_ESCAPED = re.compile(r"\\(.)")


def values_in(page: str, names: Collection[str]) -> Iterator[tuple[str, float]]:
    """
    Series whose names begin so, as they are written (name and labels), with their values; each once.

    NotUnderstood where one cannot be read, or is no finite number from 0 on: a metric that lies is an error,
    never health. A repeated series is ignored.
    """
    starts = tuple(names)
    seen = set[str]()
    for line in page.split("\n"):
        if not line.startswith(starts):
            continue
        brace = line.rfind("}")
        series, rest = (
            (line[: brace + 1], line[brace + 1 :]) if brace >= 0 else line.split(" ", 1) if " " in line else (line, "")
        )
        try:
            value = float(rest.split()[0])
        except (ValueError, IndexError):
            raise NotUnderstood(f"cannot read the line {line[:100]!r}") from None
        if not 0 <= value < math.inf:
            raise NotUnderstood(f"{series[:100]} is {rest.strip()[:40]}, which no measurement can be")
        if series not in seen:
            seen.add(series)
            yield series, value


def name_and_labels(series: str) -> tuple[str, dict[str, str]]:
    """What `values_in` gives as one string, taken apart; NotUnderstood when it is no series."""
    inside = series.removesuffix("}")
    name, brace, labels = inside.partition("{")
    if bool(brace) is (inside != series):
        with suppress(ValueError):
            return name.rstrip(), _labels(labels)
    raise NotUnderstood(f"cannot read the labels of {series[:100]!r}")


def _labels(text: str) -> dict[str, str]:
    found = dict[str, str]()
    place = 0
    while place < len(text):
        label = _LABEL.match(text, place)
        if label is None:
            raise ValueError(text)
        value = label[2]
        found[label[1]] = _ESCAPED.sub(_unescaped, value) if "\\" in value else value
        place = label.end()
    return found


def _unescaped(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else escaped[1]


def page_at(url: str, timeout: float) -> str:
    """
    Fetch one page; Unreachable with the reason when it does not come whole within `timeout` seconds.

    Neither redirects nor proxies of the environment are followed: a metrics address says what it means.
    """
    try:
        at = urlsplit(url)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[at.scheme]
        connection = kind(at.hostname or "", at.port, timeout=timeout)
    except (ValueError, KeyError):
        raise NotUnderstood(f"{url!r} is no http:// or https:// address") from None
    try:
        connection.connect()
        # The socket's time-out is for each piece; a source that drips must not hold up a look.
        deadline = threading.Timer(timeout, _hang_up, [connection.sock])
        deadline.daemon = True
        deadline.start()
        try:
            connection.request("GET", f"{at.path or '/'}{'?' + at.query if at.query else ''}")
            answer = connection.getresponse()
            body: bytes = answer.read(LARGEST + 1)
        finally:
            late = deadline.finished.is_set()
            deadline.cancel()
    except (OSError, ValueError, http.client.HTTPException) as failed:
        raise Unreachable(f"{url} does not answer ({str(failed) or type(failed).__name__})") from None
    finally:
        connection.close()
    if late:
        raise Unreachable(f"{url} did not answer whole within {timeout:g} s")
    if answer.status != http.HTTPStatus.OK:
        raise Unreachable(f"{url} answers {answer.status}")
    if len(body) > LARGEST:
        raise NotUnderstood(f"{url} answers more than {LARGEST} bytes")
    return body.decode("utf-8", "replace")


def _hang_up(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
