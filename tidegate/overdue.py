"""
What is overdue: questions nobody answered, rests nobody ended, runs that died or never came (the watch's mind).

Pure, as all of a look. What a flow run's state and the ledger's together mean: docs/states.md, table 3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Literal

from tidegate.crossing import behind
from tidegate.finalizing import asks, kept_on_purpose
from tidegate.sight import Decision, Sight, Watching, carries
from tidegate.slots import FINAL_SILENCE, FINALIZE, margin, useful_for
from tidegate.spec import Spec
from tidegate.story import SUPERSEDABLE, State, Story

WAITING = frozenset({"SCHEDULED", "PAUSED"})
LIMBO = frozenset({"RUNNING", "PENDING", "CRASHED"})  # no end that a release's run shows
DEAD = frozenset({"RUNNING", "PENDING", "CRASHED", "FAILED", "COMPLETED", "CANCELLING"})
RESTARTS = 3
ONE_MORE = 2  # restarts beyond those for the last acts of a release that is over
MISMATCH = "LedgerMismatch"  # a run that ended with this name waits for a person: its plan and its ledger do not fit
GONE = frozenset({State.SUPERSEDED, State.ROLLED_BACK, State.ABORTED})  # nobody needs its scheduled runs any more
AT_ONCE = 100  # slots that one look answers: 5,000 are answered in minutes, and no other release waits for them
SELDOM = 600.0  # seconds between two further attempts behind a point of no return
FINAL_AGAIN = 600.0  # seconds between two wishes for the run that makes a release final
STARTING = 60.0  # seconds from being taken up to holding the lease: an import, three seconds, under heavy load a minute


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
        if asks(question):
            if watching.woken >= sight.grace:
                watching = replace(watching, woken=0.0)
                decisions.append(Decision("again", why, key=FINAL_SILENCE))
        elif question.on_expiry == "rollback" and question.traffic:
            decisions.append(Decision("down", why))
        elif asleep and watching.woken >= sight.grace:
            watching = replace(watching, woken=0.0)
            decisions.append(Decision("again", why, key="expired"))
    decisions += _stuck(spec, watching, sight)
    resting = sight.story.resting_since
    if resting and sight.at >= resting + spec.hold.parked_deadline:
        decisions.append(Decision("down", "it rested longer than allowed, and no later run continued it"))
    return watching, decisions


def _stuck(spec: Spec, watching: Watching, sight: Sight) -> list[Decision]:
    """What no restart can mend: a person is paged; the weight stays as long as a parked release may."""
    allowed, dead_for = spec.hold.parked_deadline.total_seconds(), sight.lease_dead_for or 0.0
    if _mismatched(sight):
        page = "the plan has changed under this release: the weight stays until somebody acts"
        late, why = watching.adrift >= allowed, "its plan and its ledger do not fit, and nobody acted in time"
    elif sight.run is not None and sight.run.type == "SCHEDULED" and dead_for >= 2 * STARTING:
        page = "nobody takes this release's run up: is a runner or worker alive?"
        late, why = dead_for >= allowed, "nobody took its run up in time"
    else:
        return []
    return [Decision("page", page), *([Decision("down", why)] if late else [])]


def dead_runs(watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """
    Dead leases: fence, then the same run again after the grace; a third time rolls back (docs/states.md, table 3), or,
    behind a point of no return, calls people, and it is tried again now and then.

    A lease that was given back (a wait, an approval, a rest) is not dead. A run that a person cancelled is a Down.
    """
    story, run = sight.story, sight.run
    if story.over:
        return _unfinished(watching, sight)
    if story.state is State.DOWN:
        return watching, []
    if stopped := cancelled(sight):
        return watching, [Decision("down", stopped)]
    watching = _heard(watching, sight)
    why, often = _dead(watching, sight), story.restarts >= RESTARTS - 1
    stays = behind(story, sight.seen) is not None
    if not why or watching.woken < (SELDOM if often and stays else sight.grace):
        return watching, []
    watching = replace(watching, woken=0.0, adrift=0.0)
    decisions = [Decision("fence", why)]
    if run is None:  # nobody to ask for another attempt yet; the dead one's number is useless meanwhile
        return watching, decisions
    if often:
        decisions.append(Decision("down", f"restarted {story.restarts} times, and died again"))
        if not stays:
            return watching, decisions
    kind: Literal["again", "new-run"] = "new-run" if run.type is None else "again"
    return watching, [*decisions, Decision(kind, f"its run was {run.name or 'deleted'}")]


def cancelled(sight: Sight) -> str:
    """
    That a person cancelled the run; "" otherwise.

    Its process may live on for a while: where that is no Down (behind a point of no return), nothing may rise by it.
    """
    run = sight.run
    if run is None or run.type not in ("CANCELLED", "CANCELLING") or sight.story.resting_since:
        return ""
    return f"the run was cancelled in Prefect ({run.name})"


def _heard(watching: Watching, sight: Sight) -> Watching:
    """
    For how long this very state of the run has been heard while nobody's lease lived.

    A lease that lives makes the state that of the process which holds it; what is heard of Prefect may be seconds old.
    """
    run, living = sight.run, sight.leased and sight.lease_dead_for is None
    if run is None:
        return replace(watching, adrift=0.0) if living else watching
    heard = f"{run.type} {run.name} {run.since}"
    if living and watching.heard == watching.lived == heard and not watching.adrift:
        return watching
    if living:
        return replace(watching, heard=heard, lived=heard, adrift=0.0)
    waits = run.type in WAITING or sight.story.resting_since is not None
    adrift = watching.adrift + sight.passed if heard == watching.heard and not waits else 0.0
    if heard == watching.heard and adrift == watching.adrift:
        return watching
    return replace(watching, heard=heard, adrift=adrift)


def _dead(watching: Watching, sight: Sight) -> str:
    """
    Why another attempt is needed; "" while there may be one.

    A process that starts holds no lease yet: what is PENDING, or RUNNING only since the last lease lived, gets its
    time (under load an import takes as long as a release's grace). What has ended, or held the lease that ran out, does
    not start by itself.
    """
    run, dead_for = sight.run, sight.lease_dead_for or 0.0
    if _mismatched(sight):
        return ""
    unheld = f"nobody has held the lease for {max(watching.adrift, dead_for):.0f} s"
    if run is None:
        return unheld if dead_for >= sight.grace else ""
    if run.type is not None and run.type not in DEAD:
        return ""
    starting = run.type == "PENDING" or (run.type == "RUNNING" and watching.heard != watching.lived)
    patience = max(STARTING, sight.grace) if starting else sight.grace
    return unheld if watching.adrift >= patience else ""


def _mismatched(sight: Sight) -> bool:
    return sight.run is not None and sight.run.type == "FAILED" and sight.run.name == MISMATCH


# -- scheduled runs ---------------------------------------------------------------------------------------------------


def silent_slots(spec: Spec, sight: Sight) -> list[Decision]:
    """
    Each booked slot gets its one outcome (I26), whatever became of its run: lost, never started, crashed, cancelled.

    SUPERSEDED when nobody needs it any more; MISSED when its run is too late by the margin. Whoever answers first wins.
    """
    story = sight.story
    if not story.waiting:
        return []
    if story.superseded or story.state in GONE or (sight.newer and story.state in SUPERSEDABLE):
        newer = f"{sight.newer} has claimed the route" if sight.newer else story.superseded
        why = newer or f"the release is {story.state}"
        return [Decision("answer-slots", why, key="SUPERSEDED", slots=_at_once(story, story.waiting))]
    latest = sight.at - margin(spec)
    due = takewhile(lambda one: one[1] <= latest, story.waiting.items())
    missed = _at_once(story, {slot for slot, at in due if at + useful_for(spec, slot) <= latest})
    why = "no run answered while it was useful"
    return [Decision("answer-slots", why, key="MISSED", slots=missed)] if missed else []


def _at_once(story: Story, slots: Collection[str]) -> tuple[str, ...]:
    """As many of these as one look answers, in the order in which they were booked."""
    return tuple(slot for slot in story.booked if slot in slots)[:AT_ONCE] if slots else ()


def kept_too_long(spec: Spec, watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """Blue is kept longer than asked: the run that makes the release final was lost or failed, and is asked for."""
    story = sight.story
    due = story.booked.get(FINALIZE)
    kept = story.state in (State.PROMOTED, State.FINALIZED) and not (story.superseded or sight.newer)
    if due is None or not kept or sight.leased:
        return watching, []
    due_at = max(datetime.fromisoformat(due), kept_on_purpose(spec, story) or datetime.fromisoformat(due))
    if sight.at < due_at + margin(spec) or watching.woken < FINAL_AGAIN:
        return watching, []
    why = "blue is kept longer than asked: the run that makes this release final has not done it"
    again = [Decision("again", why, key=FINALIZE)] if story.restarts < RESTARTS + ONE_MORE else []
    return replace(watching, woken=0.0), [*again, Decision("page", why)]


# -- over -------------------------------------------------------------------------------------------------------------


def _unfinished(watching: Watching, sight: Sight) -> tuple[Watching, list[Decision]]:
    """
    A release that is over, whose last acts (bookings, notices, reports) nobody does any more.

    Its lease ran out, or its run still shows what it did when its process or Prefect died. Nothing here is urgent.
    """
    story, run = sight.story, sight.run
    watching = _heard(watching, sight)
    dead = sight.lease_dead_for is not None and sight.lease_dead_for >= sight.grace
    stuck = not sight.leased and run is not None and run.type in LIMBO and watching.adrift >= STARTING
    again = watching.woken >= max(STARTING, sight.grace) and story.restarts < RESTARTS + ONE_MORE
    if not (dead or stuck) or not again or (run is not None and run.type in WAITING):
        return watching, []
    watching = replace(watching, woken=0.0, adrift=0.0)
    why = f"it is {story.state}, and its last acts are not done"
    fence = [Decision("fence", why)] if dead else []
    if story.state is State.ROLLED_BACK and dead:
        return watching, [*fence, Decision("ask-rollback", why, key="dead")]
    reported = any(body.get("event") == "report-written" for body in story.answers.values())
    shown = run is not None and run.type not in LIMBO  # the release's own run has told its end: another one died
    return watching, [*fence, Decision("again", why, key=FINALIZE if dead and reported and shown else "")]


def finished(sight: Sight) -> bool:
    """
    Whether a release that is over needs no further look: its slots have their outcomes, nobody works on it, as far as
    lease and run tell, and where it ended without traffic, its routes show none (a hand may have raised one while the
    rollback was at work).
    """
    if sight.story.waiting:
        return False
    gone = sight.story.state in (State.ROLLED_BACK, State.ABORTED)
    if gone and any(carries(seen, sight.story.release) for seen in sight.seen.values()):
        return False
    return not sight.leased and (sight.run is None or sight.run.type not in LIMBO)
