"""
What every folder of tests shares: time limits, the rule about skips, and a PostgreSQL of our own.

A skip gives a reason that begins with a word: "machine:" (a program that CI installs is not here) or
"elsewhere:" (it needs what no CI machine has, such as an account). With TIDEGATE_NO_SKIPS=1, as in CI, every
skip but the second kind is a failure: a suite that skips in silence proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests import local_postgresql

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
TESTS = Path(__file__).parent
# Real processes start, serve and end in these; everywhere else 60 s (pyproject.toml) is already a hang.
SECONDS_BY_FOLDER = {"flows": 120, "contract": 120, "e2e": 300, "faults": 300}

# No deadline for an example by the wall clock: on a busy machine 200 ms say nothing of the code, and hangs are ended.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_configure() -> None:
    """Side by side or alone, the commands under test write into no terminal; a worker is told another one's width."""
    os.environ.pop("COLUMNS", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        seconds = SECONDS_BY_FOLDER.get(folder)
        if seconds and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(seconds))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _without_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _without_skips((yield))


def _without_skips(report: Report) -> Report:
    if os.environ.get("TIDEGATE_NO_SKIPS") != "1" or not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.removeprefix("Skipped: ").startswith("elsewhere:"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {reason}"
    return report


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """SQLAlchemy's URL of a PostgreSQL that lives as long as this session; make your own database in it."""
    found = local_postgresql.programs()
    if found is None:
        pytest.skip("machine: no PostgreSQL server programs (on Debian: apt-get install postgresql)")
    with local_postgresql.server(found) as url:
        yield url
