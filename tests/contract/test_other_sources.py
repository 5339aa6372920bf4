"""Figures from a log, a database and from what was pushed: real files, real SQLite and PostgreSQL, a real ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from blocks.log_metrics import LogMetrics
from blocks.pushed_metrics import PushedMetrics
from blocks.sql_ledger import SqlLedger
from blocks.sql_metrics import SqlMetrics
from tests.contract.measuring_of import BLUE, GREEN, MINUTE, of
from tidegate.errors import Denied, NotUnderstood, Refused, Unreachable
from tidegate.ledger import Push

# -- logs -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    made = tmp_path / "app.log"
    made.write_text("TimeProcessor ERROR of old\n", "utf-8")
    return made


def add(log: Path, *lines: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


@pytest.mark.proves("met.logs", "S4-027")
def test_lines_are_counted_from_where_the_log_stood_in_both_languages(log: Path) -> None:
    asked = LogMetrics(file=str(log), pattern="(TimeProcessor.*ERROR|시간.*오류)")
    assert asked.sample("x", GREEN, MINUTE).value == 0.0, "what stood there before is not of now"
    add(log, "TimeProcessor: ERROR 1", "all well", "시간 처리 오류")
    assert asked.sample("x", GREEN, MINUTE).value == 2.0
    assert asked.sample("x", GREEN, timedelta(0)).value == 0.0, "outside the window"
    whole = LogMetrics(file=str(log), pattern="ERROR|오류", since="begin")
    assert whole.sample("x", GREEN, MINUTE).value == 3.0


@pytest.mark.proves("S4-026")
def test_the_last_lines_are_looked_at_whenever_they_were_written(log: Path) -> None:
    add(log, *[f"line {n}" for n in range(98)], "TimeProcessor ERROR")
    asked = LogMetrics(file=str(log), pattern="TimeProcessor", last=100)
    assert asked.sample("x", GREEN, timedelta(0)).value == 2.0
    add(log, "one more")
    assert asked.sample("x", GREEN, timedelta(0)).value == 1.0, "the oldest line is the 101st now"


def test_a_share_of_lines_and_numbers_in_them(log: Path) -> None:
    share = LogMetrics(file=str(log), pattern="memo saved.*fallback", among="memo saved")
    times = LogMetrics(file=str(log), pattern=r"took (?P<value>\d+)ms", unit="ms").measuring(of(statistic="p95"))
    for one in (share, times):
        one.sample("x", GREEN, MINUTE)
    assert share.sample("x", GREEN, MINUTE).value is None, "of no line there is no share"
    add(log, "memo saved, took 100ms", "memo saved with fallback, took 900ms", "else")
    read = share.sample("x", GREEN, MINUTE)
    assert (read.value, read.count, read.bad) == (0.5, 2, 1)
    assert times.sample("x", GREEN, MINUTE).value == 0.9


def test_rotation_half_lines_and_bytes_that_are_no_utf_8(log: Path) -> None:
    asked = LogMetrics(file=str(log), pattern="ERROR")
    asked.sample("x", GREEN, MINUTE)
    with log.open("ab") as file:
        file.write(b"\xff\xfe ERROR\nERR")
    assert asked.sample("x", GREEN, MINUTE).value == 1.0
    with log.open("ab") as file:
        file.write(b"OR\n")
    assert asked.sample("x", GREEN, MINUTE).value == 2.0
    log.rename(log.with_suffix(".1"))
    assert asked.sample("x", GREEN, MINUTE).value is None, "between two files there is no log"
    log.write_text("ERROR in the new file\n")
    assert asked.sample("x", GREEN, MINUTE).value == 3.0
    log.write_text("ERROR\n")
    assert asked.sample("x", GREEN, MINUTE).value == 4.0, "emptied in place"
    with pytest.raises(ValidationError, match="no regular expression"):
        LogMetrics(file=str(log), pattern="(")


# -- databases --------------------------------------------------------------------------------------------------------


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE orders (version text, failed int)")
        rows = [("2.1.0", 1), ("2.1.0", 0), ("2.1.0", 0), ("2.1.0", 0), ("2.0.0", 0)]
        made.executemany("INSERT INTO orders VALUES (?, ?)", rows)
    made.close()
    return path


FIGURE = "SELECT avg(failed) AS value, count(*) AS count, sum(failed) AS failed FROM orders WHERE version = :version"
LONG = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.proves("met.sql")
def test_a_figure_of_one_version_with_its_count(orders: Path) -> None:
    asked = SqlMetrics(database=str(orders), query=FIGURE).measuring(of())
    read = asked.sample("error_rate", GREEN, MINUTE)
    assert (read.value, read.count, read.bad) == (0.25, 4, 1)
    assert asked.sample("error_rate", BLUE, MINUTE).value == 0.0
    assert asked.sided
    one = SqlMetrics(database=str(orders), query="SELECT 250", unit="ms")
    assert one.sample("x", GREEN, MINUTE).value == 0.25, "a single column needs no name"
    assert SqlMetrics(database=str(orders), query="SELECT NULL").sample("x", GREEN, MINUTE).value is None
    assert SqlMetrics(database=str(orders), query="SELECT 1 WHERE 0").sample("x", GREEN, MINUTE).value is None


@pytest.mark.parametrize(
    ("query", "error", "told"),
    [
        ("DELETE FROM orders RETURNING 1", Unreachable, "readonly"),
        ("SELECT 1 AS value, 2 AS more", NotUnderstood, "value, more"),
        ("SELECT 'many'", NotUnderstood, "no number"),
        ("SELECT :when", NotUnderstood, ":when"),
        ("SELECT x FROM nowhere", Unreachable, "nowhere"),
        (LONG, Unreachable, "interrupted"),
    ],
)
def test_it_only_reads_one_number_and_not_for_long(orders: Path, query: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        SqlMetrics(database=str(orders), query=query, timeout=timedelta(seconds=0.3)).measuring(of()).sample(
            "x", GREEN, MINUTE
        )
    with sqlite3.connect(orders) as kept:
        assert kept.execute("SELECT count(*) FROM orders").fetchone() == (5,)
    kept.close()


def test_postgresql_reads_only_ends_a_long_statement_and_keeps_its_password(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = sa.make_url(postgresql_url)
    monkeypatch.setenv("STATS_URL", url.render_as_string(hide_password=False))

    def ask(query: str) -> Any:
        asked = SqlMetrics(url_secret="STATS_URL", query=query, timeout=timedelta(seconds=1)).measuring(of())
        return asked.sample("x", GREEN, MINUTE).value

    assert ask("SELECT extract(epoch FROM cast(:until AS timestamptz) - cast(:since AS timestamptz))") == 60.0
    with pytest.raises(NotUnderstood, match="read-only"):
        ask("CREATE TABLE left_behind (x int)")
    with pytest.raises(Unreachable, match="timeout"):
        ask("SELECT pg_sleep(30)")
    monkeypatch.setenv("STATS_URL", url.set(password="wrong-made-up").render_as_string(hide_password=False))
    with pytest.raises(Unreachable) as refused:
        ask("SELECT 1")
    assert "wrong-made-up" not in str(refused.value)
    monkeypatch.setenv("STATS_URL", "mysql://x")
    with pytest.raises(Denied, match="mysql is none of"):
        ask("SELECT 1")


# -- what is pushed ---------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    made = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
    made.create()
    yield made
    made.close()


@pytest.mark.proves("met.business")
def test_an_entered_value_counts_for_its_window_with_author_and_time(ledger: SqlLedger) -> None:
    how = of("user_satisfaction")
    told = type(how)(how.metric, how.facts, lambda window: ledger.pushes("shop", ledger.now() - window))
    asked = PushedMetrics().measuring(told)
    assert asked.sample("user_satisfaction", GREEN, MINUTE).value is None
    before = datetime.now(UTC)
    ledger.push("shop", Push("user_satisfaction", 4.2, "mina", "survey"))
    kept = ledger.push("shop", Push("user_satisfaction", 4.4, "mina"))
    ledger.push("shop", Push("complaints", 3.0, "mina"))
    ledger.push("shop", Push("user_satisfaction", None, "an event of that name"))
    ledger.push("other", Push("user_satisfaction", 1.0, "elsewhere"))
    read = asked.sample("user_satisfaction", GREEN, MINUTE)
    assert (read.value, read.at) == (4.4, kept.at)
    assert kept.at is not None
    assert abs(kept.at - before) < timedelta(minutes=1)
    assert asked.sample("user_satisfaction", GREEN, timedelta(0)).value is None, "older than the window"
    mean = PushedMetrics(metric="user_satisfaction").measuring(
        type(how)(of(statistic="mean").metric, how.facts, told.pushes)
    )
    assert mean.sample("x", GREEN, MINUTE).value == pytest.approx(4.3)


def test_nobody_tells_nothing_anonymously_and_no_number_is_no_value(ledger: SqlLedger) -> None:
    with pytest.raises(Refused, match="nobody says who"):
        ledger.push("shop", Push("complaints", 1.0, " "))
    with pytest.raises(Refused, match="no value"):
        ledger.push("shop", Push("complaints", float("nan"), "mina"))
    with pytest.raises(NotUnderstood, match="ledger"):
        PushedMetrics().sample("complaints", GREEN, MINUTE)
