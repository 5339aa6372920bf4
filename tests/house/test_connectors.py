"""docs/connectors.md tells every connector that is built with every field, and every one that a spec names in vain."""

from __future__ import annotations

import re

import pytest

from blocks.built_connectors import KINDS as WORDS
from blocks.built_connectors import built, kind_of
from blocks.connect import known
from tests.house.connectors import KINDS, PAGE, not_built, page
from tests.house.plans import RELEASES, systems
from tests.house.tree import ROOT
from tidegate.language.field_words import keys


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs` and commit docs/connectors.md"


def test_make_docs_writes_it() -> None:
    assert "-m tests.house.connectors\n" in (ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("slug", built())
def test_a_connector_has_the_verbs_of_the_port_that_its_name_says(slug: str) -> None:
    port, _ = KINDS.get(kind_of(slug), KINDS["act"])  # `git-tag` is an act, too
    verbs = {name for name, one in vars(port).items() if callable(one) and not name.startswith("_")}
    assert verbs
    kind = known()[slug]
    assert not {verb for verb in verbs if not hasattr(kind, verb)}


@pytest.mark.parametrize("slug", built())
def test_every_field_of_it_has_a_row(slug: str) -> None:
    section = page().split(f"### {slug}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert rows == list(keys(known()[slug]))
    assert "typing" not in section
    assert "<" not in section


def test_what_is_built_and_what_is_missing_are_all_that_the_reference_systems_name() -> None:
    named = set[str]()
    for system in systems():
        text = (RELEASES / f"{system}.yaml").read_text("utf-8")
        named |= set(re.findall(r"\buse: ([a-z][a-z0-9-]*)", text))
    assert set(not_built()) == named - set(built())
    assert not set(not_built()) & set(built())


def test_the_kinds_of_the_page_are_those_that_are_suggested() -> None:
    assert set(KINDS) == WORDS
