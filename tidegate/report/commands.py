"""What a person can type, spelled once; release ids and systems are made of letters that a shell leaves alone."""

from __future__ import annotations

import shlex

from tidegate.report.values import ReleaseFacts


def approve(facts: ReleaseFacts, gate: str) -> str:
    return f"tidegate approve {shlex.quote(facts.release)} {shlex.quote(gate)}"


def roll_back(facts: ReleaseFacts) -> str:
    """
    After promotion the command names the version it takes the traffic from (design 2.7), behind a point of no return
    the way back from there.
    """
    late = f" --from {shlex.quote(facts.version)}" if facts.promoted_at else ""
    beyond = f" --beyond {facts.beyond.way}" if facts.beyond and facts.beyond.way != "refused" else ""
    return f"tidegate rollback {shlex.quote(facts.system)}{late}{beyond}"


def release(facts: ReleaseFacts) -> str:
    return f"tidegate release {shlex.quote(facts.system)} {shlex.quote(facts.version)}"


def watch(facts: ReleaseFacts) -> str:
    return f"tidegate status {shlex.quote(facts.system)} --watch"


def verify_report() -> str:
    return "tidegate report --verify FILE"
