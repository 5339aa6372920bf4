"""
The watch as a process: one loop that looks at every release, under a lease so that a second one stands by.

`python -m deployments.watch`; `deployments/serve.py` starts it and keeps it. It looks and lowers without Prefect.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from types import FrameType

from blocks.installation import Installation
from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from deployments.aside import PrefectAside, UnderWay
from tasks.session import COURIERS, Session, closed_of
from tidegate.errors import LedgerUnavailable, TidegateError
from tidegate.ledger import ReleaseRow
from tidegate.lookout import Lookout
from tidegate.report.page import page_text
from tidegate.sight import Decision
from tidegate.telling import addressees, message_of, notices_of
from tidegate.world import World

LEASE = 5.0  # seconds; a standby takes over this long after the other one fell silent
PAUSE = 0.5  # seconds between rounds while nothing is watched
LOG = logging.getLogger("tidegate.watch")


class WatchProcess:
    """Lease, rounds, side thread."""

    def __init__(self, session: Session) -> None:
        self.session, self.going = session, True
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        runs = PrefectRuns(session.installation.prefect_url, timeout=2.0, scope=session.installation.id)
        url = session.installation.ledger_url
        self.aside = PrefectAside(runs, lambda: SqlLedger(url), self.under_way, self.page, self.tell)
        self.lookout = Lookout(
            session.ledger,
            session.clock,
            self._world_of,
            self.aside,
            grace=session.installation.grace.total_seconds(),
            ledger_url=url.split("@")[-1],
        )

    def _world_of(self, row: ReleaseRow, opened: Mapping[str, object]) -> World:
        return self.session.world(self.session.frozen_spec(opened), closed_of(opened), row.id, patience=0.0)

    def under_way(self) -> list[UnderWay]:
        watched = list(self.lookout.watched.values())
        return [
            UnderWay(
                w.row,
                tuple(w.story.questions.values()),
                w.story.seq,
                busy=w.story.had_traffic and not w.story.over,
                waits=w.waits,
            )
            for w in watched
        ]

    def page(self, row: ReleaseRow) -> str | None:
        """The release page's Markdown, from the ledger; also of a release that has just ended."""
        ledger, watched = SqlLedger(self.session.installation.ledger_url), self.lookout.watched.get(row.id)
        entries, seen = ledger.entries(row.id), ledger.look(row.id)  # the side thread's own connections
        parts = watched.world.parts if watched else {}
        return page_text(
            spec=watched.world.spec if watched else self.session.frozen_spec(entries[0].body),
            entries=entries,
            readings=ledger.readings(row.id),
            look=seen.row if seen else None,
            now=ledger.now(),
            by_hand={name: part.router.by_hand() for name, part in parts.items()},
            links=self.session.links(row.run_id),
        )

    def tell(self, row: ReleaseRow, decision: Decision) -> None:
        """Tell people what the watch has to say of this release, without waiting; who is not told stands in the log."""
        watched = self.lookout.watched.get(row.id)
        if watched is None:
            return
        for one in notices_of(watched.world, watched.story, decision):
            told = replace(one, links=self.session.links(row.run_id))
            message = message_of(watched.world.spec, told.event)
            COURIERS.aside(addressees(watched.world, told.event, told.severity, message), told)

    def run(self) -> None:
        """Until a signal: stand by, or look at the shortest interval asked."""
        self.aside.start()
        while self.going:
            began = time.monotonic()
            self._keep_lease()
            if self.lookout.number or self.lookout.watched:
                self.lookout.round()
            busy = (w for w in self.lookout.watched.values() if not w.waits)
            every = min((w.every for w in busy), default=PAUSE)
            time.sleep(max(0.01, every - (time.monotonic() - began)))

    def _keep_lease(self) -> None:
        ledger, number = self.session.ledger, self.lookout.number
        try:
            if number and ledger.watch_renew(number, LEASE):
                return
            taken = ledger.watch_take(self.holder, LEASE)
            if taken is None and number:
                self.lookout.watched.clear()  # another watch has taken over: stand by
            self.lookout.number = taken or 0
            if taken:
                LOG.info("watching as number %d", taken)
        except LedgerUnavailable as why:
            LOG.warning("the ledger does not answer: %s; looking and lowering go on", why)

    def stop(self, *_: int | FrameType | None) -> None:
        self.going = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", default="INFO")
    logging.basicConfig(level=parser.parse_args().log, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel("WARNING")
    try:
        Installation.once_told()
        watch = WatchProcess(Session.here())
    except TidegateError as no:
        print(f"{no}\n{no.advice}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, watch.stop)
    signal.signal(signal.SIGINT, watch.stop)
    watch.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
