"""
What is overdue: questions that nobody answered, rests that nobody ended, runs that died (part of the watch's mind).

Pure, as all of a look. What a flow run's state and the ledger's together mean: docs/states.md, table 3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from tidegate.sight import Decision, Sight, Watching
from tidegate.spec import Spec
from tidegate.story import State

WAITING = frozenset({"SCHEDULED", "PAUSED"})
DEAD = frozenset({"RUNNING", "PENDING", "CRASHED", "FAILED", "COMPLETED", "CANCELLING"})
RESTARTS = 3


def questions_and_rests(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """
    An unanswered question is decided 60 s after its deadline (an answer made in time counts: scenario 19).

    The expiry itself is the decision: what follows from it is decided again at each look until it is carried out.
    """
    late = timedelta(seconds=60 if spec.compress == 1 else 5)
    decisions, asleep = list[Decision](), sight.run is not None and sight.run.type == "PAUSED"
    for question in sight.story.questions.values():
        if sight.at < question.deadline + late:
            continue
        why = f"approval {question.gate}: nobody answered in time"
        if question.key not in sight.story.expired:
            decisions.append(Decision("expire", why, key=question.key))
        if question.on_expiry == "rollback" and question.traffic:
            decisions.append(Decision("down", why))
        elif asleep and watching.woken >= sight.grace:
            watching = replace(watching, woken=0.0)
            decisions.append(Decision("again", why, key="expired"))
    resting = sight.story.resting_since
    if resting and sight.at >= resting + spec.hold.parked_deadline:
        decisions.append(Decision("down", "it rested longer than allowed, and no later run continued it"))
    return watching, decisions


def dead_runs(watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """
    Dead leases: fence, then the same run again after the grace; a third time rolls back (docs/states.md, table 3).

    A lease that was given back (a wait, an approval, a rest) is not dead. A run that a person cancelled is a Down.
    """
    story, run, dead_for = sight.story, sight.run, sight.lease_dead_for
    if story.over or story.state is State.DOWN:
        return watching, []
    if run is not None and run.type in ("CANCELLED", "CANCELLING") and not story.resting_since:
        return watching, [Decision("down", f"the run was cancelled in Prefect ({run.name})")]
    watching = _adrift(watching, sight)
    if dead_for is None and watching.adrift > 2 * sight.grace:
        dead_for = watching.adrift
    if dead_for is None or dead_for < sight.grace or watching.woken < sight.grace:
        return watching, []
    if run is not None and run.type not in DEAD and run.type is not None:
        return watching, []
    decisions = [Decision("fence", f"nobody has held the lease for {dead_for:.0f} s")]
    if story.restarts >= RESTARTS - 1:
        return watching, [*decisions, Decision("down", f"restarted {story.restarts} times, and died again")]
    if run is None:
        return watching, decisions
    watching = replace(watching, woken=0.0, adrift=0.0)
    kind: Literal["again", "new-run"] = "new-run" if run.type is None else "again"
    return watching, [*decisions, Decision(kind, f"its run was {run.name or 'deleted'}")]


def _adrift(watching: Watching, sight: Sight) -> Watching:
    """
    Nobody's lease is out, and yet the run is no waiting one: it died before it took a lease, or a person forced or
    deleted it. Counted in seconds of looks, since a process that starts needs some.
    """
    run = sight.run
    if sight.leased or run is None or run.type in WAITING or sight.story.resting_since:
        return replace(watching, adrift=0.0) if watching.adrift else watching
    return replace(watching, adrift=watching.adrift + sight.passed)
