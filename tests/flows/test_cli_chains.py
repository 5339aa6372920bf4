"""`tidegate report`, `audit` and `doctor`: what a chain tells, and whether it is whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.told_ledger import Told, baking, looked, promoted, rolled_back, told
from tests.typed import DEAD, Said, settle


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


@pytest.mark.proves("E27")
def test_a_report_is_written_and_verifies_until_a_letter_of_it_changes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(here, rolled_back)
    path = Path(Said(capsys, "report", "shop", "--json").told["file"])
    said = Said(capsys, "report", "--verify", str(path))
    assert said.code == 0
    assert "the chain of shop/2.0/1 is whole; the report was made at its entry" in said.out
    korean = Path(Said(capsys, "report", "shop", "--lang", "ko", "--json").told["file"])
    assert Said(capsys, "report", "--verify", str(korean)).code == 0
    path.write_text(path.read_text("utf-8").replace("12.8 %", "0.1 %"), "utf-8")
    said = Said(capsys, "report", "--verify", str(path))
    assert said.code == 1
    assert "CHANGED" in said.out


def test_a_report_of_another_ledger_is_not_taken_for_this_ones(
    here: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path_factory.mktemp("other")
    told(here, rolled_back)
    path = Path(Said(capsys, "report", "shop", "--json").told["file"])
    told(other, promoted)
    monkeypatch.setenv("TIDEGATE_HOME", str(other))
    said = Said(capsys, "report", "--verify", str(path))
    assert said.code == 1
    assert "NOT IN IT" in said.out


def _change(one: Told, seq: int) -> None:
    with sqlite3.connect(one.home / "ledger.db") as connection:
        connection.execute("UPDATE tidegate_entry SET who = 'nobody' WHERE seq = ?", (seq,))


@pytest.mark.proves("I23", "rep.audit")
def test_an_audit_names_the_entry_from_which_a_chain_does_not_hold(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = told(here, promoted)
    (before,) = Said(capsys, "audit", "shop", "--json").told["releases"]
    assert (before["broken_at"], before["head"]) == (None, one.entries[-1].hash)
    path = Path(Said(capsys, "report", "shop", "--json").told["file"])
    _change(one, 7)
    said = Said(capsys, "audit", "shop")
    assert said.code == 1
    assert "BROKEN at entry 7" in said.out
    said = Said(capsys, "report", "--verify", str(path))
    assert said.code == 1
    assert "DOES NOT HOLD at entry 7" in said.out


def test_doctor_says_what_is_wrong_and_what_mends_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = told(here, baking)
    looked(one)
    _change(one, 3)
    said = Said(capsys, "doctor")
    assert said.code == 1
    assert f"bad   Prefect: {DEAD} does not answer" in said.out
    assert f"bad   chain of {one.release}: does not hold at entry 3" in said.out
    assert "ok    watch: test (number 1)" in said.out
    assert f"bad   way back of shop: no record of {one.release} lies here" in said.out
    found = {one["what"]: one for one in Said(capsys, "doctor", "--json").told["findings"]}
    assert found["prefect"]["state"] == "ok"
    assert all(one["fix"] for one in found.values() if one["state"] == "bad")
