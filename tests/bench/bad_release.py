"""
`make demo RELEASE=bad`, measured: which share of the customers' requests failed, and for how long it went on.

Counted by the customers' own process; the weights are read from the routes' files by a third one, every 10 ms. The
clock starts when the first request that failed was due, and ends when the last route stands at weight 0.

    python -m tests.bench.bad_release --runs 5
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.faults.sampler import COMPONENTS, Sampler
from tests.house.tree import ROOT

WITHIN = 400.0  # seconds for one demo
MOST_SHARE, MOST_SECONDS = 0.01, 10.0  # worse than this is no figure but a fault


class Shut(NamedTuple):
    """What one bad release cost."""

    sent: int
    failed: int
    seconds: float  # from the first failed request to weight 0 on both routes
    highest: int  # weight that it had reached

    @property
    def share(self) -> float:
        return self.failed / self.sent


def measured(home: Path) -> Shut:
    """One demo of the bad version; RuntimeError when it did not end as that version deserves."""
    sampler = Sampler(home)
    sampler.start()
    argv = [sys.executable, "-m", "examples.demo", "--release", "bad", "--home", str(home)]
    try:
        done = subprocess.run(argv, cwd=ROOT, timeout=WITHIN, check=False, capture_output=True, text=True)
    finally:
        sampler.stop()
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    account = json.loads((home / "customers.json").read_text("utf-8"))
    return Shut(
        sent=account["sent"],
        failed=account["failed"] - account["not_sent"],
        seconds=shut_at(sampler) - account["first_failed_at"],
        highest=max(stood.weight for stood in sampler.stood if stood.release),
    )


def shut_at(sampler: Sampler) -> float:
    """When the last route that had carried the version stood at 0 again."""
    ends = []
    for component in COMPONENTS:
        carried = [stood for stood in sampler.stood if stood.component == component and stood.weight and stood.release]
        if carried:
            after = [s for s in sampler.stood if s.component == component and s.at > carried[-1].at and not s.weight]
            ends.append(after[0].at)
    return max(ends)


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.bench.bad_release", description=__doc__)
    asked.add_argument("--runs", type=int, default=3)
    found = list[Shut]()
    for _ in range(asked.parse_args().runs):
        with tempfile.TemporaryDirectory(prefix="bad-release-") as home:
            found.append(measured(Path(home)))
            one = found[-1]
            told = f"{one.failed} of {one.sent:,} requests failed ({100 * one.share:.2f} %), up to {one.highest} %"
            print(f"bad release: {told}; first failed request to weight 0: {one.seconds:.2f} s", flush=True)
    shares, seconds = [one.share for one in found], [one.seconds for one in found]
    print(
        f"bad release, {len(found)} runs: share failed median {100 * median(shares):.2f} %, worst "
        f"{100 * max(shares):.2f} %; seconds to weight 0 median {median(seconds):.2f}, worst {max(seconds):.2f}; "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    return 1 if max(shares) > MOST_SHARE or max(seconds) > MOST_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
