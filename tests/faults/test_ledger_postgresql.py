"""When the ledger's server is locked, frozen, gone or silent: one sentence in time, no password shown."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from blocks.sql_ledger import SqlLedger
from tests.ledgers import PATIENCE, begun, impatient, postgresql_place, refused_in_time
from tidegate.errors import LedgerUnavailable
from tidegate.ledger import Draft, Kind

fork = multiprocessing.get_context("fork")


@pytest.fixture
def in_server(postgresql_url: str) -> Iterator[SqlLedger]:
    yield from impatient(postgresql_place(postgresql_url))


def note(size: int = 10) -> Draft:
    return Draft(Kind.NOTE, "note", {"text": "x" * size})


@pytest.mark.proves("I6")
def test_a_row_that_another_session_has_locked_is_waited_for_no_longer_than_patience(
    in_server: SqlLedger,
) -> None:
    release = begun(in_server).id
    engine = sa.create_engine(in_server.database.url)
    with engine.begin() as other:
        other.execute(sa.text("SELECT 1 FROM tidegate_release FOR UPDATE"))
        with refused_in_time("cannot be written now: canceling statement due to lock timeout"):
            in_server.append(release, note())
        assert in_server.seq(release) == 1, "reading goes on meanwhile"
    engine.dispose()
    assert in_server.append(release, note()).seq == 2


@pytest.mark.proves("G8")
def test_every_commit_is_synced_even_where_the_database_s_default_is_not_to(postgresql_url: str) -> None:
    url = sa.make_url(postgresql_place(postgresql_url))
    lax = url.update_query_dict({"options": f"{url.query['options']} -c synchronous_commit=off"})
    for ledger in impatient(lax.render_as_string(hide_password=False)):
        with ledger.database.reading() as connection:
            assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"
            assert connection.scalar(sa.text("SHOW search_path")).startswith("ledger_"), "the URL's own options stay"


@pytest.mark.proves("I6")
def test_a_server_that_freezes_is_hung_up_on(in_server: SqlLedger) -> None:
    """No time-out of PostgreSQL's own fires here: the process that would watch it stands still."""
    release = begun(in_server).id
    with in_server.database.reading() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    os.kill(backend, signal.SIGSTOP)
    try:
        with refused_in_time(r"no answer within [01]\.\d s"):
            in_server.append(release, note())
    finally:
        os.kill(backend, signal.SIGCONT)
    assert in_server.append(release, note()).seq == 2


@pytest.mark.proves("I6")
def test_a_server_that_accepts_and_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with refused_in_time(r"no connection within 1 s") as _:
            SqlLedger(f"postgresql://tidegate:s3cret@127.0.0.1:{port}/ledger", PATIENCE).releases()


def test_where_no_server_is_or_the_password_is_wrong_the_sentence_shows_no_password(
    postgresql_url: str,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"postgresql://tidegate:s3cret@127.0.0.1:{free.getsockname()[1]}/ledger?application_name=s3cret"
        wrong = sa.make_url(postgresql_url).set(password="s3cret").render_as_string(hide_password=False)
        for url in (nobody, wrong):
            with pytest.raises(LedgerUnavailable, match=r"tidegate:\*\*\*@127\.0\.0\.1") as refused:
                SqlLedger(url, PATIENCE).create()
            shown = f"{refused.value} {refused.value.advice} {refused.value.__cause__!r} {SqlLedger(url)!r}"
            assert "s3cret" not in shown


def test_after_a_server_s_restart_one_call_is_refused_and_the_next_one_works(
    in_server: SqlLedger, postgresql_url: str
) -> None:
    release = begun(in_server).id
    with in_server.database.reading() as connection:
        backend = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
    engine.dispose()
    with refused_in_time("cannot be written now"):
        in_server.append(release, note())
    assert in_server.append(release, note()).seq == 2


def _lock_and_tell(url: str, told: int) -> None:
    with SqlLedger(url, PATIENCE).database.writing() as connection:
        connection.execute(sa.text("SELECT 1 FROM tidegate_release FOR UPDATE"))
        os.write(told, b"locked")
        signal.pause()


@pytest.mark.proves("I6")
def test_a_process_that_freezes_inside_its_transaction_loses_the_lock(in_server: SqlLedger) -> None:
    release, url = begun(in_server).id, in_server.database.url.render_as_string(hide_password=False)
    in_server.close()
    out, told = os.pipe()
    child = fork.Process(target=_lock_and_tell, args=(url, told))
    child.start()
    try:
        assert os.read(out, 6) == b"locked"
        os.kill(child.pid or 0, signal.SIGSTOP)
        assert _appended_within(10, in_server, release) == 2
    finally:
        child.kill()
        child.join(10)
        os.close(out)
        os.close(told)


def _appended_within(seconds: float, ledger: SqlLedger, release: str) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ledger.append(release, note()).seq
        except LedgerUnavailable:
            if time.monotonic() > deadline:
                raise
