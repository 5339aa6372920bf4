"""
What a rollback does once the traffic is back: the spec's own list, in its order, whoever decided.

Nothing here stops a rollback: what fails is told and left to people. What a person has to confirm (`mode: ask`) is
named, and done by a later run of the rollback in which somebody confirms it; `mode: never` is a sentence for people.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from tidegate import actions as do
from tidegate import events as ev
from tidegate.actions import Action, Place
from tidegate.events import Event
from tidegate.language.aftermath import OF_EVERY_ROLLBACK, Undoing
from tidegate.language.base import Use
from tidegate.language.meeting import every_act
from tidegate.plan import ask
from tidegate.ports import Verdict
from tidegate.spec import Spec
from tidegate.story import Story

Telling = Generator[Action, Event, list[str]]
Numbered = tuple[str, Undoing]
BY_ITSELF = ("watch", "release")  # who writes a Down that no person decided


def undoings(spec: Spec, kind: str) -> list[Numbered]:
    """The acts of `auto` or `manual` by the names under which they are connected and told: `auto-2-flush-cache`."""
    listed: Sequence[Undoing] = getattr(spec.rollback, kind)
    return [(f"{kind}-{n}-{one.act}", one) for n, one in enumerate(listed, 1)]


def every_undoing(spec: Spec) -> Iterator[tuple[str, Numbered]]:
    """Each with its path in the spec."""
    for kind in ("auto", "manual"):
        for n, numbered in enumerate(undoings(spec, kind)):
            yield f"rollback.{kind}.{n}", numbered


def doing(spec: Spec) -> Iterator[tuple[str, str, Use]]:
    """Every act of the spec that runs a connector: its path, the name under which that is connected, and which."""
    yield from ((where, act.act, act.run) for where, act in every_act(spec) if act.run is not None)
    yield from ((where, name, one.run) for where, (name, one) in every_undoing(spec) if one.run and runs(one))


def runs(one: Undoing) -> bool:
    """Whether this act has an effect of its own to connect."""
    return one.run is not None and one.act not in OF_EVERY_ROLLBACK and one.mode != "never"


def list_of(story: Story) -> str:
    """`manual` where a person decided: with a rollback of their own, or with a no."""
    down = story.down
    if down is None or (down.who not in BY_ITSELF and not down.who.startswith("verification ")):
        return "manual"
    answers = [body for body in story.answers.values() if body.get("event") == "answered"]
    return "manual" if answers and answers[-1]["decision"] == "reject" and down.who == "release" else "auto"


def undo(spec: Spec, kind: str, here: Place) -> Telling:
    """Act by act; what is left to people, a line each."""
    left = list[str]()
    for name, one in undoings(spec, kind):
        if one.mode == "auto":
            left += yield from one_by_one(spec, name, one, here)
        elif one.mode == "ask":
            left.append(f"{name}: waits for somebody who confirms it" + (f" ({one.says})" if one.says else ""))
    return left


def confirmed(spec: Spec, names: Sequence[str], here: Place) -> Telling:
    """Those that somebody has confirmed, in the spec's order."""
    left = list[str]()
    for kind in ("auto", "manual"):
        for name, one in undoings(spec, kind):
            if name in names and one.mode != "never":
                left += yield from one_by_one(spec, name, one, here)
    return left


def one_by_one(spec: Spec, name: str, one: Undoing, here: Place) -> Telling:
    """Its effect, then its checks, then its messages; what every rollback does anyway is not done twice."""
    at, left = here.at(name), list[str]()
    if runs(one):
        done = yield from ask(do.Undo(here, name), ev.ActPerformed)
        if done.verdict is not Verdict.PASS:
            left.append(f"{name}: {done.evidence or done.verdict}")
    for check in one.checks:
        ran = yield from ask(do.RunCheck(at, check), ev.CheckRun)
        if ran.verdict is not Verdict.PASS and not ran.waived:
            left.append(f"{name}: check {check}: {ran.evidence or ran.verdict}")
    for message in one.tell:
        severity = next(told.severity for told in spec.messages if told.name == message)
        yield from ask(do.Tell(at, message, severity, message=message), ev.Told)
    return left
