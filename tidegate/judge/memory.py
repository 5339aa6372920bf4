"""
Whether the new version's memory grows towards its limit: a line through what was seen, and when it will be there.

A good version fills its caches and stays; a leak goes on. So the line must hold for the later half as for the whole,
be steeper than stable's own, and meet the limit within a horizon that what was seen can speak for.
"""

from __future__ import annotations

import math
from typing import Any

SLOTS = 48  # means kept; when full, neighbours are joined
WARM = 60.0  # seconds after the start that say nothing
LEAST_TIME, LEAST_SLOTS = 240.0, 10
LEAST_WARM, LEAST_EVER = 3.0, 6.0  # seconds, however much a rehearsal is shortened: processes start as fast as they do
SURE = 5.0  # standard errors
CORRELATED = 2.0  # neighbouring readings are alike: an error is this much larger than chance alone says
AHEAD, LEAST_AHEAD = 6.0, 3600.0  # times the time seen; seconds
FULL = 0.95  # of the limit
ENOUGH_FULL = 3  # readings in a row


class Memory:
    """`step` answers with a sentence when the new version's memory is a fault, "" otherwise."""

    def __init__(self, limit: float, plan: float, compress: float = 1.0) -> None:
        """
        `limit` in the readings' unit (0: none), `plan`: seconds of the whole plan; `compress`: by how much a rehearsal
        shortens the release's own times, and with them how long one looks before one believes in a line.
        """
        self.limit, self.plan = limit, plan
        self.warm, self.least = max(WARM / compress, LEAST_WARM), max(LEAST_TIME / compress, LEAST_EVER)
        self.least_ahead = LEAST_AHEAD / compress
        self.width, self.full = 0.0, 0
        self.slots: list[list[float]] = []  # [readings, sum of t, of new, of stable]
        self.first = math.nan

    def step(self, t: float, new: float, stable: float) -> str:
        """One reading of each version; 0 or not a number is none."""
        if not (self.limit > 0 and new > 0 and math.isfinite(new)):
            return ""
        self.full = self.full + 1 if new >= FULL * self.limit and not stable >= FULL * self.limit else 0
        if self.full >= ENOUGH_FULL:
            return f"green's memory is {new / self.limit * 100:.0f} % of its limit"
        if math.isnan(self.first):
            self.first = t
        if t - self.first < self.warm:
            return ""
        self._add(t, new, stable if stable > 0 and math.isfinite(stable) else 0.0)
        return self._forecast(t, new)

    def _add(self, t: float, new: float, stable: float) -> None:
        if self.slots and t - self.slots[-1][1] / self.slots[-1][0] < self.width / 2:
            for at, value in enumerate((1.0, t, new, stable)):
                self.slots[-1][at] += value
        else:
            self.slots.append([1.0, t, new, stable])
        if len(self.slots) > SLOTS:
            pairs = zip(self.slots[::2], [*self.slots[1::2], [0.0] * 4], strict=False)
            self.slots = [[a + b for a, b in zip(one, two, strict=True)] for one, two in pairs]
            self.width = max(self.width * 2, (t - self.first) / SLOTS)

    def _forecast(self, t: float, new: float) -> str:
        if len(self.slots) < LEAST_SLOTS or t - self.first - self.warm < self.least:
            return ""
        times = [one[1] / one[0] for one in self.slots]
        slope, error = _line(times, [one[2] / one[0] for one in self.slots])
        half = len(times) // 2
        later, later_error = _line(times[half:], [one[2] / one[0] for one in self.slots[half:]])
        other, other_error = _line(times, [one[3] / one[0] for one in self.slots])
        surely = slope - SURE * CORRELATED * math.hypot(error, other_error) - max(other, 0.0)
        if surely <= 0 or later < 0.6 * slope or later - 3 * CORRELATED * later_error <= 0:
            return ""
        ahead = min(max(self.plan - t, self.least_ahead), AHEAD * (t - self.first))
        if new + min(surely, later) * ahead < self.limit:
            return ""
        grows, left = slope * 60 / self.limit * 100, max(self.limit - new, 0.0) / slope
        soon = f"{left / 60:.0f} minutes" if left >= 120 else f"{left:.0f} seconds"
        return f"green's memory grows by {grows:.2g} % of its limit a minute and meets it in {soon}"

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        first = None if math.isnan(self.first) else self.first
        return {"width": self.width, "full": self.full, "slots": self.slots, "first": first}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.width, self.full = state["width"], state["full"]
        self.slots = [list(map(float, one)) for one in state["slots"]]
        self.first = math.nan if state["first"] is None else state["first"]


def _line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Slope of the least-squares line and its standard error."""
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    sxx = sum((a - mx) ** 2 for a in x)
    if sxx <= 0 or n < 3:
        return 0.0, math.inf
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sxx
    rest = sum((b - my - slope * (a - mx)) ** 2 for a, b in zip(x, y, strict=True))
    return slope, math.sqrt(rest / (n - 2) / sxx)
