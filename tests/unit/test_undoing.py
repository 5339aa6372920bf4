"""What follows once the traffic is back: the spec's own acts, in order, none of which can stop a rollback."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain
from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Place
from tidegate.attempt import begin_attempt
from tidegate.errors import Denied, ReleaseRefused, Unreachable
from tidegate.ledger import Entry, Kind
from tidegate.locks import lock_of, refuse_locked
from tidegate.performing import perform
from tidegate.plan import drive
from tidegate.rollback import afterwards, to_write_up
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.spec import Spec
from tidegate.undoing import list_of, undo

MESSAGES = [{"name": "back", "text": "{version} is back", "severity": "critical"}]
AUTO: list[dict[str, Any]] = [
    {"act": "traffic-back"},
    {"act": "flush-cache", "run": specs.NOWHERE, "tell": ["back"]},
    {"act": "verify", "checks": ["ready"]},
    {"act": "restore-data", "run": specs.NOWHERE, "mode": "ask", "says": "from the backup"},
    {"act": "run-command", "run": specs.NOWHERE, "mode": "never"},
]
MANUAL = [{"act": "open-issue", "run": specs.NOWHERE}]


def spec(**rollback: Any) -> Spec:
    told = {"auto": AUTO, "manual": MANUAL, **rollback}
    return specs.spec(rollback=told, messages=MESSAGES, checks=[specs.READY])


def play(told: Spec, fault: str = "errors", **acts: Exception) -> Play:
    """A version that turns bad at 25 %; `acts` go wrong in this way."""
    random = Random(1)
    made = Play(told, Version("v2", fault, above=5), random, Weather(random, frozenset()), calm=True)
    for name, error in acts.items():
        made.world.acts[name.replace("_", "-")].do = _raising(error)  # type: ignore[method-assign]
    made.orchestrator.start("release", {"version": "v2"}, after=0.5)
    made.line.at(0.1, made.watchers[0].round)
    made.line.run(1800.0)
    return made


TRIED: list[Exception] = []


def _raising(error: Exception) -> Any:
    def raise_(*_: object) -> str:
        TRIED.append(error)
        raise error

    return raise_


def entries(made: Play) -> list[Entry]:
    return list(made.ledger.entries("shop/v2/1"))


def outcomes(made: Play) -> list[str]:
    """The rollback's outcomes by kind and name."""
    mine = [one.key.split("/") for one in entries(made) if one.kind is Kind.OUTCOME and "/rollback/" in one.key]
    return [f"{parts[3]} {parts[5]}".removesuffix(" -") for parts in mine]


@pytest.mark.proves("S0-092")
def test_the_acts_come_in_their_order_once_the_traffic_is_back_and_before_the_row_is_free() -> None:
    made = play(spec())
    assert outcomes(made) == [
        "ensure-lowered", "verify-rollback", "undo auto-2-flush-cache", "tell back", "run-check ready",
        "stop-green api", "cancel-slots", "close-rollback", "tell rolled-back", "tell page", "write-report rolled-back",
        "end-run",
    ]  # fmt: skip
    [page] = [one.body for one in entries(made) if one.key.endswith("tell/left/page/1") and one.kind is Kind.OUTCOME]
    assert page["notice"] == "page"


def test_an_act_that_fails_is_left_to_people_and_the_rollback_goes_on() -> None:
    made = play(spec(), auto_2_flush_cache=Denied("the cache says no"))
    assert outcomes(made)[2:5] == ["undo auto-2-flush-cache", "tell back", "run-check ready"]
    [failed] = [one.body for one in entries(made) if one.body.get("event") == "act-performed"]
    assert (failed["verdict"], failed["evidence"]) == ("FAIL", "the cache says no")
    assert outcomes(made)[-1] == "end-run"
    assert _left(made) == [
        "auto-2-flush-cache: the cache says no",
        "auto-4-restore-data: waits for somebody who confirms it (from the backup)",
    ], "what is never done is nobody's"


def _left(made: Play) -> list[str]:
    """What the plan leaves to people, by the chain's own answers."""
    answers = {one.key: one.body for one in entries(made) if one.kind is Kind.OUTCOME}
    found: list[str] = []

    def again() -> Any:
        found.extend((yield from undo(made.spec, "auto", Place(plan="rollback"))))
        return None

    drive(again(), answers, lambda action: pytest.fail(f"{action.key} is not answered"))
    return found


def test_a_world_that_may_yet_answer_is_asked_three_times() -> None:
    away = Unreachable("away")
    made = play(spec(), auto_2_flush_cache=away)
    assert TRIED.count(away) == 3
    [failed] = [one.body for one in entries(made) if one.body.get("event") == "act-performed"]
    assert failed["evidence"] == "away (3 times)"


def test_what_a_person_decides_has_a_list_of_its_own() -> None:
    def decided(who: str, *events: ev.Event) -> str:
        chain = Chain().claimed().weight()
        for n, event in enumerate(events):
            chain.did(f"main/1/canary/ask-approval/{n}/go/1", event)
        return list_of(chain.down(who=who).story)

    no = ev.Answered(at=NOW, gate="go", decision="reject", approver="kim")
    assert [decided(who) for who in ("watch", "release", "verification T+1h", "kim (unproved)")] == [
        "auto", "auto", "auto", "manual",
    ]  # fmt: skip
    assert decided("release", no) == "manual"
    assert decided("watch", no) == "auto", "what the watch decides is no person's, whatever was answered before"


def test_a_person_who_confirms_later_has_the_act_done_once_and_named() -> None:
    made = play(spec())
    row = made.ledger.find("shop/v2/1")
    assert row is not None
    attempt = begin_attempt(made.world, row, row.run_id, 30.0, "rollback", plan_acts=False)
    plan = afterwards(made.spec, ["auto-4-restore-data", "auto-5-run-command"], attempt.lease.epoch)
    drive(plan, attempt.story.answers, lambda action: perform(attempt, action))
    done = [one.body["name"] for one in entries(made) if one.body.get("event") == "act-performed"]
    assert done == ["auto-2-flush-cache", "auto-4-restore-data"], "what is never done is not done when it is named"


def test_people_are_told_once_what_has_to_be_written_up_by_whom_and_within_which_time() -> None:
    items = [
        {"name": "cause", "says": "what was the cause", "owner": "lead", "due": "24h"},
        {"name": "plan", "says": "what changes"},
    ]
    contacts = [{"role": "lead"}]
    told = specs.spec(rollback={"post_mortem": ["cause", "plan"]}, items=items, contacts=contacts)
    assert to_write_up(told) == "post-mortem to write: what was the cause (lead) within 1d; what changes"
    made = play(told)
    assert outcomes(made).count("tell alert") == 1


def test_an_act_of_a_rollback_has_a_key_of_its_own() -> None:
    assert do.Undo(Place(plan="rollback"), "auto-2-flush-cache").key == "main/1/rollback/undo/-/auto-2-flush-cache/1"


# -- locks ------------------------------------------------------------------------------------------------------------


def sent_back(who: str) -> Chain:
    return Chain().claimed().weight().down(who=who)


@pytest.mark.proves("trg.cooldown")
def test_after_a_rollback_nothing_starts_until_the_lock_is_over_unless_a_named_person_says_why() -> None:
    chain = sent_back("kim")
    at = chain.entries[-1].at
    locking = spec(lock="24h", cooldown="48h")
    told = lock_of(locking, [chain.story], at)
    assert "shop/v2/1 was rolled back at" in told
    assert "locked for 1d" in told
    assert not lock_of(locking, [chain.story], at + locking.rollback.lock)
    assert "locked for 2d" in lock_of(locking, [sent_back("watch").story], at + locking.rollback.lock)
    assert not lock_of(spec(), [chain.story], at), "without a lock a release may start at once"
    assert not lock_of(locking, [Chain().claimed().weight().story], at)
    with pytest.raises(ReleaseRefused, match="locked for 1d"):
        refuse_locked(locking, [chain.story], at, "", "mina")
    with pytest.raises(ReleaseRefused):
        refuse_locked(locking, [chain.story], at, "it is mended", " ")
    assert refuse_locked(locking, [chain.story], at, "it is mended", "mina") == told
