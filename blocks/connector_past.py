"""Comparing a check's figures with those of the release before: fields and verdict, for every check that measures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from pydantic import Field, PrivateAttr

from blocks.connector import Connector
from tidegate.errors import Denied
from tidegate.past import figures_before, worse
from tidegate.quantities import Quantity
from tidegate.world import World


class Compared(Connector):
    """A check whose figures the ledger keeps, and that may be held against those of the last release."""

    compare: Literal["", "previous-release"] = Field(
        "", title="Compare", description="previous-release: with the figures of the last release that was promoted."
    )
    worse_by_at_most: Quantity = Field(  # type: ignore[assignment]
        "10 %", title="Worse by at most", description="A figure that is worse by more fails.", examples=["10 %"]
    )

    _world: World | None = PrivateAttr(default=None)

    def meets(self, world: World) -> None:
        self._world = world

    def against_the_last(
        self, figures: Mapping[str, float], release: str, larger_is_better: Collection[str] = ()
    ) -> tuple[list[str], str]:
        """What became worse, a line each; and what it was compared with, "" when nothing was asked."""
        if not self.compare:
            return [], ""
        if self._world is None:
            raise Denied("compare: this check was shown no ledger")
        checks: Mapping[str, object] = self._world.checks
        name = next((name for name, one in checks.items() if one is self), "")
        past = figures_before(self._world.ledger, self._world.spec.system, name, release)
        if not past.release:
            return [], "no promoted release has figures of this check; these are the first"
        return worse(past, figures, self.worse_by_at_most, larger_is_better), f"compared with {past.release}"
