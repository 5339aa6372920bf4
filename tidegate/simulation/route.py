"""A route as the embedded router keeps it: one file, one lock, weights and mark in one write; a person may edit it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tidegate.errors import Denied, NotApplied, TidegateError, Unreachable
from tidegate.traffic import Change, Mark, Seen, Side, Split

if TYPE_CHECKING:
    from tidegate.simulation.play import Play


class SimulatedRouter:
    """Satisfies `tidegate.ports.Router`."""

    kind = "simulated"
    compares = True

    def __init__(self, play: Play, component: str, stable: Side) -> None:
        self.play, self.component = play, component
        self.seen = Seen(Split(stable), Mark())
        self.past: list[tuple[float, Seen]] = [(0.0, self.seen)]
        self.settled_at = 0.0  # until then traffic still follows what stood before
        self.down_until = 0.0
        self.refuses: set[str] = set()  # kinds of processes whose credentials can only read

    def read(self) -> Seen:
        play = self.play
        if play.calm:
            return self.seen
        play.touch("router.read")
        self._answers()
        if play.weather.strikes("read-fails"):
            raise Unreachable(f"{self.component}: no answer")
        return self._as_seen_by_a_slow_look()

    def _as_seen_by_a_slow_look(self) -> Seen:
        at = self.play.slow_look
        if at is None:
            return self.seen
        return next((seen for t, seen in reversed(self.past) if t <= at[1]), self.past[0][1])

    def write(self, change: Change) -> Seen:
        play = self.play
        if play.calm:
            return self._apply(change)
        if play.persons.acts:
            play.persons.provoked(change, self.seen)
        play.touch("router.write")
        if self.refuses and play.stack and play.stack[-1].kind in self.refuses:
            raise Denied(f"{self.component}: these credentials can only read")
        self._answers()
        weather = play.weather
        if weather.strikes("write-lost"):
            raise Unreachable(f"{self.component}: no answer")
        if weather.strikes("write-late"):
            late = play.random.choice((4.0, 40.0))
            play.line.after(play.random.uniform(0.1, late), lambda: self._late(change))
            raise Unreachable(f"{self.component}: no answer")
        before = self.seen
        seen = self._apply(change)
        play.touch("router.write", after=True)
        if weather.strikes("write-unheard"):
            if change.kind in ("raise", "claim", "final") and self.seen is seen and play.random.random() < 0.5:
                self._stands(before)  # the embedded router takes back what its proxy does not show
                raise NotApplied(f"{self.component}: not shown, taken back")
            raise Unreachable(f"{self.component}: no answer")
        return seen

    def _late(self, change: Change) -> None:
        """A write that waited somewhere arrives; its decision is made over what stands there then."""
        try:
            self._apply(change, late=True)
        except TidegateError:
            return

    def _apply(self, change: Change, *, late: bool = False) -> Seen:
        before = self.seen
        setting = change.decide(before)
        after = Seen(setting.split, setting.mark)
        self.play.witness.wrote(self.component, change.kind, before, after, late=late)
        self._stands(after)
        return after

    def _stands(self, seen: Seen) -> None:
        play = self.play
        if play.telling and seen != self.seen:
            play.tell(f"{self.component}: {shown(self.seen)} -> {shown(seen)}")
        self.seen = seen
        play.moved(self.component)
        if not play.calm:
            self.past.append((play.line.t, seen))
            lag = play.random.uniform(0, 20) if play.weather.strikes("router-lags") else 0.0
            self.settled_at = play.line.t + lag

    def _answers(self) -> None:
        if self.play.line.t < self.down_until:
            self.play.weather.fired["router-down"] += 1
            raise Unreachable(f"{self.component}: no answer")

    def drained(self, side: Side) -> bool | None:
        return self.play.line.t >= self.settled_at

    def by_hand(self) -> str:
        return f"edit the route of {self.component}"

    def address(self) -> dict[str, Any]:
        return {"route": self.component}

    # A person's editor.

    def edited(self, weight: int) -> None:
        """The weight, and nothing else."""
        if self.seen.split is not None and self.seen.split.canary is not None:
            self._stands(replace(self.seen, split=self.seen.split.at(weight)))

    def garbled(self) -> None:
        """The mark is lost."""
        self._stands(replace(self.seen, mark=None))


def shown(seen: Seen) -> str:
    split, mark = seen.split, seen.mark
    told = f"{split.weight} % {split.canary.name if split.canary else 'nobody'}" if split else "nothing"
    if mark is None:
        return f"{told}, no mark"
    stop = f", {'bar' if mark.stop.bar else 'stop'} by {mark.stop.who}" if mark.stop else ""
    return f"{told} ({mark.release or '-'} #{mark.epoch}{stop}{', final' if mark.final else ''})"
