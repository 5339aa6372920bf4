"""The simulator itself: no violation on thousands of plays, every fault happens, and planted bugs are caught."""

from __future__ import annotations

import pytest

from tests.faults.planted import BUGS, Bug
from tidegate.simulation import stage
from tidegate.simulation.faults import FAULTS

THOROUGH = 3000  # plays with any fault


def caught(bug: Bug, runs: int, only: frozenset[str] | None, patch: pytest.MonkeyPatch) -> str:
    """The first violation of the planted bug, "" when nobody noticed; a Python error counts, too."""
    bug.plant(patch)
    for seed in range(runs):
        try:
            end = stage.run(seed, only=only)
        except Exception as why:  # noqa: BLE001 (a watch or flow that breaks in a way nobody thought of is caught)
            return f"{type(why).__name__}: {why}"
        if end.violation:
            return end.violation
    return ""


@pytest.mark.proves("G2")
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = BUGS[name]
    said = caught(bug, bug.plays, frozenset(bug.faults.split(",")), monkeypatch)
    assert said, f"{name}: {bug.plays} plays, and nobody noticed"
    assert said.startswith(tuple(bug.breaks.split(","))), f"{name} was noticed as something else: {said}"


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_among_all_other_faults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert caught(BUGS[name], THOROUGH, None, monkeypatch), f"{name}: {THOROUGH} plays, and nobody noticed"


@pytest.mark.proves(
    "I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I20", "I21"
)
def test_no_invariant_breaks_in_some_hundred_plays() -> None:
    broken = [(end.seed, end.violation) for seed in range(10_000, 10_300) if (end := stage.run(seed)).violation]
    assert not broken


@pytest.mark.slow
@pytest.mark.proves("G2", "I23", "I26", "I27", "I28")
def test_every_fault_happens_and_both_ends_are_common_in_thousands_of_plays() -> None:
    ends = [stage.run(seed) for seed in range(20_000, 23_000)]
    assert [(end.seed, end.violation) for end in ends if end.violation] == []
    share = {name: sum(name in end.fired for end in ends) / len(ends) for name in FAULTS}
    assert not {name: rate for name, rate in share.items() if rate < 0.01}
    ended = [end.state.value for end in ends]
    assert sum(state in ("promoted", "superseded", "finalized", "closed") for state in ended) >= 0.2 * len(ends)
    assert ended.count("rolled_back") >= 0.2 * len(ends)


def test_one_seed_is_one_play() -> None:
    one, two = stage.run(4711, telling=True), stage.run(4711, telling=True)
    assert one.told
    assert one == two
