"""The watch's side thread, round by round: what it wants from Prefect, what it leaves alone, what it tells people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from deployments.aside import STOOD, PrefectAside, UnderWay
from tests.unit.answering import NOW
from tidegate.errors import Unreachable
from tidegate.ledger import Draft, Kind, ReleaseRow
from tidegate.memory_ledger import MemoryLedger
from tidegate.overdue import STARTING
from tidegate.ports import RunState
from tidegate.sight import Decision
from tidegate.slots import FINALIZE
from tidegate.story import Question

RELEASE = "shop/v2/1"
ASKED = Question("go", "main/1/release/ask-approval/go/go/1", "go-go-1", NOW, NOW + timedelta(hours=1), "abort", False,
                 "r1")  # fmt: skip


class Clock:
    """Handed in; seconds pass when a test says so, on the wall and for `time.monotonic` alike."""

    def __init__(self) -> None:
        self.t = 1000.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.t)

    def elapsed(self) -> float:
        return self.t

    def sleep(self, seconds: float) -> None:
        self.t += seconds


@dataclass
class Prefect:
    """As much of `PrefectRuns` as the side thread uses, and what was asked of it."""

    states: dict[str, RunState] = field(default_factory=lambda: {"r1": RunState("r1", "CRASHED", "Crashed")})
    given: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)  # what a search for the finalizing run finds
    away: bool = False
    did: list[tuple[str, ...]] = field(default_factory=list)
    pages: list[tuple[str, str]] = field(default_factory=list)

    def state(self, run_id: str) -> RunState:
        if self.away:
            raise Unreachable("no answer")
        return self.states[run_id]

    def answers(self, run_id: str, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        return {key: self.given[key] for key in keys if key in self.given}

    def again(self, run_id: str, why: str) -> bool:
        if self.away:
            raise Unreachable("no answer")
        self.did.append(("again", run_id))
        return True

    def start_release(self, release: str, request: Mapping[str, Any]) -> str:
        self.did.append(("start release", release, str(request["version"])))
        return "r2"

    def start_rollback(self, release: str, why: str) -> str:
        self.did.append(("start rollback", release))
        return "back"

    def book(self, release: str, slots: Mapping[str, datetime], attempt: int = 1) -> None:
        self.did.append(("book", *slots))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.did.append(("search", *body["flow_runs"]["tags"]["all_"]))
        return self.found

    def put_page(self, release: str, markdown: str, run_id: str, artifact: str = "") -> str:
        self.pages.append((release, markdown))
        return "page"


class Stand:
    """One release under way, its ledger, Prefect, and the side thread that is never started: rounds are called."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock, self.prefect, self.told = Clock(), Prefect(), list[str]()
        patch.setattr("time.monotonic", self.clock.elapsed)
        self.ledger = MemoryLedger(self.clock)
        self.row = self.ledger.open("shop", "v2", "r1", {"request": {"version": "v2"}, "stops_found": {}}, "kim")
        self.under_way = [UnderWay(self.row, (), 1, busy=True)]
        self.text = "a page"
        self.aside = PrefectAside(
            self.prefect, lambda: self.ledger, lambda: self.under_way, lambda _: self.text, self._tell  # type: ignore[arg-type]
        )  # fmt: skip

    def _tell(self, row: ReleaseRow, decision: Decision) -> None:
        self.told.append(f"{decision.component}: {decision.why}" if decision.component else decision.why)

    def round(self, *wants: Decision) -> list[tuple[str, ...]]:
        """What was asked of Prefect in a round that wants this."""
        self.prefect.did.clear()
        for decision in wants:
            self.aside.want(decision, self.row)
        self.aside._round(self.ledger)
        return list(self.prefect.did)

    def notes(self, key: str) -> list[Mapping[str, Any]]:
        return [e.body for e in self.ledger.entries(RELEASE) if e.kind is Kind.NOTE and e.key == key]


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


AGAIN, FINAL = Decision("again", "it died"), Decision("again", "blue is kept", key=FINALIZE)
EXPIRED = Decision("again", "nobody answered", key="expired")


def test_a_dead_run_is_started_again_and_the_chain_says_so(stand: Stand) -> None:
    assert stand.round(AGAIN) == [("again", "r1")]
    assert stand.notes("restarted") == [{"why": "it died"}]
    assert stand.round() == [], "once wished, once done"


def test_what_was_heard_before_a_restart_counts_no_more(stand: Stand) -> None:
    stand.round()
    assert stand.aside.state("r1") == RunState("r1", "CRASHED", "Crashed")
    stand.round(AGAIN)
    assert stand.aside.state("r1") is None


def test_what_was_heard_ten_seconds_ago_is_not_known_any_more(stand: Stand) -> None:
    stand.round()
    stand.clock.sleep(9.9)
    assert stand.aside.state("r1") is not None
    stand.clock.sleep(0.2)
    assert stand.aside.state("r1") is None


def test_a_run_whose_lease_lives_by_now_is_left_alone(stand: Stand) -> None:
    lease = stand.ledger.take(RELEASE, "r1", 10.0)
    assert stand.round(AGAIN) == []
    stand.clock.sleep(11.0)
    assert stand.round(AGAIN) == [("again", "r1")], "it has run out"
    stand.ledger.renew(lease)
    stand.ledger.give_back(lease)
    assert stand.round(AGAIN) == [("again", "r1")], "it was given back"


@pytest.mark.parametrize("waits", ["SCHEDULED", "PAUSED"])
def test_a_run_that_waits_by_now_is_woken_only_for_an_expired_question(stand: Stand, waits: str) -> None:
    stand.prefect.states["r1"] = RunState("r1", waits, waits)
    assert stand.round(AGAIN) == []
    assert stand.round(EXPIRED) == [("again", "r1")]
    assert stand.notes("restarted") == [], "a question that expired is no death"


def test_a_wish_that_prefect_does_not_answer_is_kept_until_it_does(stand: Stand) -> None:
    stand.under_way = []
    stand.prefect.away = True
    with pytest.raises(Unreachable):
        stand.round(AGAIN)
    assert stand.notes("restarted") == []
    stand.prefect.away = False
    assert stand.round() == [("again", "r1")]


def test_a_deleted_run_has_a_successor_that_the_release_is_bound_to(stand: Stand) -> None:
    assert stand.round(Decision("new-run", "it was deleted")) == [("start release", RELEASE, "v2")]
    row = stand.ledger.find(RELEASE)
    assert row is not None
    assert row.run_id == "r2"
    assert stand.notes("restarted") == [{"why": "it was deleted", "run": "r2"}]


# -- the run that makes a release final -------------------------------------------------------------------------------


def test_the_finalizing_run_that_exists_is_started_again_and_not_the_release_s_own(stand: Stand) -> None:
    stand.prefect.found = [{"id": "f1"}]
    stand.prefect.states["f1"] = RunState("f1", "FAILED", "Failed")
    assert stand.round(FINAL) == [("search", f"release:{RELEASE}", f"slot:{FINALIZE}"), ("again", "f1")]


def test_a_lost_finalizing_run_is_booked_again_for_now_and_the_chain_says_so(stand: Stand) -> None:
    assert stand.round(FINAL)[1:] == [("book", FINALIZE)]
    assert "lost" in stand.notes("restarted")[0]["why"]


def test_a_finalizing_run_that_somebody_cancelled_is_left_alone(stand: Stand) -> None:
    """Blue is kept on purpose; the same state of a release's own run is no reason."""
    stand.prefect.found = [{"id": "f1"}]
    stand.prefect.states |= {name: RunState(name, "CANCELLED", "Cancelled") for name in ("f1", "r1")}
    assert ("again", "f1") not in stand.round(FINAL)
    assert stand.notes("restarted") == []
    assert stand.round(AGAIN) == [("again", "r1")]


# -- the rollback's run -----------------------------------------------------------------------------------------------


def rollback(stand: Stand, kind: str, *, dead: bool) -> bool:
    """Whether the rollback's run, which shows this, is started again in this round."""
    stand.prefect.states["back"] = RunState("back", kind, kind)
    return ("again", "back") in stand.round(Decision("ask-rollback", "errors", key="dead" if dead else ""))


def test_an_ended_rollback_run_is_started_again_once_its_state_has_stood(stand: Stand) -> None:
    assert not rollback(stand, "FAILED", dead=False)
    stand.clock.sleep(STOOD - 0.1)
    assert not rollback(stand, "FAILED", dead=False)
    stand.clock.sleep(0.2)
    assert rollback(stand, "FAILED", dead=False)


def test_a_running_rollback_is_started_again_only_when_it_is_taken_for_dead_and_has_had_its_time(stand: Stand) -> None:
    assert not rollback(stand, "RUNNING", dead=True)
    stand.clock.sleep(STARTING + 0.1)
    assert not rollback(stand, "RUNNING", dead=False)
    assert rollback(stand, "RUNNING", dead=True)


def test_a_rollback_that_waits_for_a_worker_is_left_alone(stand: Stand) -> None:
    rollback(stand, "SCHEDULED", dead=True)
    stand.clock.sleep(10 * STARTING)
    assert not rollback(stand, "SCHEDULED", dead=True)


# -- people -----------------------------------------------------------------------------------------------------------


def test_people_are_told_even_when_prefect_does_not_answer(stand: Stand) -> None:
    stand.prefect.away = True
    with pytest.raises(Unreachable):
        stand.round(Decision("page", "blue is ill"), Decision("page", "no mark", "api"))
    assert stand.told == ["blue is ill", "api: no mark"]


def test_an_answer_is_noted_once_also_by_the_watch_that_comes_after(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.under_way = [UnderWay(stand.row, (ASKED,), 1, busy=False)]
    stand.round()
    assert stand.notes("answer-noted") == []
    stand.prefect.given = {"go-go-1": {"decision": "approve", "approver": "kim"}}
    stand.round()
    stand.round()
    assert [note["sentence"] for note in stand.notes("answer-noted")] == ["kim says approve to go"]
    successor = Stand(monkeypatch)
    successor.ledger, successor.under_way, successor.prefect.given = stand.ledger, stand.under_way, stand.prefect.given
    successor.round()
    assert len(stand.notes("answer-noted")) == 1


def test_a_page_is_put_when_the_chain_has_grown_or_time_has_come_and_its_text_is_new(stand: Stand) -> None:
    stand.round()
    assert stand.prefect.pages == [(RELEASE, "a page")]
    stand.text = "more"
    stand.round()
    assert len(stand.prefect.pages) == 1, "too soon"
    stand.under_way = [replace(stand.under_way[0], seq=2)]
    stand.round()
    assert stand.prefect.pages[1:] == [(RELEASE, "more")]
    stand.clock.sleep(60.0)
    stand.round()
    assert len(stand.prefect.pages) == 2, "it says the same"


def test_a_release_that_only_waits_for_its_scheduled_runs_is_asked_about_and_shown_only_when_its_chain_grows(
    stand: Stand,
) -> None:
    stand.under_way = [UnderWay(stand.row, (), 1, busy=False, waits=True)]
    stand.round()
    assert stand.aside.state("r1") is None
    stand.text = "later"
    stand.clock.sleep(3600.0)
    stand.round()
    assert [text for _, text in stand.prefect.pages] == ["a page"]
    stand.ledger.append(RELEASE, Draft(Kind.NOTE, "paged", {"why": "x"}, "watch"))
    stand.under_way = [replace(stand.under_way[0], seq=2)]
    stand.round()
    assert [text for _, text in stand.prefect.pages] == ["a page", "later"]


def test_a_release_that_is_watched_no_more_gets_one_last_page(stand: Stand) -> None:
    stand.round()
    stand.under_way, stand.text = [], "how it ended"
    stand.round()
    stand.text = "never"
    stand.round()
    assert [text for _, text in stand.prefect.pages] == ["a page", "how it ended"]
