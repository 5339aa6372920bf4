"""The chain: what an append admits, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.ledgers import HandedClock, begun, down, intent, outcome
from tidegate.errors import Fenced
from tidegate.ledger import (
    FIRST_HASH,
    Draft,
    Entry,
    Head,
    Kind,
    Ledger,
    broken_at,
)


@pytest.mark.proves("rep.audit")
def test_entries_chain_one_after_the_other_and_read_back_as_they_were_acknowledged(
    ledger: Ledger, clock: HandedClock
) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 100).epoch
    drafts = [
        intent("weight 10", epoch, forbids_down=True),
        outcome("weight 10", epoch),
        Draft(Kind.NOTE, "told", {"10": 1, "2": [1, None, True, 0.1], "말": {"깊은": "곳"}}, "mina"),
        Draft(Kind.SLOT, "T+1h", {"verdict": "PASS"}, "verify"),
        Draft(Kind.EXPIRY, "go", {}, "watch"),
        down(),
    ]
    told = []
    for draft in drafts:
        clock.sleep(0.001)
        told.append(ledger.append(row.id, draft))
    entries = ledger.entries(row.id)
    assert list(entries[1:]) == told
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry.previous for entry in entries] == [FIRST_HASH, *(entry.hash for entry in entries[:-1])]
    assert [(entry.kind, entry.key, entry.body, entry.who, entry.epoch) for entry in told] == [
        (draft.kind, draft.key, draft.body, draft.who, draft.epoch) for draft in drafts
    ]
    assert told[-1].at == ledger.now()
    assert broken_at(entries, Head(7, told[-1].hash)) is None
    assert ledger.audit(row.id) is None
    assert ledger.seq(row.id) == 7
    assert ledger.entries(row.id, after=5) == entries[5:]
    assert ledger.entries(row.id, after=7) == []


def test_numbers_as_keys_and_tuples_are_recorded_as_they_will_be_read(ledger: Ledger) -> None:
    row = begun(ledger)
    entry = ledger.append(row.id, Draft(Kind.NOTE, "n", {"by": {10: "a", 2: "b"}, "steps": (5, 25)}))
    assert entry.body == {"by": {"10": "a", "2": "b"}, "steps": [5, 25]}
    assert ledger.entries(row.id, after=1) == [entry]
    assert ledger.audit(row.id) is None


def test_what_json_cannot_say_is_refused_before_anything_is_written(ledger: Ledger) -> None:
    row = begun(ledger)
    for body in ({"rate": float("nan")}, {"at": ledger.now()}, {"text": "\ud800"}):
        with pytest.raises((ValueError, TypeError)):
            ledger.append(row.id, Draft(Kind.NOTE, "n", body))
    assert ledger.seq(row.id) == 1


def test_an_act_needs_the_release_s_number_and_all_else_needs_none(ledger: Ledger) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 10).epoch
    for wrong in (None, 0, epoch - 1, epoch + 1):
        with pytest.raises(Fenced, match="belongs to epoch 1"):
            ledger.append(row.id, intent("weight 10", wrong))
        with pytest.raises(Fenced, match="belongs to epoch 1"):
            ledger.append(row.id, outcome("weight 10", wrong))
    for kind in (Kind.NOTE, Kind.SLOT, Kind.EXPIRY, Kind.DOWN):
        ledger.append(row.id, Draft(kind, "key"))
    assert ledger.seq(row.id) == 5


@pytest.mark.proves("I5", "I12")
def test_once_a_down_stands_no_intent_of_the_plan_is_taken_but_a_rollback_s_and_late_outcomes_are(
    ledger: Ledger,
) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 10).epoch
    ledger.append(row.id, intent("weight 25", epoch, forbids_down=True))
    ledger.append(row.id, down("mina"))
    ledger.append(row.id, down("watch"))
    with pytest.raises(Fenced, match=r"a Down stands \(entry 3\)"):
        ledger.append(row.id, intent("weight 50", epoch, forbids_down=True))
    ledger.append(row.id, outcome("weight 25", epoch))
    ledger.append(row.id, intent("stop green", epoch))
    assert [entry.kind for entry in ledger.entries(row.id, after=2)] == ["down", "down", "outcome", "intent"]


@pytest.mark.proves("I12", "I26")
@pytest.mark.parametrize("kind", [Kind.OUTCOME, Kind.SLOT, Kind.EXPIRY])
def test_a_key_has_one_outcome_and_the_refusal_shows_the_one_that_stands(ledger: Ledger, kind: Kind) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 10).epoch
    ledger.append(row.id, Draft(kind, "key", {"verdict": "PASS"}, "first", epoch))
    with pytest.raises(
        Fenced, match=rf"{kind} 'key' stands already, entry 2 of 2031.* by first: .*\"verdict\":\"PASS\""
    ):
        ledger.append(row.id, Draft(kind, "key", {"verdict": "FAIL"}, "second", epoch))
    ledger.append(row.id, Draft(kind, "other", {}, "second", epoch))
    other = begun(ledger, version="3.0")
    ledger.append(other.id, Draft(kind, "key", {}, "second", ledger.take(other.id, "run", 10).epoch))
    assert ledger.seq(row.id) == 3


def test_an_intent_and_a_note_may_come_again_under_their_key(ledger: Ledger) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 10).epoch
    for _ in range(2):
        ledger.append(row.id, intent("weight 10", epoch))
        ledger.append(row.id, Draft(Kind.NOTE, "weight 10"))
    assert ledger.seq(row.id) == 5


def test_the_first_entry_is_written_once_by_opening(ledger: Ledger) -> None:
    row = begun(ledger)
    with pytest.raises(ValueError, match=r"written by open\(\)"):
        ledger.append(row.id, Draft(Kind.OPENED, "opened", {}, "mallory"))
    assert ledger.seq(row.id) == 1


def test_an_entry_is_found_broken_whichever_of_its_fields_is_changed(ledger: Ledger) -> None:
    row = begun(ledger)
    ledger.append(row.id, Draft(Kind.NOTE, "told", {"a": 1}, "mina"))
    first, second = ledger.entries(row.id)
    for wrong in _altered(second):
        assert broken_at([first, wrong]) == 2, wrong


def _altered(entry: Entry) -> Iterator[Entry]:
    yield replace(entry, release="shop/2.0/9")
    yield replace(entry, seq=3)
    yield replace(entry, kind=Kind.DOWN)
    yield replace(entry, key="other")
    yield replace(entry, at=entry.at + timedelta(microseconds=1))
    yield replace(entry, epoch=1)
    yield replace(entry, who="tom")
    yield replace(entry, body={"a": True})
    yield replace(entry, previous=FIRST_HASH)
    yield replace(entry, hash=FIRST_HASH)
