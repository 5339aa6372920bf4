"""
Stored or foreign measurements as the looks of a rollout: JSON lines, CSV, or a dump of Prometheus' range query.

JSON lines: optionally first `{"meta": {...}}`, then one sample a line (docs/judgement.md). CSV: columns t, share,
new_requests, new_failures, stable_requests, stable_failures; optionally new_le_SECONDS and stable_le_SECONDS (requests
at most that slow, cumulative) and new_memory, stable_memory. Prometheus: the answer of /api/v1/query_range with
counters; which series is which side is told by a label.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tidegate.errors import SpecError
from tidegate.judge.replay.prometheus import Labels, samples_of

MOST_SAMPLES = 2_000_000
SIDES = ("new", "stable")


@dataclass(frozen=True, slots=True)
class Measurements:
    """`meta` of the rollout, and its samples in order of time; `assumed`: what the file did not say."""

    meta: dict[str, Any]
    samples: tuple[Mapping[str, Any], ...]
    assumed: tuple[str, ...] = field(default=())


def read(text: str, name: str, labels: Labels | None = None) -> Measurements:
    """What kind of file it is shows in its first character; SpecError names file, line and what is wrong."""
    start = text.lstrip()[:1]
    if not start:
        raise SpecError(f"{name}: it is empty", "JSON lines, CSV or a dump of a Prometheus range query")
    if start != "{":
        return completed(*_csv(text, name), name)
    first = text.lstrip().splitlines()[0]
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "data" in whole:
        return completed(*samples_of(whole, name, labels or Labels()), name)
    if whole is None and not first.rstrip().endswith("}"):
        raise SpecError(f"{name}: it is neither JSON lines nor one JSON document", "one sample a line")
    return completed(*_lines(text, name), name)


def _lines(text: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    meta: dict[str, Any] = {}
    samples: list[dict[str, Any]] = []
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line, parse_constant=float)
        except ValueError as wrong:
            raise SpecError(f"{name}:{at}: this is no JSON ({wrong})", "one sample a line") from None
        if not isinstance(told, dict):
            raise SpecError(f"{name}:{at}: {line[:60]!r}", 'a sample: {"t": ..., "share": ..., "new": {...}, ...}')
        if "meta" in told:
            meta = dict(told["meta"])
        else:
            samples.append(told)
    return meta, samples


def _csv(text: str, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rows = csv.DictReader(io.StringIO(text))
    columns = rows.fieldnames or []
    needed = ("t", "share", *(f"{side}_{what}" for side in SIDES for what in ("requests", "failures")))
    if lacking := [column for column in needed if column not in columns]:
        found = ", ".join(columns[:12])
        raise SpecError(f"{name}:1: no column {', '.join(lacking)}; found {found}", f"columns {', '.join(needed)}")
    bounds = _bounds(columns, name)
    samples = [_row(row, bounds, f"{name}:{at}") for at, row in enumerate(rows, 2)]
    return ({"edges": [0.0, *bounds, math.inf]} if bounds else {}), samples


def _bounds(columns: Sequence[str], name: str) -> list[float]:
    """Upper bounds of the buckets, rising; each side must have all of them."""
    found = {side: [c.removeprefix(f"{side}_le_") for c in columns if c.startswith(f"{side}_le_")] for side in SIDES}
    try:
        told = {side: sorted(float(bound) for bound in bounds) for side, bounds in found.items()}
    except ValueError as wrong:
        raise SpecError(f"{name}:1: a bucket's bound: {wrong}", "new_le_0.25: seconds") from None
    if told["new"] != told["stable"]:
        raise SpecError(f"{name}:1: buckets of new {told['new']}, of stable {told['stable']}", "the same on both sides")
    return [bound for bound in told["new"] if math.isfinite(bound)]


def _row(row: Mapping[str, Any], bounds: Sequence[float], where: str) -> dict[str, Any]:
    def number(column: str) -> float:
        try:
            return float(row[column])
        except (KeyError, TypeError, ValueError):
            raise SpecError(f"{where}: {column}: {row.get(column)!r}", "a number") from None

    sample: dict[str, Any] = {"t": number("t"), "share": number("share")}
    for side in SIDES:
        asked = number(f"{side}_requests")
        told = {"requests": [asked], "failures": [number(f"{side}_failures")]}
        if bounds:
            upto = [0.0, *(number(_column(row, side, bound)) for bound in bounds), asked]
            told["latency"] = [max(b - a, 0.0) for a, b in pairwise(upto)]
        if row.get(f"{side}_memory"):
            sample[side] = told | {"memory": number(f"{side}_memory")}
        else:
            sample[side] = told
    return sample


def _column(row: Mapping[str, Any], side: str, bound: float) -> str:
    """The column of this bound, however it is written."""
    head = f"{side}_le_"
    return next(c for c in row if c.startswith(head) and float(c.removeprefix(head)) == bound)


def completed(meta: dict[str, Any], samples: list[dict[str, Any]], name: str) -> Measurements:
    """What the file does not say is taken from its samples, and told."""
    if not samples:
        raise SpecError(f"{name}: it has no samples", "at least two")
    if len(samples) > MOST_SAMPLES:
        raise SpecError(f"{name}: {len(samples):,} samples", f"at most {MOST_SAMPLES:,}; longer bins serve as well")
    for at, sample in enumerate(samples):
        if not all(key in sample for key in ("t", "share")):
            raise SpecError(f"{name}: sample {at + 1} has no t or no share", "t: seconds, share: 0 to 1")
    told, assumed = dict(meta), list[str]()
    if "routes" not in told:
        told["routes"] = len((samples[0].get("new") or samples[0].get("stable") or {"requests": [0]})["requests"])
    if "edges" not in told:
        told["edges"] = [0.0, math.inf]
        assumed.append("no latencies: failures alone are judged")
    if "bin_seconds" not in told:
        apart = sorted(b["t"] - a["t"] for a, b in pairwise(samples))
        told["bin_seconds"] = max(apart[len(apart) // 2], 0.1) if apart else 10.0
    if "stages" not in told:
        told["stages"] = _stages(samples, told["bin_seconds"])
        assumed.append(f"the plan: {', '.join(f'{share * 100:g} % for {s / 60:g} min' for share, s in told['stages'])}")
    if "history" not in told:
        told["history"] = _history(samples, told["routes"], len(told["edges"]) - 1)
        assumed.append("stable's record: what stable did in this very file")
    return Measurements(told, tuple(samples), tuple(assumed))


def _stages(samples: Sequence[Mapping[str, Any]], dt: float) -> list[list[float]]:
    stages: list[list[float]] = []
    for sample in samples:
        if not stages or sample["share"] != stages[-1][0]:
            stages.append([sample["share"], 0.0])
        stages[-1][1] += dt
    return stages


def _history(samples: Sequence[Mapping[str, Any]], routes: int, buckets: int) -> dict[str, Any]:
    """The totals of stable over the file."""
    asked, failed, latency = [0.0] * routes, [0.0] * routes, [0.0] * buckets
    for sample in samples:
        stable = sample.get("stable") or {}
        for total, key in ((asked, "requests"), (failed, "failures"), (latency, "latency")):
            for at, value in enumerate(stable.get(key, ())[: len(total)]):
                total[at] += value
    return {"requests": asked, "failures": failed, "latency": latency}
