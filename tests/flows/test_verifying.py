"""The body of the verify flow in a simulated world: one outcome a slot, and what follows from a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from prefect.client.schemas.objects import State as Shown

from tasks.session import Session
from tasks.verifying import run_verify
from tidegate import events as ev
from tidegate.ledger import Draft, Kind, ReleaseRow
from tidegate.ports import CheckResult, Verdict
from tidegate.requests import VerifyRequest
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.story import State, Story
from tidegate.verifying import Verified, record
from tidegate.world import World

RELEASE, SLOT, LATER = "shop/v2/1", "T+1h", "T+2h"
NEWER = {"why": "shop/v3/1 has claimed the route"}


class Check:
    """Satisfies `tidegate.ports.Check`; what happens while it runs is the test's."""

    def __init__(self, holds: bool, meanwhile: Any = None) -> None:
        self.holds, self.meanwhile = holds, meanwhile

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        if self.meanwhile is not None:
            self.meanwhile()
        return CheckResult(Verdict.PASS if self.holds else Verdict.FAIL, "a customer can buy")


class Stand:
    """A promoted release of a simulated shop, and a session for the flow's body to find."""

    def __init__(self, on_fail: str = "rollback") -> None:
        check = {"name": "buys", "check": specs.NOWHERE, "says": "a customer can buy"}
        told = {"slots": ["1h", "2h"], "late": "30m", "checks": ["buys"], "on_fail": on_fail}
        spec = specs.spec(checks=[check], verification=told, cleanup={"keep_blue": "2d"})
        random = Random(1)
        self.play = Play(spec, Version("v2"), random, Weather(random, frozenset()), calm=True)
        self.play.orchestrator.start("release", {"version": "v2"}, after=0.5)
        self.play.line.at(0.1, self.play.watchers[0].round)
        self.play.line.run(600.0)
        self.play.watchers[0].busy = True  # from here on nobody acts but the flow
        self.ledger, self.check = self.play.ledger, Check(holds=True)
        assert self.story.state is State.PROMOTED

    def world_of(self, _: ReleaseRow) -> World:
        return replace(self.play.world, checks={"buys": self.check})

    @property
    def story(self) -> Story:
        return Story.of(self.ledger.entries(RELEASE))

    def due(self, slot: str = SLOT) -> datetime:
        return datetime.fromisoformat(self.story.booked[slot])

    def at(self, after: timedelta, slot: str = SLOT) -> VerifyRequest:
        """The slot's run so long after it was due."""
        self.play.orchestrator.booked.clear()  # its simulated run is not started: the real flow is
        self.play.line.t += (self.due(slot) + after - self.play.line.now()).total_seconds()
        return VerifyRequest(release=RELEASE, slot=slot, due=self.due(slot))

    def told(self, kind: Kind, key: str = "") -> list[Any]:
        return [entry for entry in self.ledger.entries(RELEASE) if entry.kind is kind and key in entry.key]


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    found = Stand()
    monkeypatch.setattr(Session, "here", lambda: found)
    return found


def shown(state: Shown[Any]) -> tuple[str, str]:
    return state.type.value, str(state.name)


SOON = timedelta(seconds=3)


def test_a_release_that_the_ledger_does_not_know_is_refused(stand: Stand) -> None:
    state = run_verify(VerifyRequest(release="shop/v9/1", slot=SLOT, due=stand.due()))
    assert shown(state) == ("FAILED", "Refused")


def test_a_run_that_is_too_late_to_be_useful_says_so_and_people_are_told(stand: Stand) -> None:
    state = run_verify(stand.at(timedelta(minutes=31)))
    assert shown(state) == ("COMPLETED", "Missed")
    [entry] = stand.told(Kind.SLOT)
    assert entry.body["outcome"] == "MISSED"
    assert entry.body["sentence"].startswith("too late to be useful (due 2026-03-02 ")
    assert len(stand.told(Kind.NOTE, "paged")) == 1
    assert stand.play.notifier.told[-1] == "page"


@pytest.mark.parametrize("closed", [False, True])
def test_a_slot_of_a_superseded_release_is_not_looked_at_and_its_run_names_the_newer_one(
    stand: Stand, *, closed: bool
) -> None:
    request, asked = stand.at(timedelta(minutes=31)), list[str]()
    stand.check = Check(holds=False, meanwhile=lambda: asked.append("asked"))
    if closed:
        row = stand.ledger.find(RELEASE)
        assert row is not None
        body = ev.Closed(at=stand.play.line.now()).to_body()
        stand.ledger.append(RELEASE, Draft(Kind.OUTCOME, "main/1/finalize/close/-/-/1", body, "x", row.epoch))
    stand.ledger.append(RELEASE, Draft(Kind.EXPIRY, "superseded", NEWER, "watch"))
    assert stand.story.state is (State.CLOSED if closed else State.SUPERSEDED)
    assert shown(run_verify(request)) == ("COMPLETED", "Superseded")
    [entry] = stand.told(Kind.SLOT)
    assert entry.body["sentence"].startswith(NEWER["why"])
    assert not asked
    assert not stand.told(Kind.NOTE, "paged")


def test_a_failure_only_pages_where_the_spec_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand("page")
    monkeypatch.setattr(Session, "here", lambda: stand)
    stand.check = Check(holds=False)
    assert shown(run_verify(stand.at(SOON))) == ("FAILED", "VerificationFailed")
    assert (stand.story.state, len(stand.told(Kind.NOTE, "paged"))) == (State.PROMOTED, 1)


@pytest.mark.parametrize(("holds", "name", "state"), [(False, "VerificationFailed", State.DOWN),
                                                      (True, "AnsweredBefore", State.PROMOTED)])  # fmt: skip
def test_a_slot_that_the_watch_gave_up_while_its_run_looked_stays_missed_and_a_failure_still_counts(
    stand: Stand, *, holds: bool, name: str, state: State
) -> None:
    request = stand.at(SOON)

    def gives_up() -> None:
        record(stand.ledger, RELEASE, SLOT, stand.due(), Verified("MISSED", "no run came"), "watch")

    stand.check = Check(holds, gives_up)
    assert run_verify(request).name == name
    assert [entry.body["outcome"] for entry in stand.told(Kind.SLOT)] == ["MISSED"]
    assert stand.story.state is state


def test_another_run_of_the_slot_that_was_first_stands_and_a_failure_beside_it_moves_nothing(stand: Stand) -> None:
    request = stand.at(SOON)

    def passes() -> None:
        record(stand.ledger, RELEASE, SLOT, stand.due(), Verified("PASS", "well"), "another run")

    stand.check = Check(holds=False, meanwhile=passes)
    assert run_verify(request).name == "AnsweredBefore"
    assert stand.story.state is State.PROMOTED


def test_nothing_is_made_final_of_a_release_that_is_down(stand: Stand) -> None:
    stand.ledger.append(RELEASE, Draft(Kind.DOWN, "down/t", {"why": "no", "token": "t"}, "kim"))
    state = run_verify(VerifyRequest(release=RELEASE, slot="finalize", due=stand.due(LATER)))
    assert shown(state) == ("COMPLETED", "NotNeeded")
    assert not stand.story.final
