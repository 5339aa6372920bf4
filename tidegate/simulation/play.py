"""One play: a release of known goodness from trigger to end, in a world with this play's faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random

from tidegate.clockwork.windows import Closed
from tidegate.ledger import ReleaseRow
from tidegate.ports import Sample
from tidegate.simulation.bodies import Bodies, Ended
from tidegate.simulation.chain import SimulatedLedger
from tidegate.simulation.faults import Weather
from tidegate.simulation.orchestrator import Orchestrator, Run
from tidegate.simulation.persons import Persons
from tidegate.simulation.places import (
    BAD,
    GOOD,
    HOUR,
    SLOW,
    SimulatedBackup,
    SimulatedCheck,
    SimulatedDoer,
    SimulatedMetrics,
    SimulatedNotifier,
    SimulatedPlatform,
    SimulatedRecords,
    SimulatedRegistry,
    Version,
)
from tidegate.simulation.process import Crash, Process
from tidegate.simulation.route import SimulatedRouter
from tidegate.simulation.timeline import START, Timeline
from tidegate.simulation.watcher import Watcher
from tidegate.simulation.witness import Witness
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.undoing import doing
from tidegate.world import Part, World

SYSTEM = "shop"
BLUE = Version("v1")


class Play:
    """Everybody and everything of one play."""

    def __init__(
        self,
        spec: Spec,
        version: Version,
        random: Random,
        weather: Weather,
        *,
        calm: bool = False,
        hashes: bool = False,
        telling: bool = False,
        start: datetime = START,
        closed: Sequence[Closed] = (),
    ) -> None:
        self.closed = closed
        self.names: dict[str, str] = {}  # side -> version
        self.good, self.bad = dict(GOOD), {"errors": dict(BAD), "slow": dict(SLOW)}
        self.lost: frozenset[str] = frozenset()  # metrics without data
        self.on_first_raise: Callable[[], None] | None = None
        self.per_percent = 20  # requests in a reading, for each per cent of the traffic
        self.spec, self.random, self.weather = spec, random, weather
        self.calm, self.telling = calm, telling
        self.told: list[str] = []
        self.versions = {BLUE.name: BLUE, version.name: version}
        self.line = Timeline(start)
        self.line.eager = None if calm else random
        self.stack: list[Process] = []
        self.slow_look: tuple[float, float, float] | None = None
        self.trouble: str | None = None
        self.samples: dict[tuple[str, str], Sample | None] = {}
        self.traffic_since: dict[tuple[str, str], float] = {}
        self.bad_since: dict[tuple[str, str], float] = {}
        self.died: dict[str, float] = {}
        self.left: set[str] = set()  # promoted releases that the play did not follow to their last slot
        self.stories: dict[str, Story] = {}
        self.witness = Witness(self)
        self.ledger = SimulatedLedger(self, hashes=hashes)
        self.platforms = {name: SimulatedPlatform(self, name) for name in spec.components}
        self.routers = {name: self._route(name) for name in spec.components}
        self.records = SimulatedRecords()
        self.notifier = SimulatedNotifier(self)
        self.orchestrator = Orchestrator(self)
        self.bodies: dict[str, Callable[[Run], Ended]] = self._bodies()
        self.persons = Persons(self)
        self.world = self._world()
        self.watchers = [Watcher(self, "watch one")]

    def _route(self, component: str) -> SimulatedRouter:
        blue = self.platforms[component].started(BLUE.name, "sha256:v1", self.spec.components[component].instances)
        return SimulatedRouter(self, component, blue.side)

    def _bodies(self) -> dict[str, Callable[[Run], Ended]]:
        bodies = Bodies(self)
        return {"release": bodies.release, "rollback": bodies.rollback, "verify": bodies.verify}

    def _world(self) -> World:
        spec, registry = self.spec, SimulatedRegistry(self)
        parts = {
            name: Part(self.platforms[name], self.routers[name], registry, SimulatedMetrics(self, name))
            for name in spec.components
        }
        return World(
            spec=spec,
            parts=parts,
            clock=self.line,
            ledger=self.ledger,
            checks={check.name: SimulatedCheck(self, check.name) for check in spec.checks},
            backups={backup.name: SimulatedBackup(self) for backup in spec.backups},
            notifiers=(self.notifier,),
            wayback=self.records,
            bookings=self.orchestrator,
            acts={name: SimulatedDoer(self, name) for _, name, _ in doing(spec)},
            closed=self.closed,
        )

    # -- what happens at every call of a port -------------------------------------------------------------------------

    def touch(self, what: str, *, after: bool = False) -> None:
        """Time passes; others act; this process may die, stand still or stumble."""
        if self.calm or not self.stack:
            return
        process, weather, rates = self.stack[-1], self.weather, self.weather.rates
        if process.killed:
            raise Crash
        if process.kind == "flow":
            if "crash" in rates and weather.strikes("crash"):
                raise Crash
            if "freeze" in rates and weather.strikes("freeze"):
                self.tell(f"{process.name} freezes at {what}{' (done)' if after else ''}")
                process.frozen = True
                self.line.run(self.random.uniform(10.0, 120.0))
                process.frozen = False
        elif process.kind == "watch" and "watch-crash" in rates and weather.strikes("watch-crash"):
            raise Crash
        self.line.run(self.random.uniform(0.1, 6.0) if "hiccup" in rates and weather.strikes("hiccup") else 0.01)
        if process.killed:
            raise Crash

    def keep_alive(self) -> None:
        """The side threads that renew the leases of living processes."""
        ledger, now = self.ledger, self.line.t
        if now < ledger.down_until or now < ledger.full_until:
            return
        for process in self.stack:
            if process.lease is not None and not process.frozen and not process.killed and now - process.renewed > 2.5:
                process.renewed = now
                ledger.renew(process.lease)

    def reads_slowly(self, since: float) -> None:
        if not self.calm and self.weather.strikes("slow-look"):
            most = min(12.0, self.line.t - since)  # not before the look before
            back = sorted((self.random.uniform(0.0, most) for _ in range(3)), reverse=True)
            self.slow_look = (self.line.t - back[0], self.line.t - back[1], self.line.t - back[2])

    def routers_answer(self) -> bool:
        return all(self.line.t >= router.down_until for router in self.routers.values())

    def ledger_answers(self) -> bool:
        return self.line.t >= max(self.ledger.down_until, self.ledger.full_until)

    # -- what is true -------------------------------------------------------------------------------------------------

    @property
    def row(self) -> ReleaseRow | None:
        rows = self.ledger.rows()
        return rows[0] if rows else None

    def version_of(self, side: str) -> Version:
        return self.versions[self.version_name(side)]

    def version_name(self, side: str) -> str:
        """`api-v2` -> `v2`; a component's name may have dashes, too."""
        found = self.names.get(side)
        if found is None:
            names = (name for name in self.spec.components if side.startswith(f"{name}-"))
            found = self.names[side] = side.removeprefix(f"{next(names)}-")
        return found

    def had_traffic(self, component: str, side: str) -> bool:
        return (component, side) in self.traffic_since

    def share(self, component: str, side: str) -> int:
        split = self.routers[component].seen.split
        if split is None:
            return 0
        if split.canary is not None and split.canary.name == side:
            return split.weight
        return 100 - split.weight if split.stable.name == side else 0

    def moved(self, component: str) -> None:
        """A route shows something new: who has traffic for the first time, who is bad from now on."""
        split = self.routers[component].seen.split
        if split is None or split.canary is None:
            return
        side = split.canary.name
        if split.weight > 0 and self.on_first_raise is not None:
            begin, self.on_first_raise = self.on_first_raise, None
            begin()
        if split.weight > 0:
            self.traffic_since.setdefault((component, side), self.line.t)
        version = self.version_of(side)
        if version.fault and split.weight > version.above:
            since = max(self.line.t, self.traffic_since[component, side] + version.after)
            self.bad_since.setdefault((component, side), since)
        elif split.weight:
            self.bad_since.pop((component, side), None)

    def truth(self, component: str, side: str, metric: str) -> float:
        fault = self.version_of(side).fault
        if fault in ("errors", "slow") and self.is_bad(component, side):
            return self.bad[fault].get(metric, 0.0)
        return self.good.get(metric, 0.0)

    def is_bad(self, component: str, side: str) -> bool:
        since = self.bad_since.get((component, side))
        return since is not None and self.line.t >= since

    def requests(self, component: str, side: str) -> int:
        return self.per_percent * self.share(component, side)

    def ready_since(self, component: str, side: str, since: float) -> int:
        """The most instances that were ready at some moment since then."""
        now = self.platforms[component].ready(side)
        wanted = self.spec.components[component].instances
        died = max(self.died.get(side, -1.0), self.traffic_since.get((component, side), -1.0))
        return wanted if now < wanted and died >= since else now

    def samples_are_sound(self, release: str) -> bool:
        """Whether every gate's last sample of this release's green was fresh, finite, enough and at its target."""
        if self.calm:
            return True
        baselines = Story.of(self.ledger.chain_of(release)).baselines
        for gate in self.spec.gates:
            side = self.platforms[gate.component].side(release.split("/")[1]).name
            one = self.samples.get((side, gate.metric))
            if one is None or one.error or one.value is None or one.value < 0:
                return False
            if not gate.passes(one.value, baselines.get(gate.metric)):
                return False
            if (one.count or 0) < gate.min_samples or self.line.now() - one.at > HOUR / 2:
                return False
        return True

    def tell(self, line: str) -> None:
        if self.telling:
            who = self.stack[-1].name if self.stack else "-"
            self.told.append(f"{self.line.t:8.2f}  {who:<22} {line}")

    def token(self) -> str:
        return f"{self.random.getrandbits(64):016x}"

    def rows(self) -> Sequence[ReleaseRow]:
        return self.ledger.rows()
