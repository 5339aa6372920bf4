"""The watch of a play: its loop as `deployments/watch.py` has it, with a lease; it dies, stumbles and reads slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.errors import LedgerUnavailable
from tidegate.lookout import Lookout
from tidegate.simulation.process import Crash, Process

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

GRACE = 25.0
IDLE = 5.0


class Watcher:
    """One watch process after another under one name."""

    def __init__(self, play: Play, name: str) -> None:
        self.play, self.name = play, name
        self.every = play.spec.looking.every.total_seconds()
        self.lease = self.every * 2
        self.lives = self.rounds = 0
        self.idle = 0.0  # seconds until the next round while nothing watched can change soon; 0: as always
        self.busy = False
        self.dead = False
        self.looked = 0.0
        self.lookout = self._started()

    def _started(self) -> Lookout:
        self.lives += 1
        play = self.play
        return Lookout(play.ledger, play.line, lambda *_: play.world, play.orchestrator, grace=GRACE, evidence=False)

    def round(self, *, once: bool = False) -> None:
        """One round, and the next one planned (`once`: that one stands already)."""
        if self.busy:
            return
        play, again = self.play, self.every
        self.busy, self.dead = True, False
        process = Process(self.name, "watch")
        play.stack.append(process)
        try:
            play.keep_alive()
            self._keep_lease()
            if self.lookout.number or self.lookout.watched:
                play.reads_slowly(self.looked)
                self.looked = play.line.t
                self.rounds += not self.lookout.idle
                self.lookout.round()
                again = self.idle if self.idle and self._at_rest() else again
                play.slow_look = None
        except Crash:
            play.tell(f"{self.name} died")
            self.dead = True
            self.lookout, again = self._started(), play.random.uniform(0.5, 20.0)
        finally:
            play.slow_look = None
            popped = play.stack.pop()
            assert popped is process
            self.busy = False
            if not once:
                play.line.after(again, self.round)

    def _at_rest(self) -> bool:
        """Whether this play's releases are over, and none of them has anything that could be lowered any more."""
        rows = self.play.rows()
        return bool(rows) and all(row.over for row in rows) and self.lookout.idle

    def _keep_lease(self) -> None:
        ledger, number = self.play.ledger, self.lookout.number
        try:
            if number and ledger.watch_renew(number, self.lease):
                return
            taken = ledger.watch_take(f"{self.name}/{self.lives}", self.lease)
            if taken is None and number:
                self.lookout.watched.clear()
            self.lookout.number = taken or 0
        except LedgerUnavailable:
            return
