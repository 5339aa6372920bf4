"""What the witness keeps of one release: its own fold of the chain, not the story's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tidegate.ledger import Entry, LookRow


@dataclass(slots=True)
class Told:
    """One release as the witness remembers it."""

    weights: dict[str, int] = field(default_factory=dict)
    intents: dict[str, int] = field(default_factory=dict)  # key -> seq of the last one
    outcomes: set[str] = field(default_factory=set)
    down_at: float | None = None  # elapsed clock of the first durable down decision
    written: bool = False  # a Down stands in the chain
    waits: dict[str, int] = field(default_factory=dict)  # what has to follow -> rounds since
    set_at: dict[str, float] = field(default_factory=dict)  # step -> when its weight was recorded
    rows: list[tuple[float, LookRow]] = field(default_factory=list)
    sampled: dict[str, float] = field(default_factory=dict)  # bakes seen complete on sound samples, and when
    plan: str = ""
    ended: str = ""
    over: bool = False
    stops_found: frozenset[str] = frozenset()
    stopped: dict[str, float] = field(default_factory=dict)  # component -> since when a stop stands there
    hand: dict[str, tuple[int, float]] = field(default_factory=dict)  # component -> unexplained lower weight, since
    asked: dict[str, str] = field(default_factory=dict)  # key -> decision
    risky: set[str] = field(default_factory=set)  # questions whose silence means rollback
    named: frozenset[str] = frozenset()  # what an approval may clear or take over
    crossed: dict[str, str] = field(default_factory=dict)  # component -> way back behind the point it has crossed
    accepted: bool = False  # a person has named that way back
    raised: dict[str, datetime] = field(default_factory=dict)  # step -> first weight-set of this leg, ledger's clock

    @property
    def held(self) -> bool:
        """Behind a point of no return that nobody has accepted: nobody lowers."""
        return bool(self.crossed) and not self.accepted

    def intends(self, entry: Entry, t: float) -> None:
        body, key = entry.body, entry.key
        self.intents.pop(key, None)
        self.intents[key] = entry.seq
        if "claim" in body:
            self.intents[f"claim {body['claim']}"] = entry.seq
        if "raise" in body:
            self.plan = key.split("/")[2]
        if "question" in body and body["question"]["on_expiry"] == "rollback" and body["question"]["traffic"]:
            self.risky.add(key)
        if "bake" in body:
            self.set_at.setdefault(key, t)

    def happened(self, key: str, body: Mapping[str, Any]) -> None:
        """An outcome, as far as later checks need it."""
        self.outcomes.add(key)
        match body.get("event"):
            case "claimed":
                self.weights[body["component"]] = 0
            case "weight-set" if self.down_at is None:
                self.weights[body["component"]] = body["weight"]
            case "parked" | "lowered":
                self.weights = dict.fromkeys(self.weights, 0)
                self.hand.clear()  # whatever a hand had lowered, all of it is at 0 by a recorded decision now
            case "routes-inspected":
                self.named = frozenset(body["names"])
            case "rolled-back" | "aborted":
                self.ended, self.over = body["event"], True
            case "promoted":
                self.over = True
            case "answered":
                self._answered(key, body)
            case _:
                pass

    def _answered(self, key: str, body: Mapping[str, Any]) -> None:
        self.asked[key] = body["decision"]
        if body["gate"] == "take-over" and body["decision"] == "approve":
            self.stops_found |= self.named
