"""
How well releases are judged: harm, false rollbacks, time and cost of each judge on simulated rollouts.

    python -m tests.bench.judging --mode smoke
    python -m tests.bench.judging --mode reduced --policies tidegate --json figures.json --out pictures

Harm is a multiple of what a judge does that knows fault, onset and noise; false rollbacks are among good versions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.judging import against, figures, goals, pictures, tables
from tests.bench.judging.faults import FAULTS
from tests.bench.judging.hindsight import best, known
from tests.bench.judging.measuring import Asked, measure
from tests.bench.judging.modes import MODES, WITH_HINDSIGHT, contexts_of
from tests.bench.judging.noise import NOISES
from tests.bench.judging.plans import PLANS
from tests.bench.judging.policies import POLICIES, available
from tests.bench.judging.scoring import Cell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.judging", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--mode", default="smoke", choices=MODES)
    add("--policies", type=_names, metavar="A,B", help=f"of {', '.join(POLICIES)}; default: all there are")
    add("--faults", type=_names, default=(), metavar="A,B", help="instead of the mode's own")
    add("--good", type=int, help="good rollouts a context")
    add("--bad", type=int, help="bad rollouts a cell")
    add("--seed", type=int, default=1)
    add("--plan", choices=PLANS, help="only the mode's contexts with this plan")
    add("--traffic", type=_rates, default=(), metavar="R,R", help="only the mode's contexts with these requests/s")
    add("--looks", type=float, metavar="SECONDS", help="between two looks, instead of the mode's")
    add("--hold-back", type=float, metavar="SHARE", help="left on stable in the watch, 0-1")
    add("--noise", choices=NOISES, help="instead of the mode's")
    add("--missing", type=float, default=0.0, metavar="SHARE", help="of the bins that never reach the judge")
    add("--hindsight", action=argparse.BooleanOptionalAction, default=None,
        help=f"every setting of every peer, too (usual in {', '.join(WITH_HINDSIGHT)})")  # fmt: skip
    add("--best-peers", type=Path, metavar="FILE", help="take them from the JSON of an earlier run with hindsight")
    add("--learnt", type=int, default=0, metavar="N", help="good releases of the site before, to learn from")
    add("--goals", type=_names, default=(), metavar="A,B", help="of whom; default: of Tidegate's own judge")
    add("--published", action="store_true", help="beside the figures of the docs on judging a canary")
    add("--cells", action="store_true", help="every cell, not only the summaries")
    add("--profile", action="store_true", help="milliseconds a decision, every judge driven bin by bin")
    add("--json", type=Path, metavar="FILE", help="every figure")
    add("--out", type=Path, metavar="FOLDER", help="plots as SVG")
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _rates(text: str) -> tuple[float, ...]:
    return tuple(float(rate) for rate in text.split(","))


def _asked(parser: argparse.ArgumentParser, args: argparse.Namespace) -> Asked:
    names = args.policies or available()
    for asked, there in ((names, POLICIES), (args.faults, FAULTS)):
        if unknown := [name for name in asked if name not in there]:
            parser.error(f"no {unknown[0]!r}; there are {', '.join(there)}")
    _, good, bad, faults = MODES[args.mode]
    hindsight = args.mode in WITH_HINDSIGHT and args.best_peers is None if args.hindsight is None else args.hindsight
    return Asked(
        contexts_of(args.mode, args.plan, args.traffic, args.looks, args.hold_back, args.noise, args.missing),
        good if args.good is None else args.good,
        bad if args.bad is None else args.bad,
        args.faults or faults,
        names,
        args.seed,
        hindsight,
        args.profile,
        args.learnt,
    )


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    asked = _asked(parser, args)
    began = time.process_time()
    print(f"mode {args.mode}, seed {args.seed}, load average {os.getloadavg()[0]:.1f}", flush=True)
    cells = measure(asked)
    bests = known(json.loads(args.best_peers.read_text(encoding="utf-8"))["cells"]) if args.best_peers else best(cells)
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
    for name in args.goals or [one for one in tables.policies_of(cells) if one.startswith("tidegate")]:
        yield goals.told(cells, bests, name)
    if args.published:
        yield against.false_rollbacks(cells)
        yield against.limit()
    if args.profile:
        yield tables.profile(cells)


if __name__ == "__main__":
    sys.exit(main())
