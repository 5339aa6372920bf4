"""
Judgement by absolute limits, in its simplest sound form.

What satisfies the target passes, what satisfies the rollback limit fails (once it has lasted; `then: ask` holds and
`then: page` goes on instead), the band between holds. Too few
samples are no verdict, no data never passes, and a source that cannot be asked is an ERROR, not a failure (design 2.3).
A rate far above its limit fails before the minimum of samples: by Chernoff's bound a version exactly at the limit would
look that bad less often than once in 10,000 looks (Hoeffding 1963, theorem 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from tidegate.language.limits import Limit
from tidegate.ports import Sample, Verdict
from tidegate.spec import Gate

SURE = math.log(1e4)  # nats
SHARES = ("_rate", "_share", "_usage")  # metrics that are shares, told in %
STALE = timedelta(minutes=1)  # clocks of two machines may differ by less


@dataclass(frozen=True, slots=True)
class Judged:
    """One gate's judgement now; `over`: the reading lies above the rollback limit, `hold`: it is in the band."""

    gate: str
    component: str
    verdict: Verdict
    sentence: str
    over: bool = False
    hold: bool = False
    lasted: bool = False  # it has lain above for long enough
    value: float | None = None
    count: int | None = None
    shown: Mapping[str, Any] = field(init=False, repr=False, compare=False)  # as a look's row keeps it

    def __post_init__(self) -> None:
        told = {"gate": self.gate, "component": self.component, "verdict": self.verdict.value,
                "sentence": self.sentence, "value": self.value, "count": self.count}  # fmt: skip
        object.__setattr__(self, "shown", told)


def judge(
    gate: Gate,
    sample: Sample,
    over_for: timedelta,
    now: datetime | None = None,
    lasting: timedelta | None = None,
    baseline: float | None = None,
    *,
    strict: bool = False,
) -> Judged:
    """
    Weigh one reading against its gate; `over_for` is how long the readings have been above the rollback limit.

    `lasting` is how long they must have been (default: the gate's own; a watch adds its `samples` in a row);
    `baseline` what the version before did: a relative limit without it neither passes nor fails. `strict`: the band
    between target and rollback is beyond the limit, too (a step's `band: rollback`).
    With `now`, a reading that is older than its window and a minute is no reading of now.
    """
    trouble = _no_reading(gate, sample, now)
    if trouble is not None:
        verdict, told, hold = trouble
        return _judged(gate, sample.value, sample.count, (verdict, told, False, hold), lasted=False)
    assert sample.value is not None
    lasted = over_for >= (gate.lasting if lasting is None else lasting)
    return _of_reading(gate, sample.value, sample.count, sample.bad, lasted, baseline, strict)


def _no_reading(gate: Gate, sample: Sample, now: datetime | None) -> tuple[Verdict, str, bool] | None:
    """Why this sample cannot be weighed: verdict, sentence, and whether it holds; None when it can."""
    if sample.error:
        return Verdict.ERROR, f"cannot be measured ({sample.error})", True
    if now is not None and now - sample.at > gate.window + STALE:
        return Verdict.ERROR, f"was last measured {(now - sample.at).total_seconds():.0f} s ago", True
    if sample.count == 0:
        return Verdict.INCONCLUSIVE, f"0 of {gate.min_samples or 1} requests needed", False
    if sample.count is None and gate.min_samples:
        return Verdict.ERROR, f"does not say of how many requests; {gate.min_samples} are needed", True
    if sample.value is None:
        return Verdict.INCONCLUSIVE, "no series: no data is never a pass", True
    if not math.isfinite(sample.value) or sample.value < 0:
        return Verdict.ERROR, f"is {sample.value}, which is no measurement", True
    return None


_Weighed = tuple[Verdict, str, bool, bool]  # verdict, sentence, over, hold


def _judged(gate: Gate, value: float | None, count: int | None, weighed: _Weighed, *, lasted: bool) -> Judged:
    verdict, told, over, hold = weighed
    sentence = f"{gate.component} {gate.metric}: {told}"
    return Judged(gate.name, gate.component, verdict, sentence, over, hold, over and lasted, value, count)


@lru_cache(maxsize=2048)  # a quiet system reads the same again and again
def _of_reading(
    gate: Gate, value: float, count: int | None, bad: int | None, lasted: bool, baseline: float | None, strict: bool
) -> Judged:
    return _judged(gate, value, count, _weighed(gate, value, count, bad, lasted, baseline, strict), lasted=lasted)


def _weighed(
    gate: Gate, value: float, count: int | None, bad: int | None, lasted: bool, baseline: float | None, strict: bool
) -> _Weighed:
    told = shown(gate.metric, value, gate.unit)
    behind = f" of {count} requests" if count is not None else ""
    if bad is not None and count:
        told, behind = f"{bad} of {count} requests ({told})", ""
    worst_ = gate.rollback
    if worst_ is not None and gate.then == "rollback" and _surely_above(bad, count, worst_):
        return Verdict.FAIL, f"{told}, limit {_edge(gate, worst_)}", True, False
    if count is not None and count < gate.min_samples:
        few = f"{told}{behind}; {count} of {gate.min_samples} requests needed"
        return Verdict.INCONCLUSIVE, few, False, False
    if worst_ is not None and gate.fails(value, baseline):
        return _over(gate, f"{told}{behind}", worst_, lasted)
    if not gate.passes(value, baseline):
        assert gate.target is not None
        if strict:
            return _over(gate, f"{told}{behind}", gate.target, lasted)
        if worst_ is None:
            return Verdict.INCONCLUSIVE, f"{told}{behind}, {_wanted(gate, gate.target)}", False, True
        between = f"between {_edge(gate, gate.target)} and {_edge(gate, worst_)}"
        return Verdict.INCONCLUSIVE, f"{told}{behind}, {between}", False, True
    wanted = f", {_wanted(gate, gate.target)}" if gate.target is not None else ""
    return Verdict.PASS, f"{told}{behind}{wanted}", False, False


def _over(gate: Gate, told: str, limit: Limit, lasted: bool) -> _Weighed:
    """Beyond the rollback limit: for long enough it fails, asks, or is only told."""
    if gate.then == "page":
        return Verdict.PASS, f"{told}, beyond {_edge(gate, limit)}: people are told", True, False
    if not lasted:
        return Verdict.INCONCLUSIVE, f"{told} above the limit, not yet for long enough", True, False
    if gate.then == "ask":
        return Verdict.INCONCLUSIVE, f"{told}, beyond {_edge(gate, limit)}: people decide", True, True
    return Verdict.FAIL, f"{told}, limit {_edge(gate, limit)}", True, False


def _edge(gate: Gate, limit: Limit) -> str:
    return limit.said if limit.relative else shown(gate.metric, limit, gate.unit)


def _wanted(gate: Gate, limit: Limit) -> str:
    return f"{limit.op} {_edge(gate, limit)} wanted" if not limit.relative else f"{limit.said} wanted"


def _surely_above(bad: int | None, count: int | None, limit: Limit) -> bool:
    if bad is None or not count or limit.upper or limit.relative or not 0 < limit < 1:
        return False
    share = bad / count
    return share > limit and count * _divergence(share, limit) >= SURE


def _divergence(share: float, limit: float) -> float:
    """Nats that one request brings for `share` against `limit` (Kullback-Leibler, two outcomes)."""
    bad = share * math.log(share / limit)
    good = (1 - share) * math.log((1 - share) / (1 - limit)) if share < 1 else 0.0
    return bad + good


def worst(judged: list[Judged]) -> Verdict:
    """The verdict of all gates together: FAIL, then ERROR, then INCONCLUSIVE; PASS only when every one passes."""
    verdicts = {one.verdict for one in judged}
    for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS if judged else Verdict.INCONCLUSIVE


def shown(metric: str, value: float, unit: str = "") -> str:
    """A value in the unit people know for this metric; `unit` is the one in which its limits are written, if any."""
    if unit == "%" or (metric.endswith(SHARES) and metric != "request_rate"):
        return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.0f} %"
    if unit == "s" or metric.startswith("latency") or metric.endswith("_time"):
        return f"{value * 1000:.0f} ms"
    if unit == "B" or metric == "memory":
        return f"{value / 1e6:.0f} MB"
    return f"{value:g}"
