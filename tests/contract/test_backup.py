"""What every backup must do; add a stand of another product to STANDS and all of it runs over that, too."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from blocks.command_backup import FILE, CommandBackup
from blocks.postgres_backup import DUMP
from blocks.sqlite_backup import COPY, SqliteBackup
from tests.contract.postgres_shop import PostgresShop
from tidegate.errors import Denied
from tidegate.ports import Backup

RELEASE = "shop/2.1.0/1"
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers, price REAL, note BLOB);
CREATE TABLE prices (code TEXT, day TEXT, price INTEGER, PRIMARY KEY (code, day)) WITHOUT ROWID;
CREATE INDEX orders_by_customer ON orders (customer);
INSERT INTO customers VALUES (1, '민아'), (2, 'Rosa');
INSERT INTO orders VALUES (1, 1, 9.5, x'00ff'), (2, 2, 3, NULL), (3, 1, 1e300, 'text');
INSERT INTO prices VALUES ('a', '2026-01-01', 5), ('b', '2026-01-01', 7);
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """A product with a small shop's database in it."""

    backup: Backup
    change: Callable[[], None]
    """Sell something in the source."""
    damage: Callable[[str], None]
    """Make this backup another one than was taken."""


def sqlite_stand(folder: Path, _: pytest.FixtureRequest | None = None) -> Stand:
    database = folder / "shop.sqlite"
    with closing(sqlite3.connect(database)) as made:
        made.executescript("PRAGMA journal_mode = WAL;" + SHOP)

    def change() -> None:
        with closing(sqlite3.connect(database)) as made, made:
            made.execute("INSERT INTO orders VALUES (NULL, 2, 1, NULL)")

    def damage(location: str) -> None:
        with closing(sqlite3.connect(Path(location) / COPY)) as taken, taken:
            taken.execute("UPDATE orders SET price = 9.25 WHERE id = 1")

    return Stand(SqliteBackup(database=database, directory=folder / "backups"), change, damage)


def postgres_stand(folder: Path, request: pytest.FixtureRequest) -> Stand:
    shop = PostgresShop.opened(request.getfixturevalue("postgresql_url"))
    request.addfinalizer(shop.drop)
    backup = shop.backup(folder / "backups")

    def change() -> None:
        shop.run("INSERT INTO orders VALUES (99, 2, 1, NULL)")

    def damage(location: str) -> None:
        shop.run("UPDATE orders SET price = 9.25 WHERE id = 1")
        shop.dump(Path(location) / DUMP)
        shop.run("UPDATE orders SET price = 9.5 WHERE id = 1")

    return Stand(backup, change, damage)


def command_stand(folder: Path, request: pytest.FixtureRequest) -> Stand:
    """A project's own script around a SQLite database."""
    made = sqlite_stand(folder, request)
    dump, count = folder / "dump.py", folder / "count.py"
    dump.write_text(DUMP_SCRIPT)
    count.write_text(COUNT_SCRIPT)
    source = str(folder / "shop.sqlite")
    backup = CommandBackup(
        argv=[sys.executable, str(dump), source, "{file}"],
        holds=[sys.executable, str(count), source],
        proof=[sys.executable, str(count), "{location}"],
        directory=folder / "backups",
    )

    def damage(location: str) -> None:
        with closing(sqlite3.connect(Path(location) / FILE)) as taken, taken:
            taken.execute("UPDATE orders SET price = 9.25 WHERE id = 1")

    return Stand(backup, made.change, damage)


DUMP_SCRIPT = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))
"""
COUNT_SCRIPT = """
import hashlib, sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    rows = database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
    print(table, len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
"""
STANDS: dict[str, Callable[[Path, pytest.FixtureRequest], Stand]] = {
    "command-backup": command_stand,
    "sqlite-backup": sqlite_stand,
    "postgres-backup": postgres_stand,
}


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Stand:
    return STANDS[request.param](tmp_path, request)


@pytest.mark.proves("bak.snapshot")
def test_a_backup_is_found_under_its_release_and_taken_once(stand: Stand) -> None:
    assert stand.backup.find(RELEASE) is None
    location = stand.backup.take(RELEASE)
    assert stand.backup.find(RELEASE) == location
    stand.change()
    assert stand.backup.take(RELEASE) == location, "the state before the release is what counts"
    assert stand.backup.verify(location).tables["orders"][0] == 3
    assert stand.backup.find("shop/2.1.0/2") is None
    assert stand.backup.take("shop/2.1.0/2") != location


@pytest.mark.proves("bak.verify", "bak.collections", "G15")
def test_a_proof_names_rows_and_contents_of_every_table(stand: Stand) -> None:
    location = stand.backup.take(RELEASE)
    proof = stand.backup.verify(location)
    assert {table: rows for table, (rows, _) in proof.tables.items()} == {"customers": 2, "orders": 3, "prices": 2}
    assert len({digest for _, digest in proof.tables.values()}) == 3
    assert (proof.location, proof.size > 0, proof.seconds > 0) == (location, True, True)
    assert proof.digest.startswith("sha256:")


def test_a_backup_that_was_changed_does_not_hold_and_the_table_is_named(stand: Stand) -> None:
    location = stand.backup.take(RELEASE)
    stand.damage(location)
    with pytest.raises(Denied, match="table orders has 3 rows, but holds other values"):
        stand.backup.verify(location)


def test_many_takes_at_once_make_one_backup(stand: Stand) -> None:
    with ThreadPoolExecutor(6) as pool:
        locations = set(pool.map(lambda _: stand.backup.take(RELEASE), range(6)))
    assert len(locations) == 1
    stand.backup.verify(locations.pop())


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc", "/nowhere", "a\0b"], ids=ascii)
def test_a_place_that_is_no_backup_is_refused(stand: Stand, name: str) -> None:
    stand.backup.take(RELEASE)
    with pytest.raises(Denied, match="is no backup in"):
        stand.backup.verify(name)


@pytest.mark.parametrize("release", ["../x/1", "/etc/passwd", "-rf", "a\nb", "$(touch x)", "a" * 300, "한국/1/1", ""])
def test_a_hostile_release_is_only_ever_a_name(stand: Stand, release: str, tmp_path: Path) -> None:
    location = Path(stand.backup.take(release))
    assert location.parent == tmp_path / "backups"
    assert location.name[0] not in ".-"
    stand.backup.verify(str(location))
