"""What instances say of themselves: all asked at once, within one short time, whatever they do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import aiohttp

MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one instance; `digest` is empty where it says none."""

    healthy: bool
    digest: str = ""
    detail: str = ""


def ask(urls: Sequence[str], health: str, version: str, seconds: float) -> list[Answer]:
    """Every instance's answer, in order, after at most `seconds` (a dripping answer included)."""
    # A loop in a thread of its own: the caller may have a running one.
    with ThreadPoolExecutor(1, "probe") as lane:
        return lane.submit(asyncio.run, _ask_all(urls, health, version, seconds)).result()


async def _ask_all(urls: Sequence[str], health: str, version: str, seconds: float) -> list[Answer]:
    limit = aiohttp.ClientTimeout(total=seconds)
    # A connection each, closed afterwards: a kept one would hold a stopping instance back.
    plug = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(timeout=limit, connector=plug, auto_decompress=False) as session:
        return list(await asyncio.gather(*(_ask(session, url, health, version, seconds) for url in urls)))


async def _ask(session: aiohttp.ClientSession, url: str, health: str, version: str, seconds: float) -> Answer:
    """Its health alone decides whether it is healthy; without an answer to `version` it names no digest."""
    asked = [_get(session, url + health)] + ([_get(session, url + version)] if version else [])
    health_told, *version_told = await asyncio.gather(*asked, return_exceptions=True)
    digest = next((_digest(told[1]) for told in version_told if not isinstance(told, BaseException)), "")
    if isinstance(health_told, BaseException):
        return Answer(False, digest, _said(health_told, seconds))
    status = health_told[0]
    return Answer(status == 200, digest, "" if status == 200 else f"{health} answers {status}")


async def _get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
        body = b""
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url} answers more than {MOST_BYTES:,} bytes")
        return answer.status, body


def _digest(told: bytes) -> str:
    try:
        said = json.loads(told)
        return str(said["digest"]) if isinstance(said, dict) and said.get("digest") else ""
    except (ValueError, RecursionError):
        return ""


def _said(why: BaseException, seconds: float) -> str:
    match why:
        case TimeoutError():
            return f"no answer within {seconds:g} s"
        case aiohttp.ClientConnectorError():
            return "nobody listens"
        case _:
            return f"{type(why).__name__}: {str(why)[:200]}"
