"""
What a look takes over from the look before, it would have found itself.

Whole rehearsals, played with all that the watch derives once a story (`Story.derived`: a gate's end, its baseline, the
reading that was well) and played with everything computed again at every look: rows, entries and stories are equal.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.unit.test_rehearsal import MONDAY, SYSTEMS, spec_of
from tidegate.clockwork.moments import planned_start
from tidegate.ledger import Entry, LookRow
from tidegate.memory_ledger import MemoryLedger
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import rehearse
from tidegate.story import Story

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "good": {},
    "bad": {"bad_from": 0},
    "slow": {"bad_from": 0, "bad_how": "slow"},
    "lost": {"lost": ("error_rate", "latency_p95")},
    "outage": {"outage": timedelta(hours=1)},
}


def played(system: str, told: Mapping[str, Any], patch: pytest.MonkeyPatch) -> tuple[list[LookRow], list[Entry], Story]:
    rows, put = list[LookRow](), MemoryLedger.put_look

    def kept(ledger: MemoryLedger, row: LookRow) -> None:
        rows.append(row)
        put(ledger, row)

    tokens = count()
    patch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=next(tokens)))
    patch.setattr(MemoryLedger, "put_look", kept)
    spec = spec_of(system)
    look = timedelta(minutes=1 if system == "dashboard" else 5)  # seldomer, the dashboard's rehearsal never ends
    options = replace(Options(planned_start(spec) or MONDAY), look=look, until=timedelta(days=10), **told)
    found = rehearse(spec, options)
    return rows, list(found.entries), found.story


def again(_story: Story, _name: str, _of: object, made: Callable[[], Any]) -> Any:
    return made()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("told", OPTIONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_remembered_between_looks_changes_nothing(system: str, told: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rows, entries, story = played(system, OPTIONS[told], patch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Story, "derived", again)
        assert played(system, OPTIONS[told], patch) == (rows, entries, story)
    assert len({row.sentence for row in rows}) > 1, "something was judged"
