"""
The post of a process: each channel's message in a thread of its own; none waits for another, and nobody for long.

A thread that hangs is left behind; a channel with several of them gets no more until one comes back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from tidegate.errors import ConnectorError
from tidegate.ports import Notice, Notifier

WITHIN = 8.0  # seconds for one notice on all its channels; below the 10 s of the task that delivers it
UNDER_WAY = 3  # messages that may hang on one channel
LOG = logging.getLogger("tidegate.messages")


@dataclass(slots=True)
class Couriers:
    """Deliver at once to all; a channel that stays silent is told in the log once, and once more when it is back."""

    within: float = WITHIN
    _hanging: Counter[str] = field(default_factory=Counter)
    _dead: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, to: Mapping[str, Notifier], notice: Notice) -> dict[str, str]:
        """
        Who did not get it in time -> why; empty when everybody has it.

        Raises nothing, and returns within `within` seconds, whatever a channel does. One that answers later has told.
        """
        answers, lost = SimpleQueue[tuple[str, str]](), dict[str, str]()
        waiting = set[str]()
        for name, notifier in to.items():
            if self._may_go(notice, name):
                waiting.add(name)
                letter = (notice, name, notifier, answers)
                threading.Thread(target=self._carry, args=letter, name=f"message {name}", daemon=True).start()
            else:
                lost[name] = f"{UNDER_WAY} messages before it are still under way"
        until = time.monotonic() + self.within
        while waiting and (left := until - time.monotonic()) > 0:
            try:
                name, why = answers.get(timeout=left)
            except Empty:
                break
            waiting.discard(name)
            if why:
                lost[name] = why
        lost |= dict.fromkeys(waiting, f"not delivered within {self.within:g} s")
        self._note(notice, to, lost)
        return {name: lost[name] for name in to if name in lost}

    def aside(self, to: Mapping[str, Notifier], notice: Notice) -> None:
        """Deliver without waiting at all; what is lost stands in the log."""
        threading.Thread(target=self, args=(to, notice), name="messages", daemon=True).start()

    def _may_go(self, notice: Notice, name: str) -> bool:
        with self._lock:
            if self._hanging[_whose(notice, name)] >= UNDER_WAY:
                return False
            self._hanging[_whose(notice, name)] += 1
            return True

    def _carry(self, notice: Notice, name: str, to: Notifier, answers: SimpleQueue[tuple[str, str]]) -> None:
        why = ""
        try:
            to.tell(notice)
        except ConnectorError as no:
            why = str(no) or type(no).__name__
        except Exception as fault:  # noqa: BLE001  # a notifier of anybody's may fail in any way; it is told as lost
            why = f"the notifier failed: {type(fault).__name__}"  # its words might hold a secret
        finally:
            with self._lock:
                self._hanging[_whose(notice, name)] -= 1
            answers.put((name, why))

    def _note(self, notice: Notice, to: Mapping[str, Notifier], lost: Mapping[str, str]) -> None:
        for name in to:
            whose = _whose(notice, name)
            with self._lock:
                known = whose in self._dead
                (self._dead.add if name in lost else self._dead.discard)(whose)
            if name in lost and not known:
                LOG.warning("channel %s lost %r of %s: %s", name, notice.event, notice.release, lost[name])
            elif known and name not in lost:
                LOG.warning("channel %s takes messages again", name)


def _whose(notice: Notice, name: str) -> str:
    """Channels of two systems may have one name."""
    return f"{notice.release.partition('/')[0]}/{name}"
