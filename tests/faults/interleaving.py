"""
All interleavings of a few actors around shared state: stateless search, one greenlet an actor, states hashed.

An actor stops before each call that touches what others touch; the search decides who goes on. What an actor will do
is determined by what its calls have answered so far, so a state is the shared world and everybody's answers: a state
that was visited before is not explored again. Freezing is a schedule like any other; one actor may also die anywhere.
With `preemptions` the search is exhaustive for schedules in which so many times somebody is kept from going on: as good
as every known mistake of this kind needs one or two (Musuvathi and Qadeer, PLDI 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, Protocol, TypeVar

import greenlet

from tidegate.errors import TidegateError

T = TypeVar("T")
UNBOUNDED = 99
CRASH = "!"  # a choice "!name": this actor never goes on


class Violated(AssertionError):
    """An invariant does not hold; with the schedule that breaks it."""


class GivenUp(BaseException):
    """Whoever waited has waited often enough for this search."""


class Model(Protocol):
    """A small world with its actors; `settled` judges it when nobody can go on."""

    actors: Mapping[str, Callable[[], None]]

    def snapshot(self) -> Hashable: ...

    def settled(self) -> None: ...


class Turns:
    """Who acts now; every shared call of an actor passes `call`."""

    def __init__(self) -> None:
        self.current = ""
        self.histories: dict[str, int] = {}
        self.waited: dict[str, int] = {}
        self.last = ""
        self.version = 0  # grows with every write: whoever waits for news looks again then

    def call(self, what: str, act: Callable[[], T], *, writes: bool = False) -> T:
        """Stop here until it is this actor's turn, then act; the answer is part of the actor's history."""
        me = self.current
        if not me or (what == "entries" and self.last == f"{me} append"):
            return act()  # reading back one's own entry: the next reading of the chain sees what others add
        self.before(what)
        try:
            answer = act()
        except TidegateError as no:
            self.done(what, type(no).__name__)
            raise
        self.done(what, repr(answer), writes=writes)
        return answer

    def before(self, what: str) -> None:
        """Stop here until it is this actor's turn."""
        if self.current:
            _search().switch(what)

    def done(self, what: str, told: str, *, writes: bool = False) -> None:
        """It has happened, with this answer."""
        self.version += writes
        if self.current:
            self._answered(self.current, what, told)

    def _answered(self, who: str, what: str, told: str) -> None:
        self.last = f"{who} {what.split()[0]}"
        self.histories[who] = hash((self.histories.get(who, 0), what, told))

    def wait(self, most: int) -> None:
        """Nothing to do until somebody has written something; GivenUp after so many times."""
        if not self.current:
            return
        me = self.current
        self._answered(me, "wait", "")
        self.waited[me] = self.waited.get(me, 0) + 1
        if self.waited[me] > most:
            raise GivenUp
        _search().switch(f"wait {self.version}")


def _search() -> greenlet.greenlet:
    """Whoever lets this actor act."""
    parent = greenlet.getcurrent().parent
    assert parent is not None
    return parent


class Taken(NamedTuple):
    """A choice and those before it."""

    before: Taken | None
    choice: str


def schedule_of(taken: Taken | None) -> list[str]:
    choices = []
    while taken is not None:
        choices.append(taken.choice)
        taken = taken.before
    return choices[::-1]


@dataclass
class Search:
    """Explores a model; `build` makes it anew for each schedule."""

    build: Callable[[Turns], Model]
    crashes: int = 1
    preemptions: int = UNBOUNDED  # how often somebody who could go on has to let another one act first
    most: int = 200_000
    visited: set[Hashable] = field(default_factory=set)
    runs: int = 0
    ends: int = 0
    order: Random = field(
        default_factory=lambda: Random(1)
    )  # whoever looks everywhere finds a mistake sooner at random

    def explore(self) -> None:
        """Visit every state once; Violated with its schedule when one is wrong."""
        pending: list[Taken | None] = [None]
        while pending and len(self.visited) < self.most:
            here = self.order.randrange(len(pending))
            pending[here], pending[-1] = pending[-1], pending[here]
            pending.extend(self._run(pending.pop()))

    def _run(self, taken: Taken | None) -> list[Taken]:
        """Replay a schedule, go on by the first choice each time, and return the choices that were left out."""
        self.runs += 1
        playing, others = _Playing(self.build), list[Taken]()
        try:
            for choice in schedule_of(taken):
                playing.take(choice)
            while choices := self._fresh_choices(playing):
                others += [Taken(taken, choice) for choice in choices[1:]]
                taken = Taken(taken, choices[0])
                playing.take(choices[0])
        except AssertionError as broken:
            raise Violated(f"{broken}\n  schedule: {' '.join(schedule_of(taken))}") from broken
        finally:
            playing.end()
        return others

    def _fresh_choices(self, playing: _Playing) -> list[str]:
        bounded = self.preemptions < UNBOUNDED
        state = (playing.state(), (playing.last, playing.preempted) if bounded else None)
        if state in self.visited:
            return []
        self.visited.add(state)
        able = playing.able()
        if not able:
            self.ends += 1
            playing.model.settled()
            return []
        if playing.preempted >= self.preemptions and playing.last in able:
            able = [playing.last]
        dies = [CRASH + name for name in able] if len(playing.dead) < self.crashes else []
        choices = [*able, *dies]
        self.order.shuffle(choices)
        return choices


class _Playing:
    """One execution: greenlets that stand before their next shared call."""

    def __init__(self, build: Callable[[Turns], Model]) -> None:
        self.turns = Turns()
        self.model = build(self.turns)
        self.dead: set[str] = set()
        self.last, self.preempted = "", 0
        self.next: dict[str, str] = {}
        self.lets = {name: greenlet.greenlet(_ends(act)) for name, act in self.model.actors.items()}
        for name in self.lets:
            self.take(name)
        self.last, self.preempted = "", 0

    def take(self, choice: str) -> None:
        if choice.startswith(CRASH):
            self.dead.add(choice[1:])
            self.next.pop(choice[1:])
            return
        self.preempted += choice != self.last and self.last in self.able()
        self.last, self.turns.current = choice, choice
        asked = self.lets[choice].switch()
        self.turns.current = ""
        if self.lets[choice].dead:
            self.next.pop(choice, None)
        else:
            self.next[choice] = asked

    def end(self) -> None:
        """Let nobody stand where they stopped: a greenlet left alone keeps its whole world."""
        self.turns.current = ""
        for let in self.lets.values():
            if not let.dead:
                let.throw(greenlet.GreenletExit)

    def able(self) -> list[str]:
        waits = f"wait {self.turns.version}"
        return [name for name, asked in self.next.items() if asked != waits]

    def state(self) -> Hashable:
        places = tuple(sorted((name, asked.split()[0], asked in self.able()) for name, asked in self.next.items()))
        able = tuple(self.able())
        histories = tuple(sorted((name, told) for name, told in self.turns.histories.items() if name in self.next))
        return hash((self.model.snapshot(), places, able, histories, len(self.dead)))


def _ends(act: Callable[[], None]) -> Callable[[], None]:
    def whole() -> None:
        try:
            act()
        except GivenUp:
            return

    return whole
