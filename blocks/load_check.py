"""
A load of known size against an address: how slow, how many failed, how much memory while it lasted.

It is bounded in requests, in how many are under way at once and in time, and stops by itself when most fail. With
`rate` the load does not wait for answers (open loop), as customers do not.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field, model_validator
from yarl import URL

from blocks.connector import machine_troubles
from blocks.connector_addresses import Forbidden, checked
from blocks.connector_exposition import total
from blocks.connector_past import Compared
from blocks.load_check_driving import Driver, Load, Outcome
from blocks.load_check_memory import highest
from tidegate import facts as known
from tidegate.errors import Denied
from tidegate.language.limits import AnyLimit
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import Duration


class LoadCheck(Compared):
    """A load whose percentiles, failures and memory are held against limits."""

    _block_type_name = "Load test"
    _block_type_slug = "load-check"
    _description = "Sends a bounded load; percentiles, failures, throughput and memory decide."

    url: str = Field(
        title="URL",
        description="http or https. {url} is each instance of the component's green in turn; facts are filled in.",
        examples=["{url}/api/products"],
    )
    method: Literal["GET", "HEAD"] = Field("GET", title="Method")
    requests: int = Field(1000, ge=1, le=100_000, title="Requests", description="How many in all.")
    concurrency: int = Field(10, ge=1, le=1000, title="Concurrency", description="How many under way at once, at most.")
    rate: float | None = Field(
        None,
        gt=0,
        le=5000,
        title="Rate",
        description="Requests a second, whether earlier ones are answered or not (open loop), and each one's time "
        "counts from when it was due; without it `concurrency` customers ask one after the other.",
    )
    status: int | list[int] = Field(200, title="Status", description="The one, or those, that are no failure.")
    failed: AnyLimit = Field(  # type: ignore[assignment]
        "at most 0 count", title="Failed", description="How many, or which share, may fail."
    )
    p50: AnyLimit | None = Field(None, title="Median", examples=["below 50ms"])
    p95: AnyLimit | None = Field(None, title="95th percentile", examples=["below 500ms"])
    p99: AnyLimit | None = Field(None, title="99th percentile", examples=["below 1s"])
    throughput: AnyLimit | None = Field(None, title="Throughput", description="Answers a second.")
    memory: AnyLimit | None = Field(
        None, title="Memory", description="Of one instance, the highest while the load lasts.", examples=["below 200MB"]
    )
    memory_url: str = Field(
        "", title="Memory URL", description="A page in Prometheus' format; by default /metrics of the same address."
    )
    memory_metric: str = Field("process_resident_memory_bytes", title="Memory metric", description="In bytes, on it.")
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one whole answer.")
    deadline: Duration = Field(timedelta(minutes=10), title="Deadline", description="Of the whole load.")
    private_hosts: list[str] = Field(
        default_factory=list,
        title="Private hosts",
        description="Names that may lead to addresses of a private network.",
    )
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        known.named(self.url)
        if "{url}" in self.url[1:]:
            raise ValueError(f"{self.url!r}: {{url}} is a whole address; it can only stand first")
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """Figures: p50, p95, p99 (seconds), failed (share), throughput (a second), requests, memory (bytes)."""
        began = time.monotonic()
        try:
            urls = [checked(text) for text in self._addresses(facts)]
            load = self._load(urls)
            with ThreadPoolExecutor(1, "load-check") as lane:  # the caller may have a running loop
                outcome, memory = lane.submit(asyncio.run, self._driven(load)).result()
        except (Denied, Forbidden) as why:
            return CheckResult(Verdict.ERROR, f"{why}; no load was sent")
        figures = self._figures(outcome, memory)
        worse, told = self.against_the_last(figures, facts.get("release", ""), ("throughput", "requests"))
        wrong = [*self._wrong(outcome, figures), *worse]
        lines = [*wrong, _summary(outcome, figures), *([told] if told else [])]
        return CheckResult(
            Verdict.FAIL if wrong else Verdict.PASS,
            "\n".join(lines),
            seconds=round(time.monotonic() - began, 3),
            figures=figures,
        )

    def _addresses(self, facts: Mapping[str, str]) -> list[str]:
        safe = {name: quote(value, safe=":") for name, value in facts.items()}
        instances = facts.get("urls", "").split() or [facts.get("url", "")]
        if "{url}" not in self.url:
            instances = [""]
        return [known.filled(self.url, {**safe, "url": url.rstrip("/")}) for url in instances]

    def _load(self, urls: list[URL]) -> Load:
        trust = None
        if self.ca_file is not None:
            with machine_troubles(f"ca_file {self.ca_file}"):
                trust = ssl.create_default_context(cafile=str(self.ca_file))
        return Load(
            urls,
            self.method,
            self.requests,
            self.concurrency,
            self.rate,
            self.status if isinstance(self.status, list) else [self.status],
            self.timeout.total_seconds(),
            self.deadline.total_seconds(),
            frozenset(self.private_hosts),
            trust,
        )

    async def _driven(self, load: Load) -> tuple[Outcome, float | None]:
        """The load, and beside it the highest memory of any instance; None where it was not told, or not wanted."""
        if self.memory is None:
            return await Driver(load).drive(), None
        pages = [URL(self.memory_url)] if self.memory_url else sorted({url.origin() / "metrics" for url in load.urls})
        watching = asyncio.create_task(highest(pages, load, lambda page: total(page, self.memory_metric)))
        try:
            outcome = await Driver(load).drive()
        finally:
            watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        return outcome, watching.result() if not watching.cancelled() else None

    def _figures(self, outcome: Outcome, memory: float | None) -> dict[str, float]:
        figures = {
            "requests": float(outcome.begun),
            "failed": round(outcome.failed / outcome.begun, 6) if outcome.begun else 1.0,
            "throughput": round(len(outcome.latencies) / outcome.seconds, 3) if outcome.seconds else 0.0,
        }
        if outcome.latencies:
            figures |= {f"p{n}": round(outcome.percentile(n / 100), 6) for n in (50, 95, 99)}
        if memory is not None:
            figures["memory"] = memory
        return figures

    def _wrong(self, outcome: Outcome, figures: Mapping[str, float]) -> Iterator[str]:
        if outcome.stopped:
            yield f"stopped after {outcome.begun:,} of {self.requests:,} requests: {outcome.stopped}"
        failed = figures["failed"] if self.failed.unit == "%" else float(outcome.failed)
        if not self.failed.holds(failed):
            reasons = ", ".join(f"{why} ({n})" for why, n in outcome.failures.most_common(3))
            yield f"{outcome.failed:,} of {outcome.begun:,} failed, wanted: {self.failed.said}: {reasons}"
        for name in ("p50", "p95", "p99", "throughput", "memory"):
            limit = getattr(self, name)
            if limit is not None and not limit.holds(figures.get(name, math.nan)):
                found = f"{figures[name]:g}" if name in figures else "nothing measured"
                yield f"{name}: {found}, wanted: {limit.said}"


def _summary(outcome: Outcome, figures: Mapping[str, float]) -> str:
    times = ", ".join(f"{name} {figures[name] * 1000:.0f} ms" for name in ("p50", "p95", "p99") if name in figures)
    memory = f", memory {figures['memory'] / 1e6:.0f} MB" if "memory" in figures else ""
    return (
        f"{outcome.begun:,} requests in {outcome.seconds:.1f} s, {outcome.most_at_once} at once, "
        f"{outcome.failed} failed; {times or 'no answer'}{memory}"
    )
