"""Where tests keep a ledger: a clock that they turn by hand, a new file, a schema of its own in PostgreSQL."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa


class HandedClock:
    """Stands still until somebody sleeps; far from the wall clock, so that reading that one by mistake shows."""

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
