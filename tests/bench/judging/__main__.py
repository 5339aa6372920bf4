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

from tests.bench.judging import tables
from tests.bench.judging.measuring import measure
from tests.bench.judging.modes import MODES, asked
from tests.bench.judging.policies import POLICIES, available


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
    parser.add_argument("--profile", action="store_true", help="milliseconds a decision")
    return parser


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    names = tuple(args.policies.split(",")) if args.policies else available()
    if unknown := [name for name in names if name not in POLICIES]:
        parser.error(f"no policy {unknown[0]!r}; there are {', '.join(POLICIES)}")
    wanted = asked(
        args.mode,
        names,
        args.seed,
        args.good,
        args.bad,
        tuple(args.faults.split(",")) if args.faults else (),
        tuple(float(rate) for rate in args.traffic.split(",")) if args.traffic else (),
    )
    began = time.process_time()
    print(f"mode {args.mode}, seed {args.seed}, load average {os.getloadavg()[0]:.1f}", flush=True)
    cells = measure(wanted)
    parts = [tables.false_rollbacks(cells)]
    if any(cell.fault for cell in cells):
        parts += [tables.multiples(cells), tables.by_fault(cells)]
        parts += [tables.details(cells)] if args.cells else []
    if args.profile:
        parts.append(tables.profile(cells))
    print("\n" + "\n\n".join(parts))
    print(f"\n{time.process_time() - began:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
