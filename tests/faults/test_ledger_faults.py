"""The ledger when the processes that write it die or collide."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import sqlalchemy as sa

from blocks.sql_ledger import SqlLedger
from tests.ledgers import postgresql_place, sqlite_place
from tidegate.errors import AlreadyReleasing, Fenced, LedgerUnavailable
from tidegate.ledger import Draft, Entry, Kind

KILLS = int(os.environ.get("TIDEGATE_KILLS", "50"))  # G8 asks for 1,000: a nightly figure
WRITERS = 8
# A child is a copy of this process: fifty fresh interpreters would be spent on imports.
fork = multiprocessing.get_context("fork")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return postgresql_place(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def ledger(url: str) -> Iterator[SqlLedger]:
    kept = SqlLedger(url)
    kept.create()
    yield kept
    kept.close()


def note(number: int, who: str = "") -> Draft:
    return Draft(Kind.NOTE, f"note {number}", {"number": number, "text": "물때" * 20}, who)


# Death.


def _append_for_ever(url: str, release: str, acknowledged: int) -> None:
    ledger = SqlLedger(url)
    for number in range(1_000_000):
        entry = ledger.append(release, note(number, str(os.getpid())))
        os.write(acknowledged, f"{entry.seq} {entry.hash}\n".encode())


@pytest.mark.slow
@pytest.mark.proves("G8", "I23")
@pytest.mark.timeout(60 + 2 * KILLS)
def test_a_record_that_was_acknowledged_survives_kill_9(ledger: SqlLedger, url: str) -> None:
    """The kill comes at a random instant of an append; what the child was told is there, chained, once."""
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    chance, promised = random.Random(9), {1: ledger.entries(release)[0].hash}
    ledger.close()  # a forked child must not inherit open connections
    for _ in range(KILLS):
        out, acknowledged = os.pipe()
        child = fork.Process(target=_append_for_ever, args=(url, release, acknowledged))
        child.start()
        os.close(acknowledged)
        with os.fdopen(out) as lines:
            said = [lines.readline() for _ in range(chance.randrange(1, 6))]
            time.sleep(chance.random() * 0.003)
            os.kill(child.pid or 0, signal.SIGKILL)
            child.join(10)
            said += lines.readlines()
        assert child.exitcode == -signal.SIGKILL
        whole = [line.split() for line in said if line.endswith("\n")]
        assert len(whole) >= 1
        promised |= {int(seq): digest for seq, digest in whole}
    kept = {entry.seq: entry.hash for entry in ledger.entries(release)}
    assert {seq: kept.get(seq) for seq in promised} == promised
    assert len(kept) - len(promised) <= KILLS, "at most one record a death was written and not yet told"
    assert ledger.audit(release) is None
    ledger.append(release, note(0))


# Collisions.


def _run_all(targets: list[Callable[[], object]]) -> list[BaseProcess]:
    """Processes that begin together; those that have ended badly show it in their exit code."""
    gate = fork.Barrier(len(targets))

    def run(target: Callable[[], object]) -> None:
        gate.wait(20)
        target()

    children = [fork.Process(target=run, args=(target,)) for target in targets]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    return list(children)


@pytest.mark.slow
def test_eight_processes_append_beside_the_holder_and_no_seq_is_missing_or_twice(ledger: SqlLedger, url: str) -> None:
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    epoch = ledger.take(release, "run", 60).epoch
    ledger.close()

    def notes() -> None:
        mine = SqlLedger(url, patience=30)
        for number in range(20):
            mine.append(release, note(number, str(os.getpid())))

    def acts() -> None:
        mine = SqlLedger(url, patience=30)
        for number in range(20):
            mine.append(release, Draft(Kind.INTENT, str(number), {}, "flow", epoch, forbids_down=True))
            mine.append(release, Draft(Kind.OUTCOME, str(number), {}, "flow", epoch))

    children = _run_all([*[notes] * WRITERS, acts])
    assert [child.exitcode for child in children] == [0] * (WRITERS + 1)
    entries = ledger.entries(release)
    assert [entry.seq for entry in entries] == list(range(1, 1 + 20 * (WRITERS + 2) + 1))
    assert ledger.audit(release) is None
    instants = [entry.at for entry in entries]
    assert instants == sorted(instants), "the clock is read once the lock is held"
    outcomes = [entry.key for entry in entries if entry.kind is Kind.OUTCOME]
    assert outcomes == [str(number) for number in range(20)], "one writer's entries stay in its order"


def _together(ask: Callable[[int], object]) -> list[object]:
    """Answers, or the errors raised, of eight threads that ask at once."""
    gate = threading.Barrier(WRITERS)

    def one(number: int) -> object:
        gate.wait(20)
        try:
            return ask(number)
        except (AlreadyReleasing, Fenced) as refused:
            return refused

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


@pytest.mark.proves("I11")
def test_of_eight_who_open_the_same_version_at_once_one_does(ledger: SqlLedger) -> None:
    answers = _together(lambda number: ledger.open("shop", "2.0", f"run-{number}", {}, "mina"))
    assert sum(isinstance(answer, AlreadyReleasing) for answer in answers) == WRITERS - 1
    assert [row.id for row in ledger.releases()] == ["shop/2.0/1"]


@pytest.mark.proves("I11")
def test_of_eight_who_activate_at_once_one_holds_the_system_s_row(ledger: SqlLedger) -> None:
    rows = [ledger.open("shop", str(number), "run", {}, "mina") for number in range(WRITERS)]
    epochs = [ledger.take(row.id, "run", 60).epoch for row in rows]
    answers = _together(lambda number: ledger.activate(rows[number].id, epochs[number]))
    assert sum(isinstance(answer, AlreadyReleasing) for answer in answers) == WRITERS - 1
    assert sum(row.active for row in ledger.releases()) == 1


@pytest.mark.proves("I11")
def test_of_eight_who_take_the_same_lease_at_once_one_gets_it(ledger: SqlLedger) -> None:
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    answers = _together(lambda number: ledger.take(release, f"run-{number}", 60))
    assert sum(isinstance(answer, Fenced) for answer in answers) == WRITERS - 1


def test_eight_fences_at_once_give_eight_different_epochs(ledger: SqlLedger) -> None:
    rows = [ledger.open("shop", str(number), "run", {}, "mina") for number in range(WRITERS)]
    assert sorted(_together(lambda number: ledger.fence(rows[number % 2].id)), key=str) == list(range(1, WRITERS + 1))


@pytest.mark.proves("I12", "I26")
def test_of_eight_outcomes_of_one_key_at_once_one_is_written(ledger: SqlLedger) -> None:
    release = ledger.open("shop", "2.0", "run", {}, "mina").id
    answers = _together(lambda number: ledger.append(release, Draft(Kind.SLOT, "T+1h", {"by": number})))
    assert sum(isinstance(answer, Entry) for answer in answers) == 1
    assert sum(isinstance(answer, Fenced) for answer in answers) == WRITERS - 1
    assert ledger.seq(release) == 2


def test_of_eight_watches_at_once_one_looks(ledger: SqlLedger) -> None:
    for turn in range(1, 11):
        answers = _together(lambda number: ledger.watch_take(f"watch {number}", 60))
        assert sorted(answers, key=str) == [turn, *[None] * (WRITERS - 1)]
        assert ledger.watch_renew(turn, 0), "given back for the next turn"


@pytest.mark.proves("I11", "I12", "I26")
def test_the_database_itself_refuses_a_second_outcome_and_a_second_active_release(ledger: SqlLedger) -> None:
    """A net under our own locks, for whoever writes past this code."""
    rows = [ledger.open("shop", version, "run", {}, "mina") for version in ("2.0", "3.0")]
    ledger.append(rows[0].id, Draft(Kind.SLOT, "T+1h"))
    copied = "INSERT INTO tidegate_entry SELECT release, seq + 9, kind, key, once, at, epoch, who, body, previous, hash"
    for change in (f"{copied} FROM tidegate_entry WHERE seq = 2", "UPDATE tidegate_release SET active = true"):
        with pytest.raises(LedgerUnavailable, match=r"(?i)unique"), ledger.database.writing() as connection:
            connection.execute(sa.text(change))
    assert ledger.seq(rows[0].id) == len(ledger.entries(rows[0].id)) == 2
    assert not any(row.active for row in ledger.releases())


@pytest.mark.slow
def test_eight_processes_create_the_same_ledger_at_once(url: str) -> None:
    children = _run_all([lambda: SqlLedger(url).create()] * WRITERS)
    assert [child.exitcode for child in children] == [0] * WRITERS
    ledger = SqlLedger(url)
    assert ledger.watch_take("watch", 10) == 1
    ledger.close()
