"""The body of the rollback flow: decide if nobody has, lower first, then perform the rest under the release's lease."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.states import Completed, Failed

from tasks.running import owner, perform_rest, refused, take_lease
from tasks.session import Session
from tidegate.attempt import begin_attempt
from tidegate.crossing import crossed
from tidegate.errors import NoReturn, ReleaseRefused
from tidegate.ledger import ReleaseRow
from tidegate.requests import RollbackRequest
from tidegate.rollback import afterwards, rollback
from tidegate.seeing import routes_of
from tidegate.shifting import decide_if_needed
from tidegate.story import State as Stage
from tidegate.story import Story
from tidegate.undoing import every_undoing, list_of


def _confirmed(session: Session, row: ReleaseRow, request: RollbackRequest) -> State[Any]:
    """Acts of a rollback that is over, which a person confirms now; who that is stands in the chain."""
    world = session.world_of(row)
    known = {name: one for _, (name, one) in every_undoing(world.spec) if one.mode != "never"}
    if unknown := [name for name in request.confirm if name not in known]:
        return Failed(name="Refused", message=f"{', '.join(unknown)}: no such act; there are {', '.join(known)}")
    who = request.requester.strip()
    if not who:
        return Failed(name="Refused", message="whoever confirms an act says who they are (Your name)")
    lease = session.installation.lease.total_seconds()
    attempt = take_lease(lambda: begin_attempt(world, row, row.run_id, lease, "rollback", plan_acts=False))
    attempt.note("confirmed", {"acts": list(request.confirm), "who": who, "why": request.reason})
    perform_rest(attempt, afterwards(world.spec, request.confirm, attempt.lease.epoch))
    return Completed(name="RolledBack", message=f"{row.id}: {', '.join(request.confirm)}, confirmed by {who}")


def run_rollback(request: RollbackRequest) -> State[Any]:
    """Traffic first, then everything else; idempotent per release. Refused behind a point of no return not accepted."""
    session, system = Session.here(), str(deployment.name)
    named = session.ledger.find(request.release) if request.release else None
    if named is not None and Story.of(session.ledger.entries(named.id)).state is Stage.ROLLED_BACK:
        if request.confirm:
            return _confirmed(session, named, request)
        return Completed(name="RolledBack", message=f"{named.id} was rolled back before; nothing was left to do")
    try:
        row = owner(session, system, request.release)
    except ReleaseRefused as no:
        return refused(no)
    world = session.world_of(row)
    story = Story.of(session.ledger.entries(row.id))
    who = request.requester.strip() or "a person, by the rollback flow"
    beyond = crossed(story, routes_of(world, story))
    try:
        if decide_if_needed(world, row.id, f"{who} (unproved)", request.reason, story, request.beyond):
            get_run_logger().info("%s: every route back at 0 %%", row.id)
    except NoReturn as no:
        if beyond is not None and beyond.way != "refused":
            no.advice = f"start this flow with {beyond.way!r} as the way back accepted, or type: tidegate rollback"
            no.advice += f" {system} --beyond {beyond.way}"
        return refused(no)
    lease = session.installation.lease.total_seconds()
    attempt = take_lease(
        lambda: begin_attempt(world, row, row.run_id, lease, "rollback", at_once=True, plan_acts=False)
    )
    perform_rest(attempt, rollback(world.spec, request.reason, list_of(attempt.story)))
    done = attempt.refresh()
    if done.state is not Stage.ROLLED_BACK:
        return Failed(name="RollbackIncomplete", message=f"{row.id} is {done.state}")
    verified = next((b for b in done.answers.values() if b.get("event") == "rollback-verified"), {})
    told = f"{row.id}: {verified.get('evidence', '')}"
    return Completed(name="RolledBack", message=told + (f"; left to do by hand: {beyond}" if beyond else ""))
