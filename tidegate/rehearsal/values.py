"""Numbers for a simulated version: good ones satisfy every target of the spec, bad ones every rollback limit."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.language.limits import Limit
from tidegate.spec import Gate, Spec

WITHOUT_LIMIT = 1.0
BASELINE = 1.0


def good_values(spec: Spec) -> dict[str, float]:
    """Metric -> a value that passes: half of the smallest upper limit, or a tenth above the largest lower one."""
    return {metric: _inside(limits) for metric, limits in _limits(spec, "target")}


def bad_values(spec: Spec) -> dict[str, float]:
    """Metric -> a value that rolls back (or, without such a limit, misses its target)."""
    good = good_values(spec)
    found = dict(good)
    for gate in spec.gates:
        limit = gate.rollback if gate.rollback is not None else gate.target
        if limit is not None:
            found[gate.metric] = _beyond(gate, limit)
    return found


def _limits(spec: Spec, tier: str) -> Iterator[tuple[str, list[Limit]]]:
    found: dict[str, list[Limit]] = {}
    for gate in spec.gates:
        kept = found.setdefault(gate.metric, [])
        wanted = getattr(gate, tier)
        if wanted is not None:
            kept.append(wanted)
        elif gate.rollback is not None:
            kept.append(Limit(float(gate.rollback), gate.rollback.op, "", gate.rollback.relative).turned())
    yield from found.items()


def _inside(limits: list[Limit]) -> float:
    upper = [_edge(one) for one in limits if one.upper]
    lower = [_edge(one) for one in limits if not one.upper]
    if upper:
        return min(upper) / 2
    return max(lower) * 1.1 if lower else WITHOUT_LIMIT


def _edge(limit: Limit) -> float:
    """A relative limit, against a baseline that the rehearsal makes up."""
    return {"": float(limit), "+": BASELINE * (1 + limit), "-": BASELINE * (1 - limit), "x": BASELINE * limit}[
        limit.relative
    ]


def _beyond(gate: Gate, limit: Limit) -> float:
    edge = _edge(limit)
    rises = (not limit.upper) if gate.rollback is not None else limit.upper
    return edge * 1.5 + 0.001 if rises else edge / 2
