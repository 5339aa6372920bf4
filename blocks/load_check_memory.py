"""What an application says of its memory while a load lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import aiohttp
from yarl import URL

from blocks.connector_addresses import Forbidden, Resolver, as_number, must_be_allowed
from blocks.load_check_driving import PLAIN, Load
from tidegate.errors import NotUnderstood

EVERY = 0.5  # seconds
MOST_BYTES = 4 * 1024 * 1024
WITHIN = 5.0  # seconds for one page


async def highest(pages: Sequence[URL], load: Load, read: Callable[[str], float | None]) -> float | None:
    """Until it is cancelled, and once more then; None when no page told it."""
    found: float | None = None
    plug = aiohttp.TCPConnector(resolver=Resolver(load.private_hosts, ours=True), ssl=load.trust or True)
    async with aiohttp.ClientSession(connector=plug, headers=PLAIN, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def ask() -> None:
            nonlocal found
            for url in pages:
                value = await _asked(session, url, load, read)
                found = value if found is None else max(found, value) if value is not None else found

        try:
            while True:
                await ask()
                await asyncio.sleep(EVERY)
        except asyncio.CancelledError:
            await ask()
    return found


async def _asked(
    session: aiohttp.ClientSession, url: URL, load: Load, read: Callable[[str], float | None]
) -> float | None:
    try:
        if (number := as_number(url.host or "")) is not None:
            must_be_allowed(url.host or "", number, load.private_hosts, ours=True)
        async with asyncio.timeout(WITHIN), session.get(url, allow_redirects=False) as answer:
            body = await answer.content.read(MOST_BYTES)
            return read(body.decode("utf-8", "replace")) if answer.status == 200 else None
    except (TimeoutError, aiohttp.ClientError, OSError, Forbidden, NotUnderstood):
        return None  # then it was not told, which no limit takes for small
