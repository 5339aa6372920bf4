"""Every requirement that a spec has to configure has its place in one, or a reason why not."""

from __future__ import annotations

from tests.house import configuration


def test_each_row_has_a_place_or_a_reason() -> None:
    found = configuration.places()
    lost = [one for one in configuration.wanted() if one not in found and not configuration.OPEN.get(one)]
    assert not lost
    assert len(configuration.wanted()) == len(set(configuration.wanted())) == 101


def test_the_committed_page_is_up_to_date() -> None:
    assert configuration.PAGE.read_text("utf-8") == configuration.page(), "python -m tests.house.configuration"
