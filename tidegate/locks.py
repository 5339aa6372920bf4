"""Whether a new release may start after a rollback: `rollback.lock`, and `rollback.cooldown` after an automatic one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tidegate.errors import ReleaseRefused
from tidegate.quantities import spoken
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.undoing import list_of

SENT_BACK = (State.DOWN, State.ROLLED_BACK)


def lock_of(spec: Spec, stories: Iterable[Story], now: datetime) -> str:
    """
    Why nothing may start now, with until when; "" where nothing stands in the way.

    Counted by the ledger's clock from the decision to roll back; both are the new release's own spec's words.
    """
    for story in stories:
        if story.down is None or story.state not in SENT_BACK:
            continue
        automatic = list_of(story) == "auto"
        lasts = max(spec.rollback.lock, spec.rollback.cooldown if automatic else spec.rollback.lock)
        until = story.down.at + lasts
        if now < until:
            how = "was rolled back by itself" if automatic else "was rolled back"
            why = f"{story.release} {how} at {story.down.at:%Y-%m-%d %H:%M} UTC ({story.down.why})"
            return f"{why}; locked for {spoken(lasts)}, until {until:%Y-%m-%d %H:%M} UTC"
    return ""


def refuse_locked(spec: Spec, stories: Iterable[Story], now: datetime, override: str, who: str) -> str:
    """The lock that is overridden, to be noted, or ""; ReleaseRefused where one stands and nobody says why not."""
    lock = lock_of(spec, stories, now)
    if lock and not (override.strip() and who.strip()):
        advice = "wait, or start it with an override: a reason, and the name of whoever decides it"
        raise ReleaseRefused(lock, f"{advice} (tidegate release ... --override 'reason' --name NAME)")
    return lock
