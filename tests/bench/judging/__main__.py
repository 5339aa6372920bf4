"""
How well releases are judged: harm, false rollbacks, time and cost of each judge on simulated rollouts.

    python -m tests.bench.judging --mode smoke
    python -m tests.bench.judging --mode reduced --policies tidegate --json figures.json --out pictures

Harm is a multiple of what a judge does that knows fault, onset and noise; false rollbacks are among good versions.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.judging import against, figures, pictures, tables
from tests.bench.judging.hindsight import best
from tests.bench.judging.measuring import measure
from tests.bench.judging.modes import MODES, WITH_HINDSIGHT, asked
from tests.bench.judging.policies import POLICIES, available
from tests.bench.judging.scoring import Cell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.judging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", default="smoke", choices=MODES)
    parser.add_argument(
        "--policies", default="", metavar="A,B", help=f"of {', '.join(POLICIES)}; default: all there are"
    )
    parser.add_argument("--faults", default="", metavar="A,B", help="instead of the mode's own")
    parser.add_argument("--traffic", default="", metavar="R,R", help="only these requests/s of the mode's contexts")
    parser.add_argument("--good", type=int, help="good rollouts a context")
    parser.add_argument("--bad", type=int, help="bad rollouts a cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cells", action="store_true", help="every cell, not only the summaries")
    parser.add_argument(
        "--hindsight",
        action=argparse.BooleanOptionalAction,
        help=f"every setting of every peer, too (usual in {', '.join(WITH_HINDSIGHT)})",
    )
    parser.add_argument("--published", action="store_true", help="beside the figures of the docs on judging a canary")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="plots as SVG")
    parser.add_argument("--profile", action="store_true", help="milliseconds a decision")
    return parser


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    names = tuple(args.policies.split(",")) if args.policies else available()
    if unknown := [name for name in names if name not in POLICIES]:
        parser.error(f"no policy {unknown[0]!r}; there are {', '.join(POLICIES)}")
    hindsight = args.hindsight if args.hindsight is not None else args.mode in WITH_HINDSIGHT
    faults = tuple(args.faults.split(",")) if args.faults else ()
    traffic = tuple(float(rate) for rate in args.traffic.split(",")) if args.traffic else ()
    wanted = asked(
        args.mode, names, args.seed, args.good, args.bad, faults, traffic, hindsight=hindsight, stepwise=args.profile
    )
    began = time.process_time()
    print(f"mode {args.mode}, seed {args.seed}, load average {os.getloadavg()[0]:.1f}", flush=True)
    cells = measure(wanted)
    bests = best(cells)
    print("\n" + "\n\n".join(part for part in _told(cells, bests, args) if part))
    if args.json:
        figures.write(args.json, args.mode, args.seed, cells, bests)
    if args.out:
        drawn = pictures.draw(cells, {key: one.for_fault for key, one in bests.items()}, args.out)
        print("\n" + "\n".join(f"drawn: {path}" for path in drawn))
    print(f"\n{time.process_time() - began:.0f} s of processor time")
    return 0


def _told(cells: Sequence[Cell], bests: against.Bests, args: argparse.Namespace) -> Iterator[str]:
    yield tables.false_rollbacks(cells)
    if any(cell.fault for cell in cells):
        yield tables.multiples(cells)
        yield tables.by_fault(cells)
        yield against.hindsight(cells, bests)
        if args.cells:
            yield tables.details(cells)
            yield against.settings(cells, bests) if bests else ""
    if args.published:
        yield against.false_rollbacks(cells)
        yield against.limit()
    if args.profile:
        yield tables.profile(cells)


if __name__ == "__main__":
    sys.exit(main())
