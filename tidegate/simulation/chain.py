"""The ledger of a play: the real one in memory, with outages, full disks, unheard appends and slow reads in front."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tidegate.errors import LedgerUnavailable
from tidegate.ledger import Draft, Entry, Kind, Lease, LookRow, Reading, ReleaseRow, SeenLook
from tidegate.memory_ledger import MemoryLedger

if TYPE_CHECKING:
    from tidegate.simulation.play import Play


PROMPT = 2.0  # seconds until a rehearsal's watch looks at a raise: its own rhythm may be a minute


class SimulatedLedger(MemoryLedger):
    """Satisfies `tidegate.ledger.Ledger`; the rules are the real ones."""

    def __init__(self, play: Play, *, hashes: bool) -> None:
        super().__init__(play.line, hashes=hashes)
        self.play = play
        self.down_until = 0.0
        self.full_until = 0.0
        self.times: dict[str, list[float]] = {}  # by release: when each entry was written, on the elapsed clock

    def _answers(self, what: str, *, writing: bool = False) -> None:
        play = self.play
        if play.calm:
            return
        play.touch(what)
        if play.line.t < self.down_until:
            play.weather.fired["ledger-down"] += 1
            raise LedgerUnavailable("the ledger does not answer")
        if writing and play.line.t < self.full_until:
            play.weather.fired["disk-full"] += 1
            raise LedgerUnavailable("the disk is full")

    def open(self, system: str, version: str, run_id: str, body: Mapping[str, Any], who: str) -> ReleaseRow:
        self._answers("ledger.open", writing=True)
        row = super().open(system, version, run_id, body, who)
        self.play.witness.entered(self._kept[row.id].chain[0])
        return row

    def append(self, release: str, draft: Draft) -> Entry:
        self._answers("ledger.append", writing=True)
        entry = super().append(release, draft)
        self.times.setdefault(release, [0.0]).append(self.play.line.t)
        self.play.witness.entered(entry)
        watcher = self.play.watchers[0]
        if watcher.idle and draft.kind is Kind.INTENT and "raise" in draft.body:
            self.play.line.after(PROMPT, lambda: watcher.round(once=True))
        if not self.play.calm:
            self.play.touch("ledger.append", after=True)
            if self.play.weather.strikes("append-unheard"):
                raise LedgerUnavailable("no answer")
        return entry

    def entries(self, release: str, after: int = 0) -> Sequence[Entry]:
        self._answers("ledger.entries")
        if self.play.stack:
            self.play.stack[-1].knew_at = self.play.line.t
        found = super().entries(release, after)
        if self.play.slow_look is not None and after:
            return found[: max(0, self._seq_at(release, self.play.slow_look[0]) - after)]
        return found

    def seq(self, release: str) -> int:
        self._answers("ledger.seq")
        if self.play.slow_look is not None:
            return self._seq_at(release, self.play.slow_look[2])
        return super().seq(release)

    def _seq_at(self, release: str, t: float) -> int:
        """How long the chain was at that moment."""
        return bisect_right(self.times.get(release, [0.0]), t)

    def releases(self, system: str | None = None, watched: bool | None = None) -> Sequence[ReleaseRow]:
        self._answers("ledger.releases")
        return super().releases(system, watched)

    def take(self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False) -> Lease:
        self._answers("ledger.take", writing=True)
        return super().take(release, run_id, seconds, above, at_once=at_once)

    def fence(self, release: str, above: int = 0) -> int:
        self._answers("ledger.fence", writing=True)
        return super().fence(release, above)

    def give_back(self, lease: Lease) -> None:
        self._answers("ledger.give_back", writing=True)
        super().give_back(lease)

    def put_look(self, row: LookRow) -> None:
        self._answers("ledger.put_look", writing=True)
        super().put_look(row)
        self.play.witness.looked(row)

    def look(self, release: str) -> SeenLook | None:
        self._answers("ledger.look")
        return super().look(release)

    def rows(self) -> list[ReleaseRow]:
        """The truth about all releases, newest first; asked by nobody of the play."""
        return [kept.row for kept in reversed(self._kept.values())]

    def chain_of(self, release: str) -> Sequence[Entry]:
        return self._kept[release].chain

    def opened(self, release: str) -> Mapping[str, Any]:
        return self._kept[release].chain[0].body

    def put_readings(self, release: str, readings: Sequence[Reading]) -> None:
        """Evidence is for people; a play keeps none."""
