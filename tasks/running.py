"""
The bodies of the flows: one attempt at a plan, from the lease to the state that Prefect shows.

A body can be run again from the top at any time; the ledger answers what is done. An exception leaves the lease to run
out: the watch starts the same run again, and rolls back at the third time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from prefect import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Failed, Scheduled

from tasks.approval import ask_approval
from tasks.lease import KeptAlive
from tasks.opening import find_or_open
from tasks.perform import carry_out
from tasks.session import Session
from tidegate import actions as do
from tidegate.acts import HERE
from tidegate.attempt import Attempt, begin_attempt
from tidegate.errors import Fenced, LedgerMismatch, NoReturn, NotApplied, ReleaseRefused, TidegateError
from tidegate.events import Event, Waited
from tidegate.ledger import ReleaseRow
from tidegate.overdue import MISMATCH
from tidegate.performing import ends_the_process
from tidegate.plan import Outcome, Plan, drive
from tidegate.release import GOES_ON, abort, release, shut
from tidegate.requests import ReleaseRequest
from tidegate.shifting import bake_id
from tidegate.story import State as Stage
from tidegate.story import Story
from tidegate.waiting import waits_until

LEASE_TRIES = 40  # half a second each: an earlier attempt's lease runs out in 10 s


def run_release(request: ReleaseRequest) -> State[Any]:
    """Perform a release, or go on with it."""
    session, run_id = Session.here(), str(flow_run.id)
    try:
        row, world = find_or_open(session, str(deployment.name), request, run_id)
    except TidegateError as no:  # nothing is begun yet, whatever it was
        return refused(no)
    story = Story.of(session.ledger.entries(row.id))
    if story.down is not None or story.state not in GOES_ON:
        return shown(story)
    attempt = take_lease(
        lambda: begin_attempt(world, row, run_id, session.installation.lease.total_seconds(), "release")
    )
    get_run_logger().info("%s: attempt %d, state %s", row.id, attempt.lease.epoch, attempt.story.state)
    if story.state is Stage.ABORTED:  # an earlier attempt died before it told anybody
        return perform_plan(session, attempt, abort(""))
    return perform_plan(session, attempt, release(world.spec, request.plan or "", request.stop_after))


def perform_plan(session: Session, attempt: Attempt, plan: Plan) -> State[Any]:
    """Drive the plan under the lease and show how it ended."""

    def answer(action: do.Action) -> Event:
        if ends_the_process(action):
            return in_the_body(session, attempt, action)
        return carry_out(attempt, action)

    with KeptAlive(attempt.ledger, attempt.lease):
        try:
            outcome = drive(plan, attempt.story.answers, answer)
        except Fenced as stopped:
            return fenced(attempt, stopped)
        except ReleaseRefused as no:
            outcome = end_refused(attempt, no)
        except NoReturn as no:
            return held(attempt, no)
        except LedgerMismatch as no:
            return mismatched(attempt, no)
        attempt.ledger.give_back(attempt.lease)
    return shown(attempt.refresh(), outcome)


def perform_rest(
    attempt: Attempt, plan: Plan, within: timedelta = timedelta(seconds=60), session: Session | None = None
) -> Outcome:
    """
    Drive a rollback or finalize plan under the lease; an act that waits for the world is tried until `within`.

    With a session it may also ask people: then the process ends, and the answer starts this run again from its top.
    """
    deadline = time.monotonic() + within.total_seconds()

    def answer(action: do.Action) -> Event:
        if session is not None and ends_the_process(action):
            return in_the_body(session, attempt, action)
        while True:
            try:
                return carry_out(attempt, action)
            except NotApplied:
                if time.monotonic() > deadline:
                    raise

    with KeptAlive(attempt.ledger, attempt.lease):
        outcome = drive(plan, attempt.story.answers, answer)
        attempt.ledger.give_back(attempt.lease)
    return outcome


def in_the_body(session: Session, attempt: Attempt, action: do.Action) -> Event:
    """Acts that end the process: approvals, waits, bakes longer than ten minutes."""
    match action:
        case do.AskApproval():
            return ask_approval(session, attempt, action)
        case do.Bake():
            return long_bake(attempt, action)
        case do.WaitUntil():
            return long_wait(attempt, action)
        case _:
            raise TidegateError(f"{type(action).__name__} is no act of a flow's body")


def long_bake(attempt: Attempt, action: do.Bake) -> Event:
    """The watch bakes; this run looks in when the bake should be over, and holds no process meanwhile."""
    story = attempt.refresh()
    if action.key not in story.open:
        told = {
            "id": bake_id(action.place, action.name),
            "seconds": action.lasting.total_seconds(),
            "weight": action.weight,
        }
        attempt.begin(action, {"bake": told})
    began = attempt.refresh().open[action.key].at
    left = (began + action.lasting) - attempt.ledger.now()
    if left > timedelta(seconds=30) and story.down is None:
        wait_until(attempt, left, f"baking at {action.weight} %")
    return carry_out(attempt, action)


def long_wait(attempt: Attempt, action: do.WaitUntil) -> Event:
    """Until its day, its offset or an open window; no process is held meanwhile."""
    story = attempt.refresh()
    if action.key not in story.open:
        attempt.begin(action)
        story = attempt.refresh()
    left = waits_until(attempt.world, story, action, attempt.ledger.now()) - attempt.ledger.now()
    if left > timedelta(0) and story.down is None:
        wait_until(attempt, left, f"{action.name}: goes on later")
    return attempt.end(action, Waited(at=attempt.ledger.now(), name=action.name))


def wait_until(attempt: Attempt, left: timedelta, why: str) -> None:
    """Put this run back to Scheduled and end the process; the time is in the ledger."""
    attempt.ledger.give_back(attempt.lease)
    at = attempt.ledger.now() + left
    with get_client(sync_client=True) as client:
        waiting: State[Any] = Scheduled(name="Waiting", scheduled_time=at, message=why)
        got = client.set_flow_run_state(flow_run.id, waiting)
    raise Pause(state=got.state)


def take_lease(begin: Callable[[], Attempt]) -> Attempt:
    """An earlier attempt's lease may still live for some seconds; beyond them its holder works, and this one ends."""
    for _ in range(LEASE_TRIES):
        try:
            return begin()
        except Fenced:
            time.sleep(0.5)
    return begin()


def fenced(attempt: Attempt, why: Fenced) -> State[Any]:
    """A Down or another attempt: this one performs nothing more."""
    story = attempt.refresh()
    if story.down is not None or story.over:
        attempt.ledger.give_back(attempt.lease)
        return shown(story)
    get_run_logger().warning("fenced: %s; another attempt goes on", why)
    with get_client(sync_client=True) as client:
        now = client.read_flow_run(flow_run.id).state
    raise Pause(state=now)  # ends this process without a word on the run's state, which is the other attempt's


def end_refused(attempt: Attempt, no: ReleaseRefused) -> Outcome:
    """Refused before traffic: aborted, with the reason. Refused with traffic (held too long): shut."""
    get_run_logger().error("%s %s", no, no.advice)
    if attempt.refresh().had_traffic:
        why = str(no)
        return drive(shut(HERE, why), {}, lambda action: carry_out(attempt, action))
    why = f"{no} {no.advice}".strip()
    return drive(abort(why), attempt.story.answers, lambda action: carry_out(attempt, action))


def mismatched(attempt: Attempt, no: LedgerMismatch) -> State[Any]:
    """The weight stays, nothing is tried again: a person rolls back, or continues with the version that began it."""
    get_run_logger().error("%s", no)
    attempt.ledger.give_back(attempt.lease)
    return Failed(name=MISMATCH, message=f"{no} {no.advice}".strip())


def held(attempt: Attempt, no: NoReturn) -> State[Any]:
    """The plan would go back and may not: the weight stays, the watch calls people, and starts this run again."""
    get_run_logger().error("%s %s", no, no.advice)
    attempt.ledger.give_back(attempt.lease)
    return Failed(name="NoReturn", message=f"{no} {no.advice}".strip())


def refused(no: TidegateError) -> State[Any]:
    """Nothing was touched."""
    get_run_logger().error("%s", no)
    return Failed(name="Refused", message=f"{no} {no.advice}".strip())


ENDS: dict[Stage, str] = {Stage.ROLLED_BACK: "RolledBack", Stage.DOWN: "RolledBack", Stage.ABORTED: "Aborted"}


def shown(story: Story, outcome: Outcome | None = None) -> State[Any]:
    """Promoted ends as Completed, a stage that rests as Completed("StageDone"), all else as Failed with its name."""
    if story.down is not None and story.state in ENDS:
        return Failed(name="RolledBack", message=f"{story.down.why} (decided by {story.down.who})")
    if story.state is Stage.ABORTED:
        why = next((str(b["why"]) for b in story.answers.values() if b.get("event") == "aborted"), "")
        return Failed(name="Aborted", message=why)
    if outcome is Outcome.RESTING or (story.resting_since and not story.over):
        return Completed(name="StageDone", message=f"rests at {story.weight} %; a later run continues it")
    return Completed(name="Promoted", message=f"{story.release} carries {story.weight} %")


def owner(session: Session, system: str, release: str | None) -> ReleaseRow:
    """The release that a rollback is about: the named one, else the one under way, else the promoted one."""
    rows = session.ledger.releases(system)
    if release is not None:
        rows = [row for row in rows if row.id == release]
    possible = {Stage.PREPARING, Stage.SHIFTING, Stage.PROMOTED, Stage.DOWN}
    if release is not None:
        possible.add(Stage.ROLLED_BACK)  # its last acts, if an earlier attempt died before them
    for row in rows:
        if Story.of(session.ledger.entries(row.id)).state in possible:
            return row
    known = ", ".join(row.id for row in session.ledger.releases(system)[:5]) or "none"
    raise ReleaseRefused(f"nothing of {system} can be rolled back", f"releases: {known}")
