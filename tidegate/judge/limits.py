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
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

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
    value: float | None = None
    count: int | None = None


class _Judge(Protocol):
    def __call__(self, verdict: Verdict, sentence: str, *, over: bool = False, hold: bool = False) -> Judged: ...


def judge(
    gate: Gate,
    sample: Sample,
    over_for: timedelta,
    now: datetime | None = None,
    lasting: timedelta | None = None,
    baseline: float | None = None,
) -> Judged:
    """
    Weigh one reading against its gate; `over_for` is how long the readings have been above the rollback limit.

    `lasting` is how long they must have been (default: the gate's own; a watch adds its `samples` in a row);
    `baseline` what the version before did: a relative limit without it neither passes nor fails.
    With `now`, a reading that is older than its window and a minute is no reading of now.
    """

    def judged(verdict: Verdict, sentence: str, *, over: bool = False, hold: bool = False) -> Judged:
        told = f"{gate.component} {gate.metric}: {sentence}"
        return Judged(gate.name, gate.component, verdict, told, over, hold, sample.value, sample.count)

    if sample.error:
        return judged(Verdict.ERROR, f"cannot be measured ({sample.error})", hold=True)
    if now is not None and now - sample.at > gate.window + STALE:
        return judged(Verdict.ERROR, f"was last measured {(now - sample.at).total_seconds():.0f} s ago", hold=True)
    if sample.count == 0:
        return judged(Verdict.INCONCLUSIVE, f"0 of {gate.min_samples or 1} requests needed")
    if sample.count is None and gate.min_samples:
        return judged(Verdict.ERROR, f"does not say of how many requests; {gate.min_samples} are needed", hold=True)
    if sample.value is None:
        return judged(Verdict.INCONCLUSIVE, "no series: no data is never a pass", hold=True)
    if not math.isfinite(sample.value) or sample.value < 0:
        return judged(Verdict.ERROR, f"is {sample.value}, which is no measurement", hold=True)
    lasted = over_for >= (gate.lasting if lasting is None else lasting)
    return _weighed(gate, sample, lasted, baseline, judged)


def _weighed(gate: Gate, sample: Sample, lasted: bool, baseline: float | None, judged: _Judge) -> Judged:
    value = sample.value
    assert value is not None
    told = shown(gate.metric, value)
    behind = f" of {sample.count} requests" if sample.count is not None else ""
    if sample.bad is not None and sample.count:
        told = f"{sample.bad} of {sample.count} requests ({told})"
        behind = ""
    if gate.rollback is not None and gate.then == "rollback" and _surely_above(sample, gate.rollback):
        return judged(Verdict.FAIL, f"{told}, limit {_edge(gate, gate.rollback)}", over=True)
    if sample.count is not None and sample.count < gate.min_samples:
        return judged(Verdict.INCONCLUSIVE, f"{told}{behind}; {sample.count} of {gate.min_samples} requests needed")
    if gate.rollback is not None and gate.fails(value, baseline):
        return _over(gate, f"{told}{behind}", gate.rollback, lasted, judged)
    if not gate.passes(value, baseline):
        assert gate.target is not None
        if gate.rollback is None:
            return judged(Verdict.INCONCLUSIVE, f"{told}{behind}, {_wanted(gate, gate.target)}", hold=True)
        between = f"between {_edge(gate, gate.target)} and {_edge(gate, gate.rollback)}"
        return judged(Verdict.INCONCLUSIVE, f"{told}{behind}, {between}", hold=True)
    return judged(Verdict.PASS, f"{told}{behind}, {_wanted(gate, gate.target)}" if gate.target else f"{told}{behind}")


def _over(gate: Gate, told: str, limit: Limit, lasted: bool, judged: _Judge) -> Judged:
    """Beyond the rollback limit: for long enough it fails, asks, or is only told."""
    if not lasted:
        return judged(Verdict.INCONCLUSIVE, f"{told} above the limit, not yet for long enough", over=True)
    if gate.then == "page":
        return judged(Verdict.PASS, f"{told}, beyond {_edge(gate, limit)}: people are told", over=True)
    if gate.then == "ask":
        return judged(Verdict.INCONCLUSIVE, f"{told}, beyond {_edge(gate, limit)}: people decide", over=True, hold=True)
    return judged(Verdict.FAIL, f"{told}, limit {_edge(gate, limit)}", over=True)


def _edge(gate: Gate, limit: Limit) -> str:
    return limit.said if limit.relative else shown(gate.metric, limit)


def _wanted(gate: Gate, limit: Limit) -> str:
    return f"{limit.op} {_edge(gate, limit)} wanted" if not limit.relative else f"{limit.said} wanted"


def _surely_above(sample: Sample, limit: Limit) -> bool:
    if sample.bad is None or not sample.count or limit.upper or limit.relative or not 0 < limit < 1:
        return False
    share = sample.bad / sample.count
    return share > limit and sample.count * _divergence(share, limit) >= SURE


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


def shown(metric: str, value: float) -> str:
    """A value in the unit people know for this metric."""
    if metric.endswith(SHARES) and metric != "request_rate":
        return f"{value * 100:.2g} %" if value < 0.1 else f"{value * 100:.0f} %"
    if metric.startswith("latency") or metric.endswith("_time"):
        return f"{value * 1000:.0f} ms"
    if metric == "memory":
        return f"{value / 1e6:.0f} MB"
    return f"{value:g}"
