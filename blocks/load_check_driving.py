"""
The load itself: so many requests, at a rate that does not wait for answers (open loop) or by so many customers who do.

In an open loop a request's time counts from the moment at which it was due, whenever it could begin: a server that
stalls for a second is seen by all who came in that second, not by the one who held the line (coordinated omission;
Gil Tene, "How NOT to Measure Latency"). Without a rate there is no such moment, and the figures are those of `ab -c`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from blocks.connector_addresses import Forbidden, Resolver, as_number, must_be_allowed

MOST_BYTES = 4 * 1024 * 1024  # of one answer
ENOUGH_TO_STOP = 50  # answers, of which more than half failed: more of them would tell nothing and hurt somebody
PLAIN = {"Accept-Encoding": "identity", "User-Agent": "tidegate"}


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for; `rate` in requests a second, None: as fast as `concurrency` customers get their answers."""

    urls: Sequence[URL]  # taken in turn
    method: str
    requests: int
    concurrency: int
    rate: float | None
    statuses: Collection[int]
    seconds: float  # for one answer
    deadline: float  # for everything
    private_hosts: frozenset[str] = frozenset()
    trust: ssl.SSLContext | None = None


@dataclass(slots=True)
class Outcome:
    """What came of it: the seconds of each answered request, and why others failed."""

    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    most_at_once: int = 0
    seconds: float = 0.0
    stopped: str = ""

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def done(self) -> int:
        return len(self.latencies) + sum(n for why, n in self.failures.items() if not why.startswith("HTTP "))

    def percentile(self, share: float) -> float:
        """The nearest rank; of nothing it is infinite."""
        ranked = sorted(self.latencies)
        return ranked[max(0, -int(-share * len(ranked) // 1) - 1)] if ranked else float("inf")


class Driver:
    """One load, driven once."""

    def __init__(self, load: Load) -> None:
        self.load, self.outcome, self.over, self.at_once = load, Outcome(), asyncio.Event(), 0

    async def drive(self) -> Outcome:
        """Returns within the deadline and one time-out; Forbidden where an address must not be asked."""
        load, began = self.load, time.monotonic()
        for url in load.urls:
            if (number := as_number(url.host or "")) is not None:
                must_be_allowed(url.host or "", number, load.private_hosts, ours=True)
        plug = aiohttp.TCPConnector(
            limit=load.concurrency, resolver=Resolver(load.private_hosts, ours=True), ssl=load.trust or True
        )
        async with aiohttp.ClientSession(
            connector=plug,
            timeout=aiohttp.ClientTimeout(total=None),
            headers=PLAIN,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        ) as session:
            try:
                async with asyncio.timeout(load.deadline):
                    await (self._open_loop(session, load.rate) if load.rate else self._closed_loop(session))
            except TimeoutError:
                self.outcome.stopped = f"the deadline of {load.deadline:g} s came first"
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _open_loop(self, session: aiohttp.ClientSession, rate: float) -> None:
        began = time.monotonic()
        slots = asyncio.Semaphore(self.load.concurrency)

        async def due(n: int, at: float) -> None:
            async with slots:
                if not self.over.is_set():
                    await self._one(session, n, at)

        async with asyncio.TaskGroup() as group:
            for n in range(self.load.requests):
                at = began + n / rate
                await asyncio.sleep(max(0.0, at - time.monotonic()))
                if self.over.is_set():
                    return
                group.create_task(due(n, at))

    async def _closed_loop(self, session: aiohttp.ClientSession) -> None:
        numbers = iter(range(self.load.requests))

        async def customer() -> None:
            for n in numbers:
                if self.over.is_set():
                    return
                await self._one(session, n, time.monotonic())

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.load.concurrency, self.load.requests)):
                group.create_task(customer())

    async def _one(self, session: aiohttp.ClientSession, n: int, at: float) -> None:
        told, load = self.outcome, self.load
        told.begun += 1
        self.at_once += 1
        told.most_at_once = max(told.most_at_once, self.at_once)
        try:
            async with (
                asyncio.timeout(load.seconds),
                session.request(load.method, load.urls[n % len(load.urls)], allow_redirects=False) as answer,
            ):
                await _read(answer)
                told.latencies.append(time.monotonic() - at)
                if answer.status not in load.statuses:
                    told.failures[f"HTTP {answer.status}"] += 1
        except TimeoutError:
            told.failures[f"no whole answer within {load.seconds:g} s"] += 1
        except Forbidden as why:
            told.failures[str(why)] += 1
        except (aiohttp.ClientError, OSError) as why:
            told.failures[type(why).__name__] += 1
        finally:
            self.at_once -= 1
        if told.done >= ENOUGH_TO_STOP and told.failed > told.done / 2:
            told.stopped = "more than half had failed"
            self.over.set()


async def _read(answer: aiohttp.ClientResponse) -> None:
    """To its end, without keeping it."""
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > MOST_BYTES:
            raise Forbidden(f"an answer of more than {MOST_BYTES:,} bytes")
