"""Mutated release specs of every system: read, or refused by a SpecError with file and place; nothing else."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from tests.bench import mutations
from tests.bench.mutating import mutated, places
from tests.bench.mutations import Original, one, originals, outcomes
from tidegate.errors import SpecError


@pytest.mark.proves("G6")
@pytest.mark.timeout(240)
def test_whatever_is_done_to_a_spec_it_is_read_or_refused_with_its_file_and_place() -> None:
    wrong = [outcome for outcome in outcomes(200, seed=2) if not outcome.declared]
    assert not wrong, "\n".join(f"{one.system}: {one.done}\n{one.trace}" for one in wrong[:5])


def test_the_same_seed_makes_the_same_mutations() -> None:
    first, again = list(islice(outcomes(40, seed=3), 40)), list(islice(outcomes(40, seed=3), 40))
    assert first == again
    assert [outcome.done for outcome in first] != [outcome.done for outcome in outcomes(40, seed=4)]


def test_a_mutation_changes_a_copy_and_leaves_the_spec_as_it_was() -> None:
    shop = next(original for original in originals() if original.name == "shop.yaml")
    before = places(shop.document.value)
    changed = sum(mutated(shop.document.value, random.Random(n))[0] != shop.document.value for n in range(50))
    assert changed > 40
    assert places(shop.document.value) == before


def shop() -> Original:
    return next(original for original in originals() if original.name == "shop.yaml")


@pytest.mark.parametrize("raised", [KeyError("x"), SpecError("a sentence without its file")])
def test_what_is_not_declared_is_told(monkeypatch: pytest.MonkeyPatch, raised: Exception) -> None:
    def fails(*_: object) -> str:
        raise raised

    monkeypatch.setattr(mutations, "_on_paper", fails)
    monkeypatch.setattr(mutations, "mutated", lambda value, _: (value, "nothing"))
    assert not one(shop(), random.Random(1), as_text=False).declared
