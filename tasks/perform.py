"""From an action to the task that carries it out: what a person sees on the run page, one line per kind."""

from __future__ import annotations

from tasks import backup, bake, bookings, checks, images, notices, traffic
from tidegate import actions as do
from tidegate.attempt import Attempt
from tidegate.events import Event


def carry_out(attempt: Attempt, action: do.Action) -> Event:
    """Run an action as a Prefect task; approvals and long waits are the flow body's."""
    match action:
        case do.RunCheck():
            return checks.run_check(attempt, action)
        case do.AwaitHealthy():
            return checks.await_healthy(attempt, action)
        case do.TakeBackup():
            return backup.take_backup(attempt, action)
        case do.ProveBackup():
            return backup.prove_backup(attempt, action)
        case do.PushArtifact():
            return images.push_artifact(attempt, action)
        case do.CreateGreen():
            return images.create_green(attempt, action)
        case do.StopGreen():
            return images.stop_green(attempt, action)
        case do.RemoveBlue():
            return images.remove_blue(attempt, action)
        case do.Bake():
            return bake.bake(attempt, action)
        case _:
            return _traffic_or_rest(attempt, action)


def _traffic_or_rest(attempt: Attempt, action: do.Action) -> Event:
    match action:
        case do.Claim():
            return traffic.claim(attempt, action)
        case do.SetWeight():
            return traffic.set_weight(attempt, action)
        case do.Park():
            return traffic.park(attempt, action)
        case do.Lower():
            return traffic.lower(attempt, action)
        case do.EnsureLowered():
            return traffic.ensure_lowered(attempt, action)
        case do.VerifyRollback():
            return traffic.verify_rollback(attempt, action)
        case do.MakeFinal():
            return traffic.make_final(attempt, action)
        case do.Tell() | do.WriteReport() | do.EndRun():
            return notices.deliver(spoken(action), attempt, action)
        case _:
            return bookings.settle(spoken(action), attempt, action)


def spoken(action: do.Action) -> str:
    """`BookSlots(promoted)` -> "book slots promoted"."""
    return f"{do.kind_of(type(action)).replace('-', ' ')} {action.what}".strip()
