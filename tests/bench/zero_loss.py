"""
Goal G3, run: no request is lost through hundreds of weight changes and full rollbacks (reliability.md 4).

A real Traefik, two instances and the customers as processes of their own; the changes go through the router block,
claims and rollbacks through the kernel. The goal's run:

    python -m tests.bench.zero_loss --requests 1000000 --changes 500 --rollbacks 50
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from tests.house.tree import ROOT
from tidegate import kernel
from tidegate.traffic import Change, Seen, Setting, Side, Stop

BLUE, GREEN = "1.0", "2.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to; milliseconds are of the router's whole call, confirmation included."""

    requests: int
    by_kind: dict[str, int]
    failed: int
    failures: list[str]  # the first of them, in words
    posts_sent: int
    posts_received: int
    posts_doubled: int
    changes: int
    rollbacks: int
    late: int  # rollbacks after whose return a new request still reached green
    raise_ms: list[float]
    lower_ms: list[float]
    seconds: float

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(self.by_kind.items()))
        return (
            f"requests {self.requests:,} ({kinds}), changes {self.changes}, rollbacks {self.rollbacks}, "
            f"failed {self.failed}, POSTs sent {self.posts_sent:,} received {self.posts_received:,} "
            f"doubled {self.posts_doubled}, "
            f"late green {self.late}; raise {_figures(self.raise_ms)}, rollback {_figures(self.lower_ms)} ms; "
            f"{self.requests / self.seconds:,.0f} requests/s, load average {os.getloadavg()[0]:.1f}"
        )


def _figures(times: list[float]) -> str:
    late = quantiles(times, n=100, method="inclusive")[98]
    return f"p50 {median(times):.0f} p99 {late:.0f} max {max(times):.0f}"


def zero_loss(home: Path, requests: int = 20_000, changes: int = 60, rollbacks: int = 6, slow: float = 10.0) -> Outcome:
    """Run it in this folder; `slow` is how long the long requests take, in seconds."""
    began = time.monotonic()
    proxy = TraefikProcess(home / "proxy")
    with ExitStack() as ends:
        running = proxy.start()
        ends.callback(proxy.stop)
        blue = ends.enter_context(_program("serve", BLUE, str(slow)))
        green = ends.enter_context(_program("serve", GREEN, str(slow)))
        sides = [Side(name, (_line(each)["url"],)) for name, each in ((BLUE, blue), (GREEN, green))]
        router = TraefikRouter(directory=proxy.routes, route="bench", rule="PathPrefix(`/`)", api_url=running.api_url)
        router.install(sides[0])
        customers = ends.enter_context(_program("ask", running.web_url))
        changed = _Changes(router, sides[1], customers)
        changed.spread(requests, changes, rollbacks)
        told = changed.tell("end", wait=slow + 30)
        received = [_ask_directly(side.urls[0]) for side in sides]
    return Outcome(
        requests=told["answered"],
        by_kind=told["by_kind"],
        failed=told["failed"],
        failures=told["failures"],
        posts_sent=told["posts"],
        posts_received=sum(each["received"] for each in received),
        posts_doubled=sum(each["doubled"] for each in received),
        changes=len(changed.raise_ms) + len(changed.lower_ms),
        rollbacks=len(changed.lower_ms),
        late=changed.late,
        raise_ms=changed.raise_ms,
        lower_ms=changed.lower_ms,
        seconds=time.monotonic() - began,
    )


class _Changes:
    """Releases one after the other, each raised in steps and rolled back, spread over the requests."""

    def __init__(self, router: TraefikRouter, green: Side, customers: subprocess.Popen[str]) -> None:
        self.router, self.green, self.customers = router, green, customers
        self.raise_ms: list[float] = []
        self.lower_ms: list[float] = []
        self.late = 0

    def spread(self, requests: int, changes: int, rollbacks: int) -> None:
        steps = max(1, round(changes / rollbacks) - 1)
        done, total = 0, (steps + 1) * rollbacks
        stop: Stop | None = None
        for n in range(1, rollbacks + 1):
            release = f"bench/{GREEN}/{n}"
            found, over = {stop.token} if stop else set(), {f"bench/{GREEN}/{n - 1}"}
            self.router.write(kernel.claim(release, n, self.green, found=found, over=over))
            for step in range(1, steps + 1):
                self._wait_for(requests * done // total)
                self._raise(max(1, 100 * step // steps))
                done += 1
            self._wait_for(requests * done // total)
            stop = Stop(f"stop-{n}", "bench", "2025-01-25T09:00:00+00:00", "to see what is lost")
            self._lower(release, stop)
            done += 1
        self._wait_for(requests)

    def tell(self, what: str, wait: float = 10.0) -> dict[str, Any]:
        assert self.customers.stdin
        self.customers.stdin.write(f"{what} {wait}\n")
        self.customers.stdin.flush()
        return _line(self.customers)

    def _wait_for(self, answered: int) -> None:
        while self.tell("told")["answered"] < answered:
            time.sleep(0.02)

    def _raise(self, weight: int) -> None:
        """Without the proof that the kernel asks for: what a raise needs is not what is measured here."""

        def decide(seen: Seen) -> Setting:
            assert seen.split
            assert seen.mark
            return Setting(seen.split.at(weight), seen.mark)

        began = time.perf_counter()
        seen = self.router.write(Change("raise", decide))
        self.raise_ms.append((time.perf_counter() - began) * 1000)
        assert seen.weight == weight

    def _lower(self, release: str, stop: Stop) -> None:
        began = time.perf_counter()
        seen = self.router.write(kernel.lower(release, stop))
        returned = time.monotonic()
        self.lower_ms.append((time.perf_counter() - began) * 1000)
        assert seen.weight == 0
        time.sleep(0.05)
        self.late += self.tell("told")["green_asked_at"] > returned


@contextmanager
def _program(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench.zero_loss_parts", *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.kill()


def _line(program: subprocess.Popen[str]) -> dict[str, Any]:
    assert program.stdout
    told: dict[str, Any] = json.loads(program.stdout.readline())
    return told


def _ask_directly(url: str) -> dict[str, int]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
    connection.request("GET", "/posts")
    told: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--changes", type=int, default=60)
    parser.add_argument("--rollbacks", type=int, default=6)
    parser.add_argument("--slow", type=float, default=10.0, help="seconds that the long requests take")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zero-loss-") as folder:
        outcome = zero_loss(Path(folder), asked.requests, asked.changes, asked.rollbacks, asked.slow)
    print(outcome)
    for failure in outcome.failures:
        print(" ", failure)
    return int(bool(outcome.failed or outcome.posts_doubled or outcome.posts_sent != outcome.posts_received))


if __name__ == "__main__":
    sys.exit(main())
