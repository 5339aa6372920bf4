"""What people decide by the command line: answers, one release a system, freezes; Prefect is not there."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.told_ledger import ASKING, asking, baking, looked, note_answer, promoted, resting, told
from tests.typed import DEAD, Said, settle
from tidegate.cli import freezing


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


@pytest.mark.proves("E30")
def test_with_the_server_down_one_line_names_the_address_and_the_start_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(here, asking("go"))
    said = Said(capsys, "approve", "shop")
    assert said.code == 5
    what, advice = said.err.splitlines()
    assert what.startswith(f"No answer from the Prefect server at {DEAD}")
    assert advice == "Start it: tidegate up"


def test_a_release_with_the_server_down_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(here, promoted)
    said = Said(capsys, "release", "shop", "3.0")
    assert said.code == 5
    assert DEAD in said.err


def test_nothing_is_approved_when_nothing_is_asked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(here, baking)
    said = Said(capsys, "approve", "shop")
    assert said.code == 6
    assert "go was answered already" in said.err
    said = Said(capsys, "approve", "shop", "half")
    assert said.code == 6
    assert "does not ask for approval 'half' now" in said.err


@pytest.mark.proves("E17")
def test_a_second_answer_is_refused_with_the_first_ones_author(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note_answer(told(here, asking("go")), "go", "approve", "kim")
    said = Said(capsys, "reject", "shop", "--note", "too late")
    assert said.code == 6
    assert "kim said approve" in said.err


@pytest.mark.proves("E17")
def test_an_answer_after_the_deadline_is_refused_with_what_silence_means(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = ASKING.replace("deadline: 24h", "deadline: 1s")
    told(here, asking("go"), late)
    time.sleep(1.1)  # the ledger compares with its own clock
    said = Said(capsys, "approve", "shop")
    assert said.code == 6
    assert "expired at" in said.err
    assert "abort" in said.err


@pytest.mark.proves("E18")
def test_a_rejection_needs_a_reason_and_an_answer_a_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(here, asking("go"))
    assert Said(capsys, "reject", "shop").code == 2
    assert Said(capsys, "reject", "shop", "--note", "  ").code == 2
    said = Said(capsys, "approve", "shop", "--name", " ")
    assert said.code == 2
    assert "name of at least two letters" in said.err


@pytest.mark.proves("E24", "I11")
def test_a_second_release_is_told_at_once_who_holds_the_system_since_when_and_why(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(here, baking)
    said = Said(capsys, "release", "shop", "3.0")
    assert said.code == 6
    assert "shop/2.0/1 since 20" in said.err
    assert "started by min (reviews under each product)" in said.err
    assert "tidegate rollback shop" in said.err


def test_a_resting_release_is_continued_by_its_own_version_and_stops_another(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(here, resting)
    assert Said(capsys, "release", "shop", "2.0").code == 5, "Prefect is asked, which is not there"
    assert Said(capsys, "release", "shop", "3.0").code == 6


@pytest.mark.proves("E24")
def test_a_queued_release_counts_down_and_then_gives_up(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(here, baking)
    said = Said(capsys, "release", "shop", "3.0", "--queue", "1500ms")
    assert said.code == 6
    assert re.search(r"waiting, [12]s left", said.err)


@pytest.mark.proves("I28")
def test_a_freeze_is_kept_and_says_whether_a_raise_in_flight_landed(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = told(here, baking)

    def land(_: float) -> None:
        """While the command looks, a raise that had its proof before lands."""
        looked(one, weight=50)

    monkeypatch.setattr(freezing, "time", type("Handed", (), {"sleep": staticmethod(land)}))
    said = Said(capsys, "freeze", "shop", "--why", "maintenance", "--for", "90m")
    assert said.code == 0
    assert "api 25 -> 50 %" in said.out
    (kept,) = one.ledger.freezes("shop")
    assert kept.why == "maintenance"
    assert timedelta(minutes=89) < kept.until - datetime.now(UTC) < timedelta(minutes=91)
    assert Said(capsys, "freeze", "shop", "--lift").code == 0
    assert not one.ledger.freezes("shop")


def test_a_freeze_without_a_raise_in_flight_says_that(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told(here, baking)
    monkeypatch.setattr(freezing, "time", type("Handed", (), {"sleep": staticmethod(lambda _: None)}))
    assert "No raise was in flight" in Said(capsys, "freeze", "shop", "--why", "x").out
    assert Said(capsys, "freeze", "shop", "--why", "x", "--for", "2").code == 2
    assert Said(capsys, "freeze", "shop", "--why", " ").code == 2


@pytest.mark.proves("met.business")
def test_a_value_is_told_with_author_unit_and_reason_and_an_event_has_none(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = told(here, baking)
    said = Said(capsys, "push", "shop", "user_satisfaction", "4.2", "--why", "survey", "--name", "mina")
    assert said.code == 0
    assert re.fullmatch(r"shop: user_satisfaction = 4.2, by mina, [-0-9: ]+ \(survey\)\n", said.out)
    assert Said(capsys, "push", "shop", "error_share", "0.5 %").code == 0
    assert Said(capsys, "push", "shop", "incident-critical", "--name", "pager").code == 0
    kept = one.ledger.pushes("shop", datetime.now(UTC) - timedelta(minutes=1))
    assert [(each.name, each.value) for each in kept] == [
        ("user_satisfaction", 4.2), ("error_share", 0.005), ("incident-critical", None),
    ]  # fmt: skip
    shown = Said(capsys, "push", "shop", "--json").told["pushed"]
    assert [each["who"] for each in shown][::2] == ["mina", "pager"]
    for wrong in (("User Satisfaction", "1"), ("x", "many"), ("x", "5 apples"), ("x", "1", "--name", " ")):
        assert Said(capsys, "push", "shop", *wrong).code != 0
