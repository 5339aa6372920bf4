"""
The acts between a release, its ledger and the orchestrator: turn, promotion, bookings, notices, reports, endings.

What cannot be delivered is dropped with the reason; nothing waits for a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate import preparing, shifting
from tidegate.actions import Action
from tidegate.attempt import Attempt
from tidegate.errors import ConnectorError, LedgerUnavailable, NotApplied, Unreachable
from tidegate.language.moments import Anchor
from tidegate.ports import Verdict
from tidegate.slots import anchors_of, due_times, step_of
from tidegate.telling import tell_all, written

UNDO_TRIES, UNDO_AGAIN = 3, 2.0  # attempts at an act of a rollback; seconds before the second, and as many more each


def take_turn(attempt: Attempt) -> ev.Event:
    """Hold the system's one row, from the first effect on production on (AlreadyReleasing names its holder)."""
    attempt.ledger.activate(attempt.row.id, attempt.lease.epoch)
    return ev.TurnTaken(at=attempt.world.clock.now())


def promote(attempt: Attempt, action: do.Promote) -> ev.Event:
    """The plan's last weight is judged: over, though late rollback stays possible while blue is kept."""
    event = attempt.once(action, lambda: ev.Promoted(at=attempt.world.clock.now(), weight=action.weight))
    attempt.ledger.retire(attempt.row.id)
    return event


def abort(attempt: Attempt, action: do.Abort) -> ev.Event:
    """
    End before traffic: what was started is stopped, the row is free.

    Where routes are claimed, a raise may still be on its way (a write that was never answered): the stop keeps it out.
    """
    stop = shifting.new_stop(attempt.who, action.why, attempt.world.clock.now())
    shifting.lower_routes(attempt.world, attempt.row.id, stop, story=attempt.story)
    for component, body in _greens(attempt).items():
        split = attempt.world.parts[component].router.read().split
        if not preparing.carries(split, body["side"]):
            attempt.world.parts[component].platform.remove(body["side"], attempt.world.spec.cleanup.grace)
    event = attempt.once(action, lambda: ev.Aborted(at=attempt.world.clock.now(), why=action.why))
    attempt.ledger.retire(attempt.row.id)
    return event


def _greens(attempt: Attempt) -> dict[str, Mapping[str, Any]]:
    told = attempt.story.answers.values()
    return {str(body["component"]): body for body in told if body.get("event") == "green-created"}


def close_rollback(attempt: Attempt, action: do.CloseRollback) -> ev.Event:
    """Rolled back, and the system's row is free again."""
    event = attempt.end(action, ev.RolledBack(at=attempt.world.clock.now()))
    attempt.ledger.retire(attempt.row.id)
    return event


def undo(attempt: Attempt, action: do.Undo) -> ev.Event:
    """
    An act of the rollback's own list: looked for before it is done, and tried again while the world may yet answer.

    Always an outcome: what cannot be done is a FAIL with its reason, and the rollback goes on.
    """
    world, release = attempt.world, attempt.row.id
    about = preparing.facts(world, attempt.story, "")
    about |= {"previous": str(attempt.story.opened.get("blue") or about.get("previous", ""))}
    doer = world.acts[action.name]

    def event(verdict: Verdict, evidence: str) -> ev.Event:
        return ev.ActPerformed(at=world.clock.now(), name=action.name, verdict=verdict, evidence=evidence)

    def carried_out() -> ev.Event:
        why = ""
        for n in range(UNDO_TRIES):
            try:
                return event(Verdict.PASS, doer.done(release, about) or doer.do(release, about))
            except (Unreachable, NotApplied) as no:  # may be there in a moment
                why = str(no)
                world.clock.sleep(UNDO_AGAIN * (n + 1))
            except ConnectorError as no:
                return event(Verdict.FAIL, str(no))
        return event(Verdict.FAIL, f"{why} ({UNDO_TRIES} times)")

    return attempt.once(action, carried_out)


def close(attempt: Attempt, action: do.Close) -> ev.Event:
    """The last slot is answered: the watch stops looking once whoever wrote this has told and reported it."""
    event = attempt.once(action, lambda: ev.Closed(at=attempt.world.clock.now()))
    attempt.ledger.retire(attempt.row.id)
    return event


def book(attempt: Attempt, action: do.BookSlots) -> ev.Event:
    """Future runs, one per slot of this anchor; with a promotion, the run that makes the release final."""
    world, anchor = attempt.world, Anchor(action.name)
    anchors = anchors_of(world.spec, attempt.story)
    at = action.since or (anchors.get(anchor) if anchor is not Anchor.STEP else None) or world.clock.now()
    slots = due_times(world.spec, at, anchor, anchors, step_of(anchor, action.place))
    if world.bookings is not None:
        world.bookings.book(attempt.row.id, slots)
    return ev.SlotsBooked(at=world.clock.now(), anchor=action.name, slots=slots)


def cancel(attempt: Attempt) -> ev.Event:
    """Slots that have not started are not run for a version that is gone."""
    bookings = attempt.world.bookings
    return ev.SlotsCancelled(at=attempt.world.clock.now(), count=bookings.cancel(attempt.row.id) if bookings else 0)


def best_effort(attempt: Attempt, action: Action, effect: Callable[[], ev.Event]) -> ev.Event:
    """Always an outcome: what cannot be delivered is dropped, with the reason (scenario 20)."""
    try:
        event = effect()
    except (ConnectorError, LedgerUnavailable) as why:
        event = dropped(attempt, action, str(why))
    return attempt.end(action, event)


def dropped(attempt: Attempt, action: Action, why: str) -> ev.Event:
    now = attempt.world.clock.now()
    if isinstance(action, do.Tell):
        return ev.Told(at=now, notice=action.name, dropped=why)
    if isinstance(action, do.WriteReport):
        return ev.ReportWritten(at=now, dropped=why)
    return ev.RunEnded(at=now, state=f"not set: {why}")


def tell(attempt: Attempt, action: do.Tell) -> ev.Event:
    why = dict(action.facts).get("why", "")
    told = written(attempt.world, attempt.refresh(), action.name, action.severity, why)
    return ev.Told(at=attempt.world.clock.now(), notice=action.name, dropped=tell_all(attempt.world, told))


def write_report(attempt: Attempt) -> ev.Event:
    reports = attempt.world.reports
    if reports is None:
        return ev.ReportWritten(at=attempt.world.clock.now(), dropped="nobody writes reports here")
    location, digest = reports.write(attempt.row.id)
    return ev.ReportWritten(at=attempt.world.clock.now(), location=location, digest=digest)


def end_run(attempt: Attempt, action: do.EndRun) -> ev.Event:
    bookings = attempt.world.bookings
    row = attempt.ledger.find(attempt.row.id)
    if bookings is None or row is None or not row.run_id:
        return ev.RunEnded(at=attempt.world.clock.now(), state="no run")
    why = attempt.story.down.why if attempt.story.down else ""
    return ev.RunEnded(at=attempt.world.clock.now(), state=bookings.end_release_run(row.run_id, action.state, why))
