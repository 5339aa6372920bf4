"""
What the comparison has learnt of a site, kept from release to release: shown, and forgotten when people say so.

It lies as a note in the chain of the release that taught it, one profile a component (judge/profile.py), so it is as
tamper-evident as the rest and needs no place of its own. Only a promoted release teaches: how a bad one behaves says
nothing of good ones. Forgetting is a later note with nothing in it (judgement.md 6, goal 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tidegate.comparison import Comparisons
from tidegate.errors import LedgerUnavailable, Refused, SpecError
from tidegate.judge.profile import Profile
from tidegate.ledger import Draft, Kind, Ledger
from tidegate.story import State, Story

LEARNT = "learnt"
RECENT = 20  # releases that are looked through for a note; who has not promoted in so many begins anew

Profiles = dict[str, dict[str, float]]  # component -> profile


class Known(NamedTuple):
    """Profiles by component, and the release that taught them last; "" and nothing where nobody has."""

    profiles: Profiles
    release: str


def known_of(ledger: Ledger, system: str) -> Known:
    """The newest note of this system's releases; LedgerUnavailable when it cannot be asked."""
    for row in ledger.releases(system)[:RECENT]:
        notes = [one for one in ledger.entries(row.id) if one.kind is Kind.NOTE and one.key == LEARNT]
        if notes:
            return Known(_readable(notes[-1].body.get("profiles", {})), row.id)
    return Known({}, "")


def keep(ledger: Ledger, release: str, profiles: Mapping[str, Mapping[str, float]], who: str) -> None:
    """After promotion: what the next release begins with."""
    said = "what the comparison learnt of this site is kept for the next release" if profiles else "forgotten"
    body = {"profiles": {component: dict(one) for component, one in profiles.items()}, "note": said}
    ledger.append(release, Draft(Kind.NOTE, LEARNT, body, who))


def teach(ledger: Ledger, story: Story, comparisons: Comparisons) -> None:
    """Once, after promotion: what the comparison has learnt is kept for this system's next release."""
    if story.state is not State.PROMOTED or any(note.key == LEARNT for note in story.notes):
        return
    if profiles := comparisons.profiles():
        try:
            keep(ledger, story.release, profiles, "watch")
        except (LedgerUnavailable, Refused):
            return  # at the next look, or a worse beginning for the next release: nothing rests on it


def forget(ledger: Ledger, system: str, who: str) -> str:
    """The next release begins with the defaults; the release whose chain says so, "" where there was nothing."""
    found = known_of(ledger, system)
    if not found.profiles:
        return ""
    keep(ledger, found.release, {}, who)
    return found.release


def _readable(told: Mapping[str, Mapping[str, float]]) -> Profiles:
    """What another version of Tidegate has noted and this one does not know is left out, not fatal."""
    made: Profiles = {}
    for component, one in told.items():
        try:
            made[component] = Profile.of(one).to_body()
        except (SpecError, TypeError, ValueError):
            continue
    return made
