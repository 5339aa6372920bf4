"""What a PostgreSQL backup may and may not do, against a real server: one instant, real proofs, plain refusals."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from blocks.postgres_backup import DUMP, MANIFEST, PostgresBackup
from blocks.postgres_backup_fingerprint import Fingerprint, fingerprint
from tests import local_postgresql
from tests.contract.postgres_shop import PostgresShop
from tidegate.errors import Denied, NotApplied, Unreachable

RELEASE = "shop/2.1.0/1"
ASKED = '[ "$1" = --version ] && exec {real} --version; '  # a program of ours answers this as PostgreSQL's does
# What a restore could lose or change without a word.
ODDITIES = """
CREATE SCHEMA audit; CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE audit.events (at timestamptz, took interval, mood mood, n positive, j jsonb, a text[], f real,
  r int4range);
INSERT INTO audit.events VALUES ('2026-03-29 02:30+01', '1 day 2 hours', 'bad', 7, '{"b": 1, "a": [null]}',
  ARRAY['x', NULL, '한국'], 'NaN', '[1,5)'), (NULL, NULL, NULL, NULL, NULL, NULL, '-0', 'empty');
CREATE TABLE audit."odd "".name" (x varchar(5) CHECK (x IN ('a', 'b'))); INSERT INTO audit."odd "".name" VALUES ('a');
CREATE TABLE parted (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE parted_26 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO parted VALUES (1, '2026-05-05');
CREATE TABLE older (x int); CREATE TABLE younger (y int) INHERITS (older); INSERT INTO younger VALUES (1, 2);
CREATE TABLE counted (id int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (n * 2) STORED, n int,
  gone int);
INSERT INTO counted (n) VALUES (4); ALTER TABLE counted DROP COLUMN gone;
CREATE VIEW cheap AS SELECT * FROM counted WHERE n IN (1, 2, 3);
CREATE MATERIALIZED VIEW kept AS SELECT count(*) FROM counted; INSERT INTO counted (n) VALUES (5);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamped BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE UNLOGGED TABLE quick (x int); INSERT INTO quick VALUES (1);
SELECT lo_from_bytea(0, '\\x0102');
"""


@pytest.fixture
def shop(postgresql_url: str) -> Iterator[PostgresShop]:
    made = PostgresShop.opened(postgresql_url)
    yield made
    made.drop()


@pytest.fixture
def backup(shop: PostgresShop, tmp_path: Path) -> PostgresBackup:
    return shop.backup(tmp_path / "backups")


@pytest.mark.proves("bak.verify", "bak.snapshot")
def test_all_that_a_database_can_hold_comes_back_and_is_compared(shop: PostgresShop, backup: PostgresBackup) -> None:
    shop.run(ODDITIES)
    tables = backup.verify(backup.take(RELEASE)).tables
    rows = {name: count for name, (count, _) in tables.items()}
    assert rows == {
        "customers": 2, "orders": 3, "prices": 2, "audit.events": 2, 'audit."odd ".name"': 1, "parted_26": 1,
        "older": 0, "younger": 1, "counted": 2, "quick": 1, "(large objects)": 1,
    }  # fmt: skip
    assert shop.proof not in shop.databases(), "the scratch database is dropped"


def test_a_hash_does_not_depend_on_the_order_of_rows_and_settings_but_on_every_value(shop: PostgresShop) -> None:
    def hashes(statement: str) -> dict[str, tuple[int, str]]:
        shop.run(f"DROP TABLE IF EXISTS t; CREATE TABLE t AS {statement}")
        with psycopg.connect(shop.url.render_as_string(hide_password=False)) as connection:
            connection.execute("SET datestyle = 'German'; SET timezone = 'Asia/Seoul'; SET extra_float_digits = -5")
            return fingerprint(connection).tables

    both = hashes("SELECT * FROM (VALUES (1::float8, now()::date), (2, NULL)) v ORDER BY 1")["t"]
    assert hashes("SELECT * FROM (VALUES (1::float8, now()::date), (2, NULL)) v ORDER BY 1 DESC")["t"] == both
    assert hashes("SELECT * FROM (VALUES (1::float8, now()::date), (2.0000000000000004, NULL)) v")["t"] != both
    twice = hashes("SELECT * FROM (VALUES (1), (1), (2)) v")["t"]
    assert hashes("SELECT * FROM (VALUES (1), (2), (2)) v")["t"] != twice, "how often a row stands there counts"


def test_a_fingerprint_tells_the_first_thing_that_differs() -> None:
    ours = Fingerprint({"a": (1, "x"), "b": (2, "y")}, ("index public.i", "trigger public.a.t"))
    assert ours.difference(Fingerprint({"a": (1, "x")}, ours.structure)) == "table b is missing"
    assert ours.difference(Fingerprint(ours.tables, ())) == "index public.i is missing, and 1 more"
    assert ours.difference(Fingerprint(ours.tables, (*ours.structure, "view v"))) == "view v is too many"
    assert ours.difference(ours) == ""


@contextmanager
def busy(shop: PostgresShop) -> Iterator[None]:
    """Somebody who writes two tables in one transaction, as fast as they can."""
    enough = threading.Event()

    def write() -> None:
        with psycopg.connect(shop.url.render_as_string(hide_password=False)) as connection:
            while not enough.is_set():
                connection.execute("INSERT INTO a VALUES (1)")
                connection.execute("INSERT INTO b VALUES (1)")
                connection.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()


def test_a_database_in_use_is_dumped_as_it_was_at_one_instant(shop: PostgresShop, backup: PostgresBackup) -> None:
    shop.run("CREATE TABLE a (x int); CREATE TABLE b (x int)")
    with busy(shop):
        time.sleep(0.2)
        tables = backup.verify(backup.take(RELEASE)).tables
    assert tables["a"] == tables["b"]
    assert 0 < tables["a"][0] < shop.run("SELECT count(*) FROM a")[0][0]


@pytest.mark.proves("bak.verify")
def test_damaged_dumps_are_refused(shop: PostgresShop, backup: PostgresBackup) -> None:
    shop.run("CREATE TABLE big AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n")
    location = Path(backup.take(RELEASE))
    whole = (location / DUMP).read_bytes()
    middle = len(whole) // 2
    damages = {
        "is empty": b"",
        "cannot be restored": whole[:middle],
        "cannot be restored: .*input": b"no dump at all" * 400,
        "cannot be restored|another database": whole[:middle] + bytes(64) + whole[middle + 64 :],
    }
    for said, content in damages.items():
        (location / DUMP).write_bytes(content)
        with pytest.raises(Denied, match=said):
            backup.verify(str(location))
    (location / DUMP).write_bytes(whole + b"\0")
    with pytest.raises(Denied, match="its file was changed since"):
        backup.verify(str(location))
    (location / DUMP).write_bytes(whole)
    backup.verify(str(location))
    (location / MANIFEST).write_text("{}")
    with pytest.raises(Denied, match="no usable manifest"):
        backup.verify(str(location))
    assert shop.proof not in shop.databases()


def test_a_lost_index_is_named(shop: PostgresShop, backup: PostgresBackup) -> None:
    location = backup.take(RELEASE)
    shop.run("DROP INDEX orders_by_customer")
    shop.dump(Path(location) / DUMP)
    with pytest.raises(Denied, match=r"another database: index public\.orders_by_customer is missing"):
        backup.verify(location)


@pytest.mark.proves("I24")
def test_the_password_is_in_no_message_no_argument_and_no_file_that_stays(
    shop: PostgresShop, backup: PostgresBackup, tmp_path: Path
) -> None:
    secret = str(shop.url.password)
    programs = tmp_path / "watched"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore"):
        watched(programs / name, f'cat /proc/$$/cmdline >> {tmp_path}/seen; env >> {tmp_path}/seen; exec {{real}} "$@"')
    location = Path(shop.backup(tmp_path / "backups", programs=programs).take(RELEASE))
    shop.backup(tmp_path / "backups", programs=programs).verify(str(location))
    seen = (tmp_path / "seen").read_text()
    assert "PGPASSFILE=" in seen
    assert secret not in seen + repr(backup) + (location / MANIFEST).read_text()
    wrong = shop.backup(tmp_path / "backups", password=SecretStr("wrong:\\word"))
    with pytest.raises(Denied, match="password authentication failed") as refused:
        wrong.take("shop/2.2/1")
    assert "wrong:" not in str(refused.value)


def test_a_password_file_of_libpq_is_taken_instead(shop: PostgresShop, tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{shop.url.password}\n")
    file.chmod(0o600)
    by_file = shop.backup(tmp_path / "backups", password=None, password_file=file)
    by_file.verify(by_file.take(RELEASE))


def watched(file: Path, script: str) -> None:
    """A program of our own in place of PostgreSQL's; `{real}` in the script is that one."""
    folder = local_postgresql.programs()
    file.write_text("#!/bin/sh\n" + script.replace("{real}", f"{folder}/{file.name}") + "\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        ('echo "pg_dump (PostgreSQL) 9.6.1"', Denied, "of version 9, the server of version .*: it cannot dump"),
        ("exit 1", Denied, "there is no pg_dump in"),
        (ASKED + "sleep 60", NotApplied, "the time was over"),
        (ASKED + "kill -9 $$", NotApplied, "ended with exit code -9"),
    ],
    ids=["older", "none", "hangs", "killed"],
)
def test_a_dump_that_fails_says_why_and_leaves_nothing(
    shop: PostgresShop, tmp_path: Path, script: str, kind: type[Exception], said: str
) -> None:
    watched(tmp_path / "pg_dump", script)
    backup = shop.backup(tmp_path / "backups", programs=tmp_path, deadline="8s")
    with pytest.raises(kind, match=said):
        backup.take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []
    assert backup.find(RELEASE) is None


def test_a_full_disk_is_told_as_that_and_may_be_asked_again(shop: PostgresShop, tmp_path: Path) -> None:
    """A disk of 64 KiB, in a mount namespace of its own, under the place where the dump is written."""
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("machine: no user namespaces, in which a small disk could be mounted")
    shop.run("CREATE TABLE big AS SELECT md5(n::text) FROM generate_series(1, 40000) n")
    small = (
        'for one; do case "$one" in --file=*) file="${one#--file=}";; esac; done; export file; exec unshare -Urm sh -c '
    )
    small += """'mount -t tmpfs -o size=64k none "$(dirname "$file")" && exec {real} "$@"' sh "$@\""""
    watched(tmp_path / "pg_dump", ASKED + small)
    with pytest.raises(NotApplied, match="No space left on device"):
        shop.backup(tmp_path / "backups", programs=tmp_path).take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_restore_that_fails_for_our_own_reasons_does_not_condemn_the_backup(
    shop: PostgresShop, backup: PostgresBackup, tmp_path: Path
) -> None:
    location = backup.take(RELEASE)
    watched(tmp_path / "pg_dump", 'exec {real} "$@"')
    complaints = {
        "could not extend file: No space left on device": (NotApplied, "No space left"),
        "server closed the connection unexpectedly": (Unreachable, "server closed"),
        'unrecognized configuration parameter "transaction_timeout"': (Denied, "this older server does not know"),
    }
    for complaint, (kind, said) in complaints.items():
        watched(tmp_path / "pg_restore", f"echo 'pg_restore: error: {complaint}' >&2; exit 1")
        with pytest.raises(kind, match=said):
            shop.backup(tmp_path / "backups", programs=tmp_path).verify(location)
    assert shop.proof not in shop.databases()


def test_a_database_that_is_not_ours_is_never_dropped_and_what_a_dead_proof_left_is(
    shop: PostgresShop, backup: PostgresBackup
) -> None:
    location = backup.take(RELEASE)
    shop.run(f"CREATE DATABASE {shop.proof}")
    with pytest.raises(Denied, match="already, and it is no scratch of ours"):
        backup.verify(location)
    assert shop.proof in shop.databases()
    shop.run(f"COMMENT ON DATABASE {shop.proof} IS 'scratch database of Tidegate, which proves a backup in it; "
             "dropped when that is done'")  # fmt: skip
    backup.verify(location)
    assert shop.proof not in shop.databases()
    with pytest.raises(ValidationError, match="would be restored into itself"):
        PostgresBackup(database="shop", restore_into="shop")


def test_two_proofs_at_once_wait_for_each_other(backup: PostgresBackup) -> None:
    locations = [backup.take(f"shop/{number}/1") for number in range(2)]
    failed = []

    def prove(location: str) -> None:
        try:
            backup.verify(location)
        except Exception as why:  # noqa: BLE001 - told by the assertion below
            failed.append(why)

    provers = [threading.Thread(target=prove, args=(location,)) for location in locations]
    for prover in provers:
        prover.start()
    for prover in provers:
        prover.join()
    assert not failed


def test_a_wrong_a_new_and_a_missing_database_are_refused(
    shop: PostgresShop, postgresql_url: str, tmp_path: Path
) -> None:
    empty = PostgresShop.opened(postgresql_url, schema="")
    try:
        with pytest.raises(Denied, match="holds no table; is it the right database"):
            empty.backup(tmp_path / "backups").take(RELEASE)
    finally:
        empty.drop()
    with pytest.raises(Denied, match="holds no table invoices"):
        shop.backup(tmp_path / "backups", must_hold=["orders", "invoices"]).take(RELEASE)
    with pytest.raises(Denied, match="does not exist"):
        shop.backup(tmp_path / "backups", database="no_such").take(RELEASE)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_role_that_may_not_read_everything_is_refused_not_believed(shop: PostgresShop, tmp_path: Path) -> None:
    """Row security would hide rows in silence: what is dumped would be less than what is there."""
    role = f"{shop.name}_reader"
    shop.run(f"CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    shop.run("ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
    try:
        with pytest.raises(Denied, match="row-level security policy"):
            shop.backup(tmp_path / "backups", user=role, password=SecretStr("x")).take(RELEASE)
    finally:
        shop.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_server_that_is_not_there_may_be_asked_again(tmp_path: Path) -> None:
    nobody = PostgresBackup(database="shop", directory=tmp_path / "b", host="127.0.0.1", port=1, deadline="20s")  # type: ignore[arg-type]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        nobody.take(RELEASE)


def test_a_table_that_somebody_rebuilds_is_not_waited_for_beyond_the_deadline(
    shop: PostgresShop, tmp_path: Path
) -> None:
    with psycopg.connect(shop.url.render_as_string(hide_password=False)) as other:
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        with pytest.raises(NotApplied, match="time was over"):
            shop.backup(tmp_path / "backups", deadline="3s").take(RELEASE)
        assert time.monotonic() - began < 30


@pytest.mark.parametrize("name", ["a=b", "postgresql://elsewhere/x", "-rf", "", "a\nb", "x" * 70])
def test_a_name_is_only_ever_a_name(name: str) -> None:
    with pytest.raises(ValidationError):
        PostgresBackup(database=name)


def test_a_backup_is_its_owners_only(backup: PostgresBackup) -> None:
    location = Path(backup.take(RELEASE))
    assert location.stat().st_mode & 0o077 == 0
    told = json.loads((location / MANIFEST).read_text())
    assert told["release"] == RELEASE
    assert told["size"] == (location / DUMP).stat().st_size
    done = subprocess.run(["pg_restore", "--list", location / DUMP], capture_output=True, text=True, check=True)
    assert "TABLE DATA public orders" in done.stdout
