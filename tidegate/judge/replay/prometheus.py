"""
A dump of Prometheus' /api/v1/query_range as samples: counters of requests by status code, histograms of durations.

One dump holds both: query `{__name__=~".*_requests_total|.*_duration_seconds_bucket"}` over the rollout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tidegate.errors import SpecError


@dataclass(frozen=True, slots=True)
class Labels:
    """Which label tells the sides apart and its two values; the label of the status code, whose 5xx are failures."""

    side: str = "side"
    new: str = "new"
    stable: str = "stable"
    code: str = "code"


Series = list[tuple[float, float]]
HOW = "the answer of /api/v1/query_range with counters of requests, and their buckets if there are any"


def samples_of(told: Mapping[str, Any], name: str, labels: Labels) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`meta` as far as known, and the samples; SpecError when there are no two sides."""
    asked: dict[str, list[Series]] = {"new": [], "stable": []}
    failed: dict[str, list[Series]] = {"new": [], "stable": []}
    slow: dict[str, dict[float, list[Series]]] = {"new": {}, "stable": {}}
    for at, one in enumerate(_result(told, name)):
        metric, values = one.get("metric", {}), _values(one, f"{name}: data.result[{at}]")
        side = {labels.new: "new", labels.stable: "stable"}.get(metric.get(labels.side, ""))
        if side is None:
            continue
        if "le" in metric:
            slow[side].setdefault(_bound(metric["le"], f"{name}: data.result[{at}]"), []).append(values)
        else:
            asked[side].append(values)
            if str(metric.get(labels.code, "")).startswith("5"):
                failed[side].append(values)
    for side, found in asked.items():
        if not found:
            value = getattr(labels, side)
            raise SpecError(f"{name}: no series of requests has {labels.side}={value!r}", "--label NAME=NEW,STABLE")
    bounds = sorted(set(slow["new"]) & set(slow["stable"]))
    times = sorted({t for side in asked.values() for series in side for t, _ in series})
    meta = {"edges": [0.0, *(b for b in bounds if math.isfinite(b)), math.inf]} if bounds else {}
    return meta, _differences(times, asked, failed, slow, bounds)


def _result(told: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    data = told.get("data")
    if not isinstance(data, Mapping) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise SpecError(f"{name}: data.resultType is {data.get('resultType') if isinstance(data, Mapping) else data!r}",
                        HOW)  # fmt: skip
    return list(data["result"])


def _values(one: Mapping[str, Any], where: str) -> Series:
    try:
        return [(float(t), float(v)) for t, v in one["values"]]
    except (KeyError, TypeError, ValueError):
        raise SpecError(f"{where}: no list of [time, value]", HOW) from None


def _bound(le: str, where: str) -> float:
    try:
        return math.inf if le in ("+Inf", "Inf") else float(le)
    except ValueError:
        raise SpecError(f"{where}: le={le!r}", "a number of seconds or +Inf") from None


def _differences(
    times: Sequence[float],
    asked: Mapping[str, list[Series]],
    failed: Mapping[str, list[Series]],
    slow: Mapping[str, Mapping[float, list[Series]]],
    bounds: Sequence[float],
) -> list[dict[str, Any]]:
    """Samples of what grew between neighbouring times."""
    requests = {side: _grown(times, series) for side, series in asked.items()}
    failures = {side: _grown(times, series) for side, series in failed.items()}
    upto = {side: [_grown(times, slow[side][bound]) for bound in bounds] for side in asked}
    samples = []
    for at, t in enumerate(times[1:]):
        sides: dict[str, Any] = {}
        for side in asked:
            sides[side] = {"requests": [requests[side][at]], "failures": [failures[side][at]]}
            if bounds:
                below = [0.0, *(one[at] for one in upto[side])]
                below += [] if math.isinf(bounds[-1]) else [max(requests[side][at], below[-1])]
                sides[side]["latency"] = [max(b - a, 0.0) for a, b in pairwise(below)]
        new, both = requests["new"][at], requests["new"][at] + requests["stable"][at]
        samples.append({"t": t - times[0], "share": round(new / both, 2) if both else 0.0, **sides})
    return samples


def _grown(times: Sequence[float], series: Sequence[Series]) -> list[float]:
    """Growth between neighbouring times, all series together; a counter that fell began again."""
    total = [0.0] * max(len(times) - 1, 0)
    for one in series:
        known = dict(one)
        last: float | None = None
        for at, t in enumerate(times):
            value = known.get(t)
            if value is None:
                continue
            if last is not None and at:
                total[at - 1] += value - last if value >= last else value
            elif at:
                total[at - 1] += value  # born on the way, at 0
            last = value
    return total
