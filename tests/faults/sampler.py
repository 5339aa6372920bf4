"""What really happened, from outside: every weight that stood in a route's file, every instance that was started."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from blocks.traefik_document import document_of, mark_of, split_of

EVERY = 0.01  # seconds between two readings
COMPONENTS = ("api", "frontend")


class Stood(NamedTuple):
    """What a route's file said from this moment on."""

    at: float
    component: str
    release: str
    weight: int
    epoch: int
    stopped: bool


class Sampler(threading.Thread):
    """Reads files that are replaced whole; it asks nobody, so nothing that is killed can hold it up."""

    def __init__(self, home: Path) -> None:
        super().__init__(name="sampler", daemon=True)
        self.home = home
        self.stood: list[Stood] = []
        self.started: set[tuple[str, int, int]] = set()  # side, slot, pid
        self._modified: dict[Path, int] = {}
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(EVERY):
            self.look()

    def stop(self) -> None:
        self._end.set()
        self.join(5)

    def look(self) -> None:
        for component in COMPONENTS:
            route = self.home / "proxy" / "routes" / f"shop-{component}.yaml"
            if self._changed(route):
                self._note(component, route)
            for record in (self.home / "platform" / component).glob("*.json"):
                if self._changed(record):
                    self._count(record)

    def _changed(self, path: Path) -> bool:
        with suppress(OSError):
            modified = path.stat().st_mtime_ns
            if self._modified.get(path) != modified:
                self._modified[path] = modified
                return True
        return False

    def _note(self, component: str, route: Path) -> None:
        with suppress(OSError):
            text = route.read_text("utf-8")
            split, mark = split_of(f"shop-{component}", document_of(text)), mark_of(text)
            if split is not None and mark is not None:
                stood = Stood(time.time(), component, mark.release, split.weight, mark.epoch, mark.stopped)
                self.stood.append(stood)

    def _count(self, record: Path) -> None:
        with suppress(OSError, ValueError, KeyError):
            for copy in json.loads(record.read_text("utf-8"))["copies"]:
                self.started.add((record.stem, int(copy["slot"]), int(copy["pid"])))

    def weights(self, release: str, component: str) -> list[int]:
        """The weights that stood on this route for this release, one after another."""
        found = list[int]()
        for stood in list(self.stood):
            if stood.release == release and stood.component == component and found[-1:] != [stood.weight]:
                found.append(stood.weight)
        return found

    def weight(self, release: str, component: str) -> int | None:
        """What stands there now for this release; None when the route is another's."""
        for stood in reversed(self.stood):
            if stood.component == component:
                return stood.weight if stood.release == release else None
        return None


def living_instances(home: Path, side: str) -> int:
    """Processes of this machine that work inside a side's folder, whatever any record says."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            works_in = (entry / "cwd").readlink()
            found += works_in.is_relative_to(home / "platform") and side in works_in.parts
    return found
