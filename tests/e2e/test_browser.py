"""
A release by clicks alone: forms, the question, the release page, a rollback, as a person meets them in Prefect's UI.

With TIDEGATE_PICTURES=docs/pictures the pictures of the documentation are taken on the way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.connect import known
from tests.e2e.prefect_ui import PATIENCE, PrefectUi, browser_page
from tests.e2e.standing import Standing
from tests.house.tree import ROOT
from tidegate.ledger import Entry, Kind
from tidegate.report.seal import verify
from tidegate.story import State

pytestmark = pytest.mark.timeout(600)  # the first test starts the whole system, too
FACTS = (
    "Open the gate?", "1.0 to 2.0", "Checks: 4 of 4 passed", "rows restored and equal", "no answer:", "한국어",
    "reject: the release ends without traffic", "Who may answer", "tidegate approve",
)  # fmt: skip
ANSWERS = ("Decision", "Your name", "Note", "Traffic plan")


@pytest.fixture(scope="module")
def ui(whole_system: Standing) -> Iterator[PrefectUi]:
    wanted = os.environ.get("TIDEGATE_PICTURES")
    with browser_page() as page:
        yield PrefectUi(page, whole_system.ui, (ROOT / wanted) if wanted else None)


def start(ui: PrefectUi, reason: str) -> str:
    """Fill the run form and submit it; the run."""
    ui.open_run_form("release")
    ui.fill("Version", "2.0")
    ui.fill("Reason", reason)
    ui.fill("Your name", "Mina Park")
    ui.shot("run-form", height=1220)
    return ui.submit_run()


def answer(ui: PrefectUi, decision: str, note: str) -> float:
    """Fill the open form of a resume and submit it; when the click was."""
    ui.choose("Decision", decision)
    ui.fill("Your name", "Lee Jun")
    ui.fill("Note", note)
    ui.choose("Traffic plan", "halves")
    return ui.submit_resume()


def entry(standing: Standing, release: str, told: str) -> Entry:
    """The entry with this event or note, once it is there."""

    def found() -> Entry | None:
        mine = [e for e in standing.entries(release) if told in (e.body.get("event"), e.key)]
        return mine[0] if mine else None

    one = standing.await_(found, f"{release} tells {told}")
    assert one is not None
    return one


def pages(standing: Standing, release: str) -> list[dict[str, Any]]:
    """The release's pages among Prefect's artifacts."""
    wanted = {"artifacts": {"key": {"any_": ["release-shop"]}}, "limit": 200}
    return [a for a in standing.call("POST", "/artifacts/filter", wanted) if a["description"].endswith(f" {release}")]


@pytest.mark.proves("E16", "E17", "E18", "E19", "E25", "E26", "E27")
def test_a_release_is_started_answered_watched_and_rolled_back_by_clicks(standing: Standing, ui: PrefectUi) -> None:
    run_id = start(ui, "stars beside the products")
    standing.await_state(run_id, "Suspended")
    release = standing.release_of(run_id)
    ui.shows("shop 1.0 > 2.0")
    run = standing.call("GET", f"/flow_runs/{run_id}")
    assert run["name"] == "shop 1.0 > 2.0"
    assert {"tidegate", "system:shop"} <= set(run["tags"])

    _the_question_has_facts_and_refuses_a_blank_name(ui, run_id)
    clicked = answer(ui, "approve", "the figures are good")
    again = {"decision": "reject", "approver": "somebody", "note": "-", "plan": "halves"}
    assert standing.runs.resume(run_id, again), "a second answer is taken"
    _the_click_is_noted_before_it_acts(standing, release, clicked)

    standing.await_(lambda: standing.weights() == [50, 50], "green has half of the traffic")
    _the_page_is_one_artifact_that_follows(standing, ui, run_id, release)
    _a_rollback_by_its_form(standing, ui, release)

    ended = standing.await_state(run_id, "RolledBack")
    assert ended.type == "FAILED"
    message = standing.call("GET", f"/flow_runs/{run_id}")["state"]["message"]
    assert message == "the basket is slow (decided by Mina Park (unproved))"
    ui.open_run(run_id)
    ui.shows("RolledBack")
    second = {"flow_runs": {"tags": {"all_": [f"release:{release}"]}}, "flows": {"name": {"any_": ["rollback"]}}}
    assert standing.call("POST", "/flow_runs/filter", second) == [], "the watch asks for no second rollback"
    _the_report_opens_from_the_disk(standing, ui, release)


def _the_question_has_facts_and_refuses_a_blank_name(ui: PrefectUi, run_id: str) -> None:
    dialog = ui.open_resume_form(run_id)
    text = dialog.inner_text()
    for told in FACTS:
        assert told in text, told
    assert ui.labels()[-len(ANSWERS) :] == list(ANSWERS), "the fields, in this order and none of them (Optional)"
    for label in ANSWERS:
        assert ui.value(label) == "", f"{label} has an answer already"
    ui.shot("approval-form", height=1190, only=dialog)
    dialog.get_by_role("button", name="Submit", exact=True).click()
    ui.shows("'approver' is a required property")
    ui.shows("'decision' is a required property")


def _the_click_is_noted_before_it_acts(standing: Standing, release: str, clicked: float) -> None:
    noted = entry(standing, release, "answer-noted")
    assert f"Noted: Lee Jun says approve to go; acts by {_clock(noted.body['acts_by'])}" in _told(standing, release)
    acted = entry(standing, release, "answered")
    assert noted.seq < acted.seq
    print(f"\nclick -> noted {noted.at.timestamp() - clicked:.1f} s, -> acts {acted.at.timestamp() - clicked:.1f} s")


def _told(standing: Standing, release: str) -> str:
    """Page and status together: what people see in between; the release may act before the second is asked."""
    at = standing.await_(lambda: [p for p in pages(standing, release) if "Noted:" in p["data"]], "the page says so", 20)
    return str(at[0]["data"])


def _clock(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%H:%M:%S}"


def _the_page_is_one_artifact_that_follows(standing: Standing, ui: PrefectUi, run_id: str, release: str) -> None:
    def shown() -> dict[str, Any] | None:
        mine = pages(standing, release)
        assert len(mine) == 1, "one page a release"
        return mine[0] if "50 % of the traffic, step 1 of 2" in mine[0]["data"] else None

    page = standing.await_(shown, "the page tells the first step")
    assert page is not None
    assert page["flow_run_id"] == run_id
    ui.open_run(run_id)
    ui.shows("bake 50 %")
    ui.shot("run-in-a-bake")
    ui.page.get_by_text("Artifacts", exact=True).click()
    ui.page.get_by_text("release-shop", exact=True).last.click()
    ui.shows("2.0 gets 50 % of the traffic, step 1 of 2")
    ui.shows("tidegate rollback shop")
    ui.shot("release-page", height=1190)


def _a_rollback_by_its_form(standing: Standing, ui: PrefectUi, release: str) -> None:
    ui.open_run_form("rollback")
    ui.fill("Reason", "the basket is slow")
    ui.fill("Your name", "Mina Park")
    run_id = ui.submit_run()
    standing.await_(lambda: standing.weights() == [0, 0], "no customer reaches green")
    served = standing.customers()["seconds"][-1]["at"]
    standing.await_state(run_id, "RolledBack")
    assert standing.runs.state(run_id).type == "COMPLETED"
    ui.shows("RolledBack")
    ui.shot("rollback-run")
    standing.await_story(release, State.ROLLED_BACK)
    later = standing.await_(
        lambda: [second for second in standing.customers()["seconds"] if second["at"] > served + 2], "customers go on"
    )
    assert all("2.0" not in side for second in later for side in second["answers"].values())
    down = entry(standing, release, next(e.key for e in standing.entries(release) if e.kind is Kind.DOWN))
    assert (down.who, down.body["why"]) == ("Mina Park (unproved)", "the basket is slow")
    last = standing.await_(lambda: [p for p in pages(standing, release) if "Rolled back to 1.0" in p["data"]],
                           "the page tells the end")  # fmt: skip
    assert len(last) == 1


def _the_report_opens_from_the_disk(standing: Standing, ui: PrefectUi, release: str) -> None:
    location = Path(str(entry(standing, release, "report-written").body["location"]))
    ui.page.goto(f"file://{location}")
    ui.shows("Rolled back to 1.0")
    ui.shows("the basket is slow")
    assert verify(location.read_text("utf-8"))
    ui.shot("report-rolled-back", height=1300)


@pytest.mark.proves("E18")
def test_a_rejected_release_ends_without_traffic_and_says_whose_no_it_was(standing: Standing, ui: PrefectUi) -> None:
    run_id = start(ui, "to be rejected")
    standing.await_state(run_id, "Suspended")
    ui.open_resume_form(run_id)
    answer(ui, "reject", "the migration is not reviewed")
    standing.await_state(run_id, "Aborted")
    ui.shows("Aborted")
    story = standing.story(standing.release_of(run_id))
    assert (story.state, story.had_traffic) == (State.ABORTED, False)
    message = standing.call("GET", f"/flow_runs/{run_id}")["state"]["message"]
    assert "Lee Jun" in message
    assert "the migration is not reviewed" in message


def test_the_catalogue_has_a_form_for_every_connector(standing: Standing, ui: PrefectUi) -> None:
    def missing() -> set[str]:
        types = standing.call("POST", "/block_types/filter", {"limit": 200})
        return set(known()) - {found["slug"] for found in types}

    standing.await_(lambda: not missing(), "the runner has registered every connector")
    ui.page.goto(f"{ui.url}/blocks/catalog/traefik-router/create")
    ui.shows("Names the route", PATIENCE)
    assert "Rule" in ui.labels()
    ui.shot("connector-form", height=1300)
