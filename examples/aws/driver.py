"""
A release's acts and its watch in one process, without Prefect: the plan performed as `tasks/` performs it.

What is Prefect's part (pages, retries of tasks, suspended approvals, runs that are started again) is tested in
tests/flows with another platform; here AWS is what is looked at, and a rehearsal needs no server.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from blocks.connect import world
from blocks.installation import Installation
from blocks.sql_ledger import SqlLedger
from blocks.system_clock import SystemClock
from blocks.wayback_folder import WayBackFolder
from tasks.opening import running_version, stops_found
from tidegate import actions as do
from tidegate.attempt import Attempt, begin_attempt
from tidegate.errors import ConnectorError, Fenced, NotApplied, ReleaseRefused, Unreachable
from tidegate.events import Answered, Event, Waited
from tidegate.lookout import Lookout
from tidegate.performing import perform
from tidegate.plan import drive
from tidegate.release import release
from tidegate.rollback import rollback
from tidegate.shifting import decide_down
from tidegate.spec import Spec
from tidegate.story import Story
from tidegate.world import World

LEASE = 3600.0  # seconds: nobody else is here to take it over
DELAYS = (1.0, 2.0, 4.0)  # of a task's retries
WATCH_LEASE = 30.0
LOG = logging.getLogger("tidegate.rehearsal")


class Driver:
    """One release on a ledger of its own in `home`."""

    def __init__(self, spec: Spec, home: Path) -> None:
        self.spec, self.home = spec, home
        self.url = f"sqlite:///{home}/ledger.db"
        SqlLedger(self.url).create()
        self.looks = 0
        self._over = threading.Event()

    def world(self) -> World:
        """Connectors of its own for each thread, as two processes have them."""
        return world(self.spec, Installation.here(), SqlLedger(self.url), SystemClock(),
                     wayback=WayBackFolder(self.home / "wayback"))  # fmt: skip

    def run(self, text: str, version: str, plan: str, say: Callable[[str], None]) -> str:
        """To its end: promoted, or rolled back; the release's id."""
        here = self.world()
        body = {"schema": 1, "system": self.spec.system, "spec": text, "digest": "", "compress": self.spec.compress,
                "request": {"version": version, "plan": plan, "kind": "regular", "reason": "a live rehearsal"},
                "blue": running_version(here), "stops_found": stops_found(here)}  # fmt: skip
        row = here.ledger.open(self.spec.system, version, "rehearsal", body, "rehearse --live")
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            attempt = begin_attempt(here, row, "rehearsal", LEASE, "release")
            try:
                drive(release(self.spec, plan), attempt.story.answers, lambda action: self._answer(attempt, action))
            except Fenced as why:
                say(f"the release ends: {why}")
            except (ReleaseRefused, ConnectorError) as why:
                say(f"the release ends: {why}")
                decide_down(here, row.id, "rehearse --live", str(why), story=attempt.refresh())
            if Story.of(here.ledger.entries(row.id)).down is not None:
                back = begin_attempt(here, row, "rehearsal", LEASE, "rollback", at_once=True, plan_acts=False)
                drive(rollback(self.spec, "the watch"), back.story.answers, lambda action: self._tried(back, action))
        finally:
            self._over.set()
            watch.join(20)
        return row.id

    def _answer(self, attempt: Attempt, action: do.Action) -> Event:
        now = attempt.world.clock.now()
        if isinstance(action, do.AskApproval):
            attempt.begin(action)
            return attempt.end(action, Answered(at=now, gate=action.name, decision="approve", approver="the rehearsal"))
        if isinstance(action, do.WaitUntil):
            attempt.begin(action)
            return attempt.end(action, Waited(at=now, name=action.name))
        return self._tried(attempt, action)

    def _tried(self, attempt: Attempt, action: do.Action) -> Event:
        for delay in DELAYS:
            try:
                return perform(attempt, action)
            except (Unreachable, NotApplied) as why:
                LOG.warning("%s: %s; once more", action.key, why)
                time.sleep(delay)
        return perform(attempt, action)

    def _watch(self) -> None:
        """The loop of `deployments/watch.py`."""
        mine = self.world()
        lookout = Lookout(mine.ledger, mine.clock, lambda *_: mine, ledger_url=self.url)
        while not self._over.is_set():
            began = time.monotonic()
            if not (lookout.number and mine.ledger.watch_renew(lookout.number, WATCH_LEASE)):
                lookout.number = mine.ledger.watch_take("rehearsal", WATCH_LEASE) or 0
            lookout.round()
            self.looks += 1
            self._over.wait(max(0.05, self.spec.looking.every.total_seconds() - (time.monotonic() - began)))
