"""Half-way limits: people are told ahead, and a release that could not go forward in time goes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import SET_25, Chain
from tests.unit.looking import Watch
from tidegate import events as ev
from tidegate.halfway import due
from tidegate.ledger import Kind
from tidegate.simulation import specs
from tidegate.spec import Spec, compressed
from tidegate.traffic import Beyond

HOUR = timedelta(hours=1)
RAISED = NOW + timedelta(minutes=3)  # the entry that set 5 %


def limited(**limits: str) -> Spec:
    plan = specs.steps("15s", 5, 25, 100)
    for step in plan["steps"]:
        if f"at_{step['weight']}" in limits:
            step["halfway_limit"] = limits[f"at_{step['weight']}"]
    return specs.spec(plans={"canary": plan})


def at_5() -> Chain:
    return Chain().claimed().weight()


def look(chain: Chain, spec: Spec, after: timedelta, watch: Watch | None = None, **sees: Any) -> Watch:
    watch = watch or Watch(chain, spec)
    watch.now = RAISED + after - timedelta(seconds=5)
    watch.look(**sees)
    return watch


@pytest.mark.proves("I15")
def test_people_are_told_of_the_deadline_ahead_and_at_it_the_release_goes_back() -> None:
    chain, spec = at_5(), limited(at_5="2h")
    assert look(chain, spec, 0.9 * HOUR).kinds() == []
    told = look(chain, spec, HOUR)
    assert told.kinds() == ["page"]
    assert "forward or back by 2026-03-02 11:03:00 UTC (limit 2h)" in told.why("page")
    last = look(chain, spec, 2 * HOUR)
    assert last.kinds() == ["down"]
    assert last.why("down") == "half-way limit of step 5 %: not promoted since 2026-03-02 09:03:00 UTC, limit 2h"


def test_they_are_told_once_also_by_a_watch_that_took_over_without_a_memory() -> None:
    chain, spec = at_5(), limited(at_5="2h")
    key = next(one.key for one in look(chain, spec, HOUR).decisions)
    chain.add(Kind.NOTE, "paged", {"why": "told", "about": key}, "watch")
    assert look(chain, spec, 1.2 * HOUR).kinds() == []
    assert look(chain, spec, 2 * HOUR).kinds() == ["down"], "the chain tells since when, whoever looks"


def test_it_counts_from_the_first_raise_of_its_own_step_through_later_ones() -> None:
    chain, spec = at_5().weight(SET_25, 25), limited(at_5="2h", at_25="30m")
    chain.weight(SET_25.replace("/1/canary", "/1/canary"), 25, "web")
    assert due(spec, chain.story) == (spec.plans["canary"].steps[1], RAISED + timedelta(minutes=31))
    assert look(chain, spec, timedelta(minutes=30)).kinds() == ["page"]
    assert "of step 25 %" in look(chain, spec, timedelta(minutes=31)).why("down")
    assert "of step 5 %" in look(chain, limited(at_5="2h"), 2 * HOUR).why("down")


def test_a_parked_release_is_no_half_way_state_and_a_new_leg_counts_anew() -> None:
    chain, spec = at_5(), limited(at_5="2h")
    chain.did("main/1/canary/park/park/-/1", ev.Parked(at=NOW))
    watch = Watch(chain, spec, 0)
    assert look(chain, spec, 9 * HOUR, watch).kinds() == []
    leave = ev.Answered(at=NOW, gate="leave-park", decision="approve", approver="kim")
    chain.did("main/1/canary/ask-approval/park/leave-park/1", leave).weight("main/2/canary/set-weight/5/api/1")
    assert due(spec, chain.story) == (spec.plans["canary"].steps[0], NOW + timedelta(minutes=6) + 2 * HOUR)


def test_once_promoted_there_is_no_limit_any_more() -> None:
    chain, spec = at_5().weight("main/1/canary/set-weight/100/api/1", 100), limited(at_5="2h", at_100="3h")
    assert due(spec, chain.story) is not None
    chain.did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100))
    assert due(spec, chain.story) is None
    assert look(chain, spec, 9 * HOUR).kinds() == []


def test_a_plan_without_limits_has_none() -> None:
    assert due(limited(), at_5().story) is None
    assert look(at_5(), limited(), 9 * HOUR).kinds() == []


def test_behind_a_point_of_no_return_it_calls_people_and_the_weight_stays() -> None:
    chain, spec = Chain().claimed(), limited(at_5="2h")
    beyond = Beyond("restore", "gone", 5)
    chain.did("main/1/canary/set-weight/5/api/1", ev.WeightSet(at=NOW, component="api", weight=5, beyond=beyond))
    last = look(chain, spec, 2 * HOUR)
    assert last.kinds() == ["page"]
    assert "half-way limit of step 5 %" in last.why("page")
    assert "the way back is restore (gone); the weight stays" in last.why("page")


def test_a_limit_is_one_of_the_releases_own_waits_and_is_compressed_with_them() -> None:
    assert compressed(limited(at_5="2h"), 60).plans["canary"].steps[0].halfway_limit == timedelta(minutes=2)


def test_a_release_that_already_goes_back_for_another_reason_gives_that_one() -> None:
    watch = look(at_5(), limited(at_5="2h"), 2 * HOUR, value=0.5)
    assert watch.kinds() == ["down"]
    assert "error_rate" in watch.why("down")
