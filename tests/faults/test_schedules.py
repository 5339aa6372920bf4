"""
Booked schedules, by the thousand: each slot has exactly one outcome; one that nobody ran is told in time (G10, I26).

`python -m tests.faults.test_schedules [RUNS [SEED]]` plays so many and prints the figures.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest

from tests.faults.schedules import Schedules, Told
from tidegate import ledger_rules, overdue, slots, verifying
from tidegate.ledger import Kind

SOME = 200


def played(runs: int, first: int = 1) -> Iterable[Told]:
    return (Schedules(seed).play() for seed in range(first, first + runs))


@pytest.mark.proves("G10", "I26")
def test_each_slot_has_one_outcome_and_a_missed_one_is_flagged_in_time() -> None:
    told = list(played(SOME))
    assert [wrong for one in told for wrong in one.violations] == []
    outcomes = Counter(outcome for one in told for outcome in one.outcomes)
    assert {"PASS", "FAIL", "INCONCLUSIVE", "MISSED", "SUPERSEDED"} <= set(outcomes)
    assert outcomes["PASS"] > sum(outcomes.values()) / 4, "a world in which everything is missed would prove nothing"


def test_one_seed_is_one_play() -> None:
    assert Schedules(7).play() == Schedules(7).play()


def _a_slot_is_written_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger_rules, "ONCE", frozenset({Kind.OUTCOME, Kind.EXPIRY}))


BROKEN: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "the watch leaves silent slots alone": (
        lambda patch: patch.setattr(overdue, "silent_slots", lambda *_: []),
        "has 0 outcomes",
    ),
    "the watch waits too long": (
        lambda patch: _margin(patch, 20),
        "minutes late",
    ),
    "the watch is too early": (lambda patch: _margin(patch, -10), "would still be useful"),
    "an outcome has no unique key": (_a_slot_is_written_twice, "has 2 outcomes"),
    "a superseded release's slots are run": (
        lambda patch: patch.setattr(verifying, "gone", lambda *_: False),
        "is run, and its release was gone",
    ),
    "an answered slot is run again": (
        lambda patch: patch.setattr(slots, "fate", lambda *_: slots.Fate.RUN),
        "though it is answered",
    ),
}


def _margin(patch: pytest.MonkeyPatch, minutes: int) -> None:
    for module in (slots, overdue):
        patch.setattr(module, "margin", lambda _: timedelta(minutes=minutes))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, says = BROKEN[name]
    plant(monkeypatch)
    found = " ".join(wrong for one in played(SOME) for wrong in one.violations)
    assert says in found, found[:500]


def main() -> int:
    runs, first = (int(told) for told in [*sys.argv[1:], "10000", "1"][:1] + [*sys.argv[2:], "1"][:1])
    began, outcomes, latest, wrong = time.monotonic(), Counter[str](), 0.0, list[str]()
    for told in played(runs, first):
        outcomes.update(told.outcomes)
        latest = max(latest, told.latest)
        wrong += told.violations
    kinds = ", ".join(f"{kind} {count}" for kind, count in outcomes.most_common())
    print("\n".join(wrong[:20]))
    print(f"{runs} schedules, {sum(outcomes.values())} slots: {kinds}")
    print(f"latest flag {latest / 60:.1f} min, {len(wrong)} violations, {time.monotonic() - began:.0f} s")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
