"""What is missing for a way back is named, and the reference specs go theirs on the virtual clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from blocks.rollback_plan_check import RollbackPlanCheck
from tests.contract.shown_world import BLUE, Small, shown_world, spec_of
from tidegate.ports import CheckResult, Verdict
from tidegate.spec import Spec
from tidegate.traffic import Side, Split

BACK = {"auto": [{"act": "traffic-back"}, {"act": "verify"}], "manual": [{"act": "traffic-back"}, {"act": "tell"}]}


def asked(spec: Spec, small: Small | None = None, **fields: Any) -> CheckResult:
    check = RollbackPlanCheck(**{"dry_run": False, **fields})
    check.meets(shown_world(spec, {name: small or Small() for name in spec.components}))
    return check.run({})


@pytest.mark.parametrize("system", ["shop", "dashboard", "greenflow", "gameplaza", "habitus33", "atcmp"])
@pytest.mark.proves("pre.rollback_plan", "rb.rehearse", "S0-016")
def test_a_bad_version_of_every_reference_system_is_taken_back_in_a_dry_run(system: str) -> None:
    section = "optional" if system == "shop" else "required"
    told = asked(spec_of(system), dry_run=True, section=section)
    assert told.verdict is Verdict.PASS, told.evidence
    assert "dry run: a bad version was taken back" in told.evidence
    assert 0 <= told.figures["back"] <= 300


@pytest.mark.proves("rb.rehearse", "rb.rto")
def test_a_dry_run_that_takes_longer_than_the_spec_allows_fails() -> None:
    spec = spec_of("shop")
    hasty = spec.model_copy(update={"rollback": spec.rollback.model_copy(update={"within": spec.hold.deadline * 0})})
    told = asked(hasty, dry_run=True, section="optional")
    assert told.verdict is Verdict.FAIL
    assert told.evidence.startswith("dry run: the traffic was back after")


@pytest.mark.proves("pre.rollback_plan")
@pytest.mark.parametrize(
    ("small", "said"),
    [
        (Small(hand=" "), "the router names no line that a person can type"),
        (Small(where={"x": object()}), "cannot be written down"),
        (Small(split=Split(BLUE, Side("shop-2", ()), 40)), "nobody knows the version before"),
        (Small(split=None), "nobody knows the version before"),
        (Small(instances=0), "no instance of shop-1 is healthy"),
        (Small(kept=False), "the artifact of shop-1 is not kept"),
    ],
    ids=["hand", "address", "split", "unread", "sick", "thrown-away"],
)
def test_what_is_missing_for_a_way_back_is_named(small: Small, said: str) -> None:
    spec = spec_of("shop", rollback=BACK)
    assert asked(spec).verdict is Verdict.PASS
    told = asked(spec, replace(small))
    assert told.verdict is Verdict.FAIL
    assert said in told.evidence.splitlines()[0]


def test_a_spec_that_says_nothing_of_a_rollback_fails_unless_that_is_allowed() -> None:
    told = asked(spec_of("shop"))
    assert told.verdict is Verdict.FAIL
    assert "the spec has no rollback.auto" in told.evidence
    assert "the spec has no rollback.manual" in told.evidence
    assert asked(spec_of("shop"), section="optional").verdict is Verdict.PASS
    mute = {**BACK, "auto": [{"act": "traffic-back"}]}
    assert "rollback.auto neither verifies nor tells anybody" in asked(spec_of("shop", rollback=mute)).evidence


def test_shown_no_spec_it_never_passes() -> None:
    assert RollbackPlanCheck().run({}).verdict is Verdict.ERROR
