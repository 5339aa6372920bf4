"""
Questions to an address at a fixed rhythm, whatever becomes of the one before (an open loop).

The answer's time counts from when its question was due, so a server that stalls is seen by every question that it
delays, not by one (coordinated omission). What is in flight is bounded: a question that finds no place is not answered.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple, Self

import aiohttp
from pydantic import Field, PrivateAttr, model_validator

from blocks.connector import Connector, Measuring
from tidegate.measuring import filled, names_in, statistic
from tidegate.ports import Sample
from tidegate.quantities import Duration
from tidegate.traffic import Side

UNASKED_FOR = 120.0  # seconds without anybody who wants the figures: the questions end
IN_FLIGHT = 32
KEPT = 50_000  # questions: 13 hours of one a second


class Asked(NamedTuple):
    """One question: when it was due (monotonic and wall clock), seconds to its whole answer, "" or what went wrong."""

    due: float
    at: datetime
    seconds: float
    wrong: str


class _Loop:
    """One address, asked by a thread of its own until nobody wants to know any more."""

    def __init__(self, url: str, every: float, timeout: float, status: int) -> None:
        self.url, self.every, self.timeout, self.status = url, every, timeout, status
        self.asked: deque[Asked] = deque(maxlen=KEPT)
        self.wanted = time.monotonic()
        self._lock, self._thread = threading.Lock(), None

    _thread: threading.Thread | None

    def keep_going(self) -> None:
        self.wanted = time.monotonic()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="probe", daemon=True)
                self._thread.start()

    async def _run(self) -> None:
        timeout, flying = aiohttp.ClientTimeout(total=self.timeout), set[asyncio.Task[None]]()
        # Each question opens its own connection, as a new customer's does.
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)) as client:
            due = time.monotonic()
            while time.monotonic() - self.wanted < UNASKED_FOR:
                at = datetime.now(UTC)
                if len(flying) >= IN_FLIGHT:
                    self.asked.append(Asked(due, at, self.timeout, f"{IN_FLIGHT} questions have no answer yet"))
                else:
                    task = asyncio.create_task(self._ask(client, due, at))
                    flying.add(task)
                    task.add_done_callback(flying.discard)
                due += self.every
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*flying)

    async def _ask(self, client: aiohttp.ClientSession, due: float, at: datetime) -> None:
        wrong = ""
        try:
            async with client.get(self.url, headers={"User-Agent": "tidegate"}, allow_redirects=False) as answer:
                async for _ in answer.content.iter_any():
                    pass
                if answer.status != self.status:
                    wrong = f"answered {answer.status}"
        except TimeoutError:
            wrong = f"no whole answer within {self.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as why:
            wrong = f"{type(why).__name__} {str(why)[:100]}".strip()
        self.asked.append(Asked(due, at, time.monotonic() - due, wrong))


class ProbeMetrics(Connector):
    """
    What a customer at this address would see: `total-time` (seconds to the whole answer), `answered` (share, 0-1),
    `failed` (number).

    It asks from its first sample on, in a thread of its own, until nobody wants its figures for two minutes. A question
    without a right answer counts as failed, and its time as what was waited for.
    """

    _block_type_name = "Probe"
    _block_type_slug = "probe-metrics"
    _description = "Asks an address at a fixed rhythm: time to the whole answer, share answered, number failed."
    asked_at_once: ClassVar[bool] = True  # a sample only reads what its own thread has written

    url: str = Field(title="URL", description="http or https; {url} is an instance of the side.")
    measures: Literal["total-time", "answered", "failed"] = Field("total-time", title="Measures")
    every: Duration = Field(timedelta(seconds=5), title="Every", ge=timedelta(seconds=0.01))
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", gt=timedelta(0), le=timedelta(minutes=1))
    status: int = Field(200, title="Status", description="The one that counts as answered.")
    gaps: bool = Field(
        default=False, title="Gaps", description="With `failed`: tells the longest time without an answer."
    )

    _how: Measuring = PrivateAttr(default_factory=Measuring)
    _loops: dict[str, _Loop] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names_in(self.url)
        if not self.url.startswith(("http://", "https://", "{url}")):
            raise ValueError(f"{self.url[:60]!r} is no http or https address")
        return self

    def measuring(self, how: Measuring) -> Self:
        self._how = how
        return self

    @property
    def sided(self) -> bool:
        return bool(names_in(self.url))

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """Of the questions that were due within the window and have their end; `count` is their number."""
        url = filled(self.url, self._how.facts(side))
        loop = self._loops.get(url)
        if loop is None:
            every, timeout = self.every.total_seconds(), self.timeout.total_seconds()
            loop = self._loops[url] = _Loop(url, every, timeout, self.status)
        loop.keep_going()
        now = time.monotonic()
        found = [one for one in list(loop.asked) if now - one.due <= window.total_seconds()]
        if not found:
            return Sample(metric, None, None, None, window, datetime.now(UTC))
        bad = sum(bool(one.wrong) for one in found)
        covered = timedelta(seconds=now - min(one.due for one in found))
        gap = {"longest gap": _longest_gap(found)} if self.gaps else {}
        of = bad if self.measures == "answered" else None
        return Sample(metric, self._figure(found, bad), len(found), of, covered, max(o.at for o in found), beside=gap)

    def _figure(self, found: list[Asked], bad: int) -> float | None:
        match self.measures:
            case "answered":
                return 1 - bad / len(found)
            case "failed":
                return float(bad)
        how = self._how.metric.statistic if self._how.metric else None
        return statistic([one.seconds for one in sorted(found)], how)


def _longest_gap(found: list[Asked]) -> float:
    """Seconds without a right answer, the longest; both ends of what was asked count as edges."""
    due = sorted(one.due for one in found)
    well = [one.due for one in sorted(found) if not one.wrong]
    return max((later - earlier for earlier, later in pairwise([due[0], *well, due[-1]])), default=0.0)
