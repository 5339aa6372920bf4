"""The scenarios of docs/states.md: each story is told, and no longer when the rule that closes it is broken."""

from __future__ import annotations

import pytest

from tests.scenarios.broken import BROKEN
from tests.scenarios.scripted import Scenario
from tidegate.simulation.timeline import Overtime
from tidegate.simulation.witness import Violation

SCENARIOS = {scenario.name: scenario for scenario in Scenario.all()}


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.proves("I5", "I14", "I15", "I20")
def test_the_story_is_told(name: str) -> None:
    scenario = SCENARIOS[name]
    scenario.judge(scenario.play())


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_story_is_not_told_when_the_rule_that_closes_it_is_broken(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = SCENARIOS[name]
    BROKEN[scenario.told["broken_by"]](monkeypatch)
    with pytest.raises((AssertionError, Overtime, Violation)):
        scenario.judge(scenario.play())
