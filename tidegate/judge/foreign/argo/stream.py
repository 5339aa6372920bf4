"""
Argo Rollouts' background analysis driven by bins: each metric measured over its window, every interval.

What a query would return is made from the samples: a vector of one value, `[value]`, NaN where no request came, and an
empty one where no bin came at all. A Failed or an Error run aborts the rollout, an Inconclusive one pauses it, as the
rollout controller has it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tidegate.judge.foreign.argo.assessing import Assessed, Measurement, Result, assess_run
from tidegate.judge.foreign.argo.conditions import Phase
from tidegate.judge.foreign.argo.durations import read_duration
from tidegate.judge.foreign.argo.metrics import Metric, read_metrics
from tidegate.judge.foreign.argo.runs import RETRY, measure, told_run
from tidegate.judge.foreign.argo.syntax import parse
from tidegate.judge.foreign.argo.tokens import ConditionError
from tidegate.judge.foreign.reading import known, listing, mapping, number, refused, word
from tidegate.judge.foreign.samples import MEASURES, SIDES, Counts, measured, read_edges, read_side

SOURCE = "samples"  # the provider's name in a metric
RETAINED = 10  # measurements kept of a metric, as Argo's controller keeps them; the counts go on
DEFAULT_METRICS: Sequence[Mapping[str, Any]] = (
    {
        "name": "success-rate",
        "interval": "5m",
        "successCondition": "result[0] >= 0.95",
        "failureLimit": 3,
        "provider": {SOURCE: {"measure": "success_rate"}},
    },
)


class ArgoJudge:
    """
    Judges one rollout from its samples; `step` says "continue", "hold" (Inconclusive) or "rollback" (Failed or Error).

    `meta`: {`edges`, `bin_seconds`}. A metric's provider is {samples: {measure, side, window}}: `measure` one of
    samples.MEASURES (default success_rate), `side` new (default) or stable, `window` a duration (default the interval).
    A metric is first measured at the first bin after its initialDelay, at most once a bin. The verdicts "hold" and
    "rollback" are final, as a completed run is; `status` tells the run.
    """

    def __init__(
        self,
        meta: Mapping[str, Any] | None = None,
        *,
        metrics: Sequence[Mapping[str, Any]] | Mapping[str, Any] = DEFAULT_METRICS,
        dry_run: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        told = mapping(meta, "meta")
        self._edges = read_edges(told)
        self._bin = number(told.get("bin_seconds"), "meta.bin_seconds", 1.0)
        self._metrics = read_metrics(metrics, dry_run)
        written = metrics.get("spec", metrics).get("metrics") if isinstance(metrics, Mapping) else metrics
        self._queries = {
            metric.name: _Query(metric, one, f"metrics[{place}]")
            for place, (metric, one) in enumerate(zip(self._metrics, listing(written, "metrics"), strict=True))
        }
        self._due = {metric.name: metric.initial_delay.total_seconds() for metric in self._metrics}
        self._bins: deque[tuple[float, Mapping[str, Counts]]] = deque()
        self._kept = max(query.window for query in self._queries.values())
        self._run: Assessed = assess_run(self._metrics, ())

    @property
    def status(self) -> dict[str, Any]:
        """The run so far, in the shape of argo_run's answer."""
        return told_run(self._run)

    def step(self, sample: Mapping[str, Any]) -> str:
        """Take one bin, measure what is due, and say what the rollout does."""
        told = mapping(sample, "sample")
        at = number(told.get("t"), "sample.t")
        self._bins.append((at, {side: read_side(told, side, self._bin) for side in SIDES}))
        while self._bins and self._bins[0][0] <= at - self._kept:
            self._bins.popleft()
        if not self._run.phase.completed:
            self._measure(at)
        if self._run.phase in {Phase.FAILED, Phase.ERROR}:
            return "rollback"
        return "hold" if self._run.phase is Phase.INCONCLUSIVE else "continue"

    def _measure(self, at: float) -> None:
        results = {one.name: one for one in self._run.results}
        for metric in self._metrics:
            before = results.get(metric.name, Result(metric.name, dry_run=metric.dry_run))
            if before.phase.completed or at < self._due[metric.name]:
                continue
            taken = measure(metric, {"value": self._answer(metric.name, at)})
            counted = before.with_measurement(taken)
            results[metric.name] = replace(counted, measurements=counted.measurements[-RETAINED:])
            pause = RETRY if taken.phase is Phase.ERROR or metric.interval is None else metric.interval
            self._due[metric.name] = at + pause.total_seconds()
        self._run = assess_run(self._metrics, tuple(results.values()))
        if any(
            one.phase in {Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE} and not one.dry_run
            for one in self._run.results
        ):
            self._run = assess_run(self._metrics, self._run.results)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on after a crash, as JSON has it; bounded by the longest window."""
        bins = [[at, {side: asdict(counts) for side, counts in sides.items()}] for at, sides in self._bins]
        return {"bins": bins, "due": dict(self._due), "results": [asdict(one) for one in self._run.results]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state` with the same answers as the judge that wrote it."""
        self._bins = deque(
            (at, {side: Counts(**{**told, "latency": tuple(told["latency"])}) for side, told in sides.items()})
            for at, sides in state["bins"]
        )
        self._due = dict(state["due"])
        self._run = assess_run(self._metrics, tuple(_result(told) for told in state["results"]))

    def _answer(self, name: str, at: float) -> list[float]:
        query = self._queries[name]
        within = [sides[query.side] for when, sides in self._bins if when > at - query.window]
        if not within:
            return []
        total = Counts()
        for counts in within:
            total = total.plus(counts)
        return [measured(query.measure, total, self._edges)]


def _result(told: Mapping[str, Any]) -> Result:
    taken = tuple(Measurement(**{**one, "phase": Phase(one["phase"])}) for one in told["measurements"])
    return Result(**{**told, "phase": Phase(told["phase"]), "measurements": taken})


class _Query:
    """What a metric measures: which figure, of which side, over how many seconds."""

    def __init__(self, metric: Metric, written: object, path: str) -> None:
        provider = mapping(mapping(written, path).get("provider"), f"{path}.provider")
        known(provider, f"{path}.provider", (SOURCE,))
        path = f"{path}.provider.{SOURCE}"
        told = mapping(provider.get(SOURCE), path)
        known(told, path, ("measure", "side", "window"))
        self.measure = word(told.get("measure"), f"{path}.measure", MEASURES, "success_rate")
        self.side = word(told.get("side"), f"{path}.side", SIDES, "new")
        window = read_duration(told.get("window"), f"{path}.window") or metric.interval
        if not window:
            raise refused(f"{path}.window", told.get("window"), "a duration above 0, where the metric has no interval")
        self.window = window.total_seconds()
        for key in ("success_condition", "failure_condition"):
            try:
                parse(getattr(metric, key) or "true")
            except ConditionError as error:
                raise refused(f"{path}: {key}", getattr(metric, key), f"a condition ({error})") from None
