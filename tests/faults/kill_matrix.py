"""
The kill matrix (goal G1): processes of a running release are ended with `kill -9`, at every act, and nothing is done
by hand afterwards.

    python -m tests.faults.kill_matrix                    every point of the flow, and the other processes' own
    python -m tests.faults.kill_matrix --what flow --points 12

One line a cell: where the signal fell (the chain's last entry then), how it ended, restarts by the watch, seconds until
the next act. Two points of the flow share a release: the third death in one release is a rollback by design.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.kill_cells import Cell, Point, Running, told
from tests.faults.sampler import Sampler
from tests.faults.standing_shop import Line, StandingShop

EFFECTS = ("take-backup", "create-green", "claim", "set-weight")  # acts whose effect is seen from outside
OTHERS = {
    "watch": (("intent", "ask-approval"), ("intent", "set-weight"), ("intent", "bake"), ("outcome", "promote")),
    "server": (("intent", "ask-approval"), ("intent", "set-weight"), ("intent", "bake"), ("outcome", "promote")),
    "runner": (("intent", "take-backup"), ("intent", "ask-approval"), ("intent", "bake"), ("outcome", "promote")),
    "flow+runner": (("intent", "create-green"), ("intent", "bake")),
    "zombie": (("intent", "claim"), ("intent", "set-weight"), ("intent", "bake")),
}
WITHIN = 420.0  # seconds for one release, on a machine that is shared


def flow_points(lines: Sequence[Line]) -> list[Point]:
    """Every act of an undisturbed release, before and after its effect."""
    points = list[Point]()
    for line in lines:
        if line.kind in ("intent", "outcome"):
            points.append(Point("flow", line.kind, line.key))
            if line.kind == "intent" and line.key.split("/")[3] in EFFECTS:
                points.append(Point("flow", "effect", line.key))
    return points


def other_points(what: str, lines: Sequence[Line]) -> list[Point]:
    """The points of another process: the last act of each kind, where most has happened already."""
    return [
        Point(what, when, [line.key for line in lines if line.kind == when and line.key.split("/")[3] == kind][-1])
        for when, kind in OTHERS[what]
    ]


def spread(points: Sequence[Point], wanted: int) -> list[Point]:
    """So many of them, evenly over the release; 0: all."""
    if not wanted or wanted >= len(points):
        return list(points)
    return [points[round(i * (len(points) - 1) / max(1, wanted - 1))] for i in range(wanted)]


def paired(points: Sequence[Point]) -> Iterator[tuple[Point, ...]]:
    """Two a release, half a release apart."""
    half = (len(points) + 1) // 2
    for i in range(half):
        yield tuple(points[i::half])


class Matrix:
    """Cells one after another on one standing shop."""

    def __init__(self, shop: StandingShop, sampler: Sampler) -> None:
        self.shop, self.sampler = shop, sampler
        self.cells: list[Cell] = []
        self.like: list[str] | None = None
        self.lines: list[Line] = []

    def undisturbed(self) -> None:
        """The release that all others are compared with."""
        running = Running(self.shop, self.sampler, ())
        running.follow(WITHIN)
        self._end(running)
        self.lines, self.like = running.lines, told(running.lines)

    def cell(self, points: tuple[Point, ...]) -> Cell:
        running = Running(self.shop, self.sampler, points)
        running.follow(WITHIN)
        return self._end(running)

    def _end(self, running: Running) -> Cell:
        cell = running.judged(self.like)
        if running.due:
            cell.problems.append(f"never reached: {', '.join(str(point) for point in running.due)}")
        print(cell, flush=True)
        self.cells.append(cell)
        if cell.release and not running.story.over:  # the next one needs the system's row
            self.shop.end(cell.release)
        self.shop.tidy()
        return cell

    def run(self, what: str, points: int, after: int = 0) -> None:
        self.undisturbed()
        if what in ("flow", "all"):
            for pair in list(paired(spread(flow_points(self.lines), points)))[after:]:
                self.cell(pair)
        for other in OTHERS:
            if what in (other, "all") or (what == "runner" and other == "flow+runner"):
                for point in spread(other_points(other, self.lines), points):
                    self.cell((point,))

    def summary(self) -> str:
        kills = sum(len(cell.struck) for cell in self.cells)
        bad = sum(bool(cell.problems) for cell in self.cells)
        ends = {state: sum(cell.state == state for cell in self.cells) for state in {c.state for c in self.cells}}
        back = sorted(cell.back for cell in self.cells if cell.back)
        spurious = sum(cell.restarts > len(cell.struck) for cell in self.cells)
        apart = f"not sent {sum(c.not_sent for c in self.cells)}, late {sum(c.late for c in self.cells)}"
        return (
            f"{len(self.cells)} releases, {kills} kills, {bad} with something wrong; ends {ends}; "
            f"next act after a kill: median {back[len(back) // 2] if back else 0:.0f} s, "
            f"worst {back[-1] if back else 0:.0f} s; more restarts than kills in {spurious}; "
            f"{apart}; load average {os.getloadavg()[0]:.1f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=0, help="so many points of each process; 0: all")
    parser.add_argument("--what", choices=("all", "flow", *OTHERS), default="all")
    parser.add_argument("--after", type=int, default=0, help="go on after so many releases of the flow's points")
    parser.add_argument("--keep", action="store_true", help="leave the home folder with its logs and ledger")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="kill-matrix-"))
    began = time.monotonic()
    sampler = Sampler(home)
    with StandingShop(home) as shop:
        sampler.start()
        matrix = Matrix(shop, sampler)
        try:
            matrix.run(asked.what, asked.points, asked.after)
        finally:
            sampler.stop()
            print(f"{matrix.summary()}; {time.monotonic() - began:.0f} s; {home if asked.keep else ''}", flush=True)
    return 1 if any(cell.problems for cell in matrix.cells) else 0


if __name__ == "__main__":
    sys.exit(main())
