"""A release's row in the ledger: who opens, who holds the system, what is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.ledgers import begun, down, look_of
from tidegate.errors import AlreadyReleasing, Fenced, LedgerMismatch
from tidegate.ledger import (
    FIRST_HASH,
    Kind,
    Lease,
    Ledger,
)


def test_a_new_release_has_its_first_entry_and_a_row_that_nobody_has_taken(ledger: Ledger) -> None:
    row = ledger.open("shop", "2.0", "run-1", {"digest": "sha256:1", "이름": "상점"}, "미나")
    assert (row.id, row.n, row.epoch, row.run_id) == ("shop/2.0/1", 1, 0, "run-1")
    assert (row.active, row.watched, row.over, row.lease_until) == (False, True, False, None)
    assert row.opened_at == ledger.now()
    (first,) = ledger.entries(row.id)
    assert (first.seq, first.kind, first.who, first.epoch) == (1, Kind.OPENED, "미나", None)
    assert first.body == {"digest": "sha256:1", "이름": "상점"}
    assert (first.previous, first.at) == (FIRST_HASH, ledger.now())
    assert ledger.find(row.id) == row


def test_a_version_that_is_under_way_is_not_opened_again_and_once_over_gets_the_next_number(
    ledger: Ledger,
) -> None:
    row = begun(ledger)
    with pytest.raises(AlreadyReleasing, match=r"version 2\.0 is being prepared as shop/2\.0/1 since 2031"):
        begun(ledger)
    ledger.retire(row.id)
    assert begun(ledger).id == "shop/2.0/2"
    with pytest.raises(AlreadyReleasing, match=r"shop/2\.0/2"):
        begun(ledger)
    assert begun(ledger, version="2.1").n == 1
    assert begun(ledger, system="bank").n == 1


@pytest.mark.proves("I11")
def test_while_a_release_is_active_no_other_of_its_system_begins_and_the_refusal_names_it(
    ledger: Ledger,
) -> None:
    row = begun(ledger)
    waiting = begun(ledger, version="3.0")
    ledger.activate(row.id, ledger.take(row.id, "run-7", 10).epoch)
    epoch = ledger.take(waiting.id, "run-8", 10).epoch
    named = r"shop: version 2\.0 is being released as shop/2\.0/1 since 2031-05-17 09:00:00 UTC by flow run run-7"
    with pytest.raises(AlreadyReleasing, match=named):
        begun(ledger, version="4.0")
    with pytest.raises(AlreadyReleasing, match=named) as refused:
        ledger.activate(waiting.id, epoch)
    assert refused.value.advice == "let it end, or end it: tidegate rollback shop"
    assert begun(ledger, system="bank").id == "bank/2.0/1"
    ledger.retire(row.id)
    ledger.activate(waiting.id, epoch)
    assert [one.id for one in ledger.releases("shop") if one.active] == [waiting.id]


def test_activating_again_changes_nothing_and_an_old_attempt_or_an_ended_release_cannot(
    ledger: Ledger,
) -> None:
    row = begun(ledger)
    epoch = ledger.take(row.id, "run", 10).epoch
    ledger.activate(row.id, epoch)
    ledger.activate(row.id, epoch)
    newer = ledger.fence(row.id)
    with pytest.raises(Fenced, match="belongs to epoch 2 by now, not to 1"):
        ledger.activate(row.id, epoch)
    ledger.retire(row.id)
    with pytest.raises(Fenced, match="is over"):
        ledger.activate(row.id, newer)


def test_releases_are_listed_newest_first_by_system_and_by_whether_the_watch_looks(ledger: Ledger) -> None:
    ids = [begun(ledger, version=version).id for version in ("1.0", "2.0", "3.0")]
    bank = begun(ledger, system="bank").id
    ledger.retire(ids[0], watched=False)
    ledger.retire(ids[1])
    assert [row.id for row in ledger.releases()] == [bank, ids[2], ids[1], ids[0]]
    assert [row.id for row in ledger.releases("shop")] == [ids[2], ids[1], ids[0]]
    assert [row.id for row in ledger.releases("shop", watched=True)] == [ids[2], ids[1]]
    assert [row.id for row in ledger.releases(watched=False)] == [ids[0]]
    ledger.retire(ids[0], watched=True)
    assert [row.id for row in ledger.releases(watched=False)] == [ids[0]], "looking does not begin again"


def test_another_flow_run_can_become_a_release_s_run(ledger: Ledger) -> None:
    row = begun(ledger)
    ledger.adopt(row.id, "run-2")
    assert ledger.find(row.id) == replace(row, run_id="run-2")


def test_a_release_that_was_never_opened_is_named_and_not_taken_for_an_empty_one(ledger: Ledger) -> None:
    assert ledger.find("shop/9/1") is None
    asked: list[Callable[[], object]] = [
        lambda: ledger.entries("shop/9/1"),
        lambda: ledger.seq("shop/9/1"),
        lambda: ledger.audit("shop/9/1"),
        lambda: ledger.append("shop/9/1", down()),
        lambda: ledger.take("shop/9/1", "run", 10),
        lambda: ledger.fence("shop/9/1"),
        lambda: ledger.renew(Lease("shop/9/1", 1, 10)),
        lambda: ledger.give_back(Lease("shop/9/1", 1, 10)),
        lambda: ledger.lease_died("shop/9/1"),
        lambda: ledger.activate("shop/9/1", 1),
        lambda: ledger.retire("shop/9/1"),
        lambda: ledger.adopt("shop/9/1", "run"),
        lambda: ledger.look("shop/9/1"),
        lambda: ledger.put_look(look_of("shop/9/1", 1)),
        lambda: ledger.readings("shop/9/1"),
        lambda: ledger.put_readings("shop/9/1", []),
    ]
    for ask in asked:
        with pytest.raises(LedgerMismatch, match="knows no release 'shop/9/1'"):
            ask()


@pytest.mark.parametrize(("system", "version"), [("", "1"), ("a/b", "1"), ("shop", "")])
def test_a_name_that_would_make_an_ambiguous_release_is_refused(ledger: Ledger, system: str, version: str) -> None:
    with pytest.raises(ValueError, match="system/version/n"):
        ledger.open(system, version, "run", {}, "mina")
    assert ledger.releases() == []
