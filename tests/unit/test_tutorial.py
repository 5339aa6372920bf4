"""docs/tutorial.md is true: each of its commands is run on the file as it stands by then, and prints what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.built_connectors import obstacles
from blocks.yaml_reading import read_spec
from tests.house.tutorial import FILE, PAGE, Ran, ran
from tests.typed import settle


@pytest.fixture
def blocks_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Ran]:
    settle(tmp_path / "home", monkeypatch)
    return list(ran(PAGE.read_text("utf-8"), tmp_path))


@pytest.mark.proves("E32")
def test_every_command_of_the_tutorial_prints_what_the_page_shows(blocks_of_the_page: list[Ran]) -> None:
    assert len(blocks_of_the_page) >= 9
    wrong = [one for one in blocks_of_the_page if one.block != one.now]
    assert not wrong, f"run `make docs`; the page shows\n{wrong[0].block}\nit is\n{wrong[0].now}"


def test_it_ends_with_a_spec_that_a_real_release_would_take(blocks_of_the_page: list[Ran], tmp_path: Path) -> None:
    assert blocks_of_the_page
    spec = read_spec((tmp_path / FILE).read_bytes(), FILE)
    assert obstacles(spec) == []
    assert spec.verification.slots


def test_a_command_that_prints_something_else_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(tmp_path / "home", monkeypatch)
    page = PAGE.read_text("utf-8").replace("unknown field 'wieght'", "unknown field 'weight'")
    assert [one.block for one in ran(page, tmp_path) if one.block != one.now]


def test_a_replacement_of_what_does_not_stand_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not stand"):
        list(ran("```yaml replace\n- nothing\n+ something\n```\n", tmp_path))
