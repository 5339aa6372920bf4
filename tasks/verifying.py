"""The body of the verify flow: one booked slot of a promoted release, or the run that makes it final."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from tasks.running import perform_rest, take_lease
from tasks.session import Session
from tidegate.attempt import begin_attempt
from tidegate.errors import Fenced, NoReturn
from tidegate.finalizing import finalize
from tidegate.requests import VerifyRequest
from tidegate.shifting import decide_down
from tidegate.slots import FINALIZE, Fate, fate
from tidegate.story import State as Stage
from tidegate.story import Story
from tidegate.verifying import Verified, call_people, gone, on_fail, record, tell_and_report, verify

REMOVED_WITHIN = timedelta(minutes=5)  # blue waits for the mark, its last requests and the way-back record


def run_verify(request: VerifyRequest) -> State[Any]:
    """One outcome for this slot: PASS, FAIL, MISSED or SUPERSEDED, never two."""
    session = Session.here()
    row = session.ledger.find(request.release)
    if row is None:
        return Failed(name="Refused", message=f"the ledger knows no release {request.release}")
    world = session.world_of(row)
    story = Story.of(session.ledger.entries(row.id))
    if request.slot == FINALIZE:
        return _finalize(session, request)
    late = gone(world.spec, story, request.slot)
    what = fate(world.spec, request.slot, request.due, session.ledger.now(), story.slots, late)
    if what is Fate.ANSWERED:
        return Completed(name="AnsweredBefore", message=str(story.slots[request.slot]["sentence"]))
    if what is Fate.RUN:
        verified = verify(world, story, request.slot)
    else:
        why = "too late to be useful" if what is Fate.MISSED else story.superseded or f"the release is {story.state}"
        told = f"{why} (due {request.due:%Y-%m-%d %H:%M:%S} UTC)"
        verified = Verified("MISSED" if what is Fate.MISSED else "SUPERSEDED", told)
    try:
        record(session.ledger, row.id, request.slot, request.due, verified, str(flow_run.id))
    except Fenced:
        if not _failed_too_late(session, row.id, request.slot, verified):
            return Completed(name="AnsweredBefore", message=f"{request.slot} has its outcome")
    else:
        if what is Fate.RUN:
            tell_and_report(world, Story.of(session.ledger.entries(row.id)), request.slot, verified)
    return _shown(session, row.id, on_fail(world.spec, request.slot), request.slot, verified)


def _failed_too_late(session: Session, release: str, slot: str, verified: Verified) -> bool:
    """The watch gave this slot up while its run still looked: MISSED stands, and a failure is acted on all the same."""
    standing = Story.of(session.ledger.entries(release)).slots.get(slot, {})
    return verified.outcome == "FAIL" and standing.get("outcome") == "MISSED"


def _shown(session: Session, release: str, failing: str, slot: str, verified: Verified) -> State[Any]:
    """A late failure rolls back while promoted and the mark is its own; else it pages, as a missed slot does."""
    if verified.outcome == "MISSED":
        _page(session, release, slot, verified)
    if verified.outcome != "FAIL":
        done = "Completed" if verified.outcome == "PASS" else verified.outcome.title()
        return Completed(name=done, message=verified.sentence)
    story = Story.of(session.ledger.entries(release))
    row = session.ledger.find(release)
    if failing == "rollback" and story.state in (Stage.PROMOTED, Stage.SHIFTING) and row is not None:
        try:
            decide_down(session.world_of(row), release, f"verification {slot}", verified.sentence, story=story)
        except NoReturn as stays:
            _page(session, release, slot, replace(verified, sentence=f"{verified.sentence}; {stays}"))
    else:
        _page(session, release, slot, verified)
    return Failed(name="VerificationFailed", message=verified.sentence)


def _page(session: Session, release: str, slot: str, verified: Verified) -> None:
    row = session.ledger.find(release)
    if row is not None:
        call_people(session.world_of(row), Story.of(session.ledger.entries(release)), slot, verified)


def _finalize(session: Session, request: VerifyRequest) -> State[Any]:
    """Green alone, blue removed: booked for when the time to keep blue is over."""
    row = session.ledger.find(request.release)
    assert row is not None
    world, story = session.world_of(row), Story.of(session.ledger.entries(row.id))
    if story.state not in (Stage.PROMOTED, Stage.FINALIZED):
        return Completed(name="NotNeeded", message=f"{row.id} is {story.state}: there is nothing to make final")
    lease = session.installation.lease.total_seconds()
    attempt = take_lease(lambda: begin_attempt(world, row, row.run_id, lease, "finalize"))
    perform_rest(attempt, finalize(world.spec), REMOVED_WITHIN, session)
    return Completed(name="Closed", message=f"{row.id} is final; stable is {row.version}")
