"""
Whether there is a way back: the spec says it, the version before can take the traffic, and a dry run gets there.

The dry run plays this very spec on the virtual clock with a new version that is bad from its first request. It touches
nothing outside; what it cannot show is whether the real router obeys, which the watch shows before the first raise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from tidegate.clockwork.moments import planned_start
from tidegate.errors import ConnectorError, TidegateError
from tidegate.ports import CheckResult, Verdict
from tidegate.quantities import spoken
from tidegate.rehearsal.options import Options
from tidegate.rehearsal.stage import rehearse
from tidegate.spec import Spec
from tidegate.story import State, Story
from tidegate.world import Part, World


class RollbackPlanCheck(Connector):
    """The way back is complete, and a dry run goes it."""

    _block_type_name = "Rollback plan"
    _block_type_slug = "rollback-plan-check"
    _description = "Looks whether the way back is complete and the version before is there; plays the rollback."

    previous: Literal["required", "optional"] = Field(
        "required", title="Previous", description="required: the version before runs healthy and its artifact is kept."
    )
    dry_run: bool = Field(
        True, title="Dry run", description="Play the release with a bad version, on the virtual clock."
    )
    section: Literal["required", "optional"] = Field(
        "required", title="Section", description="required: the spec says itself what follows once the traffic is back."
    )

    _world: World | None = PrivateAttr(default=None)

    def meets(self, world: World) -> None:
        self._world = world

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names all that is missing. Figures: `back`, seconds from the decision to the traffic being back."""
        if self._world is None:
            return CheckResult(Verdict.ERROR, "rollback-plan-check looks at a spec's way back, and was shown no spec")
        began, world, told, figures = time.monotonic(), self._world, list[str](), dict[str, float]()
        wrong = list(_section(world.spec)) if self.section == "required" else []
        for name, part in world.parts.items():
            try:
                told.append(f"{name}, by hand: {_by_hand(part)}")
                if self.previous == "required":
                    told.append(f"{name}: {_previous(part)}")
            except (ConnectorError, _Missing) as why:
                wrong.append(f"{name}: {why}")
        if self.dry_run:
            try:
                seconds, said = _dry_run(world.spec)
                figures["back"] = seconds
                told.append(said)
            except (TidegateError, _Missing) as why:
                wrong.append(f"dry run: {why}")
        verdict = Verdict.FAIL if wrong else Verdict.PASS
        return CheckResult(
            verdict, "\n".join([*wrong, *told]), seconds=round(time.monotonic() - began, 3), figures=figures
        )


class _Missing(Exception):
    """What is not there for a way back."""


def _section(spec: Spec) -> Iterator[str]:
    for name, acts in (("auto", spec.rollback.auto), ("manual", spec.rollback.manual)):
        if not acts:
            yield f"the spec has no rollback.{name}: nobody reads there what follows once the traffic is back"
        elif not {"verify", "tell"} & {one.act for one in acts}:
            yield f"rollback.{name} neither verifies nor tells anybody"


def _by_hand(part: Part) -> str:
    """The line that a person types; the router's address has to fit into a way-back record."""
    line = part.router.by_hand()
    if not line.strip():
        raise _Missing("the router names no line that a person can type")
    try:
        json.dumps(part.router.address())
    except (TypeError, ValueError) as why:
        raise _Missing(f"the router's address cannot be written down: {why}") from None
    return line


def _previous(part: Part) -> str:
    split = part.router.read().split
    serving = split.serving if split else None
    if serving is None:
        raise _Missing("no side carries everything, so nobody knows the version before")
    state = part.platform.status(serving.name)
    if state is None or not state.ready:
        raise _Missing(f"no instance of {serving.name} is healthy: there is nothing to go back to")
    lost = sorted({one.digest for one in state.instances if one.digest and not part.registry.exists(one.digest)})
    if lost:
        raise _Missing(f"the artifact of {serving.name} is not kept ({lost[0][:19]}): it cannot be deployed again")
    return f"{state.version or serving.name} carries everything, {state.ready} healthy, its artifact is kept"


def _dry_run(spec: Spec) -> tuple[float, str]:
    begins = planned_start(spec) or datetime.now(UTC).replace(microsecond=0)
    story = rehearse(spec, Options(begins, bad_from=0)).story
    if story.down is None or story.state not in (State.DOWN, State.ROLLED_BACK):
        raise _Missing(f"a bad version was not taken back: the release ended {story.state}")
    seconds = _back_after(story)
    if seconds is None:
        raise _Missing("the rollback was decided, and nobody saw the traffic back")
    if seconds > spec.rollback.within.total_seconds():
        raise _Missing(f"the traffic was back after {seconds:g} s, wanted: within {spoken(spec.rollback.within)}")
    return seconds, f"dry run: a bad version was taken back within {seconds:g} s ({story.down.why})"


def _back_after(story: Story) -> float | None:
    verified = [body for body in story.answers.values() if body.get("event") == "rollback-verified"]
    good = [body for body in verified if body["verdict"] == Verdict.PASS]
    return float(good[-1]["seconds"]) if good else None
