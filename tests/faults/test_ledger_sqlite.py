"""When the ledger's file cannot be used: one sentence in time, nothing half-written, nothing invented."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from blocks.sql_ledger import SqlLedger
from tests.ledgers import PATIENCE, begun, impatient, refused_in_time, sqlite_place
from tidegate.errors import LedgerUnavailable
from tidegate.ledger import Draft, Kind

fork = multiprocessing.get_context("fork")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "ledger.db"


@pytest.fixture
def in_file(tmp_path: Path) -> Iterator[SqlLedger]:
    yield from impatient(sqlite_place(tmp_path))


def note(size: int = 10) -> Draft:
    return Draft(Kind.NOTE, "note", {"text": "x" * size})


@pytest.mark.proves("I6")
def test_a_file_that_another_process_has_locked_is_waited_for_no_longer_than_patience(
    in_file: SqlLedger, file: Path
) -> None:
    release = begun(in_file).id
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with refused_in_time("cannot be written now: database is locked"):
            in_file.append(release, note())
        assert in_file.seq(release) == 1, "reading goes on meanwhile"
        other.execute("ROLLBACK")
    assert in_file.append(release, note()).seq == 2


@pytest.mark.proves("G8")
def test_a_full_disk_refuses_a_record_whole_and_takes_the_next_one_when_there_is_room(
    in_file: SqlLedger,
) -> None:
    release = begun(in_file).id
    engine = in_file.database._engine
    pages = 60

    def few_pages(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "begin", few_pages)
    acknowledged = 1
    with refused_in_time("cannot be written now: database or disk is full"):
        while acknowledged < 1000:
            acknowledged = in_file.append(release, note(size=20_000)).seq
    assert 1 < acknowledged < 1000
    assert in_file.seq(release) == acknowledged == len(in_file.entries(release))
    assert in_file.audit(release) is None
    pages = 6_000
    assert in_file.append(release, note(size=20_000)).seq == acknowledged + 1


def _append_until_refused(url: str, release: str, told: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    ledger, acknowledged = SqlLedger(url, patience=PATIENCE), 0
    try:
        while acknowledged < 1000:
            acknowledged = ledger.append(release, note(size=20_000)).seq
    except LedgerUnavailable as refused:
        os.write(told, f"{acknowledged} {refused}".encode())


@pytest.mark.proves("G8")
def test_a_write_that_the_system_refuses_in_the_middle_leaves_the_chain_as_it_was_acknowledged(
    in_file: SqlLedger, tmp_path: Path
) -> None:
    """The real thing: the kernel lets no file of this child grow further, log and journal included."""
    release = begun(in_file).id
    in_file.close()
    out, told = os.pipe()
    child = fork.Process(target=_append_until_refused, args=(sqlite_place(tmp_path), release, told))
    child.start()
    os.close(told)
    with os.fdopen(out) as answer:
        acknowledged, _, refusal = answer.read().partition(" ")
    child.join(20)
    assert "cannot be written now" in refusal
    assert int(acknowledged) > 1
    assert in_file.seq(release) == int(acknowledged)
    assert in_file.audit(release) is None


def test_a_deleted_ledger_is_missing_and_not_an_empty_one(in_file: SqlLedger, file: Path) -> None:
    release = begun(in_file).id
    file.unlink()
    for ledger in (in_file, SqlLedger(f"sqlite:///{file}", PATIENCE)):
        with refused_in_time("unable to open database file"):
            ledger.append(release, note())
        with refused_in_time("unable to open database file"):
            ledger.find(release)
    assert not file.exists()


def test_a_backup_that_is_put_in_the_file_s_place_is_read_at_once(in_file: SqlLedger, file: Path) -> None:
    release = begun(in_file).id
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(file, file.with_suffix(".copy"))
    in_file.append(release, note())
    in_file.close()
    for left in file.parent.glob("ledger.db-*"):
        left.unlink()
    file.with_suffix(".copy").rename(file)
    assert in_file.seq(release) == 1
    assert in_file.append(release, note()).seq == 2


def test_a_file_that_is_no_database_is_said_to_be_none(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("grocery list\n" * 100)
    with pytest.raises(LedgerUnavailable, match="cannot be created now: file is not a database"):
        SqlLedger(f"sqlite:///{file}", PATIENCE).create()
    with refused_in_time("cannot be read now: file is not a database"):
        SqlLedger(f"sqlite:///{file}", PATIENCE).releases()
    assert file.read_text().startswith("grocery list")


@pytest.mark.parametrize("lies_there", ["nothing", "an empty file"])
def test_a_ledger_that_was_never_created_says_so(file: Path, lies_there: str) -> None:
    file.parent.mkdir()
    if lies_there != "nothing":
        file.touch()
    with pytest.raises(LedgerUnavailable, match=r"has no tables yet|unable to open database file"):
        SqlLedger(f"sqlite:///{file}", PATIENCE).releases()


def test_tables_of_another_version_are_refused_with_both_versions(file: Path) -> None:
    SqlLedger(f"sqlite:///{file}").create()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE tidegate_schema SET version = 7")
    newer = SqlLedger(f"sqlite:///{file}", PATIENCE)
    for ask in (newer.create, newer.releases):
        with pytest.raises(LedgerUnavailable, match="tables of version 7, this Tidegate knows 1"):
            ask()


def test_a_place_where_no_file_can_be_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnavailable, match=r"cannot be created now: .*(Not a directory|File exists)"):
        SqlLedger(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}", PATIENCE).create()


@pytest.mark.proves("G8")
def test_every_commit_is_synced_to_the_disk(in_file: SqlLedger) -> None:
    with in_file.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_folder_and_files_are_for_their_owner_alone(in_file: SqlLedger, file: Path) -> None:
    begun(in_file)
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert {found.name for found in file.parent.iterdir()} == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert {found.stat().st_mode & 0o777 for found in file.parent.iterdir()} == {0o600}


def test_a_file_that_everybody_could_read_is_closed_when_the_ledger_is_created_in_it(file: Path) -> None:
    file.parent.mkdir()
    file.touch(mode=0o644)
    SqlLedger(f"sqlite:///{file}").create()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_file_that_another_process_is_setting_up_is_waited_for(file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with refused_in_time("cannot be created now: another process has held ledger.db for 1 s"):
            SqlLedger(f"sqlite:///{file}", PATIENCE).create()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://tidegate:s3cret@host/ledger",
        "sqlite://",
        "sqlite:///:memory:",
        "oracle://tidegate:s3cret@host/ledger",
        "s3cret",
    ],
)
def test_a_url_that_keeps_no_ledger_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(LedgerUnavailable, match="a ledger's URL is sqlite:///FILE or postgresql://") as refused:
        SqlLedger(url)
    assert "s3cret" not in str(refused.value)


def test_ages_and_leases_do_not_care_what_the_process_takes_for_the_time(
    in_file: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, true = begun(in_file).id, time.time()
    monkeypatch.setattr(time, "time", lambda: true - 3 * 365 * 86_400)
    lease = in_file.take(release, "run", 60)
    assert abs(in_file.now().timestamp() - true) < 30
    assert in_file.lease_died(release) is None
    assert in_file.renew(lease)
    for source in Path(__file__).parents[2].glob("blocks/sql_ledger*.py"):
        text = source.read_text(encoding="utf-8")
        assert "time.time(" not in text, source.name
        assert "datetime.now" not in text, source.name
