"""What a rollout says of itself and of each look: read strictly, with one clear error (judgement.md 7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.errors import SpecError
from tidegate.judge.record import Record
from tidegate.judge.special import Array

LONGEST_HOLD = 600.0  # seconds a step
SIDE = "{requests: per route, failures: per route, latency: per bucket, memory}"


@dataclass(frozen=True, slots=True)
class Meta:
    """A rollout: `stages` are (share 0-1, seconds), the last one the watch; `edges` in seconds."""

    stages: tuple[tuple[float, float], ...]
    bin_seconds: float
    routes: int
    memory_limit: float
    record: Record
    longest_hold: float  # seconds a step
    compress: float  # by how much a rehearsal shortens the release's own times; 1 in real life

    @property
    def seconds(self) -> float:
        """The whole plan's."""
        return sum(seconds for _, seconds in self.stages)


@dataclass(frozen=True, slots=True)
class Side:
    """One version in one look: overall first, then each route."""

    requests: Array  # (1 + routes,)
    failures: Array
    latency: Array  # (buckets,)
    memory: float


def meta_of(told: Mapping[str, Any]) -> Meta:
    """SpecError names the path, what was found and what is allowed."""
    edges = _array(told, "edges", "meta", least=2)
    if np.any(np.diff(edges) <= 0) or edges[0] < 0:
        raise SpecError(
            f"meta.edges: {edges.tolist()} do not rise from 0 on", "seconds, the first 0, the last infinity"
        )
    routes = told.get("routes", 1)
    if not isinstance(routes, int) or routes < 1:
        raise SpecError(f"meta.routes: {routes!r}", "how many routes there are, 1 or more")
    stages = tuple(_stage(one, at) for at, one in enumerate(told.get("stages") or ()))
    if not stages:
        raise SpecError("meta.stages: there is none", "[[share 0-1, seconds], ...], the last one the watch")
    bin_seconds = _number(told.get("bin_seconds", 10.0), "meta.bin_seconds")
    if bin_seconds <= 0:
        raise SpecError(f"meta.bin_seconds: {bin_seconds}", "above 0")
    limit = told.get("memory_limit")
    limit = 0.0 if limit is None else _number(limit, "meta.memory_limit")
    history = told.get("history") or {}
    longest = _number(told.get("longest_hold", LONGEST_HOLD), "meta.longest_hold")
    return Meta(
        stages,
        bin_seconds,
        routes,
        limit,
        Record.of(history, edges, routes),
        longest,
        max(_number(told.get("compress", 1.0), "meta.compress"), 1.0),
    )


def _stage(told: Any, at: int) -> tuple[float, float]:
    try:
        share, seconds = float(told[0]), float(told[1])
    except (TypeError, ValueError, IndexError, KeyError):
        raise SpecError(f"meta.stages[{at}]: {told!r}", "[share 0-1, seconds]") from None
    if not (0 <= share <= 1 and 0 <= seconds < math.inf):
        raise SpecError(f"meta.stages[{at}]: {told!r}", "a share from 0 to 1 and seconds from 0 on")
    return share, seconds


def _number(told: Any, path: str) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float | np.number) or not math.isfinite(float(told)):
        raise SpecError(f"{path}: {told!r}", "a finite number")
    return float(told)


def _array(told: Mapping[str, Any], key: str, where: str, least: int = 0, length: int | None = None) -> Array:
    path = f"{where}.{key}"
    try:
        found = np.asarray(told[key], dtype=np.float64)
    except KeyError:
        raise SpecError(f"{path} is missing", "a list of numbers") from None
    except (TypeError, ValueError):
        raise SpecError(f"{path}: {told[key]!r}", "a list of numbers") from None
    if found.ndim != 1 or len(found) < least or (length is not None and len(found) != length):
        wanted = f"a list of {length if length is not None else f'{least} or more'} numbers"
        raise SpecError(f"{path}: {found.shape} of them", wanted)
    return found


def time_of(sample: Mapping[str, Any]) -> tuple[float, float]:
    """`t` and `share`."""
    share = _number(sample.get("share"), "sample.share")
    return _number(sample.get("t"), "sample.t"), min(max(share, 0.0), 1.0)


def side_of(sample: Mapping[str, Any], name: str, routes: int, buckets: int) -> Side | None:
    """One version's numbers; None when the sample does not speak of it."""
    told = sample.get(name)
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise SpecError(f"sample.{name}: {told!r}", SIDE)
    quick = _quickly(told, routes, buckets)
    asked, failed, latency = quick if quick is not None else _strictly(told, f"sample.{name}", routes, buckets)
    memory = told.get("memory")
    memory = 0.0 if memory is None else float(memory)
    asked, failed = _with_total(asked), _with_total(failed)
    return Side(asked, np.minimum(failed, asked), latency, memory)  # a failure may be counted a look before its request


def _quickly(told: Mapping[str, Any], routes: int, buckets: int) -> tuple[Array, Array, Array] | None:
    """Requests, failures, latencies in one array, one check; None when anything is not as it should be."""
    asked, failed, latency = told.get("requests"), told.get("failures"), told.get("latency", (0.0,) * buckets)
    try:
        if (len(asked), len(failed), len(latency)) != (routes, routes, buckets):  # type: ignore[arg-type]
            return None
        flat = np.array([*asked, *failed, *latency], dtype=np.float64)  # type: ignore[misc]
    except (TypeError, ValueError):
        return None
    if flat.ndim != 1 or not flat.min(initial=0.0) >= 0 or not flat.max(initial=0.0) < np.inf:
        return None
    return flat[:routes], flat[routes : 2 * routes], flat[2 * routes :]


def _strictly(told: Mapping[str, Any], where: str, routes: int, buckets: int) -> tuple[Array, Array, Array]:
    """The same, each list by itself, so that the error names the one."""
    asked, failed = (_array(told, key, where, length=routes) for key in ("requests", "failures"))
    latency = _array(told, "latency", where, length=buckets) if "latency" in told else np.zeros(buckets)
    for key, found in (("requests", asked), ("failures", failed), ("latency", latency)):
        if not (np.isfinite(found).all() and (found >= 0).all()):
            raise SpecError(f"{where}.{key}: {found.tolist()}", "counts from 0 on")
    return asked, failed, latency


def _with_total(by_route: Array) -> Array:
    """The sum first."""
    out = np.empty(len(by_route) + 1)
    out[0], out[1:] = by_route.sum(), by_route
    return out
