"""A real release that cannot be carried out whole is refused before anything is begun: nothing is in the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tasks.opening import find_or_open
from tasks.session import Session
from tests.house.tree import ROOT
from tidegate.errors import SpecError
from tidegate.requests import ReleaseRequest

SHOP = (ROOT / "deployments" / "releases" / "shop.yaml").read_text("utf-8")


class Nothing:
    """A ledger, a clock and an installation of which only the spec's file may be asked."""

    def __init__(self, path: Path) -> None:
        self.path, self.compress = path, 1

    def spec_file(self, _: str) -> Path:
        return self.path

    def releases(self, _: str) -> list[Any]:
        return []


def refusal(text: str, folder: Path) -> SpecError:
    path = folder / "shop.yaml"
    path.write_text(text, "utf-8")
    nothing = cast("Any", Nothing(path))
    session = Session(nothing, nothing, nothing, nothing)
    with pytest.raises(SpecError) as refused:
        find_or_open(session, "shop", ReleaseRequest(version="2.0", reason="x"), "run")
    return refused.value


def test_every_missing_connector_is_named_before_a_release_is_opened(tmp_path: Path) -> None:
    text = SHOP.replace("use: sqlite-backup", "use: one-backup").replace("use: console-notifier", "use: two-notifier")
    said = str(refusal(text, tmp_path))
    assert "no connector 'one-backup'" in said
    assert "needed by backups.orders.backup" in said
    assert "no connector 'two-notifier'" in said
    assert "needed by notify.0" in said


def test_what_a_real_release_does_not_carry_out_yet_is_named_in_one_sentence(tmp_path: Path) -> None:
    text = f"{SHOP}\ntriggers: [{{name: alarm, says: x, event: incident, then: restart}}]\n"
    said = str(refusal(text, tmp_path))
    assert said.count("\n") == 0
    assert "not carried out yet: triggers that restart or scale (triggers.alarm: " in said
