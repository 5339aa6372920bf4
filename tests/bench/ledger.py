"""
What the ledger costs: `python -m tests.bench.ledger` prints figures of this machine, and judges none.

PostgreSQL runs here with fsync on, as in earnest; without its programs that column is left out.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from blocks.sql_ledger import SqlLedger
from tests import local_postgresql
from tests.ledgers import HandedClock, begun, look_of, postgresql_place, sqlite_place
from tidegate.ledger import Draft, Kind, Ledger
from tidegate.memory_ledger import MemoryLedger
from tidegate.story import Story

APPENDS = 400
WRITERS = 8
BODY = {"type": "WeightSet", "component": "api", "weight": 10, "sentence": "the router reports 10 %"}


def seconds(times: int, call: Callable[[], object]) -> float:
    """Seconds for one call, from the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(max(1, times // 5)):
            call()
        best = min(best, (time.perf_counter() - began) / max(1, times // 5))
    return best


def figures(ledger: Ledger) -> dict[str, float]:
    """Milliseconds of each verb that a release needs often."""
    release = begun(ledger).id
    lease = ledger.take(release, "run", 600)
    watch = ledger.watch_take("watch", 600) or 0
    told = {
        "append": seconds(APPENDS, lambda: ledger.append(release, Draft(Kind.NOTE, "note", BODY, "flow"))),
        "renew": seconds(100, lambda: ledger.renew(lease)),
        "put_look": seconds(100, lambda: ledger.put_look(look_of(release, watch))),
        "look": seconds(100, lambda: ledger.look(release)),
        "seq": seconds(100, lambda: ledger.seq(release)),
        "entries after": seconds(100, lambda: ledger.entries(release, after=APPENDS - 3)),
    }
    ledger.give_back(lease)
    told["take, give_back"] = seconds(100, lambda: ledger.give_back(ledger.take(release, "run", 600)))
    return {verb: value * 1000 for verb, value in told.items()}


def together(ledger: SqlLedger) -> float:
    """Appends a second of eight threads into one chain."""
    release = begun(ledger, version="3.0").id

    def write() -> None:
        for _ in range(APPENDS // WRITERS):
            ledger.append(release, Draft(Kind.NOTE, "note", BODY, "flow"))

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    began = time.perf_counter()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return APPENDS / (time.perf_counter() - began)


def simulated(*, hashes: bool) -> float:
    """Milliseconds for the sixty entries of a short release, appended and folded."""

    def release() -> None:
        ledger, story = MemoryLedger(HandedClock(), hashes=hashes), Story()
        name = begun(ledger).id
        epoch = ledger.take(name, "run", 600).epoch
        for number in range(30):
            story.add(ledger.append(name, Draft(Kind.INTENT, str(number), BODY, "flow", epoch, forbids_down=True)))
            story.add(ledger.append(name, Draft(Kind.OUTCOME, str(number), BODY, "flow", epoch)))

    return seconds(100, release) * 1000


def show(name: str, told: dict[str, float]) -> None:
    print(f"{name:<12}" + "  ".join(f"{verb} {value:.3f} ms" for verb, value in told.items()))


def main() -> None:
    show("memory", figures(MemoryLedger(HandedClock())))
    show("no hashes", figures(MemoryLedger(HandedClock(), hashes=False)))
    hashed, bare = simulated(hashes=True), simulated(hashes=False)
    print(f"60 entries appended and folded: {hashed:.2f} ms, {bare:.2f} ms without hashes")
    with tempfile.TemporaryDirectory() as folder:
        _kept("SQLite", sqlite_place(Path(folder)))
    found = local_postgresql.programs()
    if found is not None:
        with local_postgresql.server(found, fsync=True) as url:
            _kept("PostgreSQL", postgresql_place(url))


def _kept(name: str, url: str) -> None:
    ledger = SqlLedger(url, patience=30)
    ledger.create()
    show(name, figures(ledger))
    print(f"{name:<12}{together(ledger):.0f} appends/s by {WRITERS} threads into one chain")
    ledger.close()


if __name__ == "__main__":
    main()
