"""
Synthetic requests: one version's instances are asked at a steady rhythm, past the proxy, and the answers counted.

They are counted apart from users' requests. At a request a second they tell within seconds what a quiet service's users
would take minutes to suffer, and at 100 % they still have the old version to compare with (judgement.md 4).
"""

from __future__ import annotations

import bisect
import itertools
import math
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from tidegate.ports import Totals
from tidegate.quantities import Duration
from tidegate.traffic import Side

EDGES = (0.0, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, math.inf)
UNREAD = 60.0  # seconds after which nobody seems to want the answers any more


class HttpProbes(Connector):
    """
    Requests to each instance in turn: what fails is no answer in time, or a status from `fails_from` on.

    One thread a version; it ends by itself when its counts are not asked for during a minute.
    """

    _block_type_name = "HTTP probes"
    _block_type_slug = "http-probes"
    _description = "Asks old and new version once a second, past the proxy, and counts answers apart from users'."

    path: str = Field(title="Path", description="What is asked: a page that does real work.", pattern=r"^/")
    every: Duration = Field(
        default=timedelta(seconds=1),
        title="Every",
        description="Time between two requests to one version.",
        ge=timedelta(milliseconds=100),
        le=timedelta(minutes=1),
    )
    timeout: Duration = Field(
        default=timedelta(seconds=2),
        title="Time-out",
        description="No answer by then is a failure. While a version hangs it is asked no faster than this.",
        gt=timedelta(0),
        le=timedelta(seconds=30),
    )
    fails_from: int = Field(
        default=500, title="Fails from", description="The lowest status that is a failure.", ge=400, le=600
    )

    _asking: dict[Side, _Asking] = PrivateAttr(default_factory=dict)

    def totals(self, side: Side) -> Totals | None:
        """What was counted so far; the first call begins the asking. None for a version without addresses."""
        if not side.urls:
            return None
        asking = self._asking.get(side)
        if asking is None or not asking.lives:
            for one in [old for old in self._asking if old.name == side.name]:
                self._asking.pop(one).end()
            asking = self._asking[side] = _Asking(self, side)
        return asking.read()


class _Asking:
    """The thread that asks one version."""

    def __init__(self, how: HttpProbes, side: Side) -> None:
        self.how, self.side = how, side
        self._lock, self._over = threading.Lock(), threading.Event()
        self._asked = self._failed = 0
        self._latency = [0] * (len(EDGES) - 1)
        self._wanted = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"probes of {side.name}", daemon=True)
        self._thread.start()

    @property
    def lives(self) -> bool:
        return self._thread.is_alive() and not self._over.is_set()

    def end(self) -> None:
        """No request is begun after this one."""
        self._over.set()

    def read(self) -> Totals:
        with self._lock:
            self._wanted = time.monotonic()
            return Totals(datetime.now(UTC), self._asked, self._failed, EDGES, tuple(map(float, self._latency)))

    def _run(self) -> None:
        every = self.how.every.total_seconds()
        due = time.monotonic()
        with httpx.Client(timeout=self.how.timeout.total_seconds(), trust_env=False, headers=_PLAIN) as client:
            for url in itertools.cycle(self.side.urls):
                if self._over.wait(max(0.0, due - time.monotonic())) or time.monotonic() - self._wanted > UNREAD:
                    break
                self._ask(client, url.rstrip("/") + self.how.path)
                due = max(due + every, time.monotonic())
        self._over.set()

    def _ask(self, client: httpx.Client, url: str) -> None:
        began = time.monotonic()
        try:
            failed = client.get(url).status_code >= self.how.fails_from
        except (httpx.HTTPError, httpx.InvalidURL):
            failed = True
        took = time.monotonic() - began
        with self._lock:
            self._asked += 1
            self._failed += failed
            self._latency[bisect.bisect_right(EDGES, took) - 1] += 1


_PLAIN = {"User-Agent": "tidegate-probe", "Accept-Encoding": "identity"}
