"""
The comparing judge in the watch: counts of both versions become looks of a rollout, its word a judgement.

It compares while a release shifts, component by component, where the source of measurements gives counts
(`ports.Counts`). A judge lives as long as its watch; its state lies beside the watch's memory, so that a successor goes
on (design 2.2). It is loaded when first needed: numpy costs a tenth of a second.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tidegate.errors import ConnectorError, SpecError
from tidegate.judge.limits import Judged
from tidegate.judge.selected import Policy, Selected, selected
from tidegate.ports import Sample, Totals, Verdict
from tidegate.story import State, Story
from tidegate.traffic import Seen, Side
from tidegate.world import World

GATE = "comparison"
LEAST_BIN = 0.4  # seconds; counts of less are gathered first
LONGEST_HOLD = 600.0  # seconds a step that open evidence may hold
KEPT_EVERY = 10.0  # seconds between two copies of a judge's state: counts of a gap are not lost, they are cumulative


class Comparison:
    """One component's judge: feed it the totals, ask for its word."""

    def __init__(self, component: str, stages: Sequence[tuple[float, float]], began: datetime,
                 record: Totals, memory_limit: float = 0.0, policy: Policy | None = None,
                 longest_hold: float = LONGEST_HOLD, compress: float = 1.0) -> None:  # fmt: skip
        """
        `stages`: (share 0-1, seconds); `record`: what stable had answered before; `policy`: selected.Policy;
        `longest_hold`: seconds a step; `compress`: by how much the spec's own times are shortened.
        """
        self.component, self.began, self.record, self.memory_limit = component, began, record, memory_limit
        self.policy, self.longest_hold, self.compress = dict(policy or {}), longest_hold, compress
        self.stages = tuple(stages)
        self.last: tuple[Totals | None, Totals | None] = (None, record)
        self.probed: tuple[Totals | None, Totals | None] = (None, None)
        self.t = -LEAST_BIN
        self.judge = self._make(None)

    def _make(self, state: Mapping[str, Any] | None) -> Selected:
        history = {"requests": [self.record.requests], "failures": [self.record.failures],
                   "latency": self.record.latency}  # fmt: skip
        meta = {"stages": self.stages, "bin_seconds": LEAST_BIN, "edges": self.record.edges, "routes": 1,
                "memory_limit": self.memory_limit, "history": history, "longest_hold": self.longest_hold,
                "compress": self.compress}  # fmt: skip
        return selected(self.policy, meta, state)

    def look(self, at: datetime, share: float, new: Totals | None, stable: Totals | None,
             memory: tuple[float, float] = (0.0, 0.0),
             probes: tuple[Totals | None, Totals | None] = (None, None)) -> Judged | None:  # fmt: skip
        """One look's judgement; None until the new version has answered anything. `probes`: of new and stable."""
        t = (at - self.began).total_seconds()
        if t - self.t >= LEAST_BIN and new is not None:
            looked = {"t": t, "share": share, "new": _grown(self.last[0], new, memory[0]),
                      "stable": _grown(self.last[1], stable, memory[1])}  # fmt: skip
            if probes[0] is not None:
                looked |= {"probe_new": _counted(self.probed[0], probes[0]),
                           "probe_stable": _counted(self.probed[1], probes[1])}  # fmt: skip
            try:
                self.judge.step(looked)
            except SpecError as why:  # the source has other buckets than it had, or counts what cannot be
                said = f"{self.component} cannot be compared with stable: {why}"
                return Judged(GATE, self.component, Verdict.ERROR, said, hold=True)
            self.t, self.last = t, (new, stable or self.last[1])
            self.probed = (probes[0] or self.probed[0], probes[1] or self.probed[1])
        if not self.judge.asked:
            return None
        told, strength = "; ".join(self.judge.reasons), round(self.judge.strength, 6)
        sentence, count = f"{self.component} beside stable: {told}", self.judge.asked
        word = {"rollback": Verdict.FAIL, "hold": Verdict.INCONCLUSIVE}.get(self.judge.word, Verdict.PASS)
        return Judged(GATE, self.component, word, sentence, hold=word is Verdict.INCONCLUSIVE, value=strength,
                      count=count)  # fmt: skip

    def to_text(self) -> str:
        """Everything a successor needs, packed."""
        told = {
            "component": self.component, "began": self.began.isoformat(), "stages": self.stages, "t": self.t,
            "memory_limit": self.memory_limit, "policy": self.policy,
            "longest_hold": self.longest_hold, "compress": self.compress,
            "record": _told(self.record), "last": [_told(one) for one in self.last],
            "probed": [_told(one) for one in self.probed],
            "judge": self.judge.state(),
        }  # fmt: skip
        return base64.b85encode(zlib.compress(json.dumps(told).encode(), 6)).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Comparison:
        """Go on where another watch was; ValueError when it cannot be read."""
        told = json.loads(zlib.decompress(base64.b85decode(text)))
        stages, began = [(s, d) for s, d in told["stages"]], datetime.fromisoformat(told["began"])
        record = _totals(told["record"])
        assert record is not None
        made = cls(told["component"], stages, began, record, told["memory_limit"], told["policy"],
                   told["longest_hold"], told["compress"])  # fmt: skip
        made.t, made.last = told["t"], (_totals(told["last"][0]), _totals(told["last"][1]))
        made.probed = (_totals(told["probed"][0]), _totals(told["probed"][1]))
        made.judge = made._make(told["judge"])
        return made


class Comparisons:
    """The comparisons of one release, by component; `kept` is what a successor reads."""

    def __init__(
        self, kept: Mapping[str, str] | None = None, learnt: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        """`learnt`: what earlier releases taught of each component (site.py), where no judge is under way."""
        self.learnt = dict(learnt or {})
        self.running: dict[str, Comparison] = {}
        self.kept: dict[str, str] = dict(kept or {})
        self.kept_at: datetime | None = None
        for component, text in self.kept.items():
            try:
                self.running[component] = Comparison.from_text(text)
            except (ValueError, KeyError, TypeError, zlib.error, SpecError):
                continue  # of another version of Tidegate, or damaged: it begins again

    def look(self, world: World, story: Story, seen: Mapping[str, Seen | None], samples: Mapping[str, Sample],
             at: datetime) -> dict[str, Judged]:  # fmt: skip
        """What every component's comparison says now."""
        if story.state is not State.SHIFTING or world.spec.comparison.judge == "off":
            return {}
        judged = {}
        for component, route in seen.items():
            if route is not None and route.split is not None and route.split.canary is not None:
                one = self._look(world, component, route, samples, at)
                if one is not None:
                    judged[component] = one
        self._keep(at)
        return judged

    def _look(self, world: World, component: str, route: Seen, samples: Mapping[str, Sample],
              at: datetime) -> Judged | None:  # fmt: skip
        assert route.split is not None
        assert route.split.canary is not None
        totals = getattr(world.parts[component].metrics, "totals", None)  # asking the protocol costs more than a look
        if totals is None:
            return None
        try:
            new, stable = totals(route.split.canary), totals(route.split.stable)
        except ConnectorError:
            return self.running[component].look(at, 0.0, None, None) if component in self.running else None
        if component not in self.running:
            if stable is None or len(stable.edges) < 2:
                return None
            plan = world.spec.plans[world.spec.plan]
            stages = [(step.weight / 100, step.bake.total_seconds()) for step in plan.steps]
            policy = world.spec.comparison.policy(self.learnt.get(component, {}))
            limit, hold = _memory_limit(world, component), _longest_hold(world)
            made = Comparison(component, stages, at, stable, limit, policy, hold, world.spec.compress)
            self.running[component] = made
        return self.running[component].look(
            at, route.weight / 100, new, stable, _memory(world, component, route.split.stable, samples),
            _probes(world, component, route.split.canary, route.split.stable),
        )  # fmt: skip

    def profiles(self) -> dict[str, dict[str, float]]:
        """What each of Tidegate's own judges has learnt by now; of good releases only it is worth keeping."""
        learners = {name: getattr(one.judge, "learnt", None) for name, one in self.running.items()}
        return {name: learn().to_body() for name, learn in learners.items() if learn is not None}

    def _keep(self, at: datetime) -> None:
        if self.kept_at is None or abs((at - self.kept_at).total_seconds()) >= KEPT_EVERY:
            self.kept = {component: one.to_text() for component, one in self.running.items()}
            self.kept_at = at


def _grown(before: Totals | None, now: Totals | None, memory: float) -> dict[str, Any]:
    """What came between two readings; a source that counts from 0 again has forgotten, and is believed."""
    if now is None:
        return {"requests": [0], "failures": [0], "memory": memory}
    if before is None or before.edges != now.edges or now.requests < before.requests:
        asked, failed, latency = now.requests, now.failures, now.latency
    else:
        asked, failed = now.requests - before.requests, max(now.failures - before.failures, 0.0)
        latency = tuple(max(b - a, 0.0) for a, b in zip(before.latency, now.latency, strict=True))
    return {"requests": [asked], "failures": [failed], "latency": latency, "memory": memory}


def _counted(before: Totals | None, now: Totals | None) -> dict[str, Any]:
    """What came between two readings of synthetic requests: they are judged by their failures alone."""
    grown = _grown(before, now, 0.0)
    return {"requests": grown["requests"], "failures": grown["failures"]}


def _probes(world: World, component: str, new: Side, stable: Side) -> tuple[Totals | None, Totals | None]:
    """What synthetic requests to both versions counted; None where there are none, or they cannot be asked."""
    probes = world.parts[component].probes
    if probes is None:
        return None, None
    try:
        return probes.totals(new), probes.totals(stable)
    except ConnectorError:
        return None, None


def _longest_hold(world: World) -> float:
    """Seconds: evidence that is neither strong nor weak must not by itself outlast what a hold may."""
    return min(LONGEST_HOLD, world.spec.hold.deadline.total_seconds() / 2)


def _memory_limit(world: World, component: str) -> float:
    """The rollback limit of the component's memory gate, bytes; 0 when there is none."""
    limits = (g.rollback for g in world.spec.gates if g.component == component and g.metric == "memory")
    return next((float(limit) for limit in limits if limit is not None and not limit.relative), 0.0)


def _memory(world: World, component: str, stable: Side, samples: Mapping[str, Sample]) -> tuple[float, float]:
    """Memory of both versions, bytes; 0 where nobody knows."""
    for gate in world.spec.gates:
        if gate.component == component and gate.metric == "memory" and gate.name in samples:
            try:
                beside = world.parts[component].metrics.sample("memory", stable, gate.window).value
            except ConnectorError:
                beside = None
            return samples[gate.name].value or 0.0, beside or 0.0
    return 0.0, 0.0


def _told(totals: Totals | None) -> dict[str, Any] | None:
    if totals is None:
        return None
    told = asdict(totals) | {"at": totals.at.isoformat()}
    return told | {"edges": [str(edge) for edge in totals.edges]}  # JSON has no infinity


def _totals(told: Mapping[str, Any] | None) -> Totals | None:
    if told is None:
        return None
    edges, latency = tuple(float(edge) for edge in told["edges"]), tuple(told["latency"])
    return Totals(datetime.fromisoformat(told["at"]), told["requests"], told["failures"], edges, latency)
