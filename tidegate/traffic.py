"""
What a route shows: who serves it, at which weight, and the mark beside the weights.

Values only, standard library only: the kernel and the emergency rollback stand on this page.
Weights are whole per cents of the canary; the stable side gets the rest, so both always sum to 100 (I1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

ChangeKind = Literal["claim", "stamp", "raise", "final", "lower", "park", "repair", "bar"]


@dataclass(frozen=True, slots=True)
class Stop:
    """The token of a down decision, or (`bar`) of a mere "nobody claims this without asking"."""

    token: str
    who: str
    at: str  # ISO 8601, UTC
    why: str
    bar: bool = False
    despite: str = ""  # the way back that a person named when deciding this behind a point of no return

    def to_json(self) -> dict[str, Any]:
        told = {"token": self.token, "who": self.who, "at": self.at, "why": self.why, "bar": self.bar}
        return told | ({"despite": self.despite} if self.despite else {})

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Stop:
        token, who, at, why = (str(raw[name]) for name in ("token", "who", "at", "why"))
        return cls(token, who, at, why, bool(raw.get("bar")), str(raw.get("despite") or ""))


@dataclass(frozen=True, slots=True)
class Beyond:
    """A point of no return that was crossed: the way back from there, what it says, and the weight that crossed it."""

    way: str  # restore, forward-only or refused
    says: str
    weight: int

    def __str__(self) -> str:
        return f"behind the point of no return at {self.weight} % the way back is {self.way} ({self.says})"

    def to_json(self) -> dict[str, Any]:
        return {"way": self.way, "says": self.says, "weight": self.weight}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Beyond:
        return cls(str(raw["way"]), str(raw["says"]), int(raw["weight"]))


@dataclass(frozen=True, slots=True)
class Mark:
    """Who a route belongs to: release, number of its writer, and whether somebody said stop."""

    release: str = ""  # "": nobody has claimed this route yet
    epoch: int = 0
    stop: Stop | None = None
    final: bool = False
    beyond: Beyond | None = None  # written by the raise that crossed it; nothing takes it away but another's claim

    @property
    def stopped(self) -> bool:
        """Whether a down decision stands (a bar is none)."""
        return self.stop is not None and not self.stop.bar

    def to_json(self) -> dict[str, Any]:
        stop = self.stop.to_json() if self.stop else None
        beyond = {"beyond": self.beyond.to_json()} if self.beyond else {}
        return {"release": self.release, "epoch": self.epoch, "stop": stop, "final": self.final, **beyond}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Mark:
        stop = Stop.from_json(raw["stop"]) if raw.get("stop") else None
        beyond = Beyond.from_json(raw["beyond"]) if raw.get("beyond") else None
        return cls(str(raw["release"]), int(raw["epoch"]), stop, bool(raw.get("final")), beyond)


@dataclass(frozen=True, slots=True)
class Side:
    """A group of instances of one version: a name fit for a metric label, and where they listen."""

    name: str
    urls: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "urls": list(self.urls)}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Side:
        return cls(str(raw["name"]), tuple(str(url) for url in raw["urls"]))


@dataclass(frozen=True, slots=True)
class Split:
    """Who serves a route; `weight` is the canary's share in per cent, 0 without a canary."""

    stable: Side
    canary: Side | None = None
    weight: int = 0

    def __post_init__(self) -> None:
        if type(self.weight) is not int or not 0 <= self.weight <= 100 or (self.canary is None and self.weight):
            raise ValueError(f"a canary's weight is a whole number from 0 to 100, not {self.weight!r}")

    @property
    def serving(self) -> Side | None:
        """The side that carries all traffic; None while it is split."""
        return self.stable if self.weight == 0 else self.canary if self.weight == 100 else None

    def at(self, weight: int) -> Split:
        return replace(self, weight=weight)

    def to_json(self) -> dict[str, Any]:
        canary = self.canary.to_json() if self.canary else None
        return {"stable": self.stable.to_json(), "canary": canary, "weight": self.weight}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Split:
        canary = Side.from_json(raw["canary"]) if raw.get("canary") else None
        return cls(Side.from_json(raw["stable"]), canary, int(raw["weight"]))


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A route as the router itself shows it, in one reading.

    `split` is None when the router has no usable configuration for this route; `mark` is None when
    no mark can be read there (somebody's editor), which is an obstacle to a raise and none to a lowering.
    """

    split: Split | None
    mark: Mark | None

    @property
    def weight(self) -> int:
        """The canary's weight; 0 where there is no canary."""
        return self.split.weight if self.split else 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What one write leaves on a route: weights and mark together."""

    split: Split
    mark: Mark


@dataclass(frozen=True, slots=True)
class Change:
    """
    One write, as a decision over what stands there at the instant of writing.

    Only `tidegate.kernel` makes these (a house test looks). A router locks the route, reads it, calls
    `decide` with what it read and writes the answer in one step; `decide` raises Refused and nothing is written.
    """

    kind: ChangeKind
    decide: Callable[[Seen], Setting]
