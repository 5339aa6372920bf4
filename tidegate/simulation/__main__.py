"""`python -m tidegate.simulation --runs N --seed S`: many plays, their faults counted; `--tell` tells one."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tidegate.simulation.faults import FAULTS
from tidegate.simulation.stage import End, run
from tidegate.story import State

SHOWN = 5  # violations told in full


def main(argv: list[str] | None = None) -> int:
    asked = argparse.ArgumentParser(prog="python -m tidegate.simulation", description=__doc__)
    asked.add_argument("--runs", type=int, default=1000, help="how many plays")
    asked.add_argument("--seed", type=int, default=1, help="seed of the first one; each further one adds 1")
    asked.add_argument("--tell", action="store_true", help="print every play's story")
    asked.add_argument("--faults", default="", help="only these faults, with commas")
    options = asked.parse_args(argv)
    only = frozenset(options.faults.split(",")) if options.faults else None
    began, ends = time.perf_counter(), list[End]()
    fired, states, violations = Counter[str](), Counter[str](), 0
    for seed in range(options.seed, options.seed + options.runs):
        end = run(seed, telling=options.tell, only=only)
        ends.append(end)
        fired.update(end.fired.keys())
        states[end.state] += 1
        if options.tell:
            print("\n".join(end.told))
        if end.violation:
            violations += 1
            if violations <= SHOWN:
                print(f"seed {seed}: {end.violation}   (--seed {seed} --runs 1 --tell tells it)")
    seconds = time.perf_counter() - began
    _print_counts(options.runs, fired, states)
    injected = sum(sum(end.fired.values()) for end in ends)
    rate = options.runs / seconds
    print(f"{options.runs} runs, {injected} faults injected, {violations} violations, {rate:.0f} runs per second")
    return 1 if violations else 0


def _print_counts(runs: int, fired: Counter[str], states: Counter[str]) -> None:
    for name, fault in FAULTS.items():
        print(f"{name:<18} {100 * fired[name] / runs:5.1f} % of runs   {fault.says}")
    upward = sum(states[state] for state in (State.PROMOTED, State.FINALIZED, State.CLOSED, State.SUPERSEDED))
    back = states[State.ROLLED_BACK]
    print(f"promoted (and what followed) {100 * upward / runs:.1f} %, rolled back {100 * back / runs:.1f} %")
    print("ends: " + ", ".join(f"{state} {100 * count / runs:.1f} %" for state, count in states.most_common()))


if __name__ == "__main__":
    sys.exit(main())
