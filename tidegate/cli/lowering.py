"""
Takes the traffic of a way-back record's routes back, by each router's lowering half alone.

Every route has a thread of its own: a proxy that does not confirm one must not delay the others. Standard library only
(and whatever a router's own lowering half needs).
"""

from __future__ import annotations

import importlib
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tidegate import kernel
from tidegate.errors import ConnectorError, NoReturn, NotUnderstood, Refused
from tidegate.traffic import Beyond, Change, Mark, Seen, Stop
from tidegate.wayback import Way, WayBack

AGAIN = (0.05, 0.2, 0.5, 1.0)  # seconds between tries; the last one repeats
READS = 1.0  # seconds for all routes together, before a rollback that may lie behind a point of no return
KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")

Fate = Literal["lowered", "barred", "left alone", "not confirmed"]


class Lowering(Protocol):
    """
    A router's lowering half: the one class of `blocks/<kind>_lowering.py` that reads and writes a route.

    It is made from the way's address, and lowers by that address where the router's configuration cannot be read.
    """

    doubt: str  # after a write: what the router showed instead; "" when it confirmed

    def read(self) -> Seen: ...

    def write(self, change: Change) -> Seen: ...


@dataclass(frozen=True, slots=True)
class Route:
    """What became of one route."""

    component: str
    fate: Fate
    before: int | None = None  # per cent; None: it could not be read
    after: int | None = None
    mark: Mark | None = None  # as it stands now
    why: str = ""
    by_hand: str = ""
    no_return: bool = False  # left alone behind a point of no return

    @property
    def is_final(self) -> bool:
        return self.mark is not None and self.mark.final


def half_of(way: Way) -> Lowering:
    """The lowering half of a way's router, at its address; NotUnderstood when there is none of this kind."""
    if not KIND.fullmatch(way.kind):
        raise NotUnderstood(f"{way.kind!r} is no kind of router")
    try:
        module = importlib.import_module(f"blocks.{way.kind}_lowering")
    except ImportError as missing:
        raise NotUnderstood(f"the lowering half of {way.kind!r} cannot be loaded: {missing}") from None
    for made in vars(module).values():
        if isinstance(made, type) and made.__module__ == module.__name__ and hasattr(made, "write"):
            half: Lowering = made(way.address)
            return half
    raise NotUnderstood(f"blocks/{way.kind}_lowering.py has no class that writes a route")


def by_hand_now(way: Way, seen: Seen | None) -> str:
    """The manual line for the route as it stands: a record of another release may name a side that is gone."""
    module = sys.modules.get(f"blocks.{way.kind}_lowering")
    spell = getattr(module, "by_hand", None)
    if spell is None or seen is None or seen.split is None:
        return way.by_hand
    return str(spell({**way.address, "stable": seen.split.stable.to_json()}))


def lower_all(record: WayBack, stop: Stop, patience: float, beyond: Beyond | None = None) -> list[Route]:
    """
    Weight 0 with the stop on every route; tried again until the router shows it, for at most `patience` seconds.

    A route whose mark names another release, or is final, is left alone; so is one `beyond` a point of no return whose
    way back the stop does not name.
    """

    def lower(way: Way, _: Seen | None) -> tuple[Seen, str]:
        half = half_of(way)
        seen = half.write(kernel.lower(record.release, stop, beyond=beyond))
        return seen, half.doubt

    return _each(record.ways, lower, "lowered", patience)


def bar_all(record: WayBack, stop: Stop, patience: float) -> list[Route]:
    """The stop as a bar on every route of the release: nothing is lowered, nobody claims it without asking."""

    def bar(way: Way, before: Seen | None) -> tuple[Seen, str]:
        named = before.mark.release if before and before.mark else ""
        if named != record.release:
            raise Refused(f"the route belongs to {named or 'nobody'}, not to {record.release}")
        half = half_of(way)
        return half.write(kernel.bar(stop)), ""

    return _each(record.ways, bar, "barred", patience)


Writing = Callable[[Way, Seen | None], tuple[Seen, str]]


def _each(ways: Sequence[Way], write: Writing, done: Fate, patience: float) -> list[Route]:
    until, found = time.monotonic() + patience, dict[int, Route]()

    def one(place: int, way: Way) -> None:
        found[place] = _insist(way, write, done, until)

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(ways)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience + 5.0)  # a lowering half bounds its own calls; this is for one that does not
    hung = "its router has not answered at all"
    return [
        found.get(n) or Route(way.component, "not confirmed", why=hung, by_hand=way.by_hand)
        for n, way in enumerate(ways)
    ]


def _insist(way: Way, write: Writing, done: Fate, until: float) -> Route:
    """Try one route until it is done, respected or given up."""
    first, tries = _read(way), 0
    before = None if first is None else first.weight
    while True:
        seen: Seen | None = None
        try:
            seen, doubt = write(way, first if tries == 0 else _read(way))
            if not doubt and (done == "barred" or seen.weight == 0):
                return Route(way.component, done, before, seen.weight, seen.mark)
            why = doubt or f"the route shows {seen.weight} %"
        except Refused as respected:
            now = _read(way)
            weight, mark = (now.weight, now.mark) if now else (None, None)
            stays = isinstance(respected, NoReturn)
            return Route(
                way.component, "left alone", before, weight, mark, str(respected), by_hand_now(way, now), stays
            )
        except ConnectorError as failed:
            why = str(failed)
        except Exception as failed:  # noqa: BLE001  # one broken route must not keep the others up
            why = f"{type(failed).__name__}: {failed}"
        if time.monotonic() >= until:
            after, mark = (seen.weight, seen.mark) if seen else (None, None)
            return Route(way.component, "not confirmed", before, after, mark, why, way.by_hand)
        time.sleep(max(0.0, min(AGAIN[min(tries, len(AGAIN) - 1)], until - time.monotonic())))
        tries += 1


def _read(way: Way) -> Seen | None:
    try:
        return half_of(way).read()
    except Exception:  # noqa: BLE001  # only for the telling; writing says what is wrong
        return None


def read_all(record: WayBack) -> list[Seen | None]:
    """Every route as it stands, each read in a thread of its own; None for one that does not answer in a second."""
    found = dict[int, Seen | None]()

    def one(place: int, way: Way) -> None:
        found[place] = _read(way)

    threads = [threading.Thread(target=one, args=pair, daemon=True) for pair in enumerate(record.ways)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + READS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return [found.get(place) for place in range(len(record.ways))]


def weight_of(way: Way) -> str:
    """A route as it stands, in words."""
    seen = _read(way)
    if seen is None or seen.split is None:
        return "cannot be read"
    stop = seen.mark.stop if seen.mark else None
    said = f", stopped by {stop.who} ({stop.why})" if stop else ""
    named = f", of {seen.mark.release}" if seen.mark and seen.mark.release else ""
    return f"{seen.weight} % on {seen.split.canary.name if seen.split.canary else 'nothing new'}{named}{said}"


def told(route: Route) -> dict[str, Any]:
    """A route for --json."""
    return {
        "component": route.component,
        "fate": route.fate,
        "before": route.before,
        "after": route.after,
        "why": route.why,
        "by_hand": route.by_hand,
    }
