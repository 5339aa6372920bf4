"""The stable version's record: what a rate and a latency were before anybody touched anything."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.errors import SpecError
from tidegate.judge.special import Array

LOW, HIGH = 2.5, 3.0  # standard deviations at which a latency's score is cut: no single request decides
TAIL = 0.99
LEAST_SLOTS, LEAST_FAILURES = 36, 50.0  # three hours, below which a series says nothing of the level
HIDDEN = 2 * math.exp(-1)  # share of a level's variance that a mean over 300 s shows when it remembers 300 s
MIDDLE, HALF_KNOWN = 0.9, 100.0


@dataclass(frozen=True, slots=True)
class Record:
    """
    Rates of failures (overall first, then each route), and the latency's distribution over the buckets.

    `scores`: the logarithm of each bucket's latency less the record's mean, cut; `spread` its variance.
    `slow_from`: the first bucket of those above the 99th percentile; `slow`: their share.
    """

    rates: Array  # (1 + routes,)
    failures: Array  # (1 + routes,), how many the rates rest on
    scores: Array  # (buckets,)
    spread: float
    edges: Array
    shares: Array  # (buckets,)
    slow_from: int
    slow: float
    level: float | None  # how far the shared failure rate strays, relative standard deviation; None: not known

    @classmethod
    def of(cls, history: Mapping[str, Any], edges: Array, routes: int) -> Record:
        """From the totals of a rollout's `history` (judgement.md 7)."""
        failed = _numbers(history.get("failures", [0] * routes), routes, "history.failures")
        asked = _numbers(history.get("requests", [0] * routes), routes, "history.requests")
        counts = _numbers(history.get("latency", [0] * (len(edges) - 1)), len(edges) - 1, "history.latency")
        failed, asked = np.append(failed.sum(), failed), np.append(asked.sum(), asked)
        scores, spread = _scores(edges, counts)
        slow_from, slow = _tail(counts)
        shares = (counts + 1e-9) / (counts + 1e-9).sum()
        rates = np.minimum((failed + 0.5) / (asked + 50), 0.5)  # half a failure in fifty requests, until told better
        level = _level(history.get("series"))
        return cls(rates, failed, scores, spread, edges, shares, slow_from, slow, level)


def _level(series: Any) -> float | None:
    """
    From the record in 5-minute counts: the variance that chance does not explain, by moments, outages left out.

    A mean over a slot hides a part of a level that remembers five minutes. Pulled towards the middle of what sites show
    as if that rested on HALF_KNOWN failures; None where nothing can be read or hardly anything failed.
    """
    try:
        slots = [(float(np.sum(one["requests"])), float(np.sum(one["failures"]))) for one in series or ()]
    except (TypeError, KeyError, ValueError, IndexError):
        return None
    asked, failed = (
        (np.array(column, dtype=np.float64) for column in zip(*slots, strict=True)) if slots else (None, None)
    )
    if asked is None or failed is None or len(slots) < LEAST_SLOTS or failed.sum() < LEAST_FAILURES:
        return None
    usual = failed <= 5 * asked * failed.sum() / max(asked.sum(), 1.0) + 10
    asked, failed = asked[usual], failed[usual]
    expected = asked * (failed.sum() / max(asked.sum(), 1.0))
    beyond = float(((failed - expected) ** 2 - failed).sum() / max((expected**2).sum(), 1e-9))
    found, known = max(beyond, 0.0) / HIDDEN, float(failed.sum())
    return math.sqrt((found * known + MIDDLE**2 * HALF_KNOWN) / (known + HALF_KNOWN))


def _numbers(told: Any, length: int, path: str) -> Array:
    if not isinstance(told, Sequence | np.ndarray) or len(told) != length:
        found = f"{len(told)} of them" if hasattr(told, "__len__") else repr(told)
        raise SpecError(f"{path}: {found}", f"a list of {length} numbers")
    numbers = np.asarray(told, dtype=np.float64)
    if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
        raise SpecError(f"{path}: {told!r} has one below 0 or not finite", f"a list of {length} numbers from 0 on")
    return numbers


def middles(edges: Array) -> Array:
    """The latency that stands for each bucket: the geometric middle; the open ends are as wide as their neighbours."""
    low, high = edges[:-1].copy(), edges[1:].copy()
    if len(low) == 1:
        return np.ones(1)
    if low[0] <= 0:
        low[0] = high[0] / 2
    if not math.isfinite(high[-1]):
        high[-1] = low[-1] * max(low[-1] / max(low[-2], 1e-12), 1.2)
    return np.sqrt(low * high)


def _scores(edges: Array, counts: Array) -> tuple[Array, float]:
    logs = np.log(middles(edges))
    total = counts.sum()
    if total < 2:
        return logs - float(np.mean(logs)), 0.5
    mean = float((logs * counts).sum() / total)
    sd = max(math.sqrt(float((counts * (logs - mean) ** 2).sum() / total)), 0.05)
    scores = np.clip(logs - mean, -LOW * sd, HIGH * sd)
    centre = float((scores * counts).sum() / total)
    spread = float((counts * (scores - centre) ** 2).sum() / total) + 1e-3
    return scores - centre, spread


def _tail(counts: Array) -> tuple[int, float]:
    """The first bucket that begins at or above the 99th percentile, and the share from it on."""
    total = counts.sum()
    if total < 2:
        return len(counts) - 1, 0.01
    below = np.cumsum(counts) / total
    first = int(np.searchsorted(below, TAIL)) + 1
    first = min(first, len(counts) - 1)
    return first, float(max(counts[first:].sum() + 0.5, 0.5) / (total + 50))
