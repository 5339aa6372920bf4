"""One standing system for all end-to-end tests that only need one: it takes a quarter of a minute to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.standing import Standing, standing_system


@pytest.fixture(scope="session")
def whole_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing_system(tmp_path_factory.mktemp("standing")) as stands:
        yield stands


@pytest.fixture
def standing(whole_system: Standing) -> Standing:
    """The standing system, with no release under way."""
    whole_system.settle()
    return whole_system
