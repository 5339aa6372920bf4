"""What a person can type, spelled once; release ids and systems are made of letters that a shell leaves alone."""

from __future__ import annotations

import shlex

from tidegate.report.values import ReleaseFacts


def approve(facts: ReleaseFacts, gate: str) -> str:
    return f"tidegate approve {shlex.quote(facts.release)} {shlex.quote(gate)}"


def roll_back(facts: ReleaseFacts) -> str:
    """After promotion the command names the version it takes the traffic from (design 2.7)."""
    late = f" --from {shlex.quote(facts.version)}" if facts.promoted_at else ""
    return f"tidegate rollback {shlex.quote(facts.system)}{late}"


def release(facts: ReleaseFacts) -> str:
    return f"tidegate release {shlex.quote(facts.system)} {shlex.quote(facts.version)}"


def watch(facts: ReleaseFacts) -> str:
    return f"tidegate status {shlex.quote(facts.system)} --watch"


def verify_report() -> str:
    return "tidegate report --verify FILE"
