"""
A check that is asked again and again aside, for a trigger: whoever looks takes the failures in a row so far.

At most one question is under way, in a thread of its own. Only a FAIL counts, and only a PASS ends the row: what cannot
be asked (INCONCLUSIVE, ERROR, silence) says nothing about the version, and is trouble of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tidegate.errors import ConnectorError
from tidegate.ports import Check, Heard, Verdict

LEAST_EVERY = 5.0  # seconds between two questions, however often the watch looks
SILENT = 120.0  # seconds without an answer that are trouble; a check's own time-outs are shorter


class CheckAside:
    """Satisfies `tidegate.ports.Alarm`."""

    def __init__(self, check: Check, every: float, elapsed: Callable[[], float] = time.monotonic) -> None:
        self.check, self.every, self._elapsed = check, max(every, LEAST_EVERY), elapsed
        self._told, self._lock, self._busy = Heard(), threading.Lock(), False
        self._asked: float | None = None
        self._answered = elapsed()

    def heard(self, facts: Mapping[str, str]) -> Heard:
        now = self._elapsed()
        with self._lock:
            if not self._busy and (self._asked is None or now - self._asked >= self.every):
                if self._asked is None:
                    self._answered = now
                self._busy, self._asked = True, now
                threading.Thread(target=self._ask, args=(dict(facts),), name="trigger", daemon=True).start()
            silent = now - self._answered
            return replace(self._told, trouble=f"no answer for {silent:.0f} s") if silent > SILENT else self._told

    def _ask(self, facts: Mapping[str, str]) -> None:
        verdict, evidence = self._answer(facts)
        with self._lock:
            self._busy, self._answered = False, self._elapsed()
            failures = {Verdict.FAIL: self._told.failures + 1, Verdict.PASS: 0}.get(verdict, self._told.failures)
            unsure = verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE)
            self._told = Heard(failures, self._told.evidence if unsure else evidence, evidence if unsure else "")

    def _answer(self, facts: Mapping[str, str]) -> tuple[Verdict, str]:
        try:
            result = self.check.run(facts)
        except ConnectorError as why:
            return Verdict.ERROR, str(why)
        except Exception as why:  # noqa: BLE001  # a fault of a connector is trouble of this trigger, not of the watch
            return Verdict.ERROR, f"{type(why).__name__}: {str(why)[:200]}"
        return result.verdict, result.evidence or str(result.verdict)
