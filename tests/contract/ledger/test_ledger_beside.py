"""What lies beside the chain: looks, the watch's lease, freezes, readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.ledgers import HandedClock, begun, look_of, seen_of
from tidegate.errors import Fenced, Refused
from tidegate.ledger import (
    Ledger,
    Push,
    Reading,
)


def test_a_look_is_read_back_whole_with_its_age_by_the_ledger_s_clock(ledger: Ledger, clock: HandedClock) -> None:
    row = begun(ledger)
    assert ledger.look(row.id) is None
    watch = ledger.watch_take("watch a", 30)
    assert watch == 1
    look = look_of(
        row.id,
        watch,
        against="freeze",
        weights={"api": 10},
        detail={"하나": [1.5, None]},
        state={"flaps": {"api": 2}},
    )
    ledger.put_look(look_of(row.id, watch, sentence="before"))
    clock.sleep(1)
    ledger.put_look(look)
    clock.sleep(2.25)
    seen = seen_of(ledger, row.id)
    assert (seen.row, seen.age, seen.current) == (look, 2.25, True)
    clock.sleep(30)
    assert not seen_of(ledger, row.id).current


def test_without_the_watch_s_current_number_no_look_is_written(ledger: Ledger, clock: HandedClock) -> None:
    row = begun(ledger)
    with pytest.raises(Fenced, match="its look is refused"):
        ledger.put_look(look_of(row.id, 1))
    old = ledger.watch_take("a", 10)
    assert old == 1
    clock.sleep(10)
    with pytest.raises(Fenced, match="lease of watch 1 has run out"):
        ledger.put_look(look_of(row.id, old))
    new = ledger.watch_take("b", 10)
    assert new == 2
    ledger.put_look(look_of(row.id, new))
    with pytest.raises(Fenced, match="watch 1 has been replaced by watch 2"):
        ledger.put_look(look_of(row.id, old, sentence="zombie"))
    seen = seen_of(ledger, row.id).row
    assert (seen.watch, seen.sentence) == (new, "all well")


def test_the_watch_s_lease_has_one_holder_and_a_new_number_for_each(ledger: Ledger, clock: HandedClock) -> None:
    assert ledger.watch_take("a", 10) == 1
    assert ledger.watch_take("b", 10) is None
    assert ledger.watch_take("a", 10) == 1
    clock.sleep(8)
    assert ledger.watch_renew(1, 10)
    clock.sleep(8)
    assert ledger.watch_take("b", 10) is None
    clock.sleep(2)
    assert ledger.watch_take("b", 10) == 2
    assert not ledger.watch_renew(1, 10)
    assert ledger.watch_renew(2, 0), "given back"
    assert ledger.watch_take("b", 10) == 3, "what ran out comes back under a new number"


def test_a_freeze_ends_by_itself_or_is_lifted(ledger: Ledger, clock: HandedClock) -> None:
    short = ledger.freeze("shop", "mina", "점검", timedelta(minutes=1))
    long = ledger.freeze("shop", "tom", "audit", timedelta(days=2))
    ledger.freeze("bank", "tom", "audit", timedelta(days=2))
    assert (short.who, short.why, short.since) == ("mina", "점검", ledger.now())
    assert short.until == ledger.now() + timedelta(minutes=1)
    assert ledger.freezes("shop") == [short, long]
    clock.sleep(60)
    assert ledger.freezes("shop") == [long]
    assert ledger.lift("shop", "mina") == 1
    assert ledger.lift("shop", "mina") == 0
    assert ledger.freezes("shop") == []
    assert len(ledger.freezes("bank")) == 1


def test_readings_are_kept_in_order_and_nan_is_no_value(ledger: Ledger, clock: HandedClock) -> None:
    row, other = begun(ledger), begun(ledger, version="3.0")
    readings = [
        Reading(clock.now() + timedelta(microseconds=number), "api", "green", "errors", value, number)
        for number, value in enumerate([0.1, None, 3e-300, float("inf")])
    ]
    ledger.put_readings(row.id, readings[:2])
    ledger.put_readings(row.id, [*readings[2:], replace(readings[0], value=float("nan"), count=None)])
    ledger.put_readings(row.id, [])
    assert ledger.readings(row.id) == [*readings, replace(readings[0], value=None, count=None)]
    assert ledger.readings(other.id) == []


def test_what_was_told_from_outside_is_kept_with_author_and_the_ledger_s_instant(
    ledger: Ledger, clock: HandedClock
) -> None:
    first = ledger.push("shop", Push("user_satisfaction", 4.2, "mina", "설문"))
    assert first == Push("user_satisfaction", 4.2, "mina", "설문", ledger.now())
    ledger.push("bank", Push("complaints", 1.0, "tom"))
    clock.sleep(60)
    event = ledger.push("shop", Push("incident-critical", None, "pager"))
    assert ledger.pushes("shop", ledger.now() - timedelta(minutes=1)) == [first, event]
    assert ledger.pushes("shop", ledger.now() - timedelta(seconds=59)) == [event]
    with pytest.raises(Refused, match="nobody says who"):
        ledger.push("shop", Push("complaints", 1.0, " "))
    with pytest.raises(Refused, match="no value"):
        ledger.push("shop", Push("complaints", float("inf"), "tom"))
