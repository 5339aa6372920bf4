"""Prefect's own database engine, with and without the listener of `deployments/server.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.server import LONGEST
from tests.house.tree import ROOT

ASKS = """
import asyncio, sys
if "listening" in sys.argv:
    import deployments.server
    deployments.server.listen()
from prefect.server.database import provide_database_interface

async def main():
    engine = await provide_database_interface().engine()
    async with engine.connect() as connection:
        print((await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar())

asyncio.run(main())
"""


@pytest.mark.parametrize(("word", "waits"), [("listening", LONGEST), ("plain", 60_000)])
def test_a_connection_of_prefects_server_waits_seconds_for_the_lock_and_would_wait_a_minute(
    word: str, waits: int, tmp_path: Path
) -> None:
    """In processes of their own: the listener hears every engine of its process."""
    env = {**os.environ, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env |= {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path}/prefect.db"}
    argv = [sys.executable, "-c", ASKS, word]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=50, check=False)
    assert done.stdout.strip() == str(waits), done.stderr
