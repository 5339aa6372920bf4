"""The form that an approval shows: which plans it offers, and the pages that it links."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tasks.approval import form, pages
from tidegate.actions import AskApproval, Place
from tidegate.simulation import specs
from tidegate.spec import Spec

GATES = [{"name": "go", "ask": "?"}, {"name": "which", "ask": "?", "choose_plan": True}]


def two_plans() -> Spec:
    plans = {"canary": specs.steps("15s", 5, 100), "halves": specs.steps("15s", 50, 100)}
    return specs.spec(approvals=GATES, readiness="go", plans=plans)


def asked(gate: str, *, traffic: bool = False) -> AskApproval:
    return AskApproval(Place(plan="release"), gate, timedelta(hours=1), "abort", traffic=traffic)


@pytest.mark.parametrize(
    ("gate", "traffic", "offers"),
    [("go", False, True), ("which", False, True), ("which", True, False), ("leave-park", True, True)],
)
def test_a_plan_can_be_chosen_where_the_spec_says_so_and_nothing_has_traffic(
    gate: str, traffic: bool, offers: bool
) -> None:
    assert ("plan" in form(two_plans(), asked(gate, traffic=traffic)).model_fields) is offers


def test_a_gate_that_chooses_no_plan_offers_none() -> None:
    assert "plan" not in form(two_plans().model_copy(update={"readiness": "which"}), asked("go")).model_fields


def test_dashboards_that_this_installation_has_an_address_for_are_linked() -> None:
    told = [{"name": "load", "url": "${grafana}/d/load"}, {"name": "costs", "url": "${elsewhere}/costs"}]
    found = pages(specs.spec(dashboards=told), {"grafana": "http://127.0.0.1:3000"})
    assert found == {"load": "http://127.0.0.1:3000/d/load"}
