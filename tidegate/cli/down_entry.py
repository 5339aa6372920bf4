"""
The ledger's part of `tidegate rollback`: a process of its own, waited for at most one second.

Traffic is back by then. What the ledger does not take in time the watch writes later, from the stop in the mark.
`python -m tidegate.cli.down_entry` reads what to write on stdin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tidegate.cli import here
from tidegate.traffic import Stop
from tidegate.wayback import WayBack

WAITS = 1.0  # seconds
BY_THE_WATCH = "the watch will write the decision, from the stop in the route"


def in_a_side_process(record: WayBack, stop: Stop, seconds: float | None) -> str:
    """Start it, wait a second, say what came of it; it ends by itself in a few more."""
    import subprocess

    file = Path(record.ledger.removeprefix("sqlite:///"))
    if record.ledger.startswith("sqlite:///") and not file.exists():
        return f"none lies at {file}; {BY_THE_WATCH}"
    told = {
        "url": record.ledger if record.ledger.startswith("sqlite:") else "",
        "release": record.release,
        "stop": stop.to_json(),
        "seconds": seconds,
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegate.cli.down_entry"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(here.root()), here.HOME: str(here.home())},
            start_new_session=True,  # Ctrl-C at this terminal does not end it
            text=True,
        )
        said = process.communicate(json.dumps(told), timeout=WAITS)[0].strip()
    except subprocess.TimeoutExpired:
        return f"no answer within a second, it is still being asked; else {BY_THE_WATCH}"
    except OSError as failed:
        return f"not asked ({failed.strerror}); {BY_THE_WATCH}"
    return said or f"not written; {BY_THE_WATCH}"


def write(told: dict[str, Any]) -> str:
    """Append the Down unless it stands already; what came of it."""
    from blocks.installation import Installation
    from blocks.sql_ledger import SqlLedger
    from tidegate.errors import TidegateError
    from tidegate.ledger import Draft, Kind

    stop, release = told["stop"], str(told["release"])
    body = {"why": stop["why"], "token": stop["token"], "decided_at": stop["at"]}
    if stop.get("despite"):
        body["despite"] = stop["despite"]
    if told["seconds"] is not None:
        body["seconds"] = round(told["seconds"], 3)
    try:
        ledger = SqlLedger(told["url"] or Installation.here().ledger_url, patience=WAITS)
        downs = [entry.body for entry in ledger.entries(release) if entry.kind is Kind.DOWN]
        if any(not stop.get("despite") or down.get("despite") for down in downs):
            return "the decision stands there already"
        ledger.append(release, Draft(Kind.DOWN, f"down/{stop['token']}", body, stop["who"]))
        return f"the decision is written ({release})"
    except TidegateError as why:
        return f"not written ({why}); {BY_THE_WATCH}"


if __name__ == "__main__":
    print(write(json.load(sys.stdin)), flush=True)  # its only outlet
