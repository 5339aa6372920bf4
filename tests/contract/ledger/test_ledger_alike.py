"""The ledger in memory and the one in SQLite tell the same, whatever is asked of them in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from blocks.sql_ledger import SqlLedger
from tests.ledgers import HandedClock, sqlite_place
from tidegate.errors import TidegateError
from tidegate.ledger import Draft, Kind, Lease, LookRow, Push, Reading
from tidegate.memory_ledger import MemoryLedger

SYSTEMS = st.sampled_from(["shop", "bank"])
VERSIONS = st.sampled_from(["1", "2"])
RELEASES = st.sampled_from(["shop/1/1", "shop/1/1", "shop/1/2", "shop/2/1", "bank/1/1"])  # mostly one that is there
EPOCHS = st.integers(1, 4)
SECONDS = st.sampled_from([0.5, 10.0])
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=4)
KEYS = st.sampled_from(["a", "b"])
KINDS = st.sampled_from([kind for kind in Kind if kind is not Kind.OPENED])
BODIES = st.dictionaries(WORDS, WORDS | st.integers() | st.floats(allow_nan=False) | st.none(), max_size=3)


class Alike(RuleBasedStateMachine):
    """Every call goes to both; answers and refusals have to be equal, word for word."""

    @initialize()
    def both(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = HandedClock()
        self.memory = MemoryLedger(self.clock)
        self.sql = SqlLedger(sqlite_place(Path(self.folder.name)), clock=self.clock)
        self.sql.create()
        self.ask("open", "shop", "1", "run", {}, "mina")
        self.ask("take", "shop/1/1", "run", 10.0)

    def teardown(self) -> None:
        self.sql.close()
        self.folder.cleanup()

    def ask(self, verb: str, *told: Any, **more: Any) -> None:
        answers = [_answer(getattr(ledger, verb), *told, **more) for ledger in (self.memory, self.sql)]
        assert answers[0] == answers[1]

    @rule(system=SYSTEMS, version=VERSIONS, body=BODIES, who=WORDS)
    def opens(self, system: str, version: str, body: dict[str, Any], who: str) -> None:
        self.ask("open", system, version, "run", body, who)

    @rule(system=SYSTEMS, name=WORDS, value=st.none() | st.floats(), who=WORDS)
    def pushes(self, system: str, name: str, value: float | None, who: str) -> None:
        self.ask("push", system, Push(name, value, who))
        self.ask("pushes", system, self.clock.now())

    @rule(release=RELEASES, seconds=SECONDS, above=st.sampled_from([0, 0, 4]), at_once=st.booleans())
    def takes(self, release: str, seconds: float, above: int, at_once: bool) -> None:
        self.ask("take", release, "run", seconds, above, at_once=at_once)

    @rule(verb=st.sampled_from(["renew", "give_back"]), release=RELEASES, epoch=EPOCHS, seconds=SECONDS)
    def holds(self, verb: str, release: str, epoch: int, seconds: float) -> None:
        self.ask(verb, Lease(release, epoch, seconds))

    @rule(release=RELEASES, epoch=EPOCHS)
    def activates(self, release: str, epoch: int) -> None:
        self.ask("activate", release, epoch)

    @rule(release=RELEASES, watched=st.booleans())
    def retires(self, release: str, watched: bool) -> None:
        self.ask("retire", release, watched=watched)

    @rule(verb=st.sampled_from(["fence", "seq", "audit", "look", "readings"]), release=RELEASES)
    def asks(self, verb: str, release: str) -> None:
        self.ask(verb, release)

    @rule(release=RELEASES, run=WORDS)
    def adopts(self, release: str, run: str) -> None:
        self.ask("adopt", release, run)

    @rule(
        release=RELEASES,
        draft=st.builds(Draft, KINDS, KEYS, BODIES, WORDS, EPOCHS | st.none(), st.booleans()),
    )
    def appends(self, release: str, draft: Draft) -> None:
        self.ask("append", release, draft)

    @rule(holder=st.sampled_from("ab"), seconds=SECONDS)
    def watches(self, holder: str, seconds: float) -> None:
        self.ask("watch_take", holder, seconds)

    @rule(number=st.integers(1, 3), seconds=SECONDS)
    def goes_on_watching(self, number: int, seconds: float) -> None:
        self.ask("watch_renew", number, seconds)

    @rule(release=RELEASES, number=st.integers(1, 3), told=BODIES, yes=st.booleans())
    def looks(self, release: str, number: int, told: dict[str, Any], yes: bool) -> None:
        self.ask("put_look", LookRow(release, 1, "5", "PASS", "", yes, not yes, yes, number, state=told))

    @rule(system=SYSTEMS, who=WORDS, seconds=SECONDS)
    def freezes(self, system: str, who: str, seconds: float) -> None:
        self.ask("freeze", system, who, "why", timedelta(seconds=seconds))

    @rule(system=SYSTEMS)
    def lifts(self, system: str) -> None:
        self.ask("lift", system, "mina")

    @rule(release=RELEASES, value=st.none() | st.floats(), count=st.none() | st.integers(0, 2**40))
    def reads(self, release: str, value: float | None, count: int | None) -> None:
        self.ask("put_readings", release, [Reading(self.clock.now(), "api", "green", "errors", value, count)])

    @rule(seconds=st.sampled_from([0.000001, 0.3, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @invariant()
    def the_same_is_kept(self) -> None:
        if not hasattr(self, "sql"):
            return
        rows = self.memory.releases()
        assert rows == self.sql.releases()
        for row in rows:
            assert self.memory.entries(row.id) == self.sql.entries(row.id)
            assert self.memory.lease_died(row.id) == self.sql.lease_died(row.id)
        for system in ("shop", "bank"):
            assert self.memory.freezes(system) == self.sql.freezes(system)
            assert sum(row.active for row in rows if row.system == system) <= 1


def _answer(verb: Callable[..., Any], *told: Any, **more: Any) -> Any:
    try:
        return verb(*told, **more)
    except TidegateError as refused:
        return type(refused), str(refused), refused.advice
    except ValueError as unsayable:  # infinity is no JSON
        return type(unsayable), str(unsayable)


TestAlike = Alike.TestCase
TestAlike.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
