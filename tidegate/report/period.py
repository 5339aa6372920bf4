"""
What a system's releases did in a period: the four delivery figures, verification runs, what its checks measured.

The four are those of Forsgren, Humble and Kim (Accelerate, 2018). Lead time counts from a release's beginning here:
when its commits were made is the repository's knowledge, not the ledger's. Values only; words are in `period_text`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from tidegate.ledger import Entry, Kind
from tidegate.ports import Verdict
from tidegate.story import Story

Length = Literal["half-day", "daily", "weekly", "monthly"]
LENGTHS: Mapping[Length, timedelta] = {
    "half-day": timedelta(hours=12), "daily": timedelta(days=1), "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
}  # fmt: skip
Better = Literal["less", "more", ""]  # which direction is good; "" where neither is
Unit = Literal["count", "share", "seconds", "plain"]
FIGURES: Sequence[tuple[str, Unit, Better]] = (
    ("deployments", "count", "more"),
    ("lead_time", "seconds", "less"),
    ("change_failure_rate", "share", "less"),
    ("time_to_restore", "seconds", "less"),
    ("rollbacks", "count", "less"),
    ("aborted", "count", "less"),
    ("verifications", "count", ""),
    ("verifications_failed", "count", "less"),
    ("verifications_missed", "count", "less"),
    ("checks_failed", "count", "less"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the period and of the one before it; None where nothing happened that it could be taken from."""

    name: str
    value: float | None
    before: float | None
    unit: Unit
    better: Better = ""

    @property
    def light(self) -> str:
        """`better`, `same`, `worse` than the period before; "" where they cannot be compared."""
        if self.value is None or self.before is None or not self.better:
            return ""
        if self.value == self.before:
            return "same"
        return "better" if (self.value < self.before) is (self.better == "less") else "worse"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one release that ended, or went back, in the period did so."""

    release: str
    at: datetime
    how: Literal["promoted", "rolled-back", "aborted"]
    why: str = ""
    seconds: float | None = None  # from the decision to the traffic being back


@dataclass(frozen=True, slots=True)
class Period:
    """`[since, until)`."""

    system: str
    length: Length
    since: datetime
    until: datetime
    figures: Sequence[Figure]
    outcomes: Sequence[Outcome] = ()
    measured: Sequence[Figure] = field(default_factory=tuple)  # named `check figure`


def period_of(system: str, chains: Iterable[Sequence[Entry]], length: Length, until: datetime) -> Period:
    """The period of this length that ends at `until`, beside the one before it; each chain is one release."""
    lasting = LENGTHS[length]
    since = until - lasting
    told = [(Story.of(chain), chain) for chain in chains if chain]
    now, before = _taken(told, since, until), _taken(told, since - lasting, since)
    figures = [Figure(name, now.figures[name], before.figures[name], unit, better) for name, unit, better in FIGURES]
    measured = [Figure(name, value, before.measured.get(name), "plain") for name, value in sorted(now.measured.items())]
    return Period(system, length, since, until, figures, now.outcomes, measured)


@dataclass(frozen=True, slots=True)
class _Taken:
    figures: Mapping[str, float | None]
    outcomes: Sequence[Outcome]
    measured: Mapping[str, float]


def _taken(told: Sequence[tuple[Story, Sequence[Entry]]], since: datetime, until: datetime) -> _Taken:
    ended = [one for story, chain in told for one in _ended(story, chain) if since <= one.at < until]
    leads = [
        (story.promoted_at - story.opened_at).total_seconds()
        for story, _ in told
        if story.promoted_at is not None and story.opened_at is not None and since <= story.promoted_at < until
    ]
    restored = [one.seconds for one in ended if one.seconds is not None]
    slots, measured, failed_checks = Counter[str](), dict[str, float](), 0
    for entry in (entry for _, chain in told for entry in chain if since <= entry.at < until):
        if entry.kind is Kind.SLOT:
            slots[str(entry.body.get("outcome"))] += 1
        elif entry.kind is Kind.OUTCOME and entry.body.get("event") == "check-run":
            failed_checks += entry.body.get("verdict") == Verdict.FAIL
            for name, value in (entry.body.get("figures") or {}).items():
                measured[f"{entry.body['name']} {name}"] = float(value)
    ends = Counter(one.how for one in ended)
    changes = ends["promoted"] + sum(one.how == "rolled-back" and not _promoted(told, one) for one in ended)
    figures: dict[str, float | None] = {
        "deployments": float(ends["promoted"]),
        "lead_time": median(leads) if leads else None,
        "change_failure_rate": ends["rolled-back"] / changes if changes else None,
        "time_to_restore": median(restored) if restored else None,
        "rollbacks": float(ends["rolled-back"]),
        "aborted": float(ends["aborted"]),
        "verifications": float(slots.total()),
        "verifications_failed": float(slots["FAIL"]),
        "verifications_missed": float(slots["MISSED"]),
        "checks_failed": float(failed_checks),
    }
    return _Taken(figures, sorted(ended, key=lambda one: one.at), measured)


def _ended(story: Story, chain: Sequence[Entry]) -> Iterator[Outcome]:
    """How this release ended; one that was promoted and went back later did both."""
    if story.promoted_at is not None:
        yield Outcome(story.release, story.promoted_at, "promoted")
    if story.down is not None and story.had_traffic:
        yield Outcome(story.release, story.down.at, "rolled-back", story.down.why, _back(story))
    for entry in chain:
        if entry.kind is Kind.OUTCOME and entry.body.get("event") == "aborted":
            yield Outcome(story.release, entry.at, "aborted", str(entry.body.get("why", "")))


def _promoted(told: Sequence[tuple[Story, Sequence[Entry]]], one: Outcome) -> bool:
    """A release that was promoted and went back later is one change, not two."""
    return any(story.release == one.release and story.promoted_at is not None for story, _ in told)


def _back(story: Story) -> float | None:
    """Seconds from the decision until somebody saw the traffic back."""
    seen = [body for body in story.answers.values() if body.get("event") == "rollback-verified"]
    good = [float(body["seconds"]) for body in seen if body["verdict"] == Verdict.PASS]
    return good[-1] if good else None
