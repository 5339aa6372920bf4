"""
What is wrong with the versions that deserve to be rolled back.

Each trouble is met by every customer's request, before the component sees it. Those that come with load
look at this instance's own recent request rate, so that a small canary step shows nothing: like an
exhausted connection pool. version.json gives limits as shares of what the customers bring in all.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from shop.release import Release, Unusable


class Load:
    """The request rate over the last `window` seconds, against a limit in requests a second."""

    def __init__(self, limit: float, window: float) -> None:
        self.most = limit * window
        self.window = window
        self.arrivals: deque[float] = deque()
        self.first_above: float | None = None

    def above(self, now: float) -> bool:
        """Count a request that arrives now: is the load above the limit?"""
        self.arrivals.append(now)
        while self.arrivals[0] <= now - self.window:
            self.arrivals.popleft()
        above = len(self.arrivals) > self.most
        if above and self.first_above is None:
            self.first_above = now
        return above

    def above_since(self, now: float) -> float:
        """Count a request that arrives now: how many seconds ago was the limit first exceeded? 0: never."""
        self.above(now)
        return 0.0 if self.first_above is None else now - self.first_above


class Every:
    """Picks a share of the requests, evenly: one fifth is each fifth."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.owed = 0.0

    def picks(self) -> bool:
        """Is it this one's turn?"""
        self.owed += self.share
        if self.owed < 0.999_999:  # three thirds are one
            return False
        self.owed -= 1
        return True


class Trouble(Protocol):
    """Something that requests meet."""

    hides_metrics: bool

    async def meet(self, now: float) -> str | None:
        """Meet one request; a reason when it is to fail."""


class NoTrouble:
    """A good version."""

    hides_metrics = False

    async def meet(self, now: float) -> str | None:
        return None


class ExhaustedPool:
    """A share of the requests fails while the load is above the limit."""

    hides_metrics = False

    def __init__(self, load: Load, failing_share: float) -> None:
        self.load = load
        self.turn = Every(failing_share)

    async def meet(self, now: float) -> str | None:
        if self.load.above(now) and self.turn.picks():
            return "No database connection was free."
        return None


class Slow:
    """A share of the requests waits, at any load."""

    hides_metrics = False

    def __init__(self, slow_share: float, seconds: float) -> None:
        self.turn = Every(slow_share)
        self.seconds = seconds

    async def meet(self, now: float) -> str | None:
        if self.turn.picks():
            await asyncio.sleep(self.seconds)
        return None


class Leak:
    """Every request leaves memory behind, up to a cap that keeps the machine alive."""

    hides_metrics = False

    def __init__(self, bytes_per_request: int, cap_bytes: float) -> None:
        self.size = bytes_per_request
        self.most = int(cap_bytes / bytes_per_request)
        self.kept: list[bytes] = []

    async def meet(self, now: float) -> str | None:
        if len(self.kept) < self.most:
            self.kept.append(b"x" * self.size)  # zeros need not be resident before they are written to
        return None


class Crash:
    """The process ends itself some time after the load first exceeded the limit."""

    hides_metrics = False

    def __init__(self, load: Load, after_seconds: float) -> None:
        self.load = load
        self.after = after_seconds

    async def meet(self, now: float) -> str | None:
        if self.load.above_since(now) > self.after:
            os._exit(1)
        return None


class Blind:
    """/metrics vanishes for good a while after the load first exceeded the limit; no customer notices."""

    hides_metrics = False

    def __init__(self, load: Load, after_seconds: float) -> None:
        self.load = load
        self.after = after_seconds

    async def meet(self, now: float) -> str | None:
        if self.load.above_since(now) > self.after:
            self.hides_metrics = True
        return None


def trouble_of(release: Release) -> Trouble:
    """The trouble that version.json declares, scaled to the customers' rate."""

    def load() -> Load:
        return Load(said["above_share"] * release.rate, said["window_seconds"])

    said: dict[str, Any] = release.trouble
    kinds: dict[str, Callable[[], Trouble]] = {
        "exhausted pool": lambda: ExhaustedPool(load(), said["failing_share"]),
        "slow": lambda: Slow(said["slow_share"], said["seconds"]),
        "leak": lambda: Leak(said["bytes_per_request"], said["cap_bytes"]),
        "crash": lambda: Crash(load(), said["after_seconds"]),
        "blind": lambda: Blind(load(), said["after_seconds"]),
    }
    if not said:
        return NoTrouble()
    if said["kind"] not in kinds:
        raise Unusable(f"version.json names the trouble {said['kind']!r}; known are {', '.join(kinds)}.")
    return kinds[said["kind"]]()
