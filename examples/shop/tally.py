"""
What the customers counted: totals, versions, seconds.

A request is counted in the second in which it was due, whenever its answer came. `failed` is whatever a
customer would call so: anything but 2xx, 3xx and a 404 that was expected; also what could not be sent at all.
Requests still open are neither good nor failed yet, and those cut off by the customers' own end never are.
"""
# ruff: noqa: INP001 - found by customers.py, which stands beside it

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

NOBODY = "unknown"  # the version of an answer that names none: the proxy's own, or no answer at all
NOT_SENT = "not sent"
GOOD = ("2xx", "3xx", "expected 404")
GROWTH = 1.05  # a latency is known to 5 %


class Latencies:
    """A histogram fine enough for percentiles, small however long it runs."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.most = 0.0

    def add(self, milliseconds: float) -> None:
        """Count one."""
        self.counts[math.ceil(math.log(max(milliseconds, 0.1), GROWTH))] += 1
        self.most = max(self.most, milliseconds)

    def summary(self) -> dict[str, float]:
        """Percentiles in milliseconds."""
        return {f"p{p}": self.percentile(p) for p in (50, 95, 99)} | {"max": round(self.most, 1)}

    def percentile(self, percent: int) -> float:
        """The latency that so many percent did not exceed; 0 when there was none."""
        left = math.ceil(self.counts.total() * percent / 100)
        for index, count in sorted(self.counts.items()):
            left -= count
            if left <= 0:
                return round(min(GROWTH**index, self.most), 1)
        return 0.0


@dataclass(slots=True)
class Line:
    """One version of one component, as the customers met it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    first: float = math.inf  # when its first and last request were sent, since the epoch
    last: float = 0.0

    def summary(self) -> dict[str, Any]:
        return {
            "answers": self.outcomes.total(),
            "failed": self.failed,
            "outcomes": dict(self.outcomes),
            "latency_ms": self.latencies.summary(),
            "first_sent_at": round(self.first, 3),
            "last_sent_at": round(self.last, 3),
        }


@dataclass(slots=True)
class Second:
    """One second of the run."""

    sent: int = 0
    failed: int = 0
    answers: dict[str, Counter[str]] = field(default_factory=dict)  # by component and version

    def summary(self, at: int) -> dict[str, Any]:
        share = {
            component: {version: round(n / versions.total(), 4) for version, n in versions.items()}
            for component, versions in self.answers.items()
        }
        return {"at": at, "sent": self.sent, "failed": self.failed, "answers": self.answers, "share": share}


class Tally:
    """Everything since the start."""

    def __init__(self, started: float, seconds_kept: int) -> None:
        self.started = started
        self.kept = seconds_kept
        self.open = 0
        self.cut_off = 0
        self.orders_confirmed = 0
        self.orders_uncertain = 0
        self.first_failed = math.inf  # when the first one that failed was due
        self.lines: dict[tuple[str, str], Line] = {}
        self.seconds: dict[int, Second] = {}

    def not_sent(self, component: str, due: float) -> None:
        """A request that we could not even send."""
        self.note(component, NOBODY, NOT_SENT, due)

    def sent(self, due: float) -> None:
        """A request is on its way."""
        self.open += 1
        self.second(due).sent += 1

    def ended(self, component: str, version: str, outcome: str, due: float, took: float) -> None:
        """It came to this outcome, `took` seconds after it was due."""
        self.open -= 1
        line = self.note(component, version, outcome, due)
        line.latencies.add(took * 1000)

    def cut(self) -> None:
        """We ended before the answer came."""
        self.open -= 1
        self.cut_off += 1

    def note(self, component: str, version: str, outcome: str, due: float) -> Line:
        """Count an outcome in its line and its second."""
        line = self.lines.get((component, version)) or self.lines.setdefault((component, version), Line())
        second = self.second(due)
        line.outcomes[outcome] += 1
        line.first, line.last = min(line.first, due), max(line.last, due)
        if outcome not in GOOD:
            line.failed += 1
            second.failed += 1
            self.first_failed = min(self.first_failed, due)
        if outcome != NOT_SENT:
            second.answers.setdefault(component, Counter())[version] += 1
        return line

    def second(self, due: float) -> Second:
        """The bucket of that moment; the oldest makes room."""
        at = int(due)
        found = self.seconds.get(at)
        if found is None:
            found = self.seconds[at] = Second()
            while len(self.seconds) > self.kept:
                del self.seconds[min(self.seconds)]
        return found

    def summary(self, now: float) -> dict[str, Any]:
        """All of it, as JSON."""
        outcomes: Counter[str] = Counter()
        components: dict[str, dict[str, Any]] = {}
        for (component, version), line in sorted(self.lines.items()):
            outcomes.update(line.outcomes)
            components.setdefault(component, {})[version] = line.summary()
        not_sent = outcomes[NOT_SENT]
        return {
            "started_at": round(self.started, 3),
            "at": round(now, 3),
            "requests": outcomes.total() + self.open + self.cut_off,
            "sent": outcomes.total() - not_sent + self.open + self.cut_off,
            "failed": sum(line.failed for line in self.lines.values()),
            "first_failed_at": round(self.first_failed, 3) if self.first_failed < math.inf else None,
            "not_sent": not_sent,
            "open": self.open,
            "cut_off": self.cut_off,
            "outcomes": dict(outcomes),
            "orders": {"confirmed": self.orders_confirmed, "uncertain": self.orders_uncertain},
            "components": components,
            "seconds": [second.summary(at) for at, second in sorted(self.seconds.items())],
        }
