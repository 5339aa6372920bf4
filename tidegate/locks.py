"""Whether a new release may start after a rollback: `rollback.lock`, and `rollback.cooldown` after an automatic one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.errors import ReleaseRefused
from tidegate.ledger import Ledger, ReleaseRow
from tidegate.quantities import spoken
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.undoing import list_of

SENT_BACK = (State.DOWN, State.ROLLED_BACK)
BEFORE = 10  # releases whose rollback may still lock or cool


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


@dataclass(frozen=True, slots=True)
class Cooldown:
    """The time after a system's automatic rollback in which triggers only tell; nothing without one."""

    after: str = ""
    until: datetime | None = None

    def at(self, now: datetime) -> str:
        """What is said of it while it lasts; "" otherwise."""
        if self.until is None or now >= self.until:
            return ""
        return f"cooldown after {self.after} until {self.until:%Y-%m-%d %H:%M} UTC"


def cooldown(spec: Spec, ledger: Ledger, row: ReleaseRow) -> Cooldown:
    """By the last automatic rollback of another release of this system; asked only where there are triggers."""
    rows = ledger.releases(row.system)[:BEFORE] if spec.triggers and spec.rollback.cooldown else ()
    for one in rows:
        story = Story.of(ledger.entries(one.id)) if one.id != row.id else Story()
        if story.down is not None and story.state in SENT_BACK and list_of(story) == "auto":
            return Cooldown(story.release, story.down.at + spec.rollback.cooldown)
    return Cooldown()


def refuse_locked(spec: Spec, stories: Iterable[Story], now: datetime, override: str, who: str) -> str:
    """The lock that is overridden, to be noted, or ""; ReleaseRefused where one stands and nobody says why not."""
    lock = lock_of(spec, stories, now)
    if lock and not (override.strip() and who.strip()):
        advice = "wait, or start it with an override: a reason, and the name of whoever decides it"
        raise ReleaseRefused(lock, f"{advice} (tidegate release ... --override 'reason' --name NAME)")
    return lock
