"""
Whether people would hear of it: a test message to every channel, by the road that every notice takes; and whether
every gate's metric has data now, since an alarm without data never rings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from tidegate.errors import ConnectorError, SpecError
from tidegate.language.complaints import listed
from tidegate.measuring import measured
from tidegate.ports import CheckResult, Notice, Notifier, Verdict
from tidegate.spec import Spec
from tidegate.world import World

TITLE = {"en": "{release}: test message", "ko": "{release}: 테스트 메시지"}
TEXT = {
    "en": "This channel would tell you of this release. Nothing has happened, nothing is to be done.",
    "ko": "이 채널로 이 릴리스의 알림이 전달됩니다. 아무 일도 발생하지 않았으며 조치할 사항이 없습니다.",
}


class ChannelsCheck(Connector):
    """Every channel takes a test message; every gate's metric has data."""

    _block_type_name = "Channels and alarms"
    _block_type_slug = "channels-check"
    _description = "Sends a test message to the spec's channels, and looks whether its gates have data."

    channels: list[str] = Field(
        default_factory=list,
        title="Channels",
        description="Of the spec, by name; empty: all. One that is not required is told of, and does not fail.",
    )
    metrics: Literal["none", "all"] = Field("none", title="Metrics", description="all: every gate's has to have data.")

    _world: World | None = PrivateAttr(default=None)

    def told_of(self, spec: Spec) -> Self:
        known = [one.name for one in spec.channels]
        if strange := [name for name in self.channels if name not in known]:
            said = f"channels-check: no channel {listed(strange)}"
            raise SpecError(said, f"the spec's channels: {', '.join(known) or 'none'}")
        return self

    def meets(self, world: World) -> None:
        self._world = world

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names each required channel that did not take it and each gate without data. Figures: `told`, `lost`."""
        if self._world is None:
            return CheckResult(Verdict.ERROR, "channels-check looks at a spec's channels, and was shown no spec")
        began, world = time.monotonic(), self._world
        to = self._addressed(world)
        lost = world.post(to, _test_notice(facts.get("release") or world.spec.system)) if to else {}
        optional = {one.name for one in world.spec.channels if not one.required}
        wrong = [f"{name} did not take a test message: {why}" for name, why in lost.items() if name not in optional]
        if not to and world.spec.channels:
            wrong.append("no channel of the spec can be told here")
        gates = list(_blind(world)) if self.metrics == "all" else []
        told = [f"{name} took a test message" for name in to if name not in lost]
        told += [f"{name} (not required) did not: {why}" for name, why in lost.items() if name in optional]
        if self.metrics == "all":
            told.append(f"{len(world.spec.gates) - len(gates)} of {len(world.spec.gates)} gates have data")
        return CheckResult(
            Verdict.FAIL if wrong or gates else Verdict.PASS,
            "\n".join([*wrong, *gates, *told]) or "the spec has no channels",
            seconds=round(time.monotonic() - began, 3),
            figures={"told": float(len(to) - len(lost)), "lost": float(len(lost)), "blind_gates": float(len(gates))},
        )

    def _addressed(self, world: World) -> dict[str, Notifier]:
        names = self.channels or [one.name for one in world.spec.channels]
        return {name: world.channels[name] for name in names if name in world.channels}


def _test_notice(release: str) -> Notice:
    title = {language: text.format(release=release) for language, text in TITLE.items()}
    return Notice("test", "info", release, title, TEXT)


def _blind(world: World) -> Iterator[str]:
    """Gates of whose metric the side that carries everything now has no value, each with the reason."""
    for gate in world.spec.gates:
        part = world.parts[gate.component]
        try:
            split = part.router.read().split
            side = split.serving if split else None
            if side is None:
                yield f"gate {gate.name}: no side of {gate.component} carries everything"
                continue
            sample = measured(world, gate.component, gate.metric, side, gate.window)
        except ConnectorError as why:
            yield f"gate {gate.name}: {gate.metric} cannot be asked: {why}"
            continue
        if sample.value is None:
            because = f" ({sample.error})" if sample.error else ""
            yield f"gate {gate.name}: {gate.metric} has no data of {side.name}{because}"
