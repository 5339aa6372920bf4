"""Where tests keep a ledger (a clock turned by hand, a new file or schema), and what they say to it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from blocks.sql_ledger import SqlLedger
from tidegate.errors import LedgerUnavailable
from tidegate.ledger import Draft, Kind, Ledger, LookRow, ReleaseRow, SeenLook

PATIENCE = 1.0
SLOW_MACHINE = 4.0  # what may come on top where eight others use the same core


class HandedClock:
    """Stands still until somebody sleeps; years from the wall clock, so that reading that one shows."""

    def __init__(self) -> None:
        self._now = datetime(2031, 5, 17, 9, 0, 0, 250_000, tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def elapsed(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def sqlite_place(folder: Path) -> str:
    return f"sqlite:///{folder / 'kept' / 'ledger.db'}"


def postgresql_place(server: str) -> str:
    """The URL of a new, empty schema on this server."""
    schema = f"ledger_{secrets.token_hex(4)}"
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    url = sa.make_url(server).update_query_dict({"options": f"-csearch_path={schema}"})
    return url.render_as_string(hide_password=False)


def begun(ledger: Ledger, system: str = "shop", version: str = "2.0") -> ReleaseRow:
    return ledger.open(system, version, f"run of {version}", {"digest": "sha256:1"}, "mina")


def row_of(ledger: Ledger, release: str) -> ReleaseRow:
    row = ledger.find(release)
    assert row is not None
    return row


def seen_of(ledger: Ledger, release: str) -> SeenLook:
    seen = ledger.look(release)
    assert seen is not None
    return seen


def down(who: str = "watch") -> Draft:
    return Draft(Kind.DOWN, "down", {"why": "errors"}, who)


def intent(key: str, epoch: int | None, **more: Any) -> Draft:
    return Draft(Kind.INTENT, key, {"weight": 10}, "flow", epoch, **more)


def outcome(key: str, epoch: int | None) -> Draft:
    return Draft(Kind.OUTCOME, key, {"weight": 10}, "flow", epoch)


def look_of(release: str, watch: int, **more: Any) -> LookRow:
    return replace(LookRow(release, 3, "5", "PASS", "all well", True, True, True, watch), **more)


def impatient(url: str) -> Iterator[SqlLedger]:
    """A created ledger that gives up soon; a fixture's whole body."""
    ledger = SqlLedger(url, patience=PATIENCE)
    ledger.create()
    yield ledger
    ledger.close()


@contextmanager
def refused_in_time(saying: str) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable, match=saying) as refused:
        yield
    assert time.monotonic() - began < PATIENCE + SLOW_MACHINE
    assert "lowering goes on" in refused.value.advice
