"""
Every act, carried out through ports: Action -> Event. `tasks/` runs them under Prefect, rehearsals as they are.

Approvals and long waits are not here: they end the process, so the flow's body performs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tidegate import actions as do
from tidegate import claiming, preparing, settling, shifting
from tidegate import events as ev
from tidegate.actions import Action
from tidegate.attempt import Attempt
from tidegate.baking import Progress, bake, silent
from tidegate.errors import NotApplied, TidegateError
from tidegate.settling import best_effort

Act = Callable[[Attempt, Any], ev.Event]

_ACTS: Mapping[type[Action], Act] = {
    do.RunCheck: lambda on, act: on.once(act, lambda: preparing.run_check(on.world, on.story, act)),
    do.TakeTurn: lambda on, act: on.once(act, lambda: settling.take_turn(on)),
    do.TakeBackup: preparing.take_backup,
    do.ProveBackup: lambda on, act: on.once(act, lambda: preparing.prove_backup(on.world, act)),
    do.PushArtifact: preparing.push_artifact,
    do.CreateGreen: preparing.create_green,
    do.AwaitHealthy: lambda on, act: on.once(act, lambda: preparing.await_healthy(on.world, act)),
    do.InspectRoutes: lambda on, act: on.once(act, lambda: claiming.inspect_routes(on)),
    do.Claim: claiming.claim,
    do.SetWeight: shifting.set_weight,
    do.Park: shifting.park,
    do.Lower: lambda on, act: shifting.lower(on, act.why),
    do.EnsureLowered: shifting.ensure_lowered,
    do.VerifyRollback: lambda on, act: on.once(act, lambda: preparing.verify_rollback(on.world, on.story)),
    do.StopGreen: preparing.stop_green,
    do.MakeFinal: shifting.make_final,
    do.RemoveBlue: preparing.remove_blue,
    do.PerformAct: preparing.perform_act,
    do.Undo: settling.undo,
    do.Remember: lambda on, act: on.once(act, lambda: preparing.remember(on.world, act)),
    do.TakeBaseline: lambda on, act: on.once(act, lambda: preparing.take_baseline(on.world, act)),
    do.Rest: lambda on, act: on.once(act, lambda: ev.Rested(at=on.world.clock.now(), stage=act.name)),
    do.Promote: settling.promote,
    do.BookSlots: lambda on, act: on.once(act, lambda: settling.book(on, act)),
    do.CancelSlots: lambda on, act: on.once(act, lambda: settling.cancel(on)),
    do.Abort: settling.abort,
    do.CloseRollback: settling.close_rollback,
    do.Close: settling.close,
    do.Tell: lambda on, act: best_effort(on, act, lambda: settling.tell(on, act)),
    do.WriteReport: lambda on, act: best_effort(on, act, lambda: settling.write_report(on)),
    do.EndRun: lambda on, act: best_effort(on, act, lambda: settling.end_run(on, act)),
}


def perform(attempt: Attempt, action: Action, progress: Progress = silent) -> ev.Event:
    """Carry out one act and record it; what happened is what was observed."""
    if isinstance(action, do.Bake):
        return bake(attempt, action, progress)
    act = _ACTS.get(type(action))
    if act is None:
        raise TidegateError(f"{type(action).__name__} is performed by the flow's body, not here")
    return act(attempt, action)


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
