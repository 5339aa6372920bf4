"""The goals of judging a canary (docs, section 6), each with what was measured, as far as the cells of a run tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.bench.judging.hindsight import Best
from tests.bench.judging.measuring import rolled_back
from tests.bench.judging.scoring import HALF, Cell, geometric, within
from tests.bench.judging.tables import figure, table

# Share of good versions rolled back, at most, by the noise; an outage with a hold-back only.
ALLOWED = {"ordinary": 0.01, "slow-start": 0.05, "outage": 0.05, "wander-doubled": 0.02, "bursty": 0.02,
           "cold-start": 0.02}  # fmt: skip


class Goal(NamedTuple):
    """A figure and its bound; `at_least`: the figure must not be below it, otherwise not above."""

    about: str
    measured: float
    wanted: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted


def goals(cells: Sequence[Cell], bests: Mapping[tuple[str, str], Best], name: str) -> list[Goal]:
    """Those that these cells can tell of."""
    found = [*_good(cells, name), *_harm(cells, bests, name), *_speed(cells, name), *_cost(cells, name)]
    return [goal for goal in found if not math.isnan(goal.measured)]


def _good(cells: Sequence[Cell], name: str) -> Iterator[Goal]:
    for noise, allowed in ALLOWED.items():
        some = [c for c in cells if c.fault is None and c.context.noise == noise and name in c.outcomes]
        if noise == "outage":
            some = [c for c in some if c.context.hold_back]
        if some:
            worst = max(some, key=lambda c: rolled_back(c.outcomes[name]) / len(c.outcomes[name]))
            share = rolled_back(worst.outcomes[name]) / len(worst.outcomes[name])
            yield Goal(f"1 good versions rolled back, share, worst context ({worst.context})", share, allowed)


def _harm(cells: Sequence[Cell], bests: Mapping[tuple[str, str], Best], name: str) -> Iterator[Goal]:
    bad = [c for c in cells if c.fault is not None and name in c.outcomes and c.context.bin_seconds >= 10.0]
    against = [(c.harmed(name) + HALF) / (bests[key].for_fault + HALF) for c in bad
               if (key := (str(c.context), str(c.fault))) in bests]  # fmt: skip
    yield Goal("2 harm, times the best peer for each fault", geometric(against), 0.6)
    yield Goal("2 share of cells within 1.2 times that peer", within(against, 1.2), 0.9, at_least=True)
    every = [c.multiple(name) for c in bad if not c.context.probes]
    yield Goal("3 harm, times the oracle", geometric(every), 2.0)
    yield Goal("3 share of cells within 5 times the oracle", within(every, 5.0), 0.9, at_least=True)


def _speed(cells: Sequence[Cell], name: str) -> Iterator[Goal]:
    for cell in cells:
        if cell.fault is None or name not in cell.outcomes:
            continue
        context, fault = cell.context, cell.fault
        if context.probes and fault.startswith(("err+5pp", "err+20pp", "err+50pp")):
            yield Goal(f"4 with probes, {context}, {fault}: seconds, median", cell.delay(name), 10.0)
            yield Goal(f"4 with probes, {context}, {fault}: harmed", cell.harmed(name), 1.0)
        elif context.traffic == 1.0 and fault == "err+50pp":
            yield Goal(f"4 {context}, {fault}: seconds, median", cell.delay(name), 40.0)
            yield Goal(f"4 {context}, {fault}: seconds, p95", cell.delay(name, 0.95), 80.0)
            yield Goal(f"4 {context}, {fault}: harmed", cell.harmed(name), 2.5)
        elif context.bin_seconds == 1.0 and fault in ("err+50pp", "lat x4", "lat x2"):
            wanted = 2.0 if fault == "lat x2" else 1.1
            yield Goal(f"5 looks of 1 s, {context}, {fault}: times the oracle", cell.multiple(name), wanted)


def _cost(cells: Sequence[Cell], name: str) -> Iterator[Goal]:
    good = [c for c in cells if c.fault is None and name in c.outcomes]
    if good:
        yield Goal("6 share of the plan lost to holding, worst context", max(c.held(name) for c in good), 0.01)
    steps = sum(one.steps for c in cells for one in c.outcomes.get(name, ()))
    cpu = sum(one.cpu for c in cells for one in c.outcomes.get(name, ()))
    if cpu:  # nothing is timed of a judge that was decided at once
        yield Goal("6 ms a decision", 1e3 * cpu / steps, 1.0)


def told(cells: Sequence[Cell], bests: Mapping[tuple[str, str], Best], name: str) -> str:
    rows = [
        [goal.about, _shown(goal.measured), ("at least " if goal.at_least else "at most ") + f"{goal.wanted:g}",
         "met" if goal.met else "NOT met"]
        for goal in goals(cells, bests, name)
    ]  # fmt: skip
    return table((f"goals, {name}", "measured", "wanted", ""), rows)


def _shown(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 0.1 else figure(value)
