"""A world of one or two components for checks that look at their own release: routes and platforms in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.house.plans import RELEASES
from tidegate.memory_ledger import MemoryLedger
from tidegate.ports import Instance, Notifier, PlatformState, Sample
from tidegate.simulation.timeline import Timeline
from tidegate.spec import Spec
from tidegate.traffic import Seen, Side, Split
from tidegate.world import Part, Post, World, one_after_the_other

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
BLUE = Side("shop-1", ("http://127.0.0.1:1",))


def spec_of(system: str, **changes: Any) -> Spec:
    """A spec of the repository, changed."""
    from blocks.yaml_spec import load_yaml

    path = RELEASES / f"{system}.yaml"
    return Spec.model_validate({**load_yaml(path.read_bytes(), path.name), **changes})


@dataclass
class Small:
    """Router, platform, registry and metrics of a component in one; each attribute is what it tells."""

    split: Split | None = field(default_factory=lambda: Split(BLUE))
    instances: int = 1
    version: str = "1.9"
    kept: bool = True
    hand: str = "edit the route's file"
    where: Any = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)

    kind = "small"
    compares = True

    def read(self) -> Seen:
        return Seen(self.split, None)

    def by_hand(self) -> str:
        return self.hand

    def address(self) -> Any:
        return self.where

    def status(self, side_name: str) -> PlatformState | None:
        made = tuple(Instance(f"i{n}", BLUE.urls[0], True, "sha256:" + "a" * 64) for n in range(self.instances))
        return PlatformState(BLUE, made, 1, self.version)

    def exists(self, digest: str) -> bool:
        return self.kept

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        return Sample(metric, self.values.get(metric), None, None, window, NOW)


def shown_world(
    spec: Spec,
    parts: Mapping[str, Small] | None = None,
    channels: Mapping[str, Notifier] | None = None,
    post: Post = one_after_the_other,
) -> World:
    clock = Timeline(NOW)
    made = parts or {name: Small() for name in spec.components}
    whole = {name: Part(one, one, one, one) for name, one in made.items()}  # type: ignore[arg-type]
    return World(
        spec=spec, parts=whole, clock=clock, ledger=MemoryLedger(clock), channels=dict(channels or {}), post=post
    )
