"""The judge's sentences: how many requests failed on either side since the trouble began, and how rare that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.judge.failures import Counts
from tidegate.judge.special import Array

if TYPE_CHECKING:
    from tidegate.judge.comparing import Judge

THIN = 1.3  # totals are kept at ages this factor apart
RAREST = 1e9
ASKED, FAILED, STABLE_ASKED, STABLE_FAILED = range(4)


class Told:
    """Running totals, and what they were at some earlier looks; bounded however long a rollout is."""

    def __init__(self, streams: int) -> None:
        self.total = np.zeros((4, streams))
        self.kept: list[tuple[float, Array]] = []

    def add(self, t: float, counts: Counts) -> None:
        """After each look."""
        self.kept.append((t, self.total))
        self.total = self.total + np.stack([counts.new, counts.new_bad, counts.stable, counts.stable_bad])
        self._thin(t)

    def _thin(self, t: float) -> None:
        for at in range(1, len(self.kept) - 3):
            if t - self.kept[at - 1][0] < THIN * (t - self.kept[at + 1][0]):
                del self.kept[at]
                return

    def since(self, t: float) -> Array:
        """The totals from the last look kept at or before `t` on, (4, streams)."""
        before = next((total for at, total in reversed(self.kept) if at <= t), np.zeros_like(self.total))
        out: Array = self.total - before
        return out

    def reasons(self, judge: Judge) -> list[str]:
        """One sentence a kind of evidence that weighs, the heaviest first."""
        weighed = sorted(judge.weighed().items(), key=lambda item: -item[1])
        alone = judge.meta.routes == 1  # then it says of its route what is said of all requests
        heavy = [name for name, value in weighed if value >= 0.2 * weighed[0][1] and not (alone and name == "routes")]
        return [self._sentence(name, judge) for name in heavy]

    def _sentence(self, name: str, judge: Judge) -> str:
        rare = _rare(judge.evidence[name])
        if name == "latency":
            since = max(judge.t - judge.latency.since, judge.meta.bin_seconds)
            return f"green is {judge.latency.slower:.2f} times as slow as blue for {_lasting(since)}; {rare}"
        if name == "failures":
            if judge.by_probes >= float(judge.failures.evidence[0]) and judge.probed_so_far[1]:
                return f"{_by_probes(judge.probed_so_far)}; {rare}"
            return f"{self.compared(0, judge, 'failed')}; {rare}"
        if name == "slow":
            return f"{self.compared(self.total.shape[1] - 1, judge, 'was slow in')}; {rare}"
        route = 1 + int(judge.failures.evidence[1:-1].argmax())
        return f"route {route}: {self.compared(route, judge, 'failed')}; {rare}"

    def compared(self, stream: int, judge: Judge, verb: str) -> str:
        """`green failed 9 of 412 requests, blue 3 of 3,705 in the same minutes: 27 times as often`."""
        asked, bad, others, others_bad = (int(n) for n in self.since(float(judge.failures.begun[stream]))[:, stream])
        told = f"green {verb} {bad:,} of {asked:,} requests, blue {others_bad:,} of {others:,} in the same minutes"
        usual = others_bad / others if others and others_bad else float(judge.failures.rates[stream])
        if not asked or not bad:
            return told
        against = "" if others and others_bad else " as its record says it would"
        return f"{told}: {bad / asked / usual:.3g} times as often{against}"

    def calm(self, judge: Judge) -> str:
        """What there is to say when nothing is wrong."""
        asked, bad, others, others_bad = (int(n) for n in self.total[:, 0])
        if not asked:
            return "green has had no requests yet"
        return (
            f"green failed {bad:,} of {asked:,} requests, blue {others_bad:,} of {others:,}: nothing speaks against it"
        )

    def state(self) -> dict[str, Any]:
        """All that changes, as JSON has it."""
        return {"total": self.total.tolist(), "kept": [[t, total.tolist()] for t, total in self.kept]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.total = np.array(state["total"], dtype=np.float64)
        self.kept = [(float(t), np.array(total, dtype=np.float64)) for t, total in state["kept"]]


def _by_probes(counted: list[float]) -> str:
    """Synthetic requests are said to be such: no user has met these failures."""
    asked, bad, others, others_bad = (int(one) for one in counted)
    return f"green failed {bad:,} of {asked:,} synthetic requests, blue {others_bad:,} of {others:,}"


def _rare(evidence: float) -> str:
    if evidence < 2:
        return "a good version often looks like this"
    if evidence >= RAREST:
        return "a good version looks like this less than 1 time in 1,000,000,000"
    return f"a good version looks like this 1 time in {_round(evidence):,}"


def _round(value: float) -> int:
    """Two digits that mean something."""
    return int(float(f"{value:.2g}"))


def _lasting(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
