"""What only a SQLite file can do wrong: damage, writers, odd values, and the file beside the file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.sqlite_backup import COPY, SqliteBackup, _copy, _opened
from blocks.sqlite_backup_fingerprint import fingerprint
from tests.contract.test_backup import RELEASE, sqlite_stand
from tidegate.errors import Denied, NotApplied


@pytest.fixture
def database(tmp_path: Path) -> Path:
    sqlite_stand(tmp_path)
    return tmp_path / "shop.sqlite"


@pytest.fixture
def backup(database: Path) -> SqliteBackup:
    return SqliteBackup(database=database, directory=database.parent / "backups")


def sql(database: Path, script: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(script)


def cut(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size // 2)


def overwrite(copy: Path, at: int = 0, count: int = 4096) -> None:
    """In the second page, which is the first table's."""
    with copy.open("r+b") as file:
        file.seek(4096 + at)
        file.write(b"\xff" * count)


def empty_index(copy: Path) -> None:
    """An index that has lost its entries: no table shows it."""
    with closing(sqlite3.connect(copy)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders_by_customer'").fetchone()
    with copy.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes([0x0A, 0, 0, 0, 0, 0x10, 0, 0]))


def swap(copy: Path) -> None:
    copy.unlink()
    sql(copy, "CREATE TABLE other (x); INSERT INTO other VALUES (1)")


def remove_manifest(copy: Path) -> None:
    copy.with_name("manifest.json").unlink()


def break_manifest(copy: Path) -> None:
    copy.with_name("manifest.json").write_text('{"holds": 3}')


DAMAGES: list[tuple[Callable[[Path], Any], str]] = [
    (lambda copy: copy.write_bytes(b""), r"is empty \(0 of 20,480 bytes"),
    (lambda copy: copy.unlink(), r"is empty \(0 of"),
    (lambda copy: copy.write_bytes(b"-- dump\n" * 4000), "file is not a database"),
    (cut, r"\(10,240 of 20,480 bytes are there\)"),
    (overwrite, "table customers cannot be read: database disk image is malformed"),
    (lambda copy: overwrite(copy, 200, 10), "restores to the same rows, but its file was changed"),
    (empty_index, "is unsound when restored: row 1 missing from index orders_by_customer"),
    (swap, "table customers is missing"),
    (lambda copy: sql(copy, "DELETE FROM prices WHERE code = 'b'"), "table prices has 1 rows instead of 2"),
    (lambda copy: sql(copy, "CREATE TABLE added (x)"), "table added is too many"),
    (lambda copy: sql(copy, "UPDATE orders SET note = 'x' WHERE id = 2"), "table orders has 3 rows, but"),
    (lambda copy: sql(copy, "UPDATE orders SET price = 3.5 WHERE id = 2"), "table orders has 3 rows, but"),
    (lambda copy: sql(copy, "DROP INDEX orders_by_customer"), "indexes, views or triggers"),
    (lambda copy: sql(copy, "PRAGMA user_version = 7"), "its file was changed"),
    (remove_manifest, "no usable manifest"),
    (break_manifest, "no usable manifest"),
]


@pytest.mark.proves("bak.verify")
@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[said for _, said in DAMAGES])
def test_a_damaged_backup_is_denied_and_says_what_differs(
    backup: SqliteBackup, damage: Callable[[Path], Any], said: str
) -> None:
    location = backup.take(RELEASE)
    damage(Path(location) / COPY)
    with pytest.raises(Denied, match=said):
        backup.verify(location)
    assert sorted(path.name for path in backup.directory.iterdir()) == [Path(location).name], "no scratch left"


def test_the_copy_is_the_source_in_every_value(backup: SqliteBackup, database: Path) -> None:
    sql(
        database,
        """
        CREATE TABLE odd ("rowid" TEXT, "a""b" ANY);
        INSERT INTO odd VALUES ('x', 1), ('x', 1.0), ('x', '1'), (NULL, x'31');
        CREATE TABLE broken (t TEXT); INSERT INTO broken VALUES (CAST(x'ff41' AS TEXT));
        CREATE TABLE "in 'quotes'" (x); INSERT INTO "in 'quotes'" VALUES ('line' || char(10) || char(0));
        CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('tide gate');
        CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO counted DEFAULT VALUES;
        """,
    )
    location = backup.take(RELEASE)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(Path(location) / COPY)) as copy:
        assert fingerprint(source) == fingerprint(copy)
    proof = backup.verify(location)
    assert proof.tables["odd"][0] == 4
    assert {"broken", "in 'quotes'", "sqlite_sequence", "words_content"} <= proof.tables.keys()


def test_one_and_one_point_zero_and_text_one_are_three_contents(database: Path) -> None:
    sql(database, "CREATE TABLE v (x)")
    seen = set()
    for value in ("1", "1.0", "'1'", "x'31'", "NULL", "'NULL'", "''", "x''"):
        sql(database, f"DELETE FROM v; INSERT INTO v VALUES ({value})")  # noqa: S608 - eight literals
        with closing(sqlite3.connect(database)) as connection:
            seen.add(fingerprint(connection).tables["v"])
    assert len(seen) == 8


@contextmanager
def busy(database: Path) -> Iterator[None]:
    """Somebody who adds to two tables in one transaction, hundreds of times a second."""
    enough, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            while not enough.wait(0.002):
                with connection:
                    connection.execute("INSERT INTO a VALUES (randomblob(900))")
                    connection.execute("INSERT INTO b VALUES (randomblob(900))")
                written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()
    assert written


@pytest.mark.parametrize(("mode", "pages"), [("WAL", 1), ("DELETE", 4096)])
def test_a_database_in_use_is_copied_as_it_was_at_one_instant(
    tmp_path: Path, mode: str, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy between two writes would show; one that begins again after each write would never end."""
    database = tmp_path / "busy.sqlite"
    sql(database, f"PRAGMA journal_mode = {mode}; CREATE TABLE a (x); CREATE TABLE b (x);")
    sql(database, "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(40000000))")
    monkeypatch.setattr("blocks.sqlite_backup.PAGES", pages)
    backup = SqliteBackup(database=database, directory=tmp_path / "backups", deadline="30s")  # type: ignore[arg-type]
    with busy(database):
        for number in range(2):
            tables = backup.verify(backup.take(f"shop/1.{number}/1")).tables
            assert tables["a"][0] == tables["b"][0]


def test_the_copy_is_one_file_that_can_be_read_from_anywhere(backup: SqliteBackup) -> None:
    copy = Path(backup.take(RELEASE)) / COPY
    assert sorted(path.name for path in copy.parent.iterdir()) == [COPY, "manifest.json"]
    assert copy.read_bytes()[18:20] == b"\1\1", "no write-ahead log is needed to read it"


def test_the_source_keeps_its_files_and_its_mode(backup: SqliteBackup, database: Path) -> None:
    with closing(sqlite3.connect(database)) as app:
        app.execute("SELECT * FROM orders").fetchone()
        backup.take(RELEASE)
        assert app.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    before = database.read_bytes()
    backup.verify(backup.take("shop/2.2/1"))
    assert database.read_bytes() == before


def test_a_wrong_a_new_and_a_missing_database_are_refused(tmp_path: Path, backup: SqliteBackup) -> None:
    (tmp_path / "empty.sqlite").write_bytes(b"")
    (tmp_path / "text.sqlite").write_text("no database at all, but long enough to be read as one" * 50)
    places = {"empty": "holds no table; is it", "text": "file is not a database", "none": "there is no database"}
    for name, said in places.items():
        other = SqliteBackup(database=tmp_path / f"{name}.sqlite", directory=tmp_path / "backups")
        with pytest.raises(Denied, match=said):
            other.take(RELEASE)
    picky = SqliteBackup(database=backup.database, directory=tmp_path / "backups", must_hold=["orders", "invoices"])
    with pytest.raises(Denied, match="holds no table invoices"):
        picky.take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []


def test_references_that_led_nowhere_before_are_no_damage_but_new_ones_are(
    backup: SqliteBackup, database: Path
) -> None:
    sql(database, "INSERT INTO orders VALUES (9, 77, 1, NULL)")
    location = Path(backup.take(RELEASE))
    backup.verify(str(location))
    assert json.loads((location / "manifest.json").read_text())["holds"]["broken_references"] == 1
    sql(location / COPY, "DELETE FROM customers WHERE id = 2")
    with pytest.raises(Denied, match="table customers has 1 rows instead of 2"):
        backup.verify(str(location))


def test_a_backup_that_takes_too_long_is_given_up_and_leaves_nothing(database: Path, tmp_path: Path) -> None:
    hasty = SqliteBackup(database=database, directory=tmp_path / "backups", deadline="0s")  # type: ignore[arg-type]
    with pytest.raises(NotApplied):
        hasty.take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_locked_database_may_be_asked_again(database: Path, tmp_path: Path) -> None:
    sql(database, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        backup = SqliteBackup(database=database, directory=tmp_path / "backups", deadline="1s")  # type: ignore[arg-type]
        with pytest.raises(NotApplied, match="locked"):
            backup.take(RELEASE)


def test_a_backup_is_its_owners_only_and_a_link_is_none(backup: SqliteBackup, tmp_path: Path) -> None:
    location = Path(backup.take(RELEASE))
    assert location.stat().st_mode & 0o077 == 0
    (backup.directory / "link").symlink_to(location)
    with pytest.raises(Denied, match="is no backup in"):
        backup.verify(str(backup.directory / "link"))
    backup.directory.rename(tmp_path / "moved")
    (tmp_path / "backups").write_text("a file where the folder should be")
    with pytest.raises(NotApplied, match="backups"):
        backup.take(RELEASE)


def test_a_table_is_read_in_the_order_it_is_stored_without_sorting(database: Path) -> None:
    with closing(_opened(database, "ro", float("inf"))) as connection:
        for name, order in (("orders", "rowid"), ("prices", '"code", "day"')):
            plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {name} ORDER BY {order}").fetchall()  # noqa: S608
            assert "TEMP B-TREE" not in str(plan)


def test_the_copy_itself_stops_at_its_deadline(database: Path, tmp_path: Path) -> None:
    with closing(_opened(database, "ro", float("inf"))) as source, pytest.raises(NotApplied, match="of 5 pages"):
        _copy(source, tmp_path / "copy", 0.0)
