"""
Behind a point of no return the watch holds and calls people where elsewhere it would lower (the watch's mind).

Pure. Each reason is told once, its figures aside, and again only after it has been well for as long as a hold may last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidegate.crossing import named
from tidegate.sight import Decision, Sight, Watching
from tidegate.spec import Spec
from tidegate.story import State
from tidegate.traffic import Beyond

LOWERS = frozenset({"down", "repair", "ask-rollback"})
CALL = "no return: "  # how the keys of these pages begin


def held_behind(
    spec: Spec, watching: Watching, sight: Sight, decisions: Sequence[Decision], beyond: Beyond
) -> tuple[Watching, list[Decision]]:
    """The same decisions without those that lower; people are called instead."""
    kept = [one for one in decisions if one.kind not in LOWERS]
    reasons = list(dict.fromkeys(one.why for one in decisions if one.kind in LOWERS))
    calm = 0.0 if reasons else watching.calm + sight.passed
    paged = watching.paged
    if calm >= spec.hold.deadline.total_seconds():
        paged = tuple(told for told in paged if not told.startswith(CALL))
    watching = replace(watching, calm=calm, paged=paged)
    calls = [Decision("page", called(spec, sight, why, beyond), key=CALL + named(why)) for why in reasons]
    return watching, kept + calls


def called(spec: Spec, sight: Sight, why: str, beyond: Beyond) -> str:
    """What is wrong, what the way back is, and what a person can type who accepts it."""
    late = f" --from {sight.story.release.split('/')[1]}" if sight.story.state is State.PROMOTED else ""
    typed = f"who accepts that types: tidegate rollback {spec.system}{late} --beyond {beyond.way}"
    return f"{why}; {beyond}; the weight stays; {typed if beyond.way != 'refused' else 'this traffic is not sent back'}"
