"""
Every act, carried out through ports: Action -> Event. `tasks/` runs these under Prefect, rehearsals run them as they are.

Approvals and long waits are not here: they end the process, so the flow's body performs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tidegate import actions as do
from tidegate import events as ev
from tidegate import preparing, shifting
from tidegate.actions import Action
from tidegate.attempt import Attempt
from tidegate.errors import ConnectorError, LedgerUnavailable, NotApplied, TidegateError
from tidegate.notices import notice
from tidegate.ports import Verdict
from tidegate.slots import due_times

Progress = Callable[[Mapping[str, Any]], None]
LOOK_AGAIN = 0.2  # seconds between two readings of the watch's row while a bake waits


def silent(_: Mapping[str, Any]) -> None:
    """Nobody watches the progress."""


def perform(attempt: Attempt, action: Action, progress: Progress = silent) -> ev.Event:
    """Carry out one act and record it; what happened is what was observed."""
    match action:
        case do.RunCheck():
            return attempt.once(action, lambda: preparing.run_check(attempt.world, attempt.story, action))
        case do.TakeTurn():
            return attempt.once(action, lambda: take_turn(attempt))
        case do.TakeBackup():
            return preparing.take_backup(attempt, action)
        case do.ProveBackup():
            return attempt.once(action, lambda: preparing.prove_backup(attempt.world, action))
        case do.PushArtifact():
            return preparing.push_artifact(attempt, action)
        case do.CreateGreen():
            return preparing.create_green(attempt, action)
        case do.AwaitHealthy():
            return attempt.once(action, lambda: preparing.await_healthy(attempt.world, action))
        case do.Claim():
            return shifting.claim(attempt, action)
        case do.SetWeight():
            return shifting.set_weight(attempt, action)
        case do.Bake():
            return bake(attempt, action, progress)
        case do.Park():
            return shifting.park(attempt, action)
        case do.Lower():
            return shifting.lower(attempt, action, action.why)
        case _:
            return _perform_rest(attempt, action)


def _perform_rest(attempt: Attempt, action: Action) -> ev.Event:
    world, now = attempt.world, attempt.world.clock.now
    match action:
        case do.EnsureLowered():
            return shifting.ensure_lowered(attempt, action)
        case do.VerifyRollback():
            return attempt.once(action, lambda: preparing.verify_rollback(world, attempt.story))
        case do.StopGreen():
            return preparing.stop_green(attempt, action)
        case do.MakeFinal():
            return shifting.make_final(attempt, action)
        case do.RemoveBlue():
            return preparing.remove_blue(attempt, action)
        case do.Rest():
            return attempt.once(action, lambda: ev.Rested(at=now(), stage=action.name))
        case do.Promote():
            return promote(attempt, action)
        case do.BookSlots():
            return attempt.once(action, lambda: book(attempt, action))
        case do.CancelSlots():
            return attempt.once(action, lambda: cancel(attempt))
        case do.Abort():
            return abort(attempt, action)
        case do.CloseRollback():
            return close_rollback(attempt, action)
        case do.Close():
            return close(attempt, action)
        case do.Tell():
            return best_effort(attempt, action, lambda: tell(attempt, action))
        case do.WriteReport():
            return best_effort(attempt, action, lambda: write_report(attempt))
        case do.EndRun():
            return best_effort(attempt, action, lambda: end_run(attempt, action))
        case _:
            raise TidegateError(f"{type(action).__name__} is performed by the flow's body, not here")


def take_turn(attempt: Attempt) -> ev.Event:
    """Hold the system's one row, from the first effect on production on (AlreadyReleasing names its holder)."""
    attempt.ledger.activate(attempt.row.id, attempt.lease.epoch)
    return ev.TurnTaken(at=attempt.world.clock.now())


def bake(attempt: Attempt, action: do.Bake, progress: Progress = silent) -> ev.Event:
    """
    Wait for the watch's verdict on this step; the watch counts the bake's time, this process does not.

    Ends with PASS, or with FAIL once a Down stands. Without any look for `hold.deadline` it says INCONCLUSIVE itself,
    and the plan lowers.
    """
    world, clock = attempt.world, attempt.world.clock
    bake_id = shifting.bake_id(action.place, action.name)
    body = {"bake": {"id": bake_id, "seconds": action.lasting.total_seconds(), "weight": action.weight}}
    intent = attempt.begin(action, body)
    patience, silent_since, last = world.spec.hold.deadline.total_seconds(), clock.elapsed(), -1.0
    while True:
        found = _baked(attempt, action, bake_id, intent.seq, progress)
        if found is not None:
            return attempt.end(action, found)
        look = world.ledger.look(attempt.row.id)
        if look is not None and look.age < 3 * world.spec.looking.every.total_seconds() + 5 and look.age != last:
            silent_since, last = clock.elapsed(), look.age
        if clock.elapsed() - silent_since >= patience:
            told = f"no look of the watch for {patience:.0f} s"
            return attempt.end(
                action, ev.Baked(at=clock.now(), step=action.name, verdict=Verdict.INCONCLUSIVE, sentence=told)
            )
        clock.sleep(LOOK_AGAIN)


def _baked(attempt: Attempt, action: do.Bake, bake_id: str, since: int, progress: Progress) -> ev.Baked | None:
    world, story = attempt.world, attempt.refresh()
    look = world.ledger.look(attempt.row.id)
    now = world.clock.now()
    if story.down is not None:
        told = f"{story.down.why} (decided by {story.down.who})"
        detail = dict(look.row.detail) if look else {}
        return ev.Baked(at=now, step=action.name, verdict=Verdict.FAIL, sentence=told, detail=detail)
    if look is None:
        return None
    progress(
        {**look.row.detail, "verdict": look.row.verdict, "sentence": look.row.sentence, "weights": look.row.weights}
    )
    if look.current and look.row.seq >= since and look.row.step == bake_id and not look.row.against:
        return ev.Baked(
            at=now,
            step=action.name,
            verdict=Verdict.PASS,
            sentence=look.row.sentence,
            detail={**look.row.detail, "weights": dict(look.row.weights)},
        )
    return None


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
    if attempt.story.claimed:
        stop = shifting.new_stop(attempt.who, action.why, attempt.world.clock.now())
        shifting.lower_routes(attempt.world, attempt.row.id, stop)
    for component, body in _greens(attempt).items():
        split = attempt.world.parts[component].router.read().split
        if not preparing.carries(split, body["side"]):
            attempt.world.parts[component].platform.remove(body["side"], attempt.world.spec.cleanup.grace)
    event = attempt.once(action, lambda: ev.Aborted(at=attempt.world.clock.now(), why=action.why))
    attempt.ledger.retire(attempt.row.id, watched=False)
    return event


def _greens(attempt: Attempt) -> dict[str, Mapping[str, Any]]:
    told = attempt.story.answers.values()
    return {str(body["component"]): body for body in told if body.get("event") == "green-created"}


def close_rollback(attempt: Attempt, action: do.CloseRollback) -> ev.Event:
    """Rolled back, and the system's row is free again."""
    event = attempt.end(action, ev.RolledBack(at=attempt.world.clock.now()))
    attempt.ledger.retire(attempt.row.id, watched=False)
    return event


def close(attempt: Attempt, action: do.Close) -> ev.Event:
    """The last slot is answered: the watch need not look any more."""
    event = attempt.once(action, lambda: ev.Closed(at=attempt.world.clock.now()))
    attempt.ledger.retire(attempt.row.id, watched=False)
    return event


def book(attempt: Attempt, action: do.BookSlots) -> ev.Event:
    """Future runs, one per slot, and the run that makes the release final."""
    world = attempt.world
    slots = due_times(world.spec, action.since or world.clock.now())
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
    lost, told = list[str](), notice(action.name, action.severity, attempt.refresh(), attempt.world.spec)
    for notifier in attempt.world.notifiers:
        try:
            notifier.tell(told)
        except ConnectorError as why:
            lost.append(str(why))
    return ev.Told(at=attempt.world.clock.now(), notice=action.name, dropped="; ".join(lost))


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


def until_applied(attempt: Attempt, action: Action, within: timedelta, again: float = 0.5) -> ev.Event:
    """Perform an act that has to wait for the world (NotApplied), for at most `within`."""
    deadline = attempt.world.clock.elapsed() + within.total_seconds()
    while True:
        try:
            return perform(attempt, action)
        except NotApplied:
            if attempt.world.clock.elapsed() >= deadline:
                raise
            attempt.world.clock.sleep(again)


def ends_the_process(action: Action) -> bool:
    """Approvals, waits and bakes of more than ten minutes are performed in the flow's body (design 2.1)."""
    if isinstance(action, do.Bake):
        return action.lasting > timedelta(minutes=10)
    return isinstance(action, do.AskApproval | do.WaitUntil)
