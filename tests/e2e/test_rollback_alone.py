"""`tidegate rollback` with nothing but a router and a record: a real proxy, real instances, everything else dead."""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blocks.sql_ledger import SqlLedger
from tests.contract.backends import ask, backends
from tests.e2e.rollback_stand import BARE, RELEASE, Stand
from tidegate.cli import down_entry
from tidegate.ledger import Kind
from tidegate.story import Story
from tidegate.traffic import Beyond, Change, Seen, Setting, Stop
from tidegate.wayback import Way, WayBack


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with backends("1.0", "2.0") as (blue, green):
        made = Stand(tmp_path, blue, green)
        try:
            yield made
        finally:
            made.proxy.stop()


@pytest.mark.proves("rb.traffic", "I6", "E21", "E22")
def test_traffic_goes_back_while_prefect_ledger_metrics_and_packages_are_gone(stand: Stand) -> None:
    assert "2.0" in ask(stand.url, 40)
    done = stand.roll_back("shop", python=BARE)
    assert done.returncode == 0, done.stderr
    assert stand.weights() == [0, 0]
    assert ask(stand.url, 40) == {"1.0": 40}
    assert ask(stand.url, 40, path="/api") == {"1.0": 40}
    assert done.stdout.startswith("Rolled back to 1.0 in 0.")
    assert "25 % -> 0 %" in done.stdout
    assert "the watch will write the decision" in done.stdout
    assert "Next: tidegate status shop" in done.stdout
    assert not (stand.home / "ledger.db").exists(), "a missing ledger is not made by a rollback"


def test_one_stop_with_one_token_stands_on_every_route(stand: Stand) -> None:
    assert stand.roll_back("shop", "--reason", "checkout is broken").returncode == 0
    stops = [mark.stop for mark in stand.marks()]
    assert stops[0] == stops[1]
    assert (stops[0].why, stops[0].bar) == ("checkout is broken", False)
    assert [mark.release for mark in stand.marks()] == [RELEASE, RELEASE]


def test_with_the_ledger_at_hand_the_decision_is_written_under_the_stops_token(stand: Stand) -> None:
    ledger = SqlLedger(f"sqlite:///{stand.home}/ledger.db")
    ledger.create()
    ledger.open("shop", "2.0", "run", {"schema": 1}, "kim")
    done = stand.roll_back("shop", "--reason", "checkout is broken")
    assert done.returncode == 0, done.stderr
    token = stand.marks()[0].stop.token
    down = _the_down(ledger)  # the side process has a second while the command waits, and ends by itself afterwards
    assert (down.key, down.body["token"], down.body["why"]) == (f"down/{token}", token, "checkout is broken")
    assert Story.of(ledger.entries(RELEASE)).down is not None


def _the_down(ledger: SqlLedger) -> Any:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = [entry for entry in ledger.entries(RELEASE) if entry.kind is Kind.DOWN]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("no Down was written")


def test_a_decision_that_stood_already_is_written_under_its_own_token(stand: Stand) -> None:
    stand.roll_back("shop", "--reason", "first")
    token = stand.marks()[0].stop.token
    ledger = SqlLedger(f"sqlite:///{stand.home}/ledger.db")
    ledger.create()
    ledger.open("shop", "2.0", "run", {"schema": 1}, "kim")
    stand.roll_back("shop", "--reason", "second")
    down = _the_down(ledger)
    assert (down.key, down.body["why"]) == (f"down/{token}", "first")


def test_a_side_process_that_hangs_is_left_after_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 6\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    record = WayBack("shop", RELEASE, "2.0", "1.0", "shifting", "", ())
    began = time.monotonic()
    said = down_entry.in_a_side_process(record, Stop("t", "kim", "2026-11-24T09:00:00+00:00", "why"), 0.1)
    assert time.monotonic() - began < 4
    assert said.startswith("no answer within a second")


@pytest.mark.proves("I6")
def test_a_locked_ledger_delays_the_command_by_one_second_and_the_traffic_not_at_all(stand: Stand) -> None:
    ledger = SqlLedger(f"sqlite:///{stand.home}/ledger.db")
    ledger.create()
    ledger.open("shop", "2.0", "run", {"schema": 1}, "kim")
    holder = sqlite3.connect(stand.home / "ledger.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        began = time.monotonic()
        with subprocess.Popen(stand.argv("shop"), env=stand.env(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert stand.weights() == [0, 0], "traffic is back when the first line is printed"
            rest = process.stdout.read()
        took = time.monotonic() - began
    finally:
        holder.close()
    assert first.startswith("Rolled back to 1.0")
    assert "watch will write the decision" in rest
    assert took < 5  # one second of patience, and the start of two interpreters on a busy machine


def test_a_second_rollback_says_who_stopped_it_before(stand: Stand) -> None:
    stand.roll_back("shop", "--reason", "first")
    done = stand.roll_back("shop", "--reason", "second")
    assert done.returncode == 0
    assert "0 % -> 0 %" in done.stdout
    assert "first" in done.stdout
    assert stand.marks()[0].stop.why == "first"


def test_a_route_whose_file_is_lost_is_lowered_by_the_records_address(stand: Stand) -> None:
    (stand.proxy.routes / "shop-frontend.yaml").unlink()
    done = stand.roll_back("shop")
    assert done.returncode == 0, done.stdout
    assert ask(stand.url, 40) == {"1.0": 40}
    assert stand.weights() == [0, 0]


def test_four_at_once_end_as_one(stand: Stand) -> None:
    running = [
        subprocess.Popen(
            stand.argv("shop", "--reason", f"person {n}"), env=stand.env(), stdout=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    told = [process.communicate(timeout=30)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0], told
    assert stand.weights() == [0, 0]
    assert all(mark.stopped for mark in stand.marks())
    assert ask(stand.url, 40) == {"1.0": 40}


def test_a_record_of_another_release_is_refused_with_both_names_and_the_manual_line(stand: Stand) -> None:
    stand.write_record(release="shop/1.9/1", version="1.9")
    done = stand.roll_back("shop")
    assert done.returncode == 6
    assert stand.weights() == [25, 25]
    assert "shop/1.9/1" in done.stdout
    assert RELEASE in done.stdout
    assert "by hand:" in done.stdout
    assert str(stand.proxy.routes / "shop-api.yaml") in done.stdout


def test_a_promoted_version_keeps_its_traffic_until_it_is_named_and_a_bar_stands(stand: Stand) -> None:
    stand.set(100)
    stand.write_record(state="promoted")
    done = stand.roll_back("shop", "--reason", "hm")
    assert done.returncode == 4
    assert stand.weights() == [100, 100]
    assert [(mark.stop.bar, mark.stop.why) for mark in stand.marks()] == [(True, "hm"), (True, "hm")]
    line = done.stdout.splitlines()[-1].strip()
    assert line == "tidegate rollback shop --from 2.0"
    done = stand.roll_back(*shlex.split(line)[2:])
    assert done.returncode == 0
    assert stand.weights() == [0, 0]


def test_a_bar_becomes_a_stop_when_the_version_is_named(stand: Stand) -> None:
    stand.set(100)
    stand.write_record(state="promoted")
    stand.roll_back("shop")
    stand.roll_back("shop", "--from", "2.0")
    assert all(mark.stopped for mark in stand.marks())


def test_no_bar_is_left_on_a_route_of_another_release(stand: Stand) -> None:
    stand.write_record(state="promoted", release="shop/1.9/1", version="1.9")
    done = stand.roll_back("shop")
    assert done.returncode == 4
    assert [mark.stop for mark in stand.marks()] == [None, None]
    assert RELEASE in done.stdout


@pytest.mark.proves("E23")
def test_a_wrong_version_is_refused_with_the_possible_one(stand: Stand) -> None:
    done = stand.roll_back("shop", "--from", "9.9")
    assert done.returncode == 2
    assert "from 2.0 to 1.0" in done.stderr
    assert stand.weights() == [25, 25]
    done = stand.roll_back("v99")
    assert done.returncode == 2
    assert "from 2.0 back to 1.0" in done.stderr


def test_a_damaged_record_is_answered_with_the_lines_it_still_holds(stand: Stand) -> None:
    path = stand.home / "wayback" / "shop.json"
    path.write_text(path.read_text()[:-40])
    done = stand.roll_back("shop")
    assert done.returncode == 6
    assert "cannot be read" in done.stderr
    assert str(stand.proxy.routes / "shop-api.yaml") in done.stderr
    assert "sed -i.bak" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("damage", ["", "null", "[]", "{}", "\x00\xff", '{"schema": 2}', '{"schema": 1, "ways": []}'])
def test_whatever_lies_in_the_record_the_route_files_are_named(stand: Stand, damage: str) -> None:
    (stand.home / "wayback" / "shop.json").write_bytes(damage.encode("latin-1"))
    done = stand.roll_back("shop")
    assert done.returncode == 6
    assert f"edit {stand.proxy.routes / 'shop-api.yaml'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_record_the_files_of_the_system_are_named(stand: Stand) -> None:
    (stand.home / "wayback" / "shop.json").unlink()
    done = stand.roll_back("shop")
    assert done.returncode == 6
    assert f"edit {stand.proxy.routes / 'shop-api.yaml'}" in done.stderr


@pytest.mark.proves("E20")
def test_with_several_ways_back_they_are_listed_with_ages_and_yes_takes_the_newest(stand: Stand) -> None:
    older = replace(stand.write_record(), system="blog", release="blog/7/1", written_at="2026-11-01T09:00:00+00:00")
    stand.records.write(older)
    done = stand.roll_back()
    assert done.returncode == 2
    assert "shop: from 2.0 back to 1.0 (shifting, written" in done.stderr
    assert done.stderr.index("shop:") < done.stderr.index("blog:")
    assert stand.weights() == [25, 25]
    assert stand.roll_back("--yes").returncode == 0
    assert stand.weights() == [0, 0]


def test_one_way_back_needs_no_name(stand: Stand) -> None:
    assert stand.roll_back().returncode == 0
    assert stand.weights() == [0, 0]


def test_a_proxy_that_does_not_answer_is_insisted_on_and_then_said_with_the_manual_line(stand: Stand) -> None:
    stand.proxy.stop()
    began = time.monotonic()
    done = stand.roll_back("shop", "--patience", "1.5")
    assert done.returncode == 7
    assert time.monotonic() - began < 10
    assert "NOT CONFIRMED at 0 %" in done.stdout
    assert "sed -i.bak" in done.stdout
    stand.proxy.start()
    assert ask(stand.url, 40) == {"1.0": 40}, "the files are lowered all the same"


def test_one_broken_route_keeps_the_other_from_nothing(stand: Stand) -> None:
    record = stand.write_record()
    strange = Way("third", "no_such_router", {}, "turn it off at the wall")
    wrong = replace(record.ways[0], component="fourth", address={"file": 5})
    stand.records.write(replace(record, ways=(strange, wrong, *record.ways)))
    done = stand.roll_back("shop", "--patience", "0.2")
    assert done.returncode == 7
    assert stand.weights() == [0, 0]
    assert "turn it off at the wall" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.proves("E9")
def test_json_says_the_same_on_stdout_alone(stand: Stand) -> None:
    done = stand.roll_back("shop", "--json")
    told = json.loads(done.stdout)
    assert (told["tidegate"], told["command"], told["exit"]) == (1, "rollback", 0)
    assert (told["release"], told["from"], told["to"]) == (RELEASE, "2.0", "1.0")
    assert [(route["component"], route["before"], route["after"]) for route in told["routes"]] == [
        ("api", 25, 0),
        ("frontend", 25, 0),
    ]
    assert told["seconds"] < 5


# -- behind a point of no return --------------------------------------------------------------------------------------

RESTORE = Beyond("restore", "orders are stored in the new form", 25)


def cross(stand: Stand, beyond: Beyond = RESTORE) -> None:
    """As the raise that crossed it left both marks, and the watch the record."""

    def decide(seen: Seen) -> Setting:
        assert seen.split is not None
        assert seen.mark is not None
        return Setting(seen.split, replace(seen.mark, beyond=beyond))

    for router in stand.routers.values():
        router.write(Change("stamp", decide))
    stand.write_record(extra={"no_return": [beyond.to_json()], "beyond": beyond.to_json()})


def test_behind_a_point_of_no_return_nothing_moves_until_its_way_back_is_named(stand: Stand) -> None:
    cross(stand)
    done = stand.roll_back("shop", python=BARE)
    assert done.returncode == 6
    assert stand.weights() == [25, 25]
    assert [mark.stop for mark in stand.marks()] == [None, None], "nothing was touched"
    assert "point of no return at 25 % the way back is restore (orders are stored in the new form)" in done.stderr
    assert "no traffic of shop/2.0/1 has moved" in done.stderr
    assert "tidegate rollback shop --beyond restore" in done.stderr
    done = stand.roll_back("shop", "--beyond", "forward-only", python=BARE)
    assert (done.returncode, stand.weights()) == (6, [25, 25])
    assert "he way back is not forward-only" in done.stderr


@pytest.mark.proves("rb.traffic", "I6")
def test_the_way_back_named_lowers_and_says_what_is_left_to_do_by_hand(stand: Stand) -> None:
    cross(stand)
    done = stand.roll_back("shop", "--beyond", "restore", python=BARE)
    assert done.returncode == 0, done.stderr
    assert stand.weights() == [0, 0]
    assert [mark.stop.despite for mark in stand.marks()] == ["restore", "restore"]
    assert [mark.beyond for mark in stand.marks()] == [RESTORE, RESTORE]
    assert "By hand: restore (orders are stored in the new form)" in done.stdout
    assert stand.roll_back("shop", python=BARE).returncode == 0, "once it is accepted, again needs no other word"


def test_a_way_back_that_is_refused_is_refused_to_whoever_types(stand: Stand) -> None:
    cross(stand, replace(RESTORE, way="refused"))
    for words in ((), ("--beyond", "restore")):
        done = stand.roll_back("shop", *words)
        assert (done.returncode, stand.weights()) == (6, [25, 25])
        assert "his traffic is not sent back" in done.stderr
    assert stand.roll_back("shop", "--beyond", "refused").returncode == 2


def test_where_the_marks_are_lost_the_record_says_what_was_crossed(stand: Stand) -> None:
    stand.write_record(extra={"no_return": [RESTORE.to_json()], "beyond": None})
    for name in ("api", "frontend"):
        file = stand.proxy.routes / f"shop-{name}.yaml"
        kept = [line for line in file.read_text().splitlines() if not line.startswith("# tidegate-mark")]
        file.write_text("\n".join(kept) + "\n")
    done = stand.roll_back("shop")
    assert (done.returncode, stand.weights()) == (6, [25, 25])
    assert stand.roll_back("shop", "--beyond", "restore").returncode == 0
    assert stand.weights() == [0, 0]


def test_one_route_that_has_crossed_counts_for_all(stand: Stand) -> None:
    cross(stand)
    api = stand.routers["api"]
    api.write(Change("stamp", lambda seen: Setting(seen.split, replace(seen.mark, beyond=None))))  # type: ignore[type-var,arg-type]
    stand.write_record(extra={"no_return": [RESTORE.to_json()], "beyond": None})
    assert (stand.roll_back("shop").returncode, stand.weights()) == (6, [25, 25])


def test_an_accepted_decision_is_written_with_the_way_that_was_named(stand: Stand) -> None:
    cross(stand)
    ledger = SqlLedger(f"sqlite:///{stand.home}/ledger.db")
    ledger.create()
    ledger.open("shop", "2.0", "run", {"schema": 1}, "kim")
    assert stand.roll_back("shop", "--beyond", "restore").returncode == 0
    assert _the_down(ledger).body["despite"] == "restore"
    down = Story.of(ledger.entries(RELEASE)).down
    assert down is not None
    assert down.despite == "restore"


def test_promoted_and_crossed_the_line_to_type_names_both(stand: Stand) -> None:
    cross(stand)
    stand.write_record(state="promoted", extra={"no_return": [RESTORE.to_json()], "beyond": RESTORE.to_json()})
    done = stand.roll_back("shop")
    assert done.returncode == 4
    assert "tidegate rollback shop --from 2.0 --beyond restore" in done.stdout
    assert stand.roll_back("shop", "--from", "2.0").returncode == 6
    assert stand.weights() == [25, 25]
