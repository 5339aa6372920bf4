"""
The way-back record: the file from which `tidegate rollback` works without spec, ledger, Prefect or metrics.

The watch writes it (JSON, mode 0600) on the machine where the command will be typed, replaces it at each claim and at
promotion, and removes it before blue goes (design 2.7). Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.traffic import Beyond, Seen

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Way:
    """The way back of one route: which router, where, and what to type by hand."""

    component: str
    kind: str  # selects blocks/<kind>_lowering.py, e.g. "traefik"
    address: dict[str, Any]  # whatever that lowering half needs, e.g. {"file": ...}
    by_hand: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where a release's traffic goes when somebody says no."""

    system: str
    release: str
    version: str
    blue: str  # version that takes the traffic back
    state: str  # shifting or promoted
    written_at: str
    ways: tuple[Way, ...]
    ledger: str = ""  # URL without secrets, tried for at most one second once traffic is back
    extra: dict[str, Any] = field(default_factory=dict)

    def beyond(self, seen: Sequence[Seen | None]) -> Beyond | None:
        """
        The point of no return behind which these routes stand, and that nobody has accepted yet.

        By their marks; where one is lost, by this record: what it says was crossed, or the weight that the route shows.
        """
        mine = [one for one in seen if one is None or one.mark is None or one.mark.release == self.release]
        marks = [one.mark for one in mine if one is not None and one.mark is not None]
        found = [mark.beyond for mark in marks if mark.beyond is not None]
        found += [Beyond.from_json(self.extra["beyond"])] if self.extra.get("beyond") else []
        lost = max((one.weight for one in mine if one is not None and one.mark is None), default=0)
        points = [Beyond.from_json(one) for one in self.extra.get("no_return", ())]
        found += [one for one in points if one.weight <= lost]
        last = max(found, key=lambda one: one.weight, default=None)
        if last is None or not any(one is None or one.weight > 0 for one in mine):
            return None
        named = [mark.stop.despite for mark in marks if mark.stop is not None]
        return None if last.way in named and last.way != "refused" else last

    def to_text(self) -> str:
        ways = [
            {"component": w.component, "kind": w.kind, "address": w.address, "by_hand": w.by_hand} for w in self.ways
        ]
        told = {
            "schema": SCHEMA,
            "system": self.system,
            "release": self.release,
            "version": self.version,
            "blue": self.blue,
            "state": self.state,
            "written_at": self.written_at,
            "ways": ways,
            "ledger": self.ledger,
            "extra": self.extra,
        }
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_text(cls, text: str) -> WayBack:
        """Raises ValueError (JSON, a missing field, another schema) with what was found."""
        told = json.loads(text)
        if told.get("schema") != SCHEMA:
            raise ValueError(f"schema {told.get('schema')!r}, this Tidegate reads {SCHEMA}")
        try:
            ways = tuple(Way(w["component"], w["kind"], dict(w["address"]), w["by_hand"]) for w in told["ways"])
            return cls(
                told["system"],
                told["release"],
                told["version"],
                told["blue"],
                told["state"],
                told["written_at"],
                ways,
                told.get("ledger", ""),
                dict(told.get("extra", {})),
            )
        except (KeyError, TypeError) as missing:
            raise ValueError(f"not a way-back record: {missing}") from None
