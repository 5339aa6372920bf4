"""What a text may name of a release, and what is never filled into it."""

from __future__ import annotations

import pytest

from tidegate.errors import Denied
from tidegate.facts import filled, named

FACTS = {"version": "2.1.0", "date": "2026-03-05"}


def test_a_date_is_written_as_the_text_asks_for_it() -> None:
    assert filled("v{version}-{date}", FACTS) == "v2.1.0-2026-03-05"
    assert filled("api-{date:%Y%m%d}", FACTS) == "api-20260305"
    assert named("{date:%Y%m%d} {version} {previous}") == ["date", "version", "previous"]


def test_what_only_looks_like_a_name_stays_as_it_is() -> None:
    for text in ('{"a": 1}', "{print $1}", "${HOME:-x}", "{}", "{a:1}", "{version:%Y}"):
        assert named(text) == []
        assert filled(text, {}) == text


def test_an_unknown_name_and_a_fact_that_is_not_known_yet_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\{versoin\} is not known here; \{component\}, "):
        named("{versoin}")
    for text in ("{previous}", "{date:%Y}"):
        with pytest.raises(Denied, match="is not known at this point"):
            filled(text, {"version": "2.1.0"})
