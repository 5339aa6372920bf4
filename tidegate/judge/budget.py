"""
Error budgets: what a promise of availability leaves to fail, how much is used, and how fast it burns.

Burn rate 1 uses exactly the whole budget in the promise's window. Alerts look at two windows at once, a long one that
is sure and a short one that ends the alert soon (Google, The Site Reliability Workbook, chapter 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.errors import SpecError
from tidegate.ports import Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests or probes of one interval that ended at `at`: how many, and how many failed."""

    at: datetime
    count: float
    failed: float


@dataclass(frozen=True, slots=True)
class Alert:
    """Burning at `rate` or more over both windows spends `spent` of the budget before anybody is told."""

    rate: float
    long: timedelta
    short: timedelta
    spent: float
    severity: str  # critical: people are called now; warning: on the next working day


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of it: shares between 0 and 1 of the whole budget; `left_minutes` if nothing at all worked."""

    target: float
    availability: float | None  # None: nothing was asked
    used: float
    left: float
    left_minutes: float
    burning: tuple[tuple[Alert, float], ...]  # alerts in force, each with its burn rate
    asked: float

    def verdict(self, *, strict: bool = False) -> Verdict:
        """FAIL below the target (with `strict` also at it), INCONCLUSIVE when nothing was asked, else PASS."""
        if self.availability is None:
            return Verdict.INCONCLUSIVE
        missed = self.availability <= self.target if strict else self.availability < self.target
        return Verdict.FAIL if missed else Verdict.PASS


def alerts(window: timedelta) -> tuple[Alert, ...]:
    """
    The workbook's three alerts, for a promise over `window` (theirs: 30 days).

    Rates are such that an alert costs 2, 5 and 10 % of the budget.
    """
    hour = timedelta(hours=1)
    pairs = ((0.02, hour, "critical"), (0.05, 6 * hour, "critical"), (0.10, 72 * hour, "warning"))
    return tuple(
        Alert(spent * (window / long), long, long / 12, spent, severity)
        for spent, long, severity in pairs
        if long <= window / 2 and spent * (window / long) >= 1
    )


def budget(asked: Sequence[Asked], target: float, window: timedelta, now: datetime) -> Budget:
    """
    The budget over the window that ends now, from counts in order of time; what is excluded is left out by the caller.

    SpecError for a target that leaves nothing to fail.
    """
    if not 0 < target < 1:
        raise SpecError(f"a target of {target} is no promise", "a share between 0 and 1, e.g. 0.995")
    inside = [one for one in asked if now - window < one.at <= now]
    count, failed = sum(one.count for one in inside), sum(one.failed for one in inside)
    availability = 1 - failed / count if count else None
    used = 0.0 if availability is None else (1 - availability) / (1 - target)
    left = max(0.0, 1 - used)
    burning = tuple((alert, rate) for alert in alerts(window) if (rate := _burning(asked, target, alert, now)) > 0)
    return Budget(target, availability, used, left, left * (1 - target) * window.total_seconds() / 60, burning, count)


def burn_rate(asked: Sequence[Asked], target: float, over: timedelta, now: datetime) -> float | None:
    """How many times faster than allowed failures came in the last `over`; None when nothing was asked."""
    inside = [one for one in asked if now - over < one.at <= now]
    count = sum(one.count for one in inside)
    return sum(one.failed for one in inside) / count / (1 - target) if count else None


def _burning(asked: Sequence[Asked], target: float, alert: Alert, now: datetime) -> float:
    """The long window's rate when both windows are at the alert's or above it, 0 otherwise."""
    rates = [burn_rate(asked, target, over, now) for over in (alert.long, alert.short)]
    if any(rate is None or rate < alert.rate for rate in rates):
        return 0.0
    return rates[0] or 0.0
