"""
What the same check measured in an earlier release: the ledger keeps every check's figures, this finds them again.

Only a release that was promoted counts: what was taken back is no measure for what comes after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tidegate.ledger import Ledger
from tidegate.story import Story

FAR_BACK = 20  # releases that are looked through
ROUNDING = 1e-9  # 1.1 is no more than 10 % above 1


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier release's figures of one check; `release` is "" when there is none."""

    release: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


def figures_before(ledger: Ledger, system: str, check: str, release: str = "") -> Past:
    """Those of the newest other release of this system that was promoted and has any."""
    rows = sorted(ledger.releases(system), key=lambda row: row.opened_at, reverse=True)
    for row in [row for row in rows if row.over and row.id != release][:FAR_BACK]:
        story = Story.of(ledger.entries(row.id))
        if story.promoted_at is None or story.down is not None:
            continue
        told = [one for one in story.answers.values() if one.get("event") == "check-run" and one["name"] == check]
        if found := [one["figures"] for one in told if one.get("figures")]:
            return Past(row.id, {str(name): float(value) for name, value in found[-1].items()})
    return Past()


def worse(past: Past, now: Mapping[str, float], by_at_most: float, better_when_larger: Collection[str]) -> list[str]:
    """
    A line for each figure that is worse by more than this share of what it was; smaller is better unless it is named.

    What was 0 has no share: there any growth is worse. A figure that is missing now is worse, too.
    """
    found = []
    for name, before in past.figures.items():
        if name not in now:
            found.append(f"{name}: nothing now, {before:g} in {past.release}")
            continue
        lost = (before - now[name]) if name in better_when_larger else (now[name] - before)
        if lost > abs(before) * (by_at_most + ROUNDING):
            share = f" ({lost / abs(before) * 100:.1f} % worse)" if before else ""
            found.append(f"{name}: {now[name]:g}, {before:g} in {past.release}{share}")
    return found
