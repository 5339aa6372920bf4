"""
How well the power planner foretells the judge: `python -m tests.bench.power [--runs N] [--quick]`.

Rollouts with independent requests (as in the unit tests) are judged by the whole judge; beside the chance, the median
and the 95 % time that were foretold stand those that came of them. A late fault begins with the second step, after
five minutes at 5 % that went by well. The exit code is 1 where the figures agree less than docs/power.md says.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tests.unit.judge.rollouts import Rollout
from tidegate.judge import make_judge
from tidegate.judge.power import Fault, Found, Service, powers

BAKE, FAILING = 900.0, 0.002
RATES, SHARES = (1.0, 10.0, 100.0), (0.05, 0.25, 0.5, 1.0)
FAULTS = tuple(Fault(points=points) for points in (0.01, 0.02, 0.05, 0.2)) + tuple(
    Fault(factor=factor) for factor in (1.25, 1.5, 2.0)
)
WITHIN = 0.10  # mean difference of the chances that is as documented
BY = 1.35  # and mean factor between the times


@dataclass(frozen=True)
class Cell:
    """One traffic, share and fault: what was foretold, and seconds until it was found in each rollout (runs,)."""

    rate: float
    share: float
    late: bool
    told: Found
    times: np.ndarray[tuple[int], np.dtype[np.float64]]

    @property
    def chance(self) -> float:
        return float(np.isfinite(self.times).mean())

    def quantile(self, part: float) -> float:
        return float(np.quantile(self.times, part, method="inverted_cdf"))

    @property
    def agreement(self) -> list[float]:
        """Ln of foretold over found times, median and 95 %, where both lie within the bake."""
        pairs = (self.told.median, self.quantile(0.5)), (self.told.late, self.quantile(0.95))
        return [math.log(one / other) for one, other in pairs if one <= BAKE and other <= BAKE]


def stages_of(share: float, *, late: bool) -> tuple[tuple[float, float], ...]:
    return ((0.05, 300.0), (share, BAKE)) if late else ((share, BAKE),)


def found_in(rate: float, share: float, fault: Fault, seed: int, *, late: bool) -> float:
    """Seconds from the fault's beginning to the end of the look that rolls it back; infinity: it does not."""
    stages = stages_of(share, late=late)
    begins = stages[0][1] if late else 0.0
    rollout = Rollout(rate=rate, failing=FAILING, extra=fault.points, slower=fault.factor, begins=begins,
                      stages=stages, seed=seed)  # fmt: skip
    judge = make_judge(rollout.meta)
    for sample in rollout.samples():
        if judge.step(sample) == "rollback":
            return max(float(sample["t"]) + rollout.seconds - begins, 0.0)
    return math.inf


def cells(runs: int, *, quick: bool = False) -> Iterator[Cell]:
    for late in (False, True):
        for rate in RATES:
            for share in SHARES[1:] if late else SHARES:
                stages = stages_of(share, late=late)
                service = Service(rate, FAILING, routes=3, wanders=False)
                step = powers(service, stages, FAULTS)[-1]
                for told in step.found[1::3] if quick else step.found:
                    times = [found_in(rate, share, told.fault, seed, late=late) for seed in range(1, runs + 1)]
                    yield Cell(rate, share, late, told, np.array(times))


def said(fault: Fault) -> str:
    return f"+{100 * fault.points:g} points" if fault.points else f"x{fault.factor:g}"


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value <= BAKE else "-"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.power", description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="rollouts a cell")
    parser.add_argument("--quick", action="store_true", help="two faults instead of seven")
    asked = parser.parse_args()
    print("requests/s  share  fault        late | chance found: told, came | median, s | 95 %, s")
    apart, factors = list[float](), list[float]()
    for one in cells(asked.runs, quick=asked.quick):
        told = one.told
        apart.append(abs(told.chance - one.chance))
        factors += one.agreement
        print(f"{one.rate:10g} {one.share:6g}  {said(told.fault):12} {'yes' if one.late else 'no':4} |"
              f" {told.chance:10.2f} {one.chance:10.2f}     |"
              f" {_seconds(told.median):>4} {_seconds(one.quantile(0.5)):>4}  |"
              f" {_seconds(told.late):>4} {_seconds(one.quantile(0.95)):>4}", flush=True)  # fmt: skip
    spread = math.exp(float(np.mean(np.abs(factors))))
    bias = math.exp(float(np.mean(factors)))
    print(f"\n{len(apart)} cells: chances differ by {np.mean(apart):.3f} on average, {np.max(apart):.2f} at most; "
          f"times by a factor of {spread:.2f} on average (told / came: {bias:.2f})")  # fmt: skip
    return 0 if np.mean(apart) <= WITHIN and spread <= BY else 1


if __name__ == "__main__":
    sys.exit(main())
