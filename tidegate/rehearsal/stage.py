"""Setting a rehearsal up, letting it run to its end, and what is left of it: the chain, the story, what was booked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from tidegate.clockwork.moments import Clockwork
from tidegate.clockwork.windows import AHEAD, closed_between
from tidegate.crossing import FORWARD
from tidegate.language.moments import Anchor
from tidegate.ledger import Entry
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.values import bad_values, good_values
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.simulation.watcher import Watcher
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.timetable.walk import timetable

SAYS = "REHEARSAL on a virtual clock with simulated connectors: nothing outside was touched"
LONGEST = timedelta(days=500)
IDLE = 600.0  # seconds between two rounds of a watch that has nothing to watch, a rehearsal's own
ENOUGH = 1_000_000  # requests a reading: a rehearsal's traffic is always enough, and says so


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How it went. `booked`: slot -> due, for what was never run because the rehearsal ended before."""

    spec: Spec
    options: Options
    release: str
    entries: Sequence[Entry]
    story: Story
    looks: int
    ends: datetime


def rehearse(spec: Spec, options: Options, holidays: Collection[date] = ()) -> Rehearsed:
    """
    Play this spec on the virtual clock until its last scheduled run, or until nothing more can happen.

    Nothing outside is touched. Errors of the spec that only show when it runs are SpecErrors of the timetable.
    """
    rhythm = max(spec.looking.every, min(options.look, spec.hold.deadline / 4))
    spec = spec.model_copy(update={"looking": spec.looking.model_copy(update={"every": rhythm})})
    planned = timetable(spec, options.begins, options.version, options.plan, None, holidays)
    first = min([options.begins, *(row.at for row in planned.rows if row.at is not None)])
    clockwork = Clockwork.of(spec, {Anchor.START: options.begins})
    closed = closed_between(spec.calendar, clockwork, holidays, first, options.begins + AHEAD)
    random = Random(1)
    play = Play(
        spec,
        Version(options.version, options.bad_how if options.bad_from is not None else "", options.bad_from or 0),
        random,
        Weather(random, frozenset()),
        calm=options.undisturbed,
        hashes=True,
        start=first,
        closed=closed,
    )
    play.good, play.per_percent = good_values(spec), ENOUGH
    play.bad = {"errors": bad_values(spec), "slow": bad_values(spec)}
    _people(play, options)
    _disturb(play, options)
    request = {"version": options.version, "plan": options.plan, "starts": options.begins.isoformat(),
               "kind": options.kind, "reason": SAYS, "requester": "tidegate rehearse"}  # fmt: skip
    play.orchestrator.start("release", request, after=0.5)
    play.watchers[0].idle = IDLE
    play.line.at(0.1, play.watchers[0].round)
    _until_the_end(play, planned.slots, first, options.until)
    return _rehearsed(play, spec, options)


def _people(play: Play, options: Options) -> None:
    seconds = play.persons.comes_after = options.answers_after.total_seconds()
    for approval in play.spec.approvals:
        said = "reject" if approval.name in options.rejects else "approve"
        play.persons.answers[approval.name] = [] if approval.name in options.absent else [(said, seconds)]
    for gate in ("take-over", "leave-park", FORWARD):
        play.persons.answers[gate] = [("approve", seconds)]


def _disturb(play: Play, options: Options) -> None:
    """What goes wrong: from the first raise on."""
    play.lost = frozenset(options.lost)
    if not options.outage:
        return

    def begins() -> None:
        until = play.line.t + options.outage.total_seconds()
        play.tell("Tidegate is away")
        play.orchestrator.down_until = until
        for process in play.stack:
            process.killed = True
        for watcher in play.watchers:
            watcher.busy = True
            play.line.at(until, lambda w=watcher: _awake(w))  # type: ignore[misc]

    play.on_first_raise = lambda: play.line.after(options.outage_after.total_seconds(), begins)


def _awake(watcher: Watcher) -> None:
    watcher.busy = False
    watcher.round()


def _until_the_end(play: Play, slots: dict[str, datetime], first: datetime, until: timedelta | None) -> None:
    line = play.line
    last = max(slots.values(), default=first)
    end = min((last - first) + timedelta(days=3), LONGEST).total_seconds()
    if until is not None:
        end = min(end, until.total_seconds())
    line.limit = end + 86400.0
    story = Story()
    while line.t < end:
        line.run(600.0)
        if _ended(play, story):
            return


def _ended(play: Play, story: Story) -> bool:
    """Nothing of this release can still change: nobody works, nothing is booked, nobody is asked."""
    if play.stack or any(run.type in ("SCHEDULED", "RUNNING", "PAUSED") for run in play.orchestrator.runs.values()):
        return False
    rows = play.rows()
    if not rows:
        return bool(play.orchestrator.runs)
    if rows[0].active:
        return False
    if max((at for at in play.orchestrator.booked.values()), default=0.0) + 60.0 < play.line.t:
        return True
    story.since(play.ledger.entries(rows[0].id, after=story.seq))
    return not rows[0].watched and story.state in (State.ROLLED_BACK, State.ABORTED)


def _rehearsed(play: Play, spec: Spec, options: Options) -> Rehearsed:
    rows = play.rows()
    entries = play.ledger.entries(rows[0].id) if rows else ()
    looks = sum(watcher.rounds for watcher in play.watchers)
    return Rehearsed(spec, options, rows[0].id if rows else "", entries, Story.of(entries), looks, play.line.now())
