"""Chains of one release, written entry by entry, a minute apart: for tests of the story and of the watch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.unit.answering import NOW
from tidegate import events as ev
from tidegate.events import Event
from tidegate.ledger import FIRST_HASH, Entry, Kind
from tidegate.story import Story

SET_5 = "main/1/canary/set-weight/5/api/1"
SET_25 = "main/1/canary/set-weight/25/api/1"


class Chain:
    """Entries with their numbers, a minute apart."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.add(Kind.OPENED, "opened", {"system": "shop"}, "kim")

    def add(self, kind: Kind, key: str, body: Mapping[str, Any] | None = None, who: str = "release") -> Chain:
        seq = len(self.entries) + 1
        at = NOW + timedelta(minutes=seq)
        self.entries.append(Entry("shop/v2/1", seq, kind, key, at, 1, who, body or {}, FIRST_HASH, FIRST_HASH))
        return self

    def did(self, key: str, event: Event) -> Chain:
        return self.add(Kind.OUTCOME, key, event.to_body())

    def claimed(self, *components: str) -> Chain:
        for one in components or ("api",):
            event = ev.Claimed(at=NOW, component=one, stable="v1", canary="v2", epoch=1)
            self.did(f"main/1/release/claim/-/{one}/1", event)
        return self

    def weight(self, key: str = SET_5, weight: int = 5, component: str = "api") -> Chain:
        return self.did(key, ev.WeightSet(at=NOW, component=component, weight=weight))

    def intends(self, key: str, **body: Any) -> Chain:
        return self.add(Kind.INTENT, key, body)

    def down(self, token: str = "t1", who: str = "watch") -> Chain:  # noqa: S107
        return self.add(Kind.DOWN, f"down/{token}", {"why": "errors", "token": token}, who)

    @property
    def story(self) -> Story:
        return Story.of(self.entries)


def promoted() -> Chain:
    chain = Chain().claimed().weight().weight("main/1/canary/set-weight/100/api/1", 100)
    return chain.did("main/1/release/promote/-/-/1", ev.Promoted(at=NOW, weight=100))
