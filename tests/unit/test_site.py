"""What a site's good releases teach: kept in the chain, read by the next release, forgotten on demand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ledgers import HandedClock
from tests.unit.test_comparison import BEGAN, RECORD, STAGES, looked
from tidegate import site
from tidegate.comparison import Comparison, Comparisons
from tidegate.judge.profile import Profile
from tidegate.language.judging import Comparison as Chosen
from tidegate.ledger import Draft, Kind
from tidegate.memory_ledger import MemoryLedger
from tidegate.story import State, Story

LEARNT = Profile.of({"kappa": 0.4, "hiccups": 2.0}).to_body()


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(HandedClock())


def opened(ledger: MemoryLedger, version: str) -> str:
    return ledger.open("shop", version, f"run-{version}", {}, "mina").id


def learning() -> Comparisons:
    made = Comparisons()
    made.running["api"] = Comparison("api", STAGES, BEGAN, RECORD)
    looked(made.running["api"], 60)
    return made


def test_the_next_release_begins_with_what_the_last_one_has_taught(ledger: MemoryLedger) -> None:
    assert site.known_of(ledger, "shop") == site.Known({}, "")
    first = opened(ledger, "v1")
    site.keep(ledger, first, {"api": LEARNT}, "watch")
    ledger.retire(first, watched=False)
    opened(ledger, "v2")  # has taught nothing yet
    assert site.known_of(ledger, "shop") == site.Known({"api": LEARNT}, first)
    assert site.known_of(ledger, "other") == site.Known({}, "")


def test_what_was_learnt_can_be_forgotten_and_the_chain_tells_who_did(ledger: MemoryLedger) -> None:
    first = opened(ledger, "v1")
    assert site.forget(ledger, "shop", "mina") == ""
    site.keep(ledger, first, {"api": LEARNT}, "watch")
    assert site.forget(ledger, "shop", "mina") == first
    assert site.known_of(ledger, "shop").profiles == {}
    assert [(one.who, one.body["profiles"] == {}) for one in ledger.entries(first) if one.kind is Kind.NOTE] == [
        ("watch", False), ("mina", True)
    ]  # fmt: skip


def test_only_a_promoted_release_teaches_and_once(ledger: MemoryLedger) -> None:
    first = opened(ledger, "v1")
    story = Story.of(ledger.entries(first))
    site.teach(ledger, story, learning())
    assert site.known_of(ledger, "shop").profiles == {}
    story.state = State.PROMOTED
    site.teach(ledger, story, learning())
    story.since(ledger.entries(first, after=story.seq))
    site.teach(ledger, story, learning())
    assert [one.key for one in ledger.entries(first)].count(site.LEARNT) == 1
    assert set(site.known_of(ledger, "shop").profiles) == {"api"}


def test_a_note_of_another_version_of_tidegate_is_left_out_and_stops_nobody(ledger: MemoryLedger) -> None:
    first = opened(ledger, "v1")
    told = {"profiles": {"api": {"a quantity of tomorrow": 1.0}, "web": LEARNT}}
    ledger.append(first, Draft(Kind.NOTE, site.LEARNT, told, "watch"))
    assert site.known_of(ledger, "shop").profiles == {"web": LEARNT}


def test_what_the_spec_says_goes_before_what_was_learnt_and_learning_can_be_turned_off() -> None:
    chosen = Chosen.model_validate({"profile": {"hiccups": 9.0}})
    assert chosen.policy(LEARNT)["profile"] == LEARNT | {"hiccups": 9.0}
    assert Chosen.model_validate({"learns": False}).policy(LEARNT)["profile"] == {}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"judge": "argo", "argo": {"metrics": [{"name": "x", "intervall": "1m"}]}}, "argo: metrics.0..intervall"),
        ({"judge": "argo", "argo": {"metric": []}}, "argo: comparison.argo.metric: found"),
        ({"kayenta": {"interval": 0}}, "kayenta: interval: found 0; allowed: at least 1 minutes"),
        ({"judge": "best"}, "sequential"),
        ({"rehearsed": {"good": 30, "rolled_back": 40}}, "40 of 30: more than there were"),
    ],
)
def test_rules_that_a_judge_cannot_use_are_refused_before_a_release_begins(told: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Chosen.model_validate(told)


@pytest.mark.parametrize("judge", ["argo", "kayenta"])
def test_rules_may_stand_beside_another_choice(judge: str) -> None:
    rules = {
        "argo": {"metrics": [{"name": "x", "interval": "1m", "provider": {"samples": {}}}]},
        "kayenta": {"interval": 5},
    }
    chosen = Chosen.model_validate({"judge": judge, **rules})
    assert chosen.policy({}) == {"judge": judge, "rules": rules[judge]}
    assert Chosen.model_validate(rules).policy({})["judge"] == "sequential"
