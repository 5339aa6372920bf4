"""
Every interleaving of a few actors over the real kernel, acts, lookout and ledger rules, with one death anywhere.

A frozen actor is one whose turn comes late: freezing needs no rule of its own. What must hold is in `small_world.py`
(I1, I5, I7, I8, I11). `python -m tests.faults.test_exhaustive ACTORS [PREEMPTIONS [real]]` searches one by hand and
prints its figures.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import broken_rules as broken
from tests.faults.interleaving import UNBOUNDED, Search, Turns, Violated
from tests.faults.real_parts import RealParts
from tests.faults.small_world import SmallWorld, fixed_tokens, world_of
from tidegate import kernel

ENOUGH = 1_000_000  # states: no world of these has so many
SMALL = {
    "first,second,watch": "two attempts of one release, one long frozen, and the watch that sees green turn bad",
    "first,watch,person": "a frozen attempt, the same watch, and somebody who types rollback",
    "second,watch,person": "a new attempt, the same watch, the same person",
    "finalizing,watch,person": "the run that makes a release final, against a watch and a person who say no",
    "newer,watch,person": "a newer release that claims the route, against the same two",
}
WHOLE = "first,second,watch,person"
BROKEN: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None], str]] = {
    "a raise ignores a stop": (
        "second,watch,person",
        lambda p: p.setattr(kernel, "_mine", broken.mine(stop=False, same=False)),
        "I5",
    ),
    "a raise ignores its number": ("first,second,watch", broken.any_number, "I11"),
    "a lowering leaves no stop": ("second,watch,person", broken.lower_without_a_stop, "I5|I7"),
    "a route is made final over a stop": ("finalizing,watch,person", broken.final_over_a_stop, "I8|I5|I7"),
}


def searched(actors: str, preemptions: int, real: RealParts | None = None) -> Search:
    search = Search(build(actors, real), preemptions=preemptions, most=ENOUGH)
    with fixed_tokens():
        search.explore()
    assert len(search.visited) < ENOUGH, "the search did not come to its end"
    return search


def build(actors: str, real: RealParts | None = None) -> Callable[[Turns], SmallWorld]:
    return world_of(*actors.split(","), real=real)


@pytest.mark.timeout(600)
@pytest.mark.proves("I1", "I5", "I8", "I11")
@pytest.mark.parametrize("actors", [*SMALL, WHOLE])
def test_no_schedule_breaks_an_invariant(actors: str) -> None:
    search = searched(actors, 1)
    assert search.ends > 100
    assert len(search.visited) > 2000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("actors", [*SMALL, WHOLE])
def test_no_schedule_with_two_interruptions_breaks_an_invariant(actors: str) -> None:
    assert len(searched(actors, 2).visited) > 8000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("actors", SMALL)
def test_no_schedule_over_the_real_ledger_and_the_real_route_file_breaks_an_invariant(
    actors: str, tmp_path: Path
) -> None:
    assert len(searched(actors, 1, RealParts(tmp_path)).visited) > 2000


@pytest.mark.parametrize("actors", ["first,second,watch", "second,watch,person"])
def test_in_these_worlds_somebody_raises(actors: str) -> None:
    """A world in which nobody ever raises would hold every invariant."""
    raised, built = set[str](), build(actors)

    def building(turns: Turns) -> SmallWorld:
        world = built(turns)
        raised.update(name for name in world.tally if name.startswith("raise"))
        return world

    with fixed_tokens():
        Search(building, preemptions=1, most=4000).explore()
    assert raised == {"raise to 25"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    actors, plant, breaks = BROKEN[name]
    plant(monkeypatch)
    with pytest.raises(Violated, match=rf"^({breaks}):"):
        searched(actors, 2)


def main() -> int:
    preemptions = int(sys.argv[2]) if len(sys.argv) > 2 else UNBOUNDED
    began, wrong = time.monotonic(), ""
    with fixed_tokens(), tempfile.TemporaryDirectory() as folder:
        real = RealParts(Path(folder)) if "real" in sys.argv else None
        search = Search(build(sys.argv[1], real), preemptions=preemptions, most=2 * ENOUGH)
        try:
            search.explore()
        except Violated as broken_one:
            wrong = f"1 violation: {broken_one}"
    if not wrong and len(search.visited) >= search.most:
        wrong = "not finished"
    told = f"{len(search.visited)} states, {search.runs} schedules, {search.ends} ends"
    print(f"{sys.argv[1]}: {told}, {time.monotonic() - began:.0f} s, {wrong or '0 violations'}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
