"""A lookout's own copy of a release: its row, story and spec, and what the looks before have left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tidegate.comparison import Comparisons
from tidegate.gating import rhythm
from tidegate.ledger import Push, ReleaseRow
from tidegate.locks import Cooldown
from tidegate.sight import Watching
from tidegate.story import State, Story
from tidegate.traffic import Seen, Stop
from tidegate.world import World


@dataclass(slots=True)
class Watched:
    """The lookout's own copy of a release: enough to look and lower without the ledger."""

    row: ReleaseRow
    world: World
    story: Story
    watching: Watching
    comparisons: Comparisons = field(default_factory=Comparisons)
    cools: Cooldown = field(default_factory=Cooldown)
    looked: float | None = None  # elapsed clock of the look before
    evidence_at: datetime | None = None
    seen: dict[str, Seen | None] = field(default_factory=dict)
    stop: Stop | None = None  # seen on a route, not yet told by the chain: it counts even if the mark is lost meanwhile
    events: Mapping[str, Push] = field(default_factory=dict)
    told: tuple[Watching, Mapping[str, object]] | None = None  # the memory as the last row told it
    # the way-back record that was right, and what it was made of: the chain's seq, the routes
    laid: tuple[object, ...] = ()

    @property
    def every(self) -> float:
        """Seconds between two looks now."""
        return rhythm(self.world.spec, self.story).total_seconds()

    @property
    def waits(self) -> bool:
        """A closed release that only waits for its scheduled runs, perhaps for months: looked at now and then."""
        return self.story.state is State.CLOSED and self.row.lease_until is None

    def memory(self) -> Mapping[str, object]:
        """What a successor needs, as a row keeps it; the same again while nothing was to be remembered."""
        if self.told is None or self.told[0] is not self.watching:
            self.told = (self.watching, self.watching.to_json())
        kept = self.comparisons.kept
        return {**self.told[1], "compared": kept} if kept else self.told[1]
