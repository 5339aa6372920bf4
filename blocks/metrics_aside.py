"""
Sources of measurements, asked aside: a slow or dead one delays neither a look nor a lowering.

Whoever looks takes what was heard last and starts the next question in a thread of the source's own, at most one at a
time. What was heard counts until the next answer is due and overdue; from then on the source is trouble (an ERROR,
which holds), never a pass. A flow may wait for an answer; a watch does not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.connector import Connector, Measuring
from tidegate.errors import ConnectorError, LedgerUnavailable
from tidegate.language.judging import Metric
from tidegate.ledger import Ledger, Push
from tidegate.ports import Metrics, Platform, Sample
from tidegate.spec import Spec
from tidegate.traffic import Side
from tidegate.world import Source

EVERY = 5.0  # seconds between two questions where a connector says nothing else
DEADLINE = 15.0  # seconds that an answer may take beyond that; a connector's own time-outs are shorter
PATIENCE = 20.0  # seconds that a flow waits for a first answer
FORGET = 600.0  # seconds after which a question that nobody repeats is no longer kept
Asked = tuple[str, Side, timedelta]


class Sides:
    """What a source may be told of a side: its version is its platform's word, asked once, in the source's thread."""

    def __init__(
        self, spec: Spec, release: str, platforms: Mapping[str, Platform], ledger: Callable[[], Ledger]
    ) -> None:
        self.known = {"system": spec.system, "release": release}
        self.platforms, self.versions, self._ledger = platforms, dict[str, str](), ledger

    def pushes(self, window: timedelta) -> Sequence[Push]:
        """What was told of the system within so long; the side threads have a ledger of their own."""
        ledger = self._ledger()
        return ledger.pushes(self.known["system"], ledger.now() - window)

    def facts(self, side: Side) -> Mapping[str, str]:
        url = {"url": side.urls[0]} if side.urls else {}
        return {**self.known, "side": side.name, "version": self._version(side.name), **url}

    def _version(self, name: str) -> str:
        for platform in self.platforms.values() if name not in self.versions else ():
            with suppress(ConnectorError):  # not known now; what names it says so
                state = platform.status(name)
                if state is not None and state.version:
                    self.versions[name] = state.version
                    break
        return self.versions.get(name, "")


class MetricsAside:
    """Satisfies `tidegate.ports.Metrics` around a source that may be slow."""

    def __init__(
        self,
        source: Metrics,
        *,
        every: float = EVERY,
        deadline: float = DEADLINE,
        patience: float = 0.0,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.every, self.deadline, self.patience = source, every, deadline, patience
        self._elapsed = elapsed
        self._heard: dict[Asked, tuple[float, Sample]] = {}  # when it was asked, what came
        self._wanted: dict[Asked, float] = {}  # when it was wanted last
        self._since: dict[Asked, float] = {}  # when it was first wanted
        self._news, self._busy = threading.Condition(), False

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        """What was heard last; an `error` while nothing was, or when that was too long ago."""
        asked, now = (metric, side, window), self._elapsed()
        with self._news:
            self._since.setdefault(asked, now)
            self._wanted[asked] = now
            if self._due(now):
                self._begin()
            if self.patience:
                self._news.wait_for(lambda: self._fresh(asked, now), self.patience)
            return self._told(asked, self._elapsed())

    def _fresh(self, asked: Asked, now: float) -> bool:
        return asked in self._heard and now - self._heard[asked][0] < self.every

    def _due(self, now: float) -> list[Asked]:
        for asked in [one for one, at in self._wanted.items() if now - at > FORGET]:
            for kept in (self._wanted, self._since, self._heard):
                kept.pop(asked, None)
        return [one for one in self._wanted if one not in self._heard or now - self._heard[one][0] >= self.every]

    def _begin(self) -> None:
        if not self._busy:
            self._busy = True
            threading.Thread(target=self._ask, name=f"ask {type(self.source).__name__}", daemon=True).start()

    def _ask(self) -> None:
        """Ask whatever is due, one after another; a new thread begins with whoever looks next."""
        try:
            with self._news:
                due = self._due(self._elapsed())
            for asked in due:
                began, heard = self._elapsed(), self._answer(*asked)
                with self._news:
                    self._heard[asked] = (began, heard)
                    self._news.notify_all()
        finally:
            with self._news:
                self._busy = False

    def _answer(self, metric: str, side: Side, window: timedelta) -> Sample:
        try:
            return self.source.sample(metric, side, window)
        except (ConnectorError, LedgerUnavailable) as why:
            return _nothing(metric, window, str(why))
        except Exception as why:  # noqa: BLE001  # a fault of a connector is trouble of its source, not of the watch
            return _nothing(metric, window, f"{type(why).__name__}: {str(why)[:200]}")

    def _told(self, asked: Asked, now: float) -> Sample:
        metric, _, window = asked
        heard = self._heard.get(asked)
        waited = now - (heard[0] if heard else self._since[asked])
        if heard is None and waited <= self.deadline:
            return _nothing(metric, window, "is being asked, no answer yet")
        if heard is None or waited > self.every + self.deadline:
            return _nothing(metric, window, f"has not answered for {waited:.0f} s")
        return heard[1]


def _nothing(metric: str, window: timedelta, error: str) -> Sample:
    return Sample(metric, None, None, None, window, datetime.now(UTC), error)


def aside(block: Any, sides: Sides, patience: float, metric: Metric | None = None) -> Metrics:
    """
    The connected source, asked aside unless it is made for being asked at every look (`asked_at_once`).

    A connector may say how often it is worth asking (`every`) and how long it may take (`deadline`), both durations.
    """
    if isinstance(block, Connector):
        block = block.measuring(Measuring(metric, sides.facts, sides.pushes))
    if getattr(block, "asked_at_once", False):
        return block  # type: ignore[no-any-return]  # a port, by its contract tests
    every, deadline = getattr(block, "every", None), getattr(block, "deadline", None)
    return MetricsAside(
        block,
        every=every.total_seconds() if isinstance(every, timedelta) else EVERY,
        deadline=deadline.total_seconds() if isinstance(deadline, timedelta) else DEADLINE,
        patience=patience,
    )


def named(sources: Iterable[tuple[str, Metrics]]) -> tuple[Source, ...]:
    """Sources by their connectors' names; a second one of a name gets a number."""
    found = list[Source]()
    for slug, metrics in sources:
        again = sum(one.name.partition(" ")[0] == slug for one in found)
        asked = getattr(metrics, "source", metrics)
        name = f"{slug} {again + 1}" if again else slug
        found.append(Source(name, metrics, bool(getattr(asked, "sided", True))))
    return tuple(found)
