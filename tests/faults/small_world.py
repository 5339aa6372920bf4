"""Small worlds for the search: one route, the real kernel, acts, lookout and ledger; a clock that stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

from tests.faults.interleaving import Turns
from tidegate import actions as do
from tidegate import events as ev
from tidegate import kernel, shifting
from tidegate.attempt import Attempt, begin_attempt
from tidegate.errors import LedgerUnavailable, Refused, TidegateError
from tidegate.ledger import Draft, Entry, Kind, Lease, LookRow, SeenLook
from tidegate.lookout import Lookout
from tidegate.memory_ledger import MemoryLedger
from tidegate.performing import perform
from tidegate.ports import Instance, PlatformState, Sample
from tidegate.simulation import specs
from tidegate.simulation.places import SimulatedRecords
from tidegate.traffic import Change, Mark, Seen, Side, Split, Stop
from tidegate.world import Part, World

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BLUE, GREEN, NEXT = Side("api-v1", ("http://1",)), Side("api-v2", ("http://2",)), Side("api-v3", ("http://3",))
RELEASE = "shop/v2/1"
STOP = Stop("typed", "a person", NOW.isoformat(), "typed rollback")
WAITS = 2  # how often somebody asks again before giving up
PLAN = do.Place(plan="canary")

if TYPE_CHECKING:
    SomeLedger = MemoryLedger
else:
    SomeLedger = object


class Tokens:
    """Instead of `uuid`: the token of a stop follows from what its writer has seen, so equal states stay equal."""

    turns: Turns  # of the world that plays now

    def uuid4(self) -> Tokens:
        return self

    @property
    def hex(self) -> str:
        return f"{self.turns.current} {self.turns.histories.get(self.turns.current, 0)}"


TOKENS = Tokens()


@contextmanager
def fixed_tokens() -> Iterator[None]:
    """While a search runs; afterwards stops have tokens of their own again."""
    with mock.patch.object(shifting, "uuid", TOKENS):
        yield


class StillClock:
    """Time does not pass by itself: no proof ever ages, so only numbers, marks and stops protect."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.t = turns, 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.t)

    def elapsed(self) -> float:
        return self.t

    def sleep(self, _: float) -> None:
        self.turns.wait(WAITS)


class Placed:
    """What a route of these worlds says of itself, wherever it stands."""

    kind, compares = "small", True

    def drained(self, side: Side) -> bool | None:
        return True

    def by_hand(self) -> str:
        return "edit the file"

    def address(self) -> dict[str, Any]:
        return {"route": "api"}


class Route(Placed):
    """A route in memory with the file router's lock: decided and written in one step."""

    def __init__(self, world: SmallWorld, seen: Seen) -> None:
        self.world, self.seen = world, seen

    def read(self) -> Seen:
        return self.world.turns.call("read", lambda: self.seen)

    def write(self, change: Change) -> Seen:
        return self.world.turns.call(change.kind, lambda: self._locked(change), writes=True)

    def _locked(self, change: Change) -> Seen:
        before = self.seen
        setting = change.decide(before)
        self.seen = Seen(setting.split, setting.mark)
        self.world.wrote(change.kind, before, self.seen)
        return self.seen


class Shared(SomeLedger):
    """In front of a ledger: every call is a place where others may come in between."""

    turns: Turns

    def append(self, release: str, draft: Draft) -> Entry:
        return self.turns.call(f"append {draft.kind}", partial(super().append, release, draft), writes=True)

    def entries(self, release: str, after: int = 0) -> Sequence[Entry]:
        act = partial(super().entries, release, after)
        return self.turns.call("entries", lambda: list(act()))

    def seq(self, release: str) -> int:
        return self.turns.call("seq", partial(super().seq, release))

    def put_look(self, row: LookRow) -> None:
        self.turns.call("put look", partial(super().put_look, row), writes=True)

    def look(self, release: str) -> SeenLook | None:
        return self.turns.call("look", partial(super().look, release))

    def take(self, release: str, run_id: str, seconds: float, above: int = 0, *, at_once: bool = False) -> Lease:
        act = partial(super().take, release, run_id, seconds, above, at_once=at_once)
        return self.turns.call("take", act, writes=True)

    def fence(self, release: str, above: int = 0) -> int:
        return self.turns.call("fence", partial(super().fence, release, above), writes=True)


class SharedMemory(Shared, MemoryLedger):
    """The real rules in memory."""


class Real(Protocol):
    """Makers of the real ledger and the real route of one world."""

    def ledger(self, clock: StillClock) -> Any: ...

    def route(self, world: SmallWorld, seen: Seen) -> Any: ...


class Stand:
    """Platform and metrics in one: instances are well; samples turn bad from the watch's second look on."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world

    def status(self, side_name: str) -> PlatformState | None:
        side = Side(side_name, ())
        return PlatformState(side, tuple(Instance(str(n), "", True, "d") for n in range(2)), 2)

    def create(self, release: str, version: str, digest: str, wanted: int) -> PlatformState:
        raise NotImplementedError

    def scale(self, side_name: str, wanted: int) -> PlatformState:
        raise NotImplementedError

    def remove(self, side_name: str, grace: timedelta) -> None:
        self.world.turns.call("remove", lambda: self.world.removes(side_name), writes=True)

    def push(self, source: str, version: str = "") -> str:
        return source

    def exists(self, digest: str) -> bool:
        return True

    def sample(self, metric: str, side: Side, window: timedelta) -> Sample:
        bad = self.world.rounds > self.world.good_rounds
        return Sample(metric, 0.5 if bad else 0.001, 1000, None, window, self.world.clock.now())


class SmallWorld:
    """One release at 5 %, judged well and about to be raised to 25 %; or promoted, and about to be made final."""

    def __init__(self, turns: Turns, *, promoted: bool = False, good_rounds: int = 1, real: Real | None = None) -> None:
        TOKENS.turns = turns
        self.turns, self.clock, self.rounds, self.good_rounds = turns, StillClock(turns), 0, good_rounds
        self.removed: set[str] = set()
        self.tally = Counter[str]()  # writes by kind and weight: a world where nobody raises says nothing
        self.said_no = False
        self.ledger: Any = real.ledger(self.clock) if real else SharedMemory(self.clock, hashes=False)
        self.ledger.turns = turns
        stand: Any = Stand(self)
        weight = 100 if promoted else 5
        first = Seen(Split(BLUE, GREEN, weight), Mark(RELEASE, 1))
        self.route = real.route(self, first) if real else Route(self, first)
        self.world = World(
            spec=specs.plain(), parts={"api": Part(stand, self.route, stand, stand)}, clock=self.clock,
            ledger=self.ledger, wayback=SimulatedRecords(),
        )  # fmt: skip
        self.row = self.ledger.open("shop", "v2", "r1", {"stops_found": {}}, "kim")
        self.lease = self.ledger.take(RELEASE, "r1", 10.0)
        self._tell(weight, promoted=promoted)
        self.lookout = Lookout(self.ledger, self.clock, lambda *_: self.world, evidence=False)
        self.lookout.number = self.ledger.watch_take("watch", 1e9) or 0
        self.lookout.round()
        self.clock.t += 60.0  # the first attempt's lease has run out; its process may be frozen, or dead
        self.actors: Mapping[str, Callable[[], None]] = {}

    def _tell(self, weight: int, *, promoted: bool) -> None:
        at = self.clock.now()
        self._did("main/1/release/create-green/-/api/1",
                  ev.GreenCreated(at=at, component="api", digest="d", side=GREEN.name, urls=GREEN.urls))  # fmt: skip
        self._did("main/1/release/claim/-/api/1",
                  ev.Claimed(at=at, component="api", stable=BLUE.name, canary=GREEN.name, epoch=1))  # fmt: skip
        self._did(f"main/1/canary/set-weight/{weight}/api/1", ev.WeightSet(at=at, component="api", weight=weight))
        self.ledger.activate(RELEASE, 1)
        if promoted:
            self._did("main/1/release/promote/-/-/1", ev.Promoted(at=at, weight=100))
            self.ledger.retire(RELEASE)
            return
        bake = {"id": "1/canary/5", "seconds": 0.0, "weight": 5}
        self.ledger.append(RELEASE, Draft(Kind.INTENT, "main/1/canary/bake/5/5/1", {"bake": bake}, "release", 1))

    def _did(self, key: str, event: ev.Event) -> None:
        self.ledger.append(RELEASE, Draft(Kind.OUTCOME, key, event.to_body(), "release", 1))

    # -- actors -------------------------------------------------------------------------------------------------------

    def first(self) -> None:
        """Took the lease long ago, was frozen before its raise, and wakes up."""
        self._raises(Attempt(self.world, self.row, self.lease, "first"))

    def second(self) -> None:
        """Started by the watch: takes the lease, stamps, raises."""
        self._raises(begin_attempt(self.world, self.row, "r1", 10.0, "second"))

    def _raises(self, attempt: Attempt) -> None:
        attempt.world = self.world
        try:
            perform(attempt, do.SetWeight(PLAN.at("25"), "api", 25, "5"))
        except TidegateError:
            return

    def watch(self) -> None:
        """So many looks that see a good version, then one that sees a bad one."""
        for _ in range(1 + self.good_rounds):
            self.rounds += 1
            self.lookout.round()

    def person(self) -> None:
        """`tidegate rollback`: the route, then the ledger."""
        try:
            self.route.write(kernel.lower(RELEASE, STOP))
            self.ledger.append(RELEASE, Draft(Kind.DOWN, "down/typed", {"why": "typed", "token": "typed"}, "a person"))
        except (Refused, LedgerUnavailable):
            return

    def finalizing(self) -> None:
        """Makes the route final, then removes blue."""
        try:
            attempt = begin_attempt(self.world, self.row, "r1", 10.0, "finalize")
            perform(attempt, do.MakeFinal(do.Place(plan="finalize"), "api"))
            assert self.world.wayback is not None
            self.world.wayback.remove("shop", RELEASE)  # the watch's part of it
            perform(attempt, do.RemoveBlue(do.Place(plan="finalize"), "api"))
        except TidegateError:
            return

    def newer(self) -> None:
        """Another release claims the route."""
        row = self.ledger.open("shop", "v3", "r3", {"stops_found": {}}, "kim")
        attempt = begin_attempt(self.world, row, "r3", 10.0, "newer")
        try:
            perform(attempt, do.Claim(do.Place(), "api", NEXT.name, NEXT.urls))
        except TidegateError:
            return

    # -- what must hold -----------------------------------------------------------------------------------------------

    def wrote(self, kind: str, before: Seen, after: Seen) -> None:
        split, mark = after.split, after.mark
        self.tally[f"{kind} to {after.weight}"] += 1
        assert split is not None, "I1: a write left no configuration"
        assert mark is not None, "I1: a write left no mark"
        assert 0 <= split.weight <= 100, f"I1: weight {split.weight}"
        assert before.mark is not None
        assert mark.epoch >= before.mark.epoch, f"I11: {kind} wrote number {mark.epoch} over {before.mark.epoch}"
        assert kind != "lower" or mark.stopped, (
            "I5: a lowering left no stop, so nothing keeps a late raise from following"
        )
        if kind == "final":
            assert not before.mark.stopped, "I8: made final over a stop: blue would go while somebody says no"
            assert before.weight == 100, f"I8: made final at {before.weight} %"
        if mark.stopped and mark.release == RELEASE:
            self.said_no = True
        if before.split is not None and split.canary == before.split.canary and split.weight > before.weight:
            assert not self.said_no, f"I5: {kind} from {before.weight} to {split.weight} % after a down decision"
            mine = {"first": self.lease.epoch}.get(self.turns.current, before.mark.epoch)
            assert mine == before.mark.epoch, f"I11: number {mine} raised over number {before.mark.epoch}"
        self._exists(after)

    def removes(self, side: str) -> None:
        self.removed.add(side)
        self._exists(self.route.seen)

    def _exists(self, seen: Seen) -> None:
        assert seen.split is not None
        stable, canary = seen.split.stable.name, seen.split.canary.name if seen.split.canary else ""
        carry = {stable} if seen.weight < 100 else set()
        carry |= {canary} if seen.weight else set()
        assert not carry & self.removed, f"I8: all traffic goes to {carry & self.removed}, which was removed"

    def settled(self) -> None:
        """Nobody can go on; a watch that still lives looks twice more."""
        if "watch" in self.actors:
            for _ in range(2):
                self.rounds += 1
                self.lookout.round()
        seen = self.route.seen
        if self.said_no and seen.mark is not None and seen.mark.release == RELEASE and not seen.mark.final:
            assert seen.weight == 0, f"I7: decided down, and {seen.weight} % at the end"

    def snapshot(self) -> Hashable:
        chain = tuple((e.kind, e.key, e.epoch, repr(e.body)) for e in self.ledger.entries(RELEASE))
        rows = tuple((row.id, row.epoch, row.active, row.over) for row in self.ledger.releases())
        look = self.ledger.look(RELEASE)
        told = (look.row.seq, look.row.step, look.row.against) if look else ()
        return (self.route.seen, chain, rows, told, self.rounds, frozenset(self.removed), self.said_no)


def world_of(*actors: str, real: Real | None = None) -> Callable[[Turns], SmallWorld]:
    """Builds a world in which these act; what stands there at first follows from who they are."""
    tally = Counter[str]()

    def build(turns: Turns) -> SmallWorld:
        over = bool({"finalizing", "newer"} & set(actors))
        world = SmallWorld(turns, promoted=over, good_rounds=0 if over else 1, real=real)
        world.actors, world.tally = {name: getattr(world, name) for name in actors}, tally
        return world

    return build
