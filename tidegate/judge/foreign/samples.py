"""
One bin of a rollout, and what can be measured on bins added up.

A sample is a mapping: `t` (seconds since the start), `share`, `new` and `stable`; each side {`requests`: per route,
`failures`: per route, `latency`: counts per bucket}. Routes are added up here: neither judge knows routes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from numbers import Real
from typing import Any

from tidegate.judge.foreign.reading import listing, mapping, number, refused

SIDES = ("new", "stable")
PLAIN = {int, float}
MEASURES = ("failure_rate", "success_rate", "request_rate", "latency_mean", "latency_p50", "latency_p95", "latency_p99")


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one version in `seconds` of time; `latency` counts them by bucket."""

    requests: float = 0.0
    failures: float = 0.0
    latency: tuple[float, ...] = ()
    seconds: float = 0.0

    def plus(self, other: Counts) -> Counts:
        added = tuple(a + b for a, b in zip_longest(self.latency, other.latency, fillvalue=0.0))
        requests, failures = self.requests + other.requests, self.failures + other.failures
        return Counts(requests, failures, added, self.seconds + other.seconds)


def read_edges(meta: Mapping[str, Any]) -> tuple[float, ...]:
    """The latency buckets' edges in seconds, rising; without any, latency is not measured."""
    path = "meta.edges"
    edges = tuple(
        math.inf if edge == math.inf else number(edge, f"{path}[{n}]", allowed="seconds")
        for n, edge in enumerate(listing(meta.get("edges"), path))
    )
    if any(below >= above for below, above in pairwise(edges)):
        raise refused(path, edges, "rising edges")
    return edges


def read_side(sample: Mapping[str, Any], side: str, seconds: float) -> Counts:
    """One side of a sample; SpecError when its shape is not that of a sample."""
    told = mapping(sample.get(side), f"sample.{side}")
    requests, failures = (_total(told.get(key), f"sample.{side}.{key}") for key in ("requests", "failures"))
    return Counts(requests, failures, _counts(told.get("latency"), f"sample.{side}.latency"), seconds)


def _total(value: object, path: str) -> float:
    return number(value, path) if isinstance(value, Real) else math.fsum(_counts(value, path))


def _counts(value: object, path: str) -> tuple[float, ...]:
    """Finite numbers; the plain ones are looked at together, for this is read at every bin."""
    counts = listing(value, path)
    if set(map(type, counts)) <= PLAIN and math.isfinite(sum(counts)):
        return tuple(counts)
    return tuple(number(count, f"{path}[{place}]") for place, count in enumerate(counts))


def measured(measure: str, counts: Counts, edges: Sequence[float]) -> float:
    """
    One of MEASURES: shares 0 to 1, requests a second, or seconds; NaN where nothing was counted.

    Means and percentiles come from the buckets: within one, requests are taken to be spread evenly, and those beyond
    the last finite edge to lie on it.
    """
    if measure == "request_rate":
        return counts.requests / counts.seconds if counts.seconds else math.nan
    if measure in {"failure_rate", "success_rate"}:
        if not counts.requests:
            return math.nan
        rate = counts.failures / counts.requests
        return rate if measure == "failure_rate" else 1 - rate
    if measure == "latency_mean":
        return _mean(counts.latency, edges)
    return _quantile(counts.latency, edges, float(measure.removeprefix("latency_p")) / 100)


def _mean(latency: Sequence[float], edges: Sequence[float]) -> float:
    count = math.fsum(latency)
    if not count or len(edges) != len(latency) + 1:
        return math.nan
    places = [(low + (low if math.isinf(high) else high)) / 2 for low, high in pairwise(edges)]
    return math.fsum(place * here for place, here in zip(places, latency, strict=True)) / count


def _quantile(latency: Sequence[float], edges: Sequence[float], share: float) -> float:
    count = math.fsum(latency)
    if not count or len(edges) != len(latency) + 1:
        return math.nan
    wanted, below = share * count, 0.0
    for here, (low, high) in zip(latency, pairwise(edges), strict=True):
        if here and below + here >= wanted:
            return low if math.isinf(high) else low + (high - low) * (wanted - below) / here
        below += here
    return edges[-2]
