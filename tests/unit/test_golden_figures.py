"""No number of a reference spec can change unseen: the plan tells each of them, and its text is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from tests.house.plans import GOLDEN, RELEASES, plan_text, systems
from tidegate.errors import SpecError

SAMPLED = 12  # numbers a system in `make test`; `-m slow` takes all of them
NUMBER = re.compile(r"(?<![\w.#/-])(\d+)(?=(?:\.\d+)?\s*(?:%|ms|s|m|h|d|w|MB|GB|kB|count|/s|,|\}|\]|$))")


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """The line, and the text with one of its numbers made larger by one; comments and ids are no numbers."""
    at = 0
    for line in text.splitlines(keepends=True):
        code = line.split(" #")[0]
        if not code.lstrip().startswith("#"):
            for found in NUMBER.finditer(code.rstrip("\n")):
                begins, ends = at + found.start(1), at + found.end(1)
                yield line.strip(), f"{text[:begins]}{int(found[1]) + 1}{text[ends:]}"
        at += len(line)


def unseen(system: str, chosen: list[tuple[str, str]]) -> list[str]:
    """Lines of which a changed number changes nothing that the plan tells."""
    path = RELEASES / f"{system}.yaml"
    right, found = plan_text(path.read_bytes(), path.name), []
    for line, changed in chosen:
        try:
            if plan_text(changed.encode(), path.name) == right:
                found.append(line)
        except SpecError:
            continue
    return found


@pytest.mark.parametrize("system", systems())
@pytest.mark.proves("spec.time")
def test_the_plans_text_is_what_is_kept(system: str) -> None:
    path = RELEASES / f"{system}.yaml"
    kept = (GOLDEN / f"{system}.txt").read_text("utf-8")
    assert plan_text(path.read_bytes(), path.name) == kept, "meant? then: python -m tests.house.plans"


@pytest.mark.parametrize("system", systems())
def test_a_changed_number_changes_the_plan(system: str) -> None:
    chosen = list(mutants((RELEASES / f"{system}.yaml").read_text("utf-8")))
    assert len(chosen) > 100
    assert not unseen(system, Random(7).sample(chosen, SAMPLED))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("system", systems())
def test_every_changed_number_changes_the_plan(system: str) -> None:
    assert not unseen(system, list(mutants((RELEASES / f"{system}.yaml").read_text("utf-8"))))
