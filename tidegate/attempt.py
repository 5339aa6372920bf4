"""
One attempt at a release's acts: its number, what it may append, and how an act is recorded.

Intent before, outcome after; an intent without an outcome is observed before it is done again (design 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidegate import kernel
from tidegate.actions import Action
from tidegate.errors import Fenced, Refused
from tidegate.events import Event
from tidegate.ledger import Draft, Entry, Kind, Lease, Ledger, ReleaseRow
from tidegate.story import Story
from tidegate.world import World


class Attempt:
    """The holder of a release's lease. `plan_acts` are refused once a Down stands; a rollback's are not."""

    def __init__(self, world: World, row: ReleaseRow, lease: Lease, who: str, *, plan_acts: bool = True) -> None:
        self.world, self.row, self.lease, self.who = world, row, lease, who
        self.plan_acts = plan_acts
        self.story = Story.of(self.ledger.entries(row.id))

    @property
    def ledger(self) -> Ledger:
        return self.world.ledger

    def refresh(self) -> Story:
        """The story as the chain tells it now."""
        self.story.since(self.ledger.entries(self.row.id, after=self.story.seq))
        return self.story

    def append(self, kind: Kind, key: str, body: Mapping[str, Any], *, forbids_down: bool = False) -> Entry:
        draft = Draft(kind, key, body, self.who, self.lease.epoch, forbids_down)
        entry = self.ledger.append(self.row.id, draft)
        self.refresh()
        return entry

    def note(self, key: str, body: Mapping[str, Any]) -> None:
        """A note changes no state and needs no number."""
        self.ledger.append(self.row.id, Draft(Kind.NOTE, key, body, self.who))
        self.refresh()

    def begin(self, action: Action, body: Mapping[str, Any] | None = None) -> Entry:
        """The intent of an act. Fenced when another attempt has a newer number, or a Down stands in the plan's way."""
        return self.append(Kind.INTENT, action.key, body or {}, forbids_down=self.plan_acts)

    def end(self, action: Action, event: Event, *, reconciled: bool = False) -> Event:
        """The outcome of an act, as observed."""
        body = event.to_body()
        self.append(Kind.OUTCOME, action.key, body)
        if reconciled:
            self.note("reconciled", {"key": action.key})
        return event

    def once(
        self,
        action: Action,
        effect: Callable[[], Event],
        observe: Callable[[], Event | None] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Event:
        """Carry out an act and record it; an open intent of an earlier attempt is observed first."""
        if observe is not None and action.key in self.story.open:
            found = observe()
            if found is not None:
                return self.end(action, found, reconciled=True)
        self.begin(action, body)
        return self.end(action, effect())


def begin_attempt(
    world: World,
    row: ReleaseRow,
    run_id: str,
    seconds: float,
    who: str,
    *,
    at_once: bool = False,
    plan_acts: bool = True,
) -> Attempt:
    """
    Take the lease with a number above ledger's and marks', and stamp it on every claimed route before anything is
    observed. Fenced while another attempt's lease lives.
    """
    marks = [part.router.read().mark for part in world.parts.values()]
    above = max((mark.epoch for mark in marks if mark), default=0)
    lease = world.ledger.take(row.id, run_id, seconds, above, at_once=at_once)
    attempt = Attempt(world, row, lease, who, plan_acts=plan_acts)
    for component in attempt.story.claimed:
        try:
            world.parts[component].router.write(kernel.stamp(row.id, lease.epoch))
        except Fenced:
            continue  # the route is another release's by now; every later write of ours is refused there
        except Refused as unreadable:
            attempt.note("not-stamped", {"component": component, "why": str(unreadable)})
    return attempt
