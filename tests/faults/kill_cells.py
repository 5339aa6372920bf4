"""
One cell of the kill matrix: a release, a process ended at one point of it, and what must hold afterwards.

Nothing is done by hand after the kill. The points come from the chain of an undisturbed release: before and after the
effect of every act, as near as a poll of some milliseconds comes.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.faults.sampler import COMPONENTS, Sampler, living_instances
from tests.faults.standing_shop import ENDS, Line, StandingShop
from tidegate.story import State, Story

POLL = 0.005  # seconds between two readings of the chain while a kill is due
IDLE = 0.1  # the same afterwards
SHOWN_WITHIN = 120.0  # seconds from a release's end until its run shows it, should its process have died before that
FROZEN = 12.0  # seconds of SIGSTOP: longer than lease and grace together


@dataclass(frozen=True, slots=True)
class Point:
    """Where in a release a process is ended: at the intent, at the visible effect, or at the outcome of an act."""

    what: str  # flow, watch, server, runner, flow+runner, zombie
    when: str  # intent, effect, outcome
    key: str

    def __str__(self) -> str:
        _, _, _, kind, step, about, _ = self.key.split("/")
        place = " ".join(part for part in (kind, step, about) if part != "-")
        return f"{self.what:11} {self.when:7} {place}"


@dataclass(slots=True)
class Cell:
    """What came of it."""

    points: tuple[Point, ...]
    release: str = ""
    state: str = ""
    why: str = ""  # of a rollback
    struck: list[str] = field(default_factory=list)  # the entry that was last when the signal was sent
    restarts: int = 0
    seconds: float = 0.0
    back: float = 0.0  # seconds from the (last) kill to the next entry of an attempt
    not_sent: int = 0  # customers could not follow
    late: int = 0  # answered after their deadline
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = "ok " if not self.problems else "BAD"
        where = "  ".join(f"{point} (at {at})" for point, at in zip(self.points, self.struck, strict=False))
        line = f"{told} {where or 'undisturbed'}: {self.state}, restarts {self.restarts}, back {self.back:.0f} s, "
        line += f"{self.seconds:.0f} s, not sent {self.not_sent}, late {self.late}, load {os.getloadavg()[0]:.0f}"
        return "\n    ".join([line + (f", {self.why}" if self.why else ""), *self.problems])


class Running:
    """A release under way, followed from outside."""

    def __init__(self, shop: StandingShop, sampler: Sampler, points: tuple[Point, ...]) -> None:
        self.shop, self.sampler = shop, sampler
        self.cell, self.due = Cell(points), list(points)
        self.version = shop.new_version()
        self.before = dict(shop.counted())
        self.run_id = shop.start(self.version)
        self.lines: list[Line] = []
        self.story = Story()
        self.answered: set[str] = set()
        self.pid, self.pid_seen = 0, 0.0
        self.killed_at = 0.0
        self.woken: list[tuple[float, int]] = []  # when to send SIGCONT to whom

    def follow(self, within: float) -> Cell:
        """To the end of the release, or until it has taken too long."""
        began, cell = time.monotonic(), self.cell
        while time.monotonic() < began + within:
            time.sleep(POLL if self.due else IDLE)
            self._catch_up()
            self._know_process()
            self._strike()
            self._wake()
            self._answer()
            if self.ended and not self.woken:
                break
        else:
            cell.problems.append(f"no end within {within:.0f} s")
        cell.seconds = time.monotonic() - began
        self._catch_up()  # what was written between the reading of the lines and of the story
        cell.state, cell.restarts = str(self.story.state), self.story.restarts
        cell.why = self.story.down.why if self.story.down else ""
        return cell

    @property
    def ended(self) -> bool:
        reported = any(body.get("event") == "report-written" for body in self.story.answers.values())
        return self.story.state in ENDS or (self.story.state is State.PROMOTED and reported)

    def _catch_up(self) -> None:
        cell = self.cell
        if not cell.release:
            cell.release = self.shop.release_of(self.run_id)
            if not cell.release:
                return
        new = self.shop.lines(cell.release, len(self.lines))
        if not new:
            return
        self.lines += new
        self.story.since(self.shop.ledger.entries(cell.release, self.story.seq))
        if self.killed_at and not cell.back and any(line.kind in ("intent", "outcome") for line in new):
            cell.back = time.monotonic() - self.killed_at

    def _know_process(self) -> None:
        """Its pid beforehand: looking for it when the kill is due would take longer than the act."""
        if self.due and time.monotonic() - self.pid_seen > 0.5:
            self.pid_seen = time.monotonic()
            if not (self.pid and _alive(self.pid)):
                self.pid = self.shop.process_of(self.run_id)

    # -- striking -----------------------------------------------------------------------------------------------------

    def _strike(self) -> None:
        if not self.due or not self._reached(self.due[0]):
            return
        point = self.due.pop(0)
        last = self.lines[-1]
        for pid in self._victims(point.what):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if point.what == "zombie" else signal.SIGKILL)
                if point.what == "zombie":
                    self.woken.append((time.monotonic() + FROZEN, pid))
        self.killed_at, self.cell.back, self.pid = time.monotonic(), 0.0, 0
        self.cell.struck.append(f"{last.seq} {last.kind}")

    def _victims(self, what: str) -> list[int]:
        found = []
        if what in ("flow", "flow+runner", "zombie"):
            found.append(self.pid or self.shop.process_of(self.run_id))
        if what == "flow+runner":
            found.append(self.shop.child("runner"))
        if what in ("watch", "server", "runner"):
            found.append(self.shop.child(what))
        return [pid for pid in found if pid]

    def _reached(self, point: Point) -> bool:
        begun = any(line.kind == "intent" and line.key == point.key for line in self.lines)
        if point.when == "intent":
            return begun
        if point.when == "outcome":
            return any(line.kind == "outcome" and line.key == point.key for line in self.lines)
        return begun and self._effect(point.key)

    def _effect(self, key: str) -> bool:
        """Whether the world shows what this act does, whatever the chain says."""
        _, _, _, kind, step, about, _ = key.split("/")
        release, home = self.cell.release, self.shop.home
        if kind == "take-backup":
            return any(
                not path.name.startswith(".") and self.version in path.name for path in _inside(home / "backups")
            )
        if kind == "create-green":
            mark = f"{about}-{self.version.replace('.', '-')}-"
            return any(side.startswith(mark) for side, _, _ in list(self.sampler.started))
        if kind in ("claim", "set-weight"):
            return self.sampler.weight(release, about) == (int(step) if kind == "set-weight" else 0)
        return True

    def _wake(self) -> None:
        for at, pid in list(self.woken):
            if time.monotonic() >= at:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
                self.woken.remove((at, pid))

    def _answer(self) -> None:
        for question in self.story.questions.values():
            if question.suspend_key not in self.answered and self.shop.answer(self.story):
                self.answered.add(question.suspend_key)

    # -- what must hold -----------------------------------------------------------------------------------------------

    def judged(self, like: list[str] | None) -> Cell:
        """The finished cell; `like` is the story of an undisturbed release, as outcome keys."""
        cell, release = self.cell, self.cell.release
        if not release:
            cell.problems.append("it never had a release")
            return cell
        wrong = cell.problems
        if cell.state not in ("promoted", "rolled_back"):
            wrong.append(f"ended as {cell.state}")
        broken = self.shop.ledger.audit(release)
        if broken is not None:
            wrong.append(f"the chain breaks at {broken}")
        if like is not None and cell.state == "promoted" and told(self.lines) != like:
            wrong.append(f"another story: {difference(like, told(self.lines))}")
        epochs = [line.epoch for line in self.lines if line.epoch is not None]
        if epochs != sorted(epochs):
            wrong.append(f"an older attempt wrote after a newer one: {epochs}")
        wrong += self._shown()
        wrong += self._doubled()
        wrong += self._weights()
        wrong += self._customers()
        return cell

    def _shown(self) -> list[str]:
        """Prefect shows in the end what the ledger tells."""
        wanted = {"promoted": "Promoted", "rolled_back": "RolledBack"}.get(self.cell.state)
        deadline = time.monotonic() + SHOWN_WITHIN
        while (shown := self.shop.runs.state(self.run_id)).name != wanted:
            if time.monotonic() > deadline:
                return [f"Prefect shows {shown.name}"]
            time.sleep(0.5)
        return []

    def _doubled(self) -> list[str]:
        """ONCE means once: backups, instances, bookings."""
        wrong, home, slug = list[str](), self.shop.home, self.version.replace(".", "-")
        backups = [p.name for p in _inside(home / "backups") if self.version in p.name and not p.name.startswith(".")]
        if len(backups) != 1:
            wrong.append(f"backups: {backups}")
        copies = Counter(side for side, _, _ in self.sampler.started if f"-{slug}-" in side)
        for side, count in copies.items():
            living = living_instances(home, side)
            if count != 2 or (living != 2 and self.cell.state == "promoted"):
                wrong.append(f"{side}: {count} instances were started, {living} live")
        booked = self._booked()
        if len(booked) != len(set(booked)) or len(booked) > 2:
            wrong.append(f"bookings: {booked}")
        return wrong

    def _booked(self) -> list[str]:
        wanted = {"flow_runs": {"tags": {"all_": [f"release:{self.cell.release}"]}}, "limit": 50}
        runs = self.shop.runs.call("POST", "/flow_runs/filter", wanted)
        return [run["name"] for run in runs if any(tag.startswith("slot:") for tag in run["tags"])]

    def _weights(self) -> list[str]:
        """On the route itself: up and never down again in a promoted release, each weight once."""
        wrong = list[str]()
        for component in COMPONENTS:
            seen = self.sampler.weights(self.cell.release, component)
            if self.cell.state == "promoted" and seen != sorted(set(seen)):
                wrong.append(f"{component} stood at {seen}")
        raised = [(line.key, line.body["weight"]) for line in self.lines if line.body.get("event") == "weight-set"]
        if len(raised) != len(set(raised)):
            wrong.append(f"raised twice: {raised}")
        return wrong

    def _customers(self) -> list[str]:
        time.sleep(1.2)  # their account of the last second
        now = self.shop.counted()
        before, after = self.before.get("outcomes", {}), now.get("outcomes", {})
        self.cell.not_sent, self.cell.late = grown(self.before, now, "not_sent"), grown(before, after, "timeout")
        lost = grown(self.before, now, "failed") - self.cell.not_sent
        if self.cell.not_sent:  # the customers' own process had no processor: late answers say nothing about the shop
            lost -= self.cell.late
        return [f"{lost} customers' requests failed: {after}"] if lost else []


def grown(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> int:
    return int(now.get(name, 0)) - int(before.get(name, 0))


def told(lines: list[Line]) -> list[str]:
    """A story to compare: what came out of which act, in order; weights and verdicts, no instants."""
    return [
        f"{line.key} {line.body.get('event')} {line.body.get('weight', '')} {line.body.get('verdict', '')}".strip()
        for line in lines
        if line.kind == "outcome"
    ]


def difference(like: list[str], other: list[str]) -> str:
    missing = [one for one in like if one not in other]
    more = [one for one in other if one not in like]
    return f"missing {missing}, more {more}" if missing or more else "the order"


def _inside(folder: Any) -> list[Any]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
