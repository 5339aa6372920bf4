"""
One pass over a release's chain: the story, and beside it intents, outcomes and every change of weight.

An outcome that this version does not know stays among the outcomes without an event: a report never fails on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from tidegate.events import Answered, Event, event_from
from tidegate.ledger import Entry, Kind
from tidegate.spec import Plan, Spec
from tidegate.story import Story

E = TypeVar("E", bound=Event)


class Key(NamedTuple):
    """A key of the plan, taken apart (tidegate/actions.py)."""

    stage: str = "main"
    leg: int = 1
    plan: str = ""
    kind: str = ""
    step: str = "-"
    what: str = "-"
    attempt: str = "1"

    @classmethod
    def of(cls, key: str) -> Key:
        """The parts; a key of another shape is all kind."""
        parts = key.split("/")
        if len(parts) != 7 or not parts[1].isdigit():
            return cls(kind=key)
        return cls(parts[0], int(parts[1]), *parts[2:])


@dataclass(slots=True)
class Walk:
    """What the pass collects."""

    spec: Spec
    story: Story = field(default_factory=Story)
    intents: dict[str, Entry] = field(default_factory=dict)
    outcomes: dict[str, Entry] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    weights: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    slots: dict[str, Entry] = field(default_factory=dict)
    expiries: dict[str, Entry] = field(default_factory=dict)
    down: Entry | None = None
    at_down: Mapping[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        if entry.kind is Kind.DOWN and self.down is None:
            self.down, self.at_down = entry, dict(self.story.weights)
        self.story.add(entry)
        for component, weight in self.story.weights.items():
            told = self.weights.setdefault(component, [])
            if not told or told[-1][1] != weight:
                told.append((entry.at, weight))
        match entry.kind:
            case Kind.INTENT:
                self.intents.setdefault(entry.key, entry)
            case Kind.OUTCOME:
                self.outcomes[entry.key] = entry
                if (known := _known(entry.body)) is not None:
                    self.events[entry.key] = known
            case Kind.SLOT:
                self.slots[str(entry.body["slot"])] = entry
            case Kind.EXPIRY:
                self.expiries[entry.key.removeprefix("expired/")] = entry
            case _:
                pass

    def of(self, kind: type[E]) -> list[tuple[str, E]]:
        """Keys and events of one kind, in the order of the chain."""
        return [(key, event) for key, event in self.events.items() if isinstance(event, kind)]

    def last(self, kind: type[E]) -> tuple[E | None, datetime | None]:
        """The last event of this kind, and when it was written."""
        found = self.of(kind)
        return (found[-1][1], self.outcomes[found[-1][0]].at) if found else (None, None)

    @property
    def request(self) -> Mapping[str, Any]:
        """What was asked for when the release was started."""
        asked = self.story.opened.get("request")
        return asked if isinstance(asked, Mapping) else {}

    def plan_of(self, leg: int) -> tuple[str, Plan]:
        """The plan of a leg: as its keys name it, else as it was last chosen."""
        for key in self.intents | self.outcomes:
            parts = Key.of(key)
            if parts.leg == leg and parts.kind in ("set-weight", "bake") and parts.plan in self.spec.plans:
                return parts.plan, self.spec.plans[parts.plan]
        chosen = [event.plan for _, event in self.of(Answered) if event.plan in self.spec.plans]
        asked = str(self.request.get("plan") or "")
        name = chosen[-1] if chosen else asked if asked in self.spec.plans else self.spec.plan
        return name, self.spec.plans[name]


def walk_over(entries: Sequence[Entry], spec: Spec) -> Walk:
    walk = Walk(spec)
    for entry in entries:
        walk.add(entry)
    return walk


def _known(body: Mapping[str, Any]) -> Event | None:
    try:
        return event_from(body)
    except ValueError:  # written by another version of Tidegate
        return None
