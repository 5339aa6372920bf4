"""One watch looking at one chain, every five seconds unless said otherwise: for tests of the watch's mind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.answering import NOW
from tests.unit.chains import Chain
from tidegate.ports import RunState, Sample
from tidegate.sight import Decision, Health, Look, Sight, Watching
from tidegate.simulation import specs
from tidegate.spec import Spec
from tidegate.traffic import Mark, Seen, Side, Split, Stop
from tidegate.watch import look

MINE, BLUE, GREEN = "shop/v2/1", Side("api-v1", ()), Side("api-v2", ())
STOP = Stop("t1", "kim", NOW.isoformat(), "said no")
BAKE_5 = "main/1/canary/bake/5/5/1"
WELL = Health(2, 2, True, 2)
ILL = Health(1, 2, True, 2, "api-v2-1: refused")
GOOD, BAND, BAD = 0.001, 0.02, 0.2


def baking() -> Chain:
    """At 5 %, 15 seconds of bake asked."""
    return Chain().claimed().weight().intends(BAKE_5, bake={"id": "1/canary/5", "seconds": 15.0, "weight": 5})


class Watch:
    """Looks at one chain, every five seconds unless said otherwise."""

    def __init__(self, chain: Chain, spec: Spec | None = None, weight: int | None = None) -> None:
        self.chain, self.spec = chain, spec or specs.plain()
        self.weight = chain.story.weight if weight is None else weight
        self.memory = Watching(lowered_once=True)
        self.now = NOW + timedelta(minutes=len(chain.entries))
        self.decisions: list[Decision] = []
        self.sight: Sight
        self.told: Look

    def look(self, value: float | None = GOOD, passed: float = 5.0, **sees: Any) -> Look:
        self.now += timedelta(seconds=passed)
        shows = Seen(Split(BLUE, GREEN, self.weight), Mark(MINE, 1))
        sample = Sample("error_rate", value, sees.pop("count", 1000), None, timedelta(seconds=30), self.now)
        whole = Sight(
            at=self.now, passed=passed, story=self.chain.story, quiet=True, seen={"api": shows},
            samples={"api-errors": sample}, health={"api": WELL}, wayback_here=True, run=RunState("r1", "RUNNING"),
            leased=True,
        )  # fmt: skip
        self.sight = replace(whole, **sees)
        self.memory, self.decisions, self.told = look(self.spec, self.memory, self.sight)
        return self.told

    def kinds(self) -> list[str]:
        return [decision.kind for decision in self.decisions]

    def why(self, kind: str) -> str:
        return next(decision.why for decision in self.decisions if decision.kind == kind)
