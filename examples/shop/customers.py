#!/usr/bin/env python3
"""
The shop's customers: a constant rate of requests, and an account of every answer.

    python customers.py http://127.0.0.1:8080 --out customers.json

An open loop, as real customers are: each request has its time, and is sent then whether or not earlier ones
have been answered; its latency and its deadline count from that time. Half are pages, half go to the api,
strictly in turn, so that each component gets an even rate. The account (see tally.py) is rewritten twice a
second and at the end. SIGTERM ends it within a second.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from tally import NOBODY, Tally

PRODUCTS = 12
ABSENT = 9999  # a product that does not exist: some links are old


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a customer asks for."""

    component: str
    path: str
    order: dict[str, int] | None = None  # to be posted
    absent: bool = False  # 404 is the right answer


@dataclass(frozen=True, slots=True)
class Habits:
    """How the customers behave."""

    frontend: str
    api: str
    rate: float  # requests a second, both components together
    seconds: float
    deadline: float  # seconds from a request's time to its answer
    orders: float  # share of the api's requests
    fresh: float  # share of the requests on a connection of their own
    most_open: int  # more than these are not sent: then it is we who cannot follow
    out: Path
    minutes: float  # of single seconds in the account


class Customers:
    """They ask, and count."""

    def __init__(self, habits: Habits, kept: aiohttp.ClientSession, fresh: aiohttp.ClientSession) -> None:
        self.habits, self.kept, self.fresh = habits, kept, fresh
        self.chance = random.Random(7)  # the same wishes in every run
        self.tally = Tally(time.time(), int(habits.minutes * 60))
        self.under_way: set[asyncio.Task[None]] = set()

    async def shop(self) -> None:
        """Send every request at its time, until the time is up; then wait for the last answers."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        offset = time.time() - began
        for number in range(int(self.habits.seconds * self.habits.rate)):
            due = began + number / self.habits.rate
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            wish = self.wish(number)
            if len(self.under_way) >= self.habits.most_open or loop.time() > due + self.habits.deadline:
                self.tally.not_sent(wish.component, due + offset)
                continue
            self.tally.sent(due + offset)
            task = loop.create_task(self.ask(wish, due, offset))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
        await self.last_answers(within=self.habits.deadline)

    async def last_answers(self, within: float) -> None:
        """Wait for the requests under way, but not longer than so many seconds."""
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=within)

    async def leave(self) -> None:
        """Drop what is still under way; it counts as cut off."""
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)

    def wish(self, number: int) -> Wish:
        """What the customer of this number wants."""
        product = self.chance.randint(1, PRODUCTS)
        luck = self.chance.random()
        if number % 2 == 0:
            return Wish("frontend", "/" if luck < 0.5 else f"/product/{product}")
        if luck < self.habits.orders:
            quantity = self.chance.randint(1, 3)
            return Wish("api", "/api/orders", order={"product": product, "quantity": quantity})
        if luck < self.habits.orders + 0.02:
            return Wish("api", f"/api/products/{ABSENT}", absent=True)
        return Wish("api", "/api/products" if luck < 0.5 else f"/api/products/{product}")

    async def ask(self, wish: Wish, due: float, offset: float) -> None:
        """Ask for it, and count what came of it."""
        loop = asyncio.get_running_loop()
        session = self.fresh if self.chance.random() < self.habits.fresh else self.kept
        base = self.habits.frontend if wish.component == "frontend" else self.habits.api
        method = "POST" if wish.order else "GET"
        version = NOBODY
        try:
            async with (
                asyncio.timeout_at(due + self.habits.deadline),
                session.request(method, base + wish.path, json=wish.order, allow_redirects=False) as answer,
            ):
                version = answer.headers.get("X-Version", NOBODY)
                await answer.read()
                expected = wish.absent and answer.status == 404
                outcome = "expected 404" if expected else f"{answer.status // 100}xx"
        except TimeoutError:
            outcome = "timeout"
        except (aiohttp.ClientError, OSError):
            outcome = "connection error"
        except asyncio.CancelledError:
            self.tally.cut()
            self.tally.orders_uncertain += wish.order is not None
            raise
        self.tally.ended(wish.component, version, outcome, due + offset, loop.time() - due)
        if wish.order:
            self.tally.orders_confirmed += outcome == "2xx"
            self.tally.orders_uncertain += outcome in {"timeout", "connection error"}

    async def write_on(self) -> None:
        """Keep the account up to date."""
        while True:
            await asyncio.sleep(0.5)
            self.write()

    def write(self) -> None:
        """Write the account, whole or not at all."""
        out = self.habits.out
        fresh = out.with_name(f".{out.name}.{os.getpid()}")
        fresh.write_text(json.dumps(self.tally.summary(time.time())))
        fresh.replace(out)


async def run(habits: Habits) -> None:
    """Let them shop, to the end or to SIGTERM, and leave the final account."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with session(fresh=False) as kept, session(fresh=True) as fresh:
        customers = Customers(habits, kept, fresh)
        visit = asyncio.create_task(customers.shop())
        writing = asyncio.create_task(customers.write_on())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({visit, writing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        visit.cancel()
        if stop.is_set():
            await customers.last_answers(within=0.5)
        await customers.leave()
        customers.write()
        writing.cancel()
        stopping.cancel()
        for ended in await asyncio.gather(visit, writing, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def session(*, fresh: bool) -> aiohttp.ClientSession:
    """Connections that are kept, or one for each request."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=fresh),
        timeout=aiohttp.ClientTimeout(total=None),  # each request has its own deadline, from its own time
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "shop-customers"},
    )


def habits() -> Habits:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Customers of the example shop: a constant rate, counted.")
    add = parser.add_argument
    add("shop", help="where the shop is, such as http://127.0.0.1:8080 (the proxy, or the frontend itself)")
    add("--api", help="where its api is, if not behind the same address")
    add("--out", type=Path, required=True, help="the JSON account, rewritten twice a second")
    add("--rate", type=float, default=700, help="requests a second (default 700)")
    add("--seconds", type=float, default=60, help="how long (default 60)")
    add("--deadline", type=float, default=5, help="seconds that a request may take (default 5)")
    add(
        "--orders",
        type=float,
        default=0.02,
        help="share of the api's requests that are orders (default 0.02)",
    )
    add("--fresh", type=float, default=0.05, help="share of requests on a new connection (default 0.05)")
    add("--most-open", type=int, default=1000, help="requests under way, at most (default 1000)")
    add("--minutes", type=float, default=10, help="how much of the past stands second by second (default 10)")
    asked = parser.parse_args()
    if asked.rate <= 0 or asked.seconds <= 0 or asked.deadline <= 0 or asked.minutes <= 0:
        parser.error("rate, seconds, deadline and minutes must be above 0")
    if not asked.out.absolute().parent.is_dir():
        parser.error(f"there is no folder {asked.out.absolute().parent} to write the account into")
    shop = asked.shop.rstrip("/")
    return Habits(
        frontend=shop,
        api=(asked.api or shop).rstrip("/"),
        **{name: value for name, value in vars(asked).items() if name not in {"shop", "api"}},
    )


if __name__ == "__main__":
    asyncio.run(run(habits()))
