"""A click that was noted, before the run that acts on it has started: the page and the status say by when it acts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit import report_samples as samples
from tests.unit.report_world import Script, Teller, shop_spec
from tidegate import actions as do
from tidegate.ledger import Kind
from tidegate.release import release
from tidegate.report.facts import facts_of
from tidegate.report.page import page_text
from tidegate.report.status import status_lines


def asking() -> Teller:
    """The release waits at the approval `half`."""
    stops = Script(stops_before=lambda action: isinstance(action, do.AskApproval) and action.name == "half")
    teller = Teller(shop_spec(), stops)
    teller.open()
    teller.tell(release(teller.spec))
    return teller


def note(teller: Teller, key: str = "answer-noted") -> None:
    by = (teller.now + timedelta(seconds=10)).isoformat()
    told = {"gate": "half", "decision": "approve", "approver": "kim", "acts_by": by}
    teller.append(Kind.NOTE, key, told, "watch")


def page(teller: Teller) -> str:
    return page_text(teller.spec, teller.entries, [], None, teller.now)


def status(teller: Teller) -> str:
    return "\n".join(status_lines(facts_of(teller.entries, [], teller.spec), None, teller.now, 120))


@pytest.mark.proves("E19")
def test_a_noted_answer_is_shown_with_the_time_by_which_it_acts() -> None:
    teller = asking()
    assert "Waiting for people" in page(teller)
    note(teller)
    by = f"{teller.now + timedelta(seconds=10):%H:%M:%S}"
    for text in (page(teller), status(teller)):
        assert f"Noted: kim says approve to half; acts by {by}" in text
        assert "Waiting for people" not in text
        assert "tidegate approve" not in text


def test_a_noted_answer_that_the_run_refused_leaves_the_question_open() -> None:
    teller = asking()
    note(teller)
    note(teller, "answer-refused")
    assert "Waiting for people" in page(teller)
    assert "Noted:" not in status(teller)


def test_an_answer_in_the_chain_ends_the_noting() -> None:
    told = samples.promoted()
    assert all(asked.noted is None for asked in facts_of(told.entries, told.readings, told.spec).approvals)
