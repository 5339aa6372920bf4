"""The real ledger on SQLite and the real route file for the exhaustive search, made anew for every schedule."""

from __future__ import annotations

import shutil
from pathlib import Path

from blocks.connector_files import replace
from blocks.sql_ledger import SqlLedger
from blocks.traefik_lowering import TraefikFile
from tests.faults.interleaving import Turns
from tests.faults.small_world import Placed, Shared, SmallWorld, StillClock
from tidegate.errors import TidegateError
from tidegate.traffic import Change, Seen, Setting, Split


class SharedSql(Shared, SqlLedger):  # type: ignore[misc]  # `Shared` stands in front of any ledger
    """The ledger as it runs, on SQLite."""


class RouteFile(TraefikFile):
    """The file as it is written; Traefik, which would confirm it, agrees at once, and others may act before it does."""

    turns: Turns

    def confirm(self, split: Split, timeout: float) -> str:
        return self.turns.call("confirm", lambda: "")


class FileRoute(Placed):
    """The file half of the Traefik router."""

    def __init__(self, world: SmallWorld, file: RouteFile, seen: Seen) -> None:
        assert seen.split is not None
        assert seen.mark is not None
        self.world, self.file = world, file
        replace(file.path, file._rendered("", Setting(seen.split, seen.mark), refusing=True))

    @property
    def seen(self) -> Seen:
        return self.file.read()

    def read(self) -> Seen:
        return self.world.turns.call("read", self.file.read)

    def write(self, change: Change) -> Seen:
        def decided(before: Seen) -> Setting:
            setting = change.decide(before)
            self.world.wrote(change.kind, before, Seen(setting.split, setting.mark))
            return setting

        turns = self.world.turns
        turns.before(change.kind)
        try:
            seen = self.file.write(Change(change.kind, decided))
        except TidegateError as no:
            turns.done(change.kind, type(no).__name__)
            raise
        turns.done(change.kind, repr(seen), writes=True)
        return seen


class RealParts:
    """Makers for one search; its files lie in a folder in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.empty = folder, folder / "empty.db"
        made = SqlLedger(f"sqlite:///{self.empty}")
        made.create()
        made.close()

    def ledger(self, clock: StillClock) -> SharedSql:
        now = self.folder / "ledger.db"
        for beside in self.folder.glob("ledger.db*"):
            beside.unlink()
        shutil.copy(self.empty, now)
        return SharedSql(f"sqlite:///{now}", clock=clock)  # type: ignore[misc, arg-type]  # its `super` is SqlLedger

    def route(self, world: SmallWorld, seen: Seen) -> FileRoute:
        file = RouteFile({"file": str(self.folder / "route.yaml"), "route": "api", "rule": "PathPrefix(`/`)"})
        file.turns = world.turns
        return FileRoute(world, file, seen)
