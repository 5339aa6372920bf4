"""Leases, epochs and fences: who may act for a release now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.ledgers import HandedClock, begun, down, intent, outcome, row_of
from tidegate.errors import Fenced
from tidegate.ledger import (
    Lease,
    Ledger,
)


@pytest.mark.proves("I11")
def test_epochs_are_one_sequence_over_all_releases_of_a_system(ledger: Ledger) -> None:
    one, two, other = begun(ledger), begun(ledger, version="3.0"), begun(ledger, system="bank")
    assert ledger.take(one.id, "a", 10).epoch == 1
    assert ledger.take(two.id, "b", 10).epoch == 2
    assert ledger.fence(one.id) == 3
    assert ledger.take(other.id, "c", 10).epoch == 1
    assert ledger.fence(two.id, above=40) == 41, "a mark in the router knew a larger number"
    assert row_of(ledger, two.id).epoch == 41
    assert ledger.fence(one.id) == 42


def test_a_living_lease_is_waited_for_even_by_the_next_attempt_of_its_own_run(
    ledger: Ledger, clock: HandedClock
) -> None:
    row = begun(ledger)
    first = ledger.take(row.id, "run-1", 10)
    clock.sleep(6)
    with pytest.raises(Fenced, match=r"held by flow run run-1 \(epoch 1\) for another 4\.0 s"):
        ledger.take(row.id, "run-1", 10)
    assert ledger.lease_died(row.id) is None
    clock.sleep(4)
    assert ledger.lease_died(row.id) == 0
    clock.sleep(1.5)
    assert ledger.lease_died(row.id) == 1.5
    second = ledger.take(row.id, "run-1", 10, above=6)
    assert (first.epoch, second.epoch) == (1, 7)
    assert not ledger.renew(first)
    assert ledger.renew(second)


def test_a_refused_take_uses_up_no_epoch(ledger: Ledger, clock: HandedClock) -> None:
    row = begun(ledger)
    ledger.take(row.id, "run-1", 10)
    with pytest.raises(Fenced):
        ledger.take(row.id, "run-2", 10)
    clock.sleep(11)
    assert ledger.take(row.id, "run-2", 10).epoch == 2


def test_a_lease_given_back_is_not_dead_and_a_late_renewal_does_not_raise_it(
    ledger: Ledger, clock: HandedClock
) -> None:
    row = begun(ledger)
    lease = ledger.take(row.id, "run-1", 10)
    ledger.give_back(lease)
    assert not ledger.renew(lease)
    clock.sleep(100)
    assert ledger.lease_died(row.id) is None
    assert ledger.take(row.id, "run-1", 10).epoch == 2


def test_a_lease_that_ran_out_while_nobody_took_it_can_be_renewed(ledger: Ledger, clock: HandedClock) -> None:
    row = begun(ledger)
    lease = ledger.take(row.id, "run-1", 10)
    clock.sleep(30)
    assert ledger.lease_died(row.id) == 20
    assert ledger.renew(lease)
    assert ledger.lease_died(row.id) is None
    assert row_of(ledger, row.id).lease_until == ledger.now() + timedelta(seconds=10)


@pytest.mark.proves("I11")
def test_after_a_fence_the_old_holder_can_neither_act_nor_renew_nor_hide_that_it_died(
    ledger: Ledger, clock: HandedClock
) -> None:
    row = begun(ledger)
    lease = ledger.take(row.id, "run-1", 10)
    clock.sleep(12)
    assert ledger.fence(row.id) == 2
    with pytest.raises(Fenced, match="belongs to epoch 2 by now, not to 1"):
        ledger.append(row.id, outcome("weight 10", lease.epoch))
    assert not ledger.renew(lease)
    ledger.give_back(lease)
    assert ledger.lease_died(row.id) == 2
    assert ledger.take(row.id, "run-1", 10).epoch == 3
    assert ledger.seq(row.id) == 1


def test_a_rollback_takes_a_living_lease_at_once_but_only_after_a_down(ledger: Ledger) -> None:
    row = begun(ledger)
    held = ledger.take(row.id, "release run", 10)
    with pytest.raises(Fenced, match="no Down stands"):
        ledger.take(row.id, "rollback run", 10, at_once=True)
    ledger.append(row.id, down())
    lease = ledger.take(row.id, "rollback run", 10, at_once=True)
    assert lease == Lease(row.id, 2, 10)
    assert row_of(ledger, row.id).run_id == "rollback run"
    with pytest.raises(Fenced):
        ledger.append(row.id, intent("weight 25", held.epoch))
    ledger.append(row.id, intent("remove green", lease.epoch))
