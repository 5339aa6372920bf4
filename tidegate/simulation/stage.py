"""Setting a play up from its seed, letting it run, and judging how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tidegate.simulation import specs
from tidegate.simulation.endings import judge_end, story_of
from tidegate.simulation.faults import Weather
from tidegate.simulation.outages import calm_down, plan_outages
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.simulation.timeline import Overtime
from tidegate.simulation.watcher import Watcher
from tidegate.simulation.witness import Violation
from tidegate.slots import unanswered
from tidegate.spec import Spec
from tidegate.story import State, Story

WITHIN = 200.0  # seconds in which persons and outages begin
FAULTS_END = 700.0
STAYS = 0.99  # of the plays follow a promotion for another ten seconds
LIMIT = FAULTS_END + 4200.0  # a long bake is booked by the wall clock, which may have jumped back by half an hour


@dataclass(frozen=True, slots=True)
class End:
    """How a play ended."""

    seed: int
    state: State
    good: bool
    fired: dict[str, int]
    violation: str = ""
    told: tuple[str, ...] = ()


def play_of(seed: int, *, telling: bool = False, only: frozenset[str] | None = None) -> Play:
    """The play of this seed, ready to begin."""
    random = Random(seed)
    weather = Weather(random, only)
    kind = random.choice(specs.KINDS)()
    play = Play(kind, _version(random, kind), random, weather, hashes=random.random() < 0.05, telling=telling)
    parameters = {"version": "v2", "reason": "simulated"}
    if weather.has("stage-rests"):
        weather.fired["stage-rests"] += 1
        parameters["stop_after"] = random.choice((5, 10, 25, 50))  # type: ignore[assignment]
    play.orchestrator.start("release", parameters, after=1.0)
    if weather.has("stage-rests"):
        play.line.at(random.uniform(60.0, 400.0), lambda: _goes_on(play))
    if weather.has("second-release"):
        play.versions["v3"] = _version(random, kind, "v3")
        play.line.at(random.uniform(20.0, 300.0), lambda: _second(play))
    if weather.has("second-watch"):
        weather.fired["second-watch"] += 1
        play.watchers.append(Watcher(play, "watch two"))
    for n, watcher in enumerate(play.watchers):
        play.line.at(0.5 + n * 1.7, watcher.round)
    play.line.at(1.0, play.witness.inspect)
    play.persons.arrive(WITHIN)
    plan_outages(play, 1.5 * WITHIN)
    return play


def _version(random: Random, spec: Spec, name: str = "v2") -> Version:
    """Good, or bad in a way that this spec's gates can see."""
    if random.random() < 0.6:
        return Version(name)
    slow = "slow" if any(gate.metric == "latency_p95" for gate in spec.gates) else "errors"
    fault = random.choice(("errors", "errors", slow, "sick", "wrong-digest"))
    return Version(name, fault, random.choice((0, 0, 5, 25, 50)), random.choice((0.0, 0.0, 8.0, 30.0, 90.0)))


def _goes_on(play: Play) -> None:
    """A later run continues a release that rests."""
    play.orchestrator.start("release", {"version": "v2"}, after=0.1)


def _second(play: Play) -> None:
    play.weather.fired["second-release"] += 1
    play.orchestrator.start("release", {"version": "v3"}, after=0.1)


def run(seed: int, *, telling: bool = False, only: frozenset[str] | None = None) -> End:
    """Play to the end; a violation is an end, too."""
    play = play_of(seed, telling=telling, only=only)
    try:
        _until_ended(play)
        judge_end(play)
    except Violation as broken:
        return _end(play, seed, str(broken))
    except Overtime:
        return _end(play, seed, f"I15: somebody still waits at {play.line.t:.0f} s")
    return _end(play, seed)


def _end(play: Play, seed: int, violation: str = "") -> End:
    row = next((row for row in play.rows() if row.version == "v2"), None)
    story = story_of(play, row.id) if row else Story()
    good = play.versions["v2"].good
    return End(seed, story.state, good, dict(play.weather.fired), violation, tuple(play.told))


def _until_ended(play: Play) -> None:
    line = play.line
    line.limit = LIMIT + 60.0
    line.at(FAULTS_END, lambda: calm_down(play))
    while line.t < LIMIT and not quiet(play):
        line.run(10.0)


def quiet(play: Play) -> bool:
    """Nothing of this play can still change: every release has ended, nobody works, no slot is open."""
    if play.line.t < WITHIN / 4 or play.stack:
        return False
    runs = play.orchestrator.runs.values()
    if any(run.type in ("SCHEDULED", "RUNNING") and not run.ended for run in runs):
        return False
    for row in play.rows():
        story = story_of(play, row.id)
        if not story.over or row.active or (row.id not in play.left and _lives_on(play, row.id, story)):
            return False
        if story.state in (State.ROLLED_BACK, State.ABORTED) and row.watched:
            return False
    return bool(play.rows()) or all(run.type != "SCHEDULED" for run in runs)


def _lives_on(play: Play, release: str, story: Story) -> bool:
    """Every slot gets its outcome; half of the plays follow a promotion to its last one, and on until it is final."""
    if story.state in (State.PROMOTED, State.FINALIZED, State.CLOSED) and play.random.random() > STAYS:
        play.left.add(release)
        return False
    due = [at for (named, _), at in play.orchestrator.booked.items() if named == release]
    ends = bool(due) and story.state is State.PROMOTED and max(due) + 30.0 > play.line.t
    return ends or bool(unanswered(story))
