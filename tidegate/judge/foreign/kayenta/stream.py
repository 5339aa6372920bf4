"""
Kayenta's judge driven by bins: series of minutes, judged every `interval` minutes.

The way of judging is Spinnaker's canary stage: each interval judges a window or everything since the start, a score
below `marginal` ends the rollout at once, and at the end of the plan the score has to reach `passing`. Source: the
stage's documented behaviour; the classification is kayenta()'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tidegate.judge.foreign.kayenta.canary import kayenta
from tidegate.judge.foreign.reading import listing, mapping, number, refused
from tidegate.judge.foreign.samples import MEASURES, SIDES, Counts, measured, read_edges, read_side

MINUTE = 60.0
WORSE_WHEN_HIGHER = {"canary": {"direction": "increase"}}
DEFAULT_CONFIG: Mapping[str, Any] = {
    "metrics": [
        {"name": "failure_rate", "groups": ["failures"], "analysisConfigurations": WORSE_WHEN_HIGHER},
        {"name": "latency_mean", "groups": ["latency"], "analysisConfigurations": WORSE_WHEN_HIGHER},
        {"name": "latency_p95", "groups": ["latency"], "analysisConfigurations": WORSE_WHEN_HIGHER},
    ],
    "classifier": {"groupWeights": {"failures": 50, "latency": 50}},
}


class KayentaJudge:
    """
    Judges one rollout from its samples; `step` says "continue", "hold" (the score is marginal) or "rollback".

    `meta`: {`stages`: [[share, seconds], ...], `bin_seconds`, `edges`}; without stages there is no end at which to
    pass. `interval`, `lookback` and `delay` are minutes; `lookback` None judges everything since `delay`. The metrics
    of `config` are named for what they measure (samples.MEASURES). A bin longer than a minute is one point of a series.
    `result` is kayenta()'s latest result.
    """

    def __init__(
        self,
        meta: Mapping[str, Any] | None = None,
        *,
        interval: float = 10.0,
        lookback: float | None = None,
        delay: float = 0.0,
        passing: float = 95.0,
        marginal: float = 75.0,
        config: Mapping[str, Any] = DEFAULT_CONFIG,
    ) -> None:
        told = mapping(meta, "meta")
        self.interval, self.delay = _minutes(interval, "interval", 1), _minutes(delay, "delay", 0)
        self.lookback = math.inf if lookback is None else _minutes(lookback, "lookback", 1)
        self.thresholds = {"pass": passing, "marginal": marginal}
        self.config = config
        self.result: dict[str, Any] = {}
        self._edges = read_edges(told)
        self._bin = number(told.get("bin_seconds"), "meta.bin_seconds", 1.0)
        stages = listing(told.get("stages"), "meta.stages")
        self._end = math.fsum(number(stage[1], "meta.stages") for stage in stages) if stages else math.inf
        self._measures = [metric.get("name") for metric in listing(config.get("metrics"), "config.metrics")]
        for place, name in enumerate(self._measures):
            if name not in MEASURES:
                raise refused(f"config.metrics[{place}].name", name, ", ".join(MEASURES))
        self._series: dict[int, tuple[Counts, Counts]] = {}
        self._due = self.delay + self.interval
        self._said = "continue"
        kayenta(config, self.thresholds, [])  # refuses what cannot be used before the rollout begins

    def step(self, sample: Mapping[str, Any]) -> str:
        """Take one bin. A rollback is final; a hold stands until a later interval scores better."""
        told = mapping(sample, "sample")
        at = number(told.get("t"), "sample.t")
        minute = int(at // MINUTE)
        ended = at + self._bin >= self._end
        new, stable = (read_side(told, side, self._bin) for side in SIDES)
        before = self._series.get(minute, (Counts(), Counts()))
        self._series[minute] = (before[0].plus(new), before[1].plus(stable))
        if self._said != "rollback" and (minute >= self._due or ended) and self._due < math.inf:
            self._said = self._judge(minute + 1 if ended else minute, ended)
            self._due = math.inf if ended else minute + self.interval
        return self._said

    def state(self) -> dict[str, Any]:
        """Everything needed to go on after a crash, as JSON has it; a minute's counts each, as far as looked back."""
        series = [[minute, *(asdict(one) for one in pair)] for minute, pair in self._series.items()]
        due = None if self._due == math.inf else self._due
        return {"series": series, "due": due, "said": self._said, "result": self.result}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state` with the same answers as the judge that wrote it."""
        self._series = {int(minute): (_counts(new), _counts(stable)) for minute, new, stable in state["series"]}
        self._due = math.inf if state["due"] is None else state["due"]
        self._said, self.result = state["said"], dict(state["result"])

    def _judge(self, minute: int, ended: bool) -> str:
        """Judge the minutes before this one: the one under way would be the noisiest point of all."""
        since = max(self.delay, minute - self.lookback)
        self._series = {at: pair for at, pair in self._series.items() if at >= since}
        taken = [pair for at, pair in sorted(self._series.items()) if at < minute]
        pairs = [
            {
                "name": name,
                "values": {
                    "control": [measured(name, stable, self._edges) for _, stable in taken],
                    "experiment": [measured(name, new, self._edges) for new, _ in taken],
                },
            }
            for name in self._measures
        ]
        self.result = kayenta(self.config, self.thresholds, pairs)
        found = self.result["score"]["classification"]
        if found == "Fail" or (ended and found != "Pass"):
            return "rollback"
        return "hold" if found == "Marginal" else "continue"


def _counts(told: Mapping[str, Any]) -> Counts:
    return Counts(**{**told, "latency": tuple(told["latency"])})


def _minutes(value: float, path: str, least: float) -> float:
    minutes = number(value, path, allowed="minutes")
    if minutes < least:
        raise refused(path, value, f"at least {least:g} minutes")
    return minutes
