"""
`make bench`: every benchmark of this folder in a short form, one after another; `--full` runs them as the goals say.

Figures of this machine at this moment: the load average stands beside each, since a shared machine measures its
neighbours. The exit code tells whether every benchmark that has a goal has met it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import NamedTuple

from tests.house.tree import ROOT

WITHIN = 4 * 3600  # seconds; the full run of a million requests takes most of an hour


class Bench(NamedTuple):
    """A module of this folder, what it is about, and its arguments."""

    module: str
    about: str
    short: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


BENCHES = (
    Bench(
        "rollback_time",
        "from the rollback's start to the last new request on the new version",
        ("--runs", "5"),
        ("--runs", "200"),
    ),
    Bench(
        "zero_loss",
        "requests lost while weights change",
        ("--requests", "10000", "--changes", "30", "--rollbacks", "3"),
        ("--requests", "1000000", "--changes", "500", "--rollbacks", "50"),
    ),
    Bench("bad_release", "what a bad version costs the customers", ("--runs", "1"), ("--runs", "5")),
    Bench("overhead", "a release against a bare flow of as many tasks", ("--runs", "3"), ("--runs", "15")),
    Bench("ledger", "cost of an entry, a fold, a lease"),
    Bench(
        "power",
        "what the power planner foretells beside what the judge finds",
        ("--runs", "4", "--quick"),
        ("--runs", "40"),
    ),
    Bench("language", "CPU of plan and rehearsal for six systems, and how it grows"),
)


def run(bench: Bench, *, full: bool) -> bool:
    """One benchmark in a process of its own; whether its goal was met."""
    argv = [sys.executable, "-m", f"tests.bench.{bench.module}", *(bench.full if full else bench.short)]
    print(f"-- {bench.module}: {bench.about} (load average {os.getloadavg()[0]:.1f})", flush=True)
    began = time.monotonic()
    done = subprocess.run(argv, cwd=ROOT, timeout=WITHIN, check=False, stderr=subprocess.PIPE, text=True)
    good = done.returncode == 0
    if not good:  # what a server says as it is ended is no figure; what went wrong is
        print("\n".join(done.stderr.splitlines()[-15:]), file=sys.stderr)
    print(f"   {'as wanted' if good else 'NOT as wanted'}, {time.monotonic() - began:.0f} s", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(bench.module for bench in BENCHES)}")
    parser.add_argument("--full", action="store_true", help="as the goals say: an hour or more")
    asked = parser.parse_args()
    known = {bench.module: bench for bench in BENCHES}
    if unknown := [name for name in asked.only if name not in known]:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(known)}")
    chosen = [known[name] for name in asked.only] or list(BENCHES)
    met = [run(bench, full=asked.full) for bench in chosen]  # all of them, whatever the first says
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
