"""`tidegate docs KEY`: from the models themselves, so it cannot tell of a key that is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.typed import Said, settle
from tidegate.cli.exits import UsageError
from tidegate.cli.explaining import explained
from tidegate.spec import Spec


@pytest.mark.proves("E32")
@pytest.mark.parametrize(
    ("key", "holds", "default"),
    [
        ("gates.min_samples", "whole number", "0"),
        ("gates.target", "limit with its operator, e.g. below 1 %", ""),
        ("hold.deadline", "duration, e.g. 45m", "10m"),
        ("hold.on_expiry", "rollback or stay", "rollback"),
        ("plans.canary.steps.weight", "whole number", ""),
        ("components.api.router", "a Use", ""),
        ("components.router", "a Use", ""),
        ("verification.slots", "a list, each a duration, e.g. 45m", ""),
    ],
)
def test_a_key_is_told_with_what_it_holds_and_its_default(key: str, holds: str, default: str) -> None:
    found = explained(Spec, key)
    assert (found.holds, found.default) == (holds, default)


def test_every_key_of_a_spec_can_be_asked_for() -> None:
    waiting, seen = [""], 0
    while waiting:
        found = explained(Spec, waiting.pop())
        seen += 1
        waiting += [f"{found.key}.{name}".strip(".") for name, _ in found.below]
    assert seen > 50


def test_a_mistyped_key_is_answered_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="min_sample") as refused:
        explained(Spec, "gates.min_sample")
    assert "did you mean 'min_samples'" in refused.value.advice
    with pytest.raises(UsageError):
        explained(Spec, "gates.min_samples.more")


def test_a_list_of_keys_says_which_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(tmp_path, monkeypatch)
    said = Said(capsys, "docs", "gates")
    assert said.code == 0
    assert "metric: a metric's name, e.g. error_rate (text, needed)" in said.out
    assert "min_samples: requests that a reading needs; fewer are no verdict (whole number, default 0)" in said.out
