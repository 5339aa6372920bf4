"""
Metrics read straight from the proxy and the instances, without a Prometheus server.

The proxy counts customers' requests by version (failures are its 5xx), the instances tell about themselves.
Counters become figures by differences between this block's own looks, so the first look yields none.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from blocks.connector import Connector
from blocks.scrape_exposition import name_and_labels, page_at, values_in
from blocks.scrape_history import Counter, Group, History
from tidegate.errors import ConnectorError, NotUnderstood, Unreachable
from tidegate.ports import Clock, Sample, Totals
from tidegate.quantities import Duration
from tidegate.traffic import Side

SHARED = 0.2  # seconds; samples that are asked together come from one scrape
COMBINED: dict[str, Callable[[Sequence[float]], float]] = {"max": max, "min": min, "sum": sum, "mean": fmean}
_PERCENTILE = re.compile(r"latency_p([1-9][0-9])")

Reader = Callable[[str, History], tuple[list[Counter], dict[Group, float]]]


class InstanceSeries(BaseModel):
    """How a metric is read from the instances' own pages."""

    model_config = ConfigDict(extra="forbid")

    series: str = Field(description="name of the series", pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
    kind: Literal["gauge", "rate", "changes"] = Field(
        default="gauge",
        description="gauge: its value now; rate: growth per second; changes: how often it changed in the window",
    )
    combine: Literal["max", "min", "sum", "mean"] = Field(default="max", description="one figure from all instances")
    labels: dict[str, str] = Field(default_factory=dict, description="only series with these labels")


def _usual() -> dict[str, InstanceSeries]:
    return {
        "memory": InstanceSeries(series="process_resident_memory_bytes"),
        "restarts": InstanceSeries(series="process_start_time_seconds", kind="changes", combine="sum"),
    }


class ScrapeMetrics(Connector):
    """
    Figures of one side: error_rate (share, 0-1), request_rate (per second), latency_p50 to latency_p99 (seconds).

    Besides those of `series`: memory (bytes, the largest instance) and restarts (number in the window) unless told
    otherwise. `count` is the number of requests in the window; without any series value and count are None, which is
    not the same as no requests (count 0). `window` is what the figures really cover. A percentile above the proxy's
    largest bucket is given as that bucket's bound.
    """

    _block_type_name = "Scraped metrics"
    _block_type_slug = "scrape-metrics"
    asked_at_once: ClassVar[bool] = True  # its pages have a time-out of a second, and its history grows with each look
    _description = "Requests, failures and latency by version from the proxy's /metrics; memory from the instances."

    proxy: str = Field(
        default="",
        title="Proxy",
        description="Address of the proxy's metrics page; empty: only the instances are asked.",
        examples=["http://127.0.0.1:8081/metrics"],
    )
    route: str = Field(default="", title="Route", description="The route's name in the proxy.", examples=["shop-api"])
    service: str = Field(
        default="{route}.{side}@file",
        title="Service",
        description="How the proxy calls a side; {route} and {side} are filled in.",
        pattern=r"^[^{}]*(\{route\})?[^{}]*\{side\}[^{}]*$",
    )
    requests_series: str = Field(
        default="traefik_service_requests_total", title="Requests", description="Counter of requests by status code."
    )
    duration_series: str = Field(
        default="traefik_service_request_duration_seconds",
        title="Durations",
        description="Histogram of durations in seconds, without _bucket.",
    )
    service_label: str = Field(default="service", title="Label of the service", description="Its label in both.")
    code_label: str = Field(default="code", title="Label of the status", description="Its label in the counter.")
    path: str = Field(default="/metrics", title="Path", description="The instances' own metrics page.")
    series: dict[str, InstanceSeries] = Field(
        default_factory=_usual, title="Series", description="Metrics of the instances by name."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=1),
        title="Time-out",
        description="For one page.",
        gt=timedelta(0),
        le=timedelta(seconds=10),
    )
    history: Duration = Field(
        default=timedelta(hours=6),
        title="History",
        description="The longest window that can be asked.",
        gt=timedelta(0),
    )

    _clock: Clock | None = PrivateAttr(default=None)
    _sources: dict[str, History] = PrivateAttr(default_factory=dict)
    _asked: dict[str, tuple[float, str]] = PrivateAttr(default_factory=dict)  # when, and what went wrong
    _known: dict[str, list[tuple[str, Group]]] = PrivateAttr(default_factory=dict)  # series of the proxy, taken apart

    def on(self, clock: Clock) -> Self:
        """The same block on this clock."""
        self._clock = clock
        return self

    def _now(self) -> datetime:
        return self._clock.now() if self._clock else datetime.now(UTC)

    def _elapsed(self) -> float:
        return self._clock.elapsed() if self._clock else time.monotonic()

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """One figure; NotUnderstood for a metric that this block does not know, with those it knows."""
        if metric in self.series:
            return self._of_instances(metric, self.series[metric], side, window)
        percentile = _PERCENTILE.fullmatch(metric)
        if not self.proxy or not (percentile or metric in {"error_rate", "request_rate"}):
            known = [
                *(["error_rate", "request_rate", "latency_p50 ... latency_p99"] if self.proxy else []),
                *self.series,
            ]
            raise NotUnderstood(f"There is no metric {metric!r} here; there are {', '.join(known)}.")
        if error := self._look(self.proxy, self._proxy_counters):
            return self._nothing(metric, error)
        history, name = self._sources[self.proxy], self.service.format(route=self.route, side=side.name)
        span = history.span(window, (name, "all"))
        if span is None or not ((name, "all") in span.last.present or span.grown((name, "all"))):
            return self._nothing(metric)
        count, bad = round(span.grown((name, "all"))), None
        if percentile:
            buckets = {bound: (name, bound) for bound in history.bounds(name)}
            value = span.percentile(int(percentile[1]) / 100, buckets)
        elif metric == "request_rate":
            value = count / span.seconds
        else:
            bad = round(span.grown((name, "failed")))
            value = bad / count if count else None
        return Sample(metric, value, count, bad, timedelta(seconds=span.seconds), span.last.at)

    def totals(self, side: Side) -> Totals | None:
        """
        Requests, failures and durations since the proxy began to count; None while it knows nothing of this side.

        ConnectorError when the proxy cannot be asked, or none is configured.
        """
        if not self.proxy:
            raise NotUnderstood("These metrics have no proxy: nobody counts requests here.")
        if error := self._look(self.proxy, self._proxy_counters):
            raise Unreachable(error)
        history, name = self._sources[self.proxy], self.service.format(route=self.route, side=side.name)
        bounds = sorted(history.bounds(name))
        if not bounds:
            return None
        upto = [history.total((name, bound)) for bound in bounds]
        between = tuple(max(high - low, 0.0) for low, high in pairwise([0.0, *upto]))
        edges = (0.0, *bounds)
        asked, failed = history.total((name, "all")), history.total((name, "failed"))
        return Totals(history.looks[-1].at, asked, failed, edges, between)

    def _proxy_counters(self, page: str, _: History) -> tuple[list[Counter], dict[Group, float]]:
        """Requests, failures and durations of every side of the route."""
        known = self._known  # looked up once: pydantic makes each look-up a call
        return [
            Counter(key, group, value)
            for series, value in values_in(page, (self.requests_series, f"{self.duration_series}_bucket"))
            for key, group in (known[series] if series in known else self._sorted_in(series))
        ], {}

    def _sorted_in(self, series: str) -> list[tuple[str, Group]]:
        """Where a series of the proxy is counted; kept, because taking it apart is most of a look."""
        name, labels = name_and_labels(series)
        service = labels.get(self.service_label, "")
        before, after = self.service.format(route=self.route, side="\n").split("\n")
        groups: list[Group] = []
        if service.startswith(before) and service.endswith(after):
            if name == f"{self.duration_series}_bucket":
                groups = [(service, _bound(series, labels))]
            elif name == self.requests_series:
                failed = labels.get(self.code_label, "").startswith("5")
                groups = [(service, "all"), *([(service, "failed")] if failed else [])]
        self._known[series] = [(f"{series} {group[1]}", group) for group in groups]
        return self._known[series]

    def _of_instances(self, metric: str, how: InstanceSeries, side: Side, window: timedelta) -> Sample:
        """One figure of all instances; None where one of them has none: it may be just the one that matters."""
        pages = [url.rstrip("/") + self.path for url in side.urls]
        if len(due := [page for page in pages if self._is_due(page)]) > 1:
            with ThreadPoolExecutor(len(due)) as pool:  # one that hangs costs one time-out, not one each
                list(pool.map(lambda page: self._look(page, self._instance_series), due))
        errors = [self._look(page, self._instance_series) for page in pages]
        if error := next((error for error in errors if error), ""):
            return self._nothing(metric, error)
        histories = [self._sources[page] for page in pages]
        covered = 0.0
        if how.kind == "gauge":
            values = [history.looks[-1].gauges.get((metric, "now")) for history in histories]
        else:
            spans = [history.span(window, (metric, "sum")) for history in histories]
            values = [
                span.grown((metric, "sum")) / (span.seconds if how.kind == "rate" else 1)
                if span and (metric, "sum") in span.last.present
                else None
                for span in spans
            ]
            covered = min((span.seconds for span in spans if span), default=0.0)
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return self._nothing(metric)
        figure = COMBINED[how.combine](known)
        return Sample(metric, figure, None, None, timedelta(seconds=covered), histories[0].looks[-1].at)

    def _instance_series(self, page: str, history: History) -> tuple[list[Counter], dict[Group, float]]:
        """What the configured metrics are made of; how often something changed becomes a counter of our own."""
        counters: list[Counter] = []
        found: dict[str, list[float]] = {}
        for series, value in values_in(page, {how.series for how in self.series.values()}):
            name, labels = name_and_labels(series)
            for metric, how in self.series.items():
                if how.series != name or not how.labels.items() <= labels.items():
                    continue
                if how.kind == "rate":
                    counters.append(Counter(f"{metric} {series}", (metric, "sum"), value))
                else:
                    found.setdefault(metric, []).append(value)
        gauges: dict[Group, float] = {
            (metric, "now"): COMBINED[self.series[metric].combine](values) for metric, values in found.items()
        }
        for group in [group for group in gauges if self.series[group[0]].kind == "changes"]:
            counters.append(Counter(group[0], (group[0], "sum"), history.changes(group, gauges[group])))
        return counters, gauges

    def _look(self, url: str, read: Reader) -> str:
        """Scrape a source unless that was done just now; "" or what went wrong."""
        if not self._is_due(url):
            return self._asked[url][1]
        error, now = "", self._elapsed()
        history = self._sources.setdefault(url, History(self.history))
        try:
            history.add(now, self._now(), *read(page_at(url, self.timeout.total_seconds()), history))
        except ConnectorError as failed:
            error = str(failed)
        self._asked[url] = (self._elapsed(), error)  # from its end: a time-out is not waited for twice in one look
        return error

    def _is_due(self, url: str) -> bool:
        return url not in self._asked or self._elapsed() - self._asked[url][0] >= SHARED

    def _nothing(self, metric: str, error: str = "") -> Sample:
        return Sample(metric, None, None, None, timedelta(0), self._now(), error)


def _bound(series: str, labels: dict[str, str]) -> float:
    try:
        return float(labels["le"])
    except (KeyError, ValueError):
        raise NotUnderstood(f"a bucket has no bound: {series[:100]}") from None
