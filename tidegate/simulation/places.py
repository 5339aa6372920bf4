"""Where versions run and what is measured of them: platform, metrics, registry, backup, checks, notices, records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate.errors import Denied, Unreachable
from tidegate.ports import BackupProof, CheckResult, Instance, Notice, PlatformState, Sample, Verdict
from tidegate.traffic import Side, Split
from tidegate.wayback import WayBack

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

HOUR = timedelta(hours=1)
GOOD = {"error_rate": 0.002, "latency_p95": 0.12}
BAD = {"error_rate": 0.09, "latency_p95": 0.12}
BLUE = "v1"  # the version before
SLOW = {"error_rate": 0.002, "latency_p95": 0.9}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of known goodness: what it does, and from which weight or moment on it does it."""

    name: str
    fault: str = ""  # "", errors, slow, sick, wrong-digest
    above: int = 0  # bad only while its weight is above this
    after: float = 0.0  # bad only this many seconds after it first had traffic

    @property
    def good(self) -> bool:
        return not self.fault


@dataclass(slots=True)
class Running:
    """Instances of one version of one component."""

    side: Side
    digest: str
    wanted: int
    dead: int = 0
    removed: bool = False


class SimulatedPlatform:
    """Satisfies `tidegate.ports.Platform`."""

    def __init__(self, play: Play, component: str) -> None:
        self.play, self.component = play, component
        self.running: dict[str, Running] = {}
        self._states: dict[tuple[str, int, bool, int], PlatformState] = {}

    def side(self, version: str) -> Side:
        return Side(f"{self.component}-{version}", (f"http://{self.component}-{version}",))

    def started(self, version: str, digest: str, wanted: int) -> Running:
        side = self.side(version)
        found = self.running.get(side.name)
        if found is None or found.removed:
            found = self.running[side.name] = Running(side, digest, wanted)
        return found

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        self._answers("platform.create")
        self.play.witness.creates(self.component, release)
        self.started(version, digest, wanted)
        self.play.touch("platform.create", after=True)
        if self.play.weather.strikes("start-unheard"):
            raise Unreachable("no answer")
        return self._state(self.side(version).name)

    def status(self, side_name: str) -> PlatformState | None:
        self._answers("platform.status")
        if self.play.stack:
            self.play.stack[-1].asked_health = self.play.line.t
        found = self.running.get(side_name)
        return self._state(side_name) if found and not found.removed else None

    def _answers(self, what: str) -> None:
        if self.play.calm:
            return
        self.play.touch(what)
        if self.play.weather.strikes("platform-down"):
            raise Unreachable("the platform does not answer")

    def _state(self, name: str) -> PlatformState:
        runs = self.running[name]
        version = self.play.version_of(name)
        sick = runs.wanted if version.fault == "sick" and self.play.had_traffic(self.component, name) else runs.dead
        wrong = version.fault == "wrong-digest" and self.play.had_traffic(self.component, name)
        found = self._states.get((name, sick, wrong, runs.wanted))
        if found is None:
            digest, url = "sha256:other" if wrong else runs.digest, runs.side.urls[0]
            instances = tuple(Instance(f"{name}-{n}", url, n >= sick, digest) for n in range(runs.wanted))
            found = self._states[name, sick, wrong, runs.wanted] = PlatformState(runs.side, instances, runs.wanted)
        return found

    def ready(self, name: str) -> int:
        """What is true now, asked by nobody."""
        found = self.running.get(name)
        return 0 if found is None or found.removed else self._state(name).ready

    def scale(self, side_name: str, wanted: int) -> PlatformState:
        self.running[side_name].wanted = wanted
        return self._state(side_name)

    def remove(self, side_name: str, grace: timedelta) -> None:
        self._answers("platform.remove")
        if side_name in self.running:
            self.play.witness.removes(self.component, side_name)
            self.running[side_name].removed = True
        self.play.touch("platform.remove", after=True)


class SimulatedMetrics:
    """Satisfies `tidegate.ports.Metrics`: values of a version's known goodness, and all that can go wrong with them."""

    def __init__(self, play: Play, component: str) -> None:
        self.play, self.component = play, component
        self.split: Split | None = None  # the route as it was when these were measured:
        self.known: dict[tuple[str, str], tuple[float | None, int]] = {}  # what good versions show until traffic moves

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        play = self.play
        at = play.line.now()
        split = play.routers[self.component].seen.split
        if split is not self.split:
            self.split, self.known = split, {}
        value, count = self.known.get((side.name, metric)) or self._measured(side.name, metric)
        if play.lost and metric in play.lost and side.name != f"{self.component}-{BLUE}":
            return Sample(metric, None, None, None, window, at)
        if play.calm:
            return Sample(metric, value, count, None, window, at)
        play.samples[side.name, metric] = None
        sample = self._distorted(Sample(metric, value, count, None, window, at))
        play.samples[side.name, metric] = sample
        return sample

    def _measured(self, side: str, metric: str) -> tuple[float | None, int]:
        """What is true now; no requests, no value. A bad version may turn bad at any moment: it is asked again."""
        play, count = self.play, self.play.requests(self.component, side)
        found = play.truth(self.component, side, metric) if count else None, count
        if play.version_of(side).good:
            self.known[side, metric] = found
        return found

    def _distorted(self, right: Sample) -> Sample:
        play, metric, window, at = self.play, right.metric, right.window, right.at
        play.touch("metrics.sample")
        if play.trouble is None:
            return right
        kind = play.trouble
        play.weather.fired[kind] += 1
        if kind == "metric-error":
            raise Unreachable("the source does not answer")
        wrong = {
            "metric-none": Sample(metric, None, None, None, window, at),
            "metric-nan": Sample(metric, float("nan"), right.count, None, window, at),
            "metric-stale": Sample(metric, GOOD.get(metric, 0.0), 1000, None, window, at - HOUR),
            "metric-few": Sample(metric, 0.0, 3, 0, window, at),
            "metric-bad": Sample(metric, BAD.get(metric, 0.0), 1000, None, window, at),
        }
        return wrong[kind]


class SimulatedRegistry:
    """Satisfies `tidegate.ports.Registry`: the digest is the source's own name."""

    def __init__(self, play: Play) -> None:
        self.play = play

    def push(self, source: str, version: str = "") -> str:
        self.play.touch("registry.push")
        return f"sha256:{source}"

    def exists(self, digest: str) -> bool:
        return True


class SimulatedBackup:
    """Satisfies `tidegate.ports.Backup`."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.taken: dict[str, str] = {}
        self.broken = play.weather.strikes("backup-broken")

    def find(self, release: str) -> str | None:
        self.play.touch("backup.find")
        return self.taken.get(release)

    def take(self, release: str) -> str:
        self.play.touch("backup.take")
        self.play.witness.takes_backup(release)
        self.taken[release] = f"backup of {release}"
        self.play.touch("backup.take", after=True)
        return self.taken[release]

    def verify(self, location: str) -> BackupProof:
        self.play.touch("backup.verify")
        if self.broken:
            raise Denied("a table is missing")
        return BackupProof(location, "sha256:b", 10, {"orders": (3, "f")}, 0.1)


class SimulatedCheck:
    """Satisfies `tidegate.ports.Check`."""

    def __init__(self, play: Play, name: str) -> None:
        self.play = play
        self.name = name

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        self.play.touch("check.run")
        failed = self.play.weather.strikes("check-fails")
        return CheckResult(
            Verdict.FAIL if failed else Verdict.PASS, f"{self.name} {'does not hold' if failed else 'holds'}"
        )


class SimulatedDoer:
    """Satisfies `tidegate.ports.Doer`: what was done for a release stays done."""

    def __init__(self, play: Play, name: str) -> None:
        self.play, self.name = play, name
        self.made: set[str] = set()

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        return f"{self.name} is done" if release in self.made else ""

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        self.play.touch("act.do")
        self.made.add(release)
        return f"{self.name} is done"


class SimulatedNotifier:
    """Satisfies `tidegate.ports.Notifier`; a dead one moves nobody else's dice."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.told: list[str] = []

    def tell(self, notice: Notice) -> None:
        weather = self.play.weather
        if weather.has("notifier-dead") and not weather.over:
            weather.fired["notifier-dead"] += 1
            raise Unreachable("nobody listens")
        self.told.append(notice.event)


@dataclass(slots=True)
class SimulatedRecords:
    """Satisfies `tidegate.ports.WayBackStore`: the folder of the machine where rollback is typed."""

    kept: dict[str, WayBack] = field(default_factory=dict)
    lost: bool = False  # what is written here is gone a moment later

    def read(self, system: str) -> WayBack | None:
        return None if self.lost else self.kept.get(system)

    def write(self, record: WayBack) -> None:
        self.kept[record.system] = record

    def remove(self, system: str, release: str) -> None:
        found = self.kept.get(system)
        if found is not None and found.release == release:
            del self.kept[system]
