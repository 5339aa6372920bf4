"""Setting a play up from its seed, letting it run, and judging how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tidegate.ledger import Kind
from tidegate.simulation import specs
from tidegate.simulation.faults import Weather
from tidegate.simulation.places import Version
from tidegate.simulation.play import Play
from tidegate.simulation.timeline import Overtime
from tidegate.simulation.watcher import Watcher
from tidegate.simulation.witness import Violation
from tidegate.spec import Spec
from tidegate.story import State, Story

WITHIN = 200.0  # seconds in which persons and outages begin
FAULTS_END = 700.0
LIMIT = FAULTS_END + 2400.0
METRICS = ("metric-none", "metric-nan", "metric-stale", "metric-error", "metric-few", "metric-bad")
ENDED = frozenset({State.PROMOTED, State.SUPERSEDED, State.FINALIZED, State.CLOSED, State.ROLLED_BACK, State.ABORTED})


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
    _outages(play)
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


def _outages(play: Play) -> None:
    """Everything that lasts: when it begins, and how long it takes."""
    weather, random, line = play.weather, play.random, play.line

    def begins(name: str) -> list[tuple[float, float]]:
        if not weather.has(name):
            return []
        return [(random.uniform(0.0, 1.5 * WITHIN), random.choice((1.0, 4.0, 8.0, 20.0, 45.0, 100.0)))
                for _ in range(random.choice((1, 2, 3)))]  # fmt: skip

    for at, lasting in begins("router-down"):
        router = random.choice(list(play.routers.values()))
        line.at(at, lambda r=router, d=lasting: setattr(r, "down_until", line.t + min(d, 60.0)))  # type: ignore[misc]
    for at, lasting in begins("ledger-down"):
        line.at(at, lambda d=lasting: setattr(play.ledger, "down_until", line.t + d))  # type: ignore[misc]
    for at, lasting in begins("disk-full"):
        line.at(at, lambda d=lasting: setattr(play.ledger, "full_until", line.t + d))  # type: ignore[misc]
    for at, lasting in begins("orchestrator-down"):
        line.at(at, lambda d=lasting: setattr(play.orchestrator, "down_until", line.t + d))  # type: ignore[misc]
    for at, _ in begins("clock-jumps"):
        line.at(at, lambda j=random.choice((-600.0, -60.0, -3.0, 3.0, 60.0, 600.0)): _jumps(play, j))  # type: ignore[misc]
    for name in METRICS:
        for at, lasting in begins(name):
            line.at(at, lambda n=name, d=lasting: _troubles(play, n, d))  # type: ignore[misc]
    for at, _ in begins("green-dies"):
        line.at(at, lambda: _dies(play, "v2", "green-dies"))
    for at, lasting in begins("blue-dies"):
        line.at(at, lambda: _dies(play, "v1", "blue-dies"))
        line.at(at + lasting, lambda: _revives(play))


def _jumps(play: Play, seconds: float) -> None:
    if not play.weather.over:
        play.line.jumped += seconds
        play.weather.fired["clock-jumps"] += 1
        play.tell(f"the wall clock jumps by {seconds:.0f} s")


def _troubles(play: Play, name: str, lasting: float) -> None:
    def better() -> None:
        if play.trouble == name:
            play.trouble = None

    play.trouble = name
    play.tell(f"{name} for {lasting:.0f} s")
    play.line.after(lasting, better)


def _dies(play: Play, version: str, name: str) -> None:
    component = play.random.choice(list(play.platforms))
    side = f"{component}-{version}"
    running = play.platforms[component].running.get(side)
    if running is not None and not running.removed:
        running.dead = play.random.choice((1, running.wanted))
        play.died[side] = play.line.t
        play.weather.fired[name] += 1
        play.tell(f"{running.dead} instances of {side} die")


def _revives(play: Play) -> None:
    for platform in play.platforms.values():
        for name, running in platform.running.items():
            if name.endswith("-v1"):
                running.dead = 0


def run(seed: int, *, telling: bool = False, only: frozenset[str] | None = None) -> End:
    """Play to the end; a violation is an end, too."""
    play = play_of(seed, telling=telling, only=only)
    try:
        _until_ended(play)
        judged(play)
    except Violation as broken:
        return _end(play, seed, str(broken))
    except Overtime:
        return _end(play, seed, f"I15: somebody still waits at {play.line.t:.0f} s")
    return _end(play, seed)


def _end(play: Play, seed: int, violation: str = "") -> End:
    row = next((row for row in play.rows() if row.version == "v2"), None)
    story = _story(play, row.id) if row else Story()
    good = play.versions["v2"].good
    return End(seed, story.state, good, dict(play.weather.fired), violation, tuple(play.told))


def _story(play: Play, release: str) -> Story:
    """The truth about a release, folded as its chain grows."""
    story = play.stories.setdefault(release, Story())
    story.since(play.ledger.chain_of(release)[story.seq :])
    return story


def _until_ended(play: Play) -> None:
    line = play.line
    line.limit = LIMIT + 60.0
    line.at(FAULTS_END, lambda: _calms_down(play))
    while line.t < LIMIT and not _quiet(play):
        line.run(10.0)


def _calms_down(play: Play) -> None:
    play.weather.over = True
    play.trouble = None
    play.ledger.down_until = play.ledger.full_until = play.orchestrator.down_until = 0.0
    for router in play.routers.values():
        router.down_until = 0.0
    _revives(play)


def _quiet(play: Play) -> bool:
    """Nothing of this play can still change: every release has ended, nobody works, no slot is open."""
    if play.line.t < WITHIN / 4 or play.stack:
        return False
    runs = play.orchestrator.runs.values()
    if any(run.type in ("SCHEDULED", "RUNNING") and not run.ended for run in runs):
        return False
    for row in play.rows():
        story = _story(play, row.id)
        if story.state not in ENDED or row.active or (story.state is State.PROMOTED and _lives_on(play, row.id)):
            return False
        if story.state in (State.ROLLED_BACK, State.ABORTED) and row.watched:
            return False
    return bool(play.rows()) or all(run.type != "SCHEDULED" for run in runs)


def _lives_on(play: Play, release: str) -> bool:
    """Half of the plays follow a promotion to its last slot."""
    due = [at for (named, _), at in play.orchestrator.booked.items() if named == release]
    return bool(due) and max(due) + 30.0 > play.line.t and play.random.random() < 0.99


def judged(play: Play) -> None:
    """What must hold once the faults have stopped and everybody has had time."""
    fail = play.witness.fail
    for row in play.rows():
        story = _story(play, row.id)
        if story.state not in ENDED:
            fail("I15", f"{row.id} is still {story.state} at {play.line.t:.0f} s")
        if row.active:
            fail("I20", f"{row.id} is {story.state} and still holds its system")
        version = play.versions[row.version]
        mine = {c: r.seen for c, r in play.routers.items() if r.seen.mark and r.seen.mark.release == row.id}
        if story.state in (State.ROLLED_BACK, State.ABORTED):
            left = [c for c, seen in mine.items() if seen.weight > 0]
            if left:
                fail("I20", f"{row.id} is {story.state}, and {left} carry its green")
        if story.state is State.PROMOTED and not version.good:
            late = [c for (c, s), t in play.bad_since.items() if s == f"{c}-{row.version}" and t < play.line.t - 90]
            if late:
                fail("I21", f"{row.id} is bad ({version}) and still promoted")
        if row.version == "v2" and version.good and story.state in (State.ROLLED_BACK, State.ABORTED):
            if not play.weather.excused:
                fail("I21", f"{row.id} is good, nothing said no, and it is {story.state}: "
                            f"{story.down.why if story.down else ''}")  # fmt: skip
        foreign = [c for c, r in play.routers.items() if r.seen.mark and r.seen.mark.release not in ("", row.id)]
        if story.state is State.PROMOTED and len(foreign) == len(play.routers):
            fail("I14", f"{row.id} is told to be promoted, and every route belongs to another release")
        slots = [entry.key for entry in play.ledger.chain_of(row.id) if entry.kind is Kind.SLOT]
        if len(slots) != len(set(slots)):
            fail("I26", f"a slot of {row.id} has two outcomes")
        if play.ledger.audit(row.id) is not None:
            fail("I23", f"the chain of {row.id} does not hold")
