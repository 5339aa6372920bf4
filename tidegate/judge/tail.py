"""Slow requests: how many more the shift of the bulk explains, so that the tail is judged for what is its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidegate.judge.record import Record
from tidegate.judge.special import Array

MEMORY = 90.0  # seconds
POINT = 0.4  # the percentile that stands for the bulk: a heavy tail hardly moves it
LEAST = 30.0  # requests, below which the bulk is not known


class Bulk:
    """The shift of the new version's 40th percentile against stable's, or against the record's."""

    def __init__(self, record: Record) -> None:
        low = np.log(np.maximum(record.edges[:-1], record.edges[1] / 4 if len(record.edges) > 2 else 1e-3))
        last = record.edges[-1] if math.isfinite(record.edges[-1]) else record.edges[-2] * 2
        self.logs = np.append(low, math.log(max(last, 1e-6)))
        self.record = np.append(0.0, np.cumsum(record.shares))
        self.slow, self.from_ = record.slow, self.logs[record.slow_from]
        self.new, self.stable = np.zeros(len(record.shares)), np.zeros(len(record.shares))

    def factor(self, dt: float, new: Array, stable: Array) -> float:
        """How many times the record's share of slow requests the new version may have; at least 1."""
        keeps = math.exp(-dt / MEMORY)
        self.new, self.stable = self.new * keeps + new, self.stable * keeps + stable
        asked = float(self.new.sum())
        if asked < LEAST:
            return 1.0
        here = _percentile(self.logs, np.append(0.0, np.cumsum(self.new)) / asked)
        calm = float(self.stable.sum())
        known = np.append(0.0, np.cumsum(self.stable)) / calm if calm >= LEAST else self.record
        unsure = 1.0 / math.sqrt(asked) + (1.0 / math.sqrt(calm) if calm >= LEAST else 0.0)
        shift = here - _percentile(self.logs, known) + 0.6 * unsure
        if shift <= 0:
            return 1.0
        beyond = 1 - float(np.interp(self.from_ - shift, self.logs, self.record))
        return max(1.0, beyond / self.slow) if self.slow > 0 else 1.0

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        return {"new": self.new.tolist(), "stable": self.stable.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.new, self.stable = np.array(state["new"], dtype=np.float64), np.array(state["stable"], dtype=np.float64)


def _percentile(logs: Array, below: Array) -> float:
    """The logarithm of the latency that POINT of the requests are below."""
    return float(np.interp(POINT, below, logs))
