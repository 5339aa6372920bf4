"""
What a plan and a rehearsal cost: CPU of each of the six systems, and how it grows with steps, components and days.

    python -m tests.bench.language
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.yaml_spec import load_yaml
from tests.house.plans import RELEASES
from tidegate.clockwork.moments import planned_start
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import Rehearsed, rehearse
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.timetable.rows import Timetable
from tidegate.timetable.walk import timetable

MONDAY = datetime(2026, 11, 30, 9, tzinfo=UTC)
GOAL = 1.0  # seconds of CPU: ten days at one look a minute, with limits


def timed(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least CPU of a few runs, in seconds: other processes can only add to it."""
    least, result = float("inf"), None
    for _ in range(times):
        began = time.process_time()
        result = work()
        least = min(least, time.process_time() - began)
    return least, result


def system(name: str) -> Spec:
    return Spec.model_validate(load_yaml((RELEASES / f"{name}.yaml").read_bytes(), name))


def of_system(name: str) -> str:
    spec = system(name)
    begins = planned_start(spec) or MONDAY
    read, _ = timed(lambda: system(name))
    planned, table = timed(lambda: timetable(spec, begins, "v2"))
    played, told = timed(lambda: rehearse(spec, Options(begins)), 2)
    assert isinstance(table, Timetable)
    assert isinstance(told, Rehearsed)
    return (
        f"{name:<10} read {read * 1000:4.0f} ms, plan {planned * 1000:4.0f} ms ({len(table.rows)} rows), "
        f"rehearse {played:5.2f} s ({told.looks:,} looks, {played / max(1, told.looks) * 1e6:.0f} us each)"
    )


def made(steps: int = 4, components: int = 1, days: int = 1) -> Spec:
    """A release of so many steps and components whose verification lasts so many days."""
    names = [f"part{n}" for n in range(components)]
    weights = sorted({round(100 * (n + 1) / steps) for n in range(steps)})
    changes: Mapping[str, Any] = {
        "components": dict.fromkeys(names, specs.PART),
        "plans": {"canary": specs.steps("10m", *weights)},
        "gates": [specs.errors(name) for name in names],
        "verification": {"slots": [f"{n + 1}d" for n in range(days)], "late": "2h"},
        "cleanup": {"keep_blue": f"{days}d"},
    }
    return specs.spec(**changes)


def growth(what: str, sizes: tuple[int, ...], spec_of: Callable[[int], Spec]) -> str:
    """CPU of plan and rehearsal at each size; linear is 1.0 from one size to its double."""
    told = []
    for size in sizes:
        spec = spec_of(size)
        planned, _ = timed(lambda spec=spec: timetable(spec, MONDAY, "v2"))  # type: ignore[misc]
        played, _ = timed(lambda spec=spec: rehearse(spec, Options(MONDAY)), 2)  # type: ignore[misc]
        told.append((size, planned, played))
    lines = ", ".join(f"{size}: {planned * 1000:.0f} ms and {played:.2f} s" for size, planned, played in told)
    (small, _, first), (large, _, last) = told[0], told[-1]
    ratio = (last / first) / (large / small)
    return f"{what}: {lines}; rehearsal {ratio:.2f} of linear from {small} to {large}"


def ten_days() -> tuple[float, int]:
    """The dashboard's own release, its ten days from the first stage on, at one look a minute."""
    spec = system("dashboard")
    begins = planned_start(spec)
    assert begins is not None
    played, told = timed(lambda: rehearse(spec, Options(begins, until=timedelta(days=10))), 2)
    return played, told.looks


def main() -> int:
    for path in sorted(RELEASES.glob("*.yaml")):
        print(of_system(path.stem))
    print(growth("steps", (4, 8, 16, 32), lambda n: made(steps=n)))
    print(growth("components", (1, 2, 4, 8), lambda n: made(components=n)))
    print(growth("days", (2, 4, 8, 16), lambda n: made(days=n)))
    seconds, looks = ten_days()
    print(f"the dashboard's ten days: {seconds:.2f} s of CPU for {looks:,} looks (goal {GOAL:.0f} s), "
          f"load average {os.getloadavg()[0]:.1f}")  # fmt: skip
    return 0 if seconds <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
