"""One question over HTTP and its answer, with a limit on time, size and on where it may lead."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from blocks.connector_addresses import Resolver, as_number, checked, must_be_allowed

MOST_BYTES = 1024 * 1024
REDIRECTS = {301, 302, 303, 307, 308}
# Compressed answers are not asked for: a small one can be unpacked into gigabytes.
PLAIN = {"Accept-Encoding": "identity", "User-Agent": "tidegate"}


class Unanswered(Exception):
    """No whole answer; the message says what came instead."""


class UnknownHost(Exception):
    """DNS does not know the host now: nothing was asked of it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to ask."""

    method: str
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict)  # headers that no other host gets
    private_hosts: frozenset[str] = frozenset()
    follow: int = 0
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, whole."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


async def ask(way: Way, url: URL) -> Answer:
    """Ask and follow as far as allowed; Unanswered, UnknownHost or Forbidden when there is no answer."""
    began, ours, left = time.monotonic(), True, way.follow
    try:
        async with asyncio.timeout(way.seconds):
            while True:
                answer = await _once(way, url, began, ours=ours)
                target = answer.headers.get("Location")
                if answer.status not in REDIRECTS or not target or not left:
                    return answer
                there = checked(str(url.join(URL(target))))
                # The other side chose this place: what it may be and what it is told is less.
                ours, url, left = ours and there.origin() == url.origin(), there, left - 1
    except TimeoutError:
        raise Unanswered(f"no whole answer within {way.seconds:g} s") from None
    except aiohttp.ClientConnectorDNSError as why:
        raise UnknownHost(f"{why.host} is not known to DNS") from None
    except aiohttp.ClientConnectorError as why:
        raise Unanswered(f"no connection: {_reason(why)}") from None
    except (aiohttp.ClientError, OSError, ValueError) as why:
        raise Unanswered(f"no answer that is HTTP: {type(why).__name__} {str(why)[:200]}") from None


async def _once(way: Way, url: URL, began: float, *, ours: bool) -> Answer:
    host = url.host or ""
    if (number := as_number(host)) is not None:
        must_be_allowed(host, number, way.private_hosts, ours=ours)
    headers = {**PLAIN, **way.headers, **(way.secret if ours else {})}
    plug = aiohttp.TCPConnector(
        resolver=Resolver(way.private_hosts, ours=ours),
        use_dns_cache=False,
        force_close=True,
        ssl=way.trust or True,
    )
    no_limit_of_its_own = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(
            connector=plug,
            timeout=no_limit_of_its_own,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session,
        session.request(way.method, url, headers=headers, allow_redirects=False) as answer,
    ):
        body = b""
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Unanswered(f"an answer of more than {MOST_BYTES:,} bytes")
        return Answer(str(url), answer.status, answer.headers, body, time.monotonic() - began)


def _reason(why: aiohttp.ClientConnectorError) -> str:
    if isinstance(why, aiohttp.ClientConnectorCertificateError):
        return f"the certificate does not hold: {why.certificate_error}"
    return why.os_error.strerror or str(why.os_error) or type(why.os_error).__name__
