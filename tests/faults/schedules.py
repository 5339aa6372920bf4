"""
One booked schedule after a promotion, with everything that can happen to its runs until its last slot is answered.

The real parts: when runs are due, what becomes of a late one, what the watch decides, the outcome's unique key. Played
around them: an orchestrator that is away, forgets runs or starts them late and twice, a watch that is away, a wall
clock that jumps, a newer release, a rollback. The watch's decision depends on chain and clock alone, so it looks where
one of these changes, half a minute later at most: years pass in milliseconds.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from tests.faults.rhythms import random_spec
from tidegate import events as ev
from tidegate import overdue, slots, verifying
from tidegate.errors import Fenced
from tidegate.language.moments import Anchor
from tidegate.ledger import Draft, Kind
from tidegate.lookout import SELDOM
from tidegate.memory_ledger import MemoryLedger
from tidegate.ports import RunState
from tidegate.sight import Sight
from tidegate.story import Story
from tidegate.verifying import Verified

RELEASE = "shop/v2/1"
FLAGGED_WITHIN = 900.0  # seconds from the latest useful start, or from the watch's return (G10)
JUMP = 3600.0  # seconds, both ways
AWAY = (60.0, 1800.0, 7200.0, 43200.0, 200_000.0)  # seconds that somebody is away, at most


class JumpingClock:
    """The wall clock by elapsed seconds; it jumps at the given moments by the given seconds."""

    def __init__(self, start: datetime, jumps: list[tuple[float, float]]) -> None:
        self.start, self.t, self._total = start, 0.0, 0.0
        self.jumps = sorted(jumps)
        self._at = [at for at, _ in self.jumps]
        self._sums = [0.0]
        for _, by in self.jumps:
            self._sums.append(self._sums[-1] + by)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.t + self._sums[bisect_right(self._at, self.t)])

    def elapsed(self) -> float:
        return self.t

    def sleep(self, seconds: float) -> None:
        self.t += seconds

    def reaches(self, instant: datetime) -> Iterator[float]:
        """Every elapsed moment at which the wall clock comes to show this instant or later, before it did not."""
        wanted, before = (instant - self.start).total_seconds(), False
        for n, since in enumerate([0.0, *self._at]):
            until = self._at[n] if n < len(self._at) else float("inf")
            first = max(since, wanted - self._sums[n])
            if first < until and not (before and first == since):
                yield first
            before = first < until


@dataclass(frozen=True, slots=True)
class Absences:
    """When somebody is away: intervals in order, none touching another."""

    spans: tuple[tuple[float, float], ...]

    @classmethod
    def drawn(cls, random: Random, within: float, most: int) -> Absences:
        found, free = list[tuple[float, float]](), 0.0
        for begins in sorted(random.uniform(0.0, within) for _ in range(random.randint(0, most))):
            if begins > free:
                free = begins + random.uniform(1.0, random.choice(AWAY))
                found.append((begins, free))
        return cls(tuple(found))

    def back(self, t: float) -> float:
        """`t`, or when whoever is away then is back."""
        return next((until for since, until in self.spans if since <= t < until), t)

    def here_since(self, t: float) -> float:
        return max((until for _, until in self.spans if until <= t), default=0.0)


@dataclass(slots=True)
class Told:
    """How one schedule went."""

    seed: int
    outcomes: list[str] = field(default_factory=list)
    latest: float = 0.0  # seconds, of the flags
    violations: list[str] = field(default_factory=list)


class Schedules:
    """One release with its booked slots; `play` to the last outcome."""

    def __init__(self, seed: int) -> None:
        self.random, self.told = Random(seed), Told(seed)
        self.spec, start = random_spec(self.random)
        self.due = slots.due_times(self.spec, start, Anchor.PROMOTED, {Anchor.START: start, Anchor.FULL: start})
        self.due.pop(slots.FINALIZE)
        last = max((due - start).total_seconds() for due in self.due.values())
        self.within = max(last, 3600.0)
        jumps = [self._jump() for _ in range(self.random.choice((0, 0, 1, 3)))]
        self.clock = JumpingClock(start, jumps)
        self.ledger, self.story = MemoryLedger(self.clock, hashes=False), Story()
        self.watch = Absences.drawn(self.random, self.within, 3)
        self.orchestrator = Absences.drawn(self.random, self.within, 3)
        self.newer, self.gone = "", float("inf")  # since when nobody needs the slots
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._begin()

    def _jump(self) -> tuple[float, float]:
        return self.random.uniform(0.0, self.within), self.random.uniform(-JUMP, JUMP)

    # -- what is planned ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        at = self.clock.now()
        self.ledger.open("shop", "v2", "r1", {"stops_found": {}}, "kim")
        self.lease = self.ledger.take(RELEASE, "r1", 10.0)
        self._did("claim", ev.Claimed(at=at, component="api", stable="v1", canary="v2", epoch=1))
        self._did("set-weight", ev.WeightSet(at=at, component="api", weight=100))
        self._did("promote", ev.Promoted(at=at, weight=100))
        self._did("book-slots", ev.SlotsBooked(at=at, anchor="promoted", slots=self.due))
        for slot, due in self.due.items():
            self._book(slot, due)
        for at_t in [*(until for _, until in self.watch.spans), *(at for at, _ in self.clock.jumps)]:
            self._look_after(at_t)
        happens = self.random.random()
        if happens < 0.5:
            self._at(self.random.uniform(0.0, self.within), self._closes)
        if happens < 0.2:
            self._at(self.random.uniform(0.0, self.within), self._superseded)
        elif happens > 0.9:
            self._at(self.random.uniform(0.0, self.within), self._rolled_back)

    def _book(self, slot: str, due: datetime) -> None:
        """Its run by the orchestrator, late or lost or twice; and the looks at which the watch may answer it."""
        for t in self.clock.reaches(due + slots.useful_for(self.spec, slot) + slots.margin(self.spec)):
            self._look_after(t)
        for _ in range(self.random.choices((1, 0, 2), (85, 10, 5))[0]):
            begins = self.orchestrator.back(next(self.clock.reaches(due)))
            late = self.random.choice((1.0, 5.0, 5.0, 5.0, 600.0, 20_000.0))
            self._at(self.orchestrator.back(begins + self.random.uniform(0.0, late)), partial(self._run, slot, due))

    def _look_after(self, t: float) -> None:
        self._at(self.watch.back(t) + self.random.uniform(0.0, SELDOM), self._look)

    def _at(self, t: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (t, self._count, act))

    def play(self) -> Told:
        while self._agenda:
            self.clock.t, _, act = heapq.heappop(self._agenda)
            act()
        self._judge()
        return self.told

    # -- what happens -------------------------------------------------------------------------------------------------

    def _did(self, what: str, event: ev.Event) -> None:
        key = f"main/1/release/{what}/100/api/1"
        self.ledger.append(RELEASE, Draft(Kind.OUTCOME, key, event.to_body(), "release", self.lease.epoch))

    def _read(self) -> Story:
        self.story.since(self.ledger.entries(RELEASE, after=self.story.seq))
        return self.story

    def _run(self, slot: str, due: datetime) -> None:
        """A run of the verify flow: what it does first of all, and what it writes when it has looked."""
        story = self._read()
        late = verifying.gone(self.spec, story, slot)
        what = slots.fate(self.spec, slot, due, self.ledger.now(), story.slots, late)
        if what is slots.Fate.ANSWERED:
            return
        if slot in story.slots:
            self._wrong(f"{slot} is run though it is answered")
        crashes = self.random.random() < 0.05
        if crashes:
            return
        if self.clock.t > self.gone and what is not slots.Fate.SUPERSEDED:
            self._wrong(f"{slot} is {'run' if what is slots.Fate.RUN else 'missed'}, and its release was gone")
        if what is slots.Fate.RUN:
            took = self.random.uniform(1.0, self.random.choice((20.0, 20.0, 240.0, 2000.0)))
            found = Verified(self.random.choice(("PASS", "PASS", "FAIL", "INCONCLUSIVE")), "looked")
            self._at(self.clock.t + took, partial(self._writes, slot, due, found))
        else:
            self._writes(slot, due, Verified("MISSED" if what is slots.Fate.MISSED else "SUPERSEDED", what.value))

    def _writes(self, slot: str, due: datetime, found: Verified) -> None:
        try:
            verifying.record(self.ledger, RELEASE, slot, due, found, "run")
        except Fenced:
            return
        self._answered(slot, found.outcome)

    def _look(self) -> None:
        """One look of the watch, as far as booked runs go."""
        if self.watch.back(self.clock.t) != self.clock.t:
            return  # it went away meanwhile; it looks when it is back
        sight = Sight(self.clock.now(), 5.0, self._read(), True, {}, {}, {}, True, run=RunState("r1", "COMPLETED"),
                      newer=self.newer)  # fmt: skip
        for decision in overdue.silent_slots(self.spec, sight):
            outcome = "MISSED" if decision.key == "MISSED" else "SUPERSEDED"
            for slot in verifying.answer(self.ledger, self.story, decision.slots, outcome, decision.why, "watch"):  # type: ignore[arg-type]
                self._answered(slot, outcome)
            if len(decision.slots) == overdue.AT_ONCE:
                self._at(self.clock.t + SELDOM, self._look)
        if overdue.finished(sight) and slots.unanswered(self._read()):
            self._wrong("the watch stops looking, and a slot is unanswered")

    def _closes(self) -> None:
        if not self._read().down:
            self._did("close", ev.Closed(at=self.clock.now()))

    def _superseded(self) -> None:
        self.newer, self.gone = "shop/v3/1", min(self.gone, self.clock.t)
        self.ledger.append(
            RELEASE, Draft(Kind.EXPIRY, "superseded", {"why": "shop/v3/1 has claimed the route"}, "watch")
        )
        self._look_after(self.clock.t)

    def _rolled_back(self) -> None:
        self.gone = min(self.gone, self.clock.t)
        self.ledger.append(RELEASE, Draft(Kind.DOWN, "down/t", {"why": "no", "token": "t"}, "kim"))
        self._did("close-rollback", ev.RolledBack(at=self.clock.now()))
        self._look_after(self.clock.t)

    # -- what must hold -----------------------------------------------------------------------------------------------

    def _answered(self, slot: str, outcome: str) -> None:
        """A flag comes in time, counted from the later of the latest useful start and the watch's return."""
        self.told.outcomes.append(outcome)
        useful = self.due[slot] + slots.useful_for(self.spec, slot)
        if outcome != "MISSED":
            return
        if self.clock.t > self.gone:
            self._wrong(f"{slot} is told to be missed, and its release was gone")
        passed = [t for t in self.clock.reaches(useful) if t <= self.clock.t]
        if not passed or self.clock.now() <= useful:
            self._wrong(f"{slot} is MISSED while a run of it would still be useful")
            return
        here = self.watch.here_since(self.watch.back(self.clock.t))
        late = max(0.0, self.clock.t - max(passed[-1], here))
        self.told.latest = max(self.told.latest, late)
        if late > FLAGGED_WITHIN:
            self._wrong(f"{slot} is flagged {late / 60:.1f} minutes late")

    def _judge(self) -> None:
        answered = [str(e.body["slot"]) for e in self.ledger.entries(RELEASE) if e.kind is Kind.SLOT]
        for slot in self.due:
            if answered.count(slot) != 1:
                self._wrong(f"{slot} has {answered.count(slot)} outcomes")
        if len(answered) != len(self.told.outcomes) or set(answered) - set(self.due):
            self._wrong("outcomes that nobody wrote, or of slots that were never booked")

    def _wrong(self, what: str) -> None:
        at = self.clock.now().astimezone(UTC)
        self.told.violations.append(f"seed {self.told.seed}, {at:%Y-%m-%d %H:%M:%S}: {what}")
