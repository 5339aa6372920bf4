"""The ledger in memory, in a SQLite file and in PostgreSQL: every test of this folder meets all three."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.sql_ledger import SqlLedger
from tests.ledgers import HandedClock, postgresql_place, sqlite_place
from tidegate.ledger import Ledger
from tidegate.memory_ledger import MemoryLedger


@pytest.fixture
def clock() -> HandedClock:
    return HandedClock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, clock: HandedClock, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(clock)
        return
    if request.param == "sqlite":
        kept = SqlLedger(sqlite_place(tmp_path), clock=clock)
    else:
        kept = SqlLedger(postgresql_place(request.getfixturevalue("postgresql_url")), clock=clock)
    kept.create()
    yield kept
    kept.close()
