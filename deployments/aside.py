"""
The watch's side thread: everything it wants from Prefect and from people, which it never waits for.

Each second: people are told what needs them; answers to open questions, states of the runs of watched releases, wishes
(start again, start a rollback), the release page. A dead server costs the watch nothing; people are told all the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from blocks.prefect_runs import PrefectRuns
from tidegate.errors import ConnectorError, LedgerUnavailable, TidegateError
from tidegate.ledger import Draft, Kind, Ledger, ReleaseRow
from tidegate.lookout import WATCH
from tidegate.overdue import STARTING, WAITING
from tidegate.ports import RunState
from tidegate.slots import FINAL_SILENCE, FINALIZE
from tidegate.story import Question
from tidegate.watch import Decision

EVERY = 1.0  # seconds between two rounds; an answer is noted within two
STOOD = 4.0  # seconds that an ended rollback run is left alone: a late report of its death may follow
PAGES_EVERY = 2.0  # seconds between two updates of a release page while green has traffic
QUIET_PAGES_EVERY = 30.0  # seconds while it has none, or is promoted: an answer that is noted is shown at once
ACTS_IN = timedelta(seconds=10)  # from the click to the flow that acts on it: a process has to start, 3 to 8 s
LOG = logging.getLogger("tidegate.watch")


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A watched release, as the side thread needs it."""

    row: ReleaseRow
    questions: tuple[Question, ...]
    seq: int  # of the chain: what has grown has news for people
    busy: bool  # green has traffic, and the release is not over
    waits: bool = False  # it is closed, and only its scheduled runs are still to come, perhaps for months


@dataclass(slots=True)
class Page:
    """A release page as Prefect has it now."""

    row: ReleaseRow
    text: str = ""
    artifact: str = ""
    seq: int = 0
    due: float = 0.0  # monotonic; the next update comes no sooner, unless the chain has grown


class PrefectAside:
    """What the watch heard of Prefect last, and what it still wants from it."""

    def __init__(
        self,
        runs: PrefectRuns,
        ledger: Callable[[], Ledger],
        under_way: Callable[[], list[UnderWay]],
        page: Callable[[ReleaseRow], str | None],
        tell: Callable[[ReleaseRow, Decision], None],
    ) -> None:
        self._runs, self._ledger, self._under_way, self._page = runs, ledger, under_way, page
        self._tell, self._untold = tell, list[tuple[ReleaseRow, Decision]]()
        self._states: dict[str, tuple[float, RunState]] = {}
        self._wants: dict[tuple[str, str], tuple[Decision, ReleaseRow]] = {}
        self._pages: dict[str, Page] = {}
        self._stood: dict[str, tuple[str, float]] = {}  # run -> what it shows, and since when
        self._noted: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._forever, name="prefect-aside", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def state(self, run_id: str) -> RunState | None:
        """What was heard in the last ten seconds; None when Prefect did not answer."""
        heard = self._states.get(run_id)
        return heard[1] if heard and time.monotonic() - heard[0] < 10 else None

    def want(self, decision: Decision, row: ReleaseRow) -> None:
        with self._lock:
            if decision.kind in ("page", "tell"):
                self._untold.append((row, decision))
            else:
                self._wants[row.id, decision.kind] = (decision, row)

    def _forever(self) -> None:
        ledger = self._ledger()
        while True:
            began = time.monotonic()
            try:
                self._round(ledger)
            except (ConnectorError, LedgerUnavailable) as why:
                LOG.debug("aside: %s", why)
            except TidegateError as why:
                LOG.warning("aside: %s", why)
            except Exception:
                LOG.exception("aside: a fault of its own; the next round tries again")  # this thread has no second life
            time.sleep(max(0.05, EVERY - (time.monotonic() - began)))

    def _round(self, ledger: Ledger) -> None:
        with self._lock:
            untold, self._untold = self._untold, []
        for row, decision in untold:
            said = "needs somebody" if decision.kind == "page" else decision.severity
            LOG.warning("%s %s: %s", row.id, said, decision.why)
            self._tell(row, decision)
        for one in self._under_way():
            for question in one.questions:
                self._note_answer(ledger, one.row, question)
            if one.row.run_id and not one.waits:
                self._states[one.row.run_id] = (time.monotonic(), self._runs.state(one.row.run_id))
        with self._lock:
            wants, self._wants = self._wants, {}
        for key, (decision, row) in wants.items():
            try:
                self._carry_out(ledger, decision, row)
            except ConnectorError:
                with self._lock:
                    self._wants.setdefault(key, (decision, row))
                raise
        self._show_pages()

    def _note_answer(self, ledger: Ledger, row: ReleaseRow, question: Question) -> None:
        """A click is acknowledged within two seconds; the flow that acts on it needs three or more to start."""
        if question.suspend_key in self._noted:
            return
        found = self._runs.answers(question.run_id, [question.suspend_key]).get(question.suspend_key)
        if found is None:
            return
        if not self._noted_before(ledger, row, question):
            said, who = str(found.get("decision")), str(found.get("approver"))
            told = {
                "question": question.suspend_key,
                "gate": question.gate,
                "decision": said,
                "approver": who,
                "sentence": f"{who} says {said} to {question.gate}",
                "acts_by": (ledger.now() + ACTS_IN).isoformat(),
            }
            ledger.append(row.id, Draft(Kind.NOTE, "answer-noted", told, WATCH))
        self._noted.add(question.suspend_key)

    def _noted_before(self, ledger: Ledger, row: ReleaseRow, question: Question) -> bool:
        """By a watch before this one."""
        return any(
            entry.kind is Kind.NOTE and entry.body.get("question") == question.suspend_key
            for entry in ledger.entries(row.id)
        )

    def _carry_out(self, ledger: Ledger, decision: Decision, row: ReleaseRow) -> None:
        match decision.kind:
            case "again":
                self._again(ledger, decision, row)
            case "new-run":
                opened = ledger.entries(row.id)[0].body
                run_id = self._runs.start_release(row.id, opened["request"])
                ledger.adopt(row.id, run_id)
                ledger.append(row.id, Draft(Kind.NOTE, "restarted", {"why": decision.why, "run": run_id}, WATCH))
            case "ask-rollback":
                run_id = self._runs.start_rollback(row.id, decision.why)  # the one rollback run of this release
                if self._stands_still(run_id, dead=decision.key == "dead"):
                    self._runs.again(run_id, decision.why)
            case _:
                LOG.warning("%s: %s", row.id, decision.why)

    def _stands_still(self, run_id: str, *, dead: bool) -> bool:
        """Whether this run ended without an end of its release; or, with `dead`, shows the same for too long."""
        state = self._runs.state(run_id)
        told = f"{state.type} {state.name} {state.since}"
        if self._stood.get(run_id, ("", 0.0))[0] != told:
            self._stood[run_id] = (told, time.monotonic())
        stood = time.monotonic() - self._stood[run_id][1]
        if state.type in ("RUNNING", "PENDING"):
            return dead and stood >= STARTING
        return state.type not in WAITING and stood >= STOOD

    def _again(self, ledger: Ledger, decision: Decision, row: ReleaseRow) -> None:
        """What was decided may be seconds old: a run that waits by now, or whose lease lives, is left alone."""
        final = decision.key in (FINALIZE, FINAL_SILENCE)
        run_id = self._finalizing(ledger, row) if final else row.run_id
        if not run_id:
            return
        expired, state = decision.key in ("expired", FINAL_SILENCE), self._runs.state(run_id)
        if decision.key == FINAL_SILENCE and state.type != "PAUSED":
            return  # it is on its way already
        held = ledger.find(row.id)
        living = held is not None and held.lease_until is not None and ledger.lease_died(row.id) is None
        if living or (state.type in WAITING and not expired):
            return
        if decision.key == FINALIZE and state.type == "CANCELLED":
            return  # somebody keeps blue on purpose; the watch has told people that it is still there
        accepted = self._runs.again(run_id, decision.why)
        self._states.pop(run_id, None)  # whatever was heard is old now
        if accepted and not expired:
            ledger.append(row.id, Draft(Kind.NOTE, "restarted", {"why": decision.why}, WATCH))

    def _finalizing(self, ledger: Ledger, row: ReleaseRow) -> str:
        """The booked run that makes this release final; "" when it was lost: then it has just been booked again."""
        tags = [f"release:{row.id}", f"slot:{FINALIZE}"]
        found = self._runs.call("POST", "/flow_runs/filter", {"flow_runs": {"tags": {"all_": tags}}, "limit": 1})
        if found:
            return str(found[0]["id"])
        self._runs.book(row.id, {FINALIZE: ledger.now()})
        why = f"the run {FINALIZE} was lost, and is booked again"
        ledger.append(row.id, Draft(Kind.NOTE, "restarted", {"why": why}, WATCH))
        return ""

    def _show_pages(self) -> None:
        """
        One artifact a release, at the run that began it, updated in place; never on the path of a weight change.

        A release that is not watched any more gets one last update, which says how it ended.
        """
        watched = {one.row.id: one for one in self._under_way() if one.row.run_id}
        for release, one in watched.items():
            page = self._pages.setdefault(release, Page(one.row))
            if one.seq != page.seq or (time.monotonic() >= page.due and not one.waits):
                self._show(page)
                page.seq = one.seq
                page.due = time.monotonic() + (PAGES_EVERY if one.busy else QUIET_PAGES_EVERY)
        for release in set(self._pages) - set(watched):
            self._show(self._pages[release])
            del self._pages[release]

    def _show(self, page: Page) -> None:
        text = self._page(page.row)
        if text is not None and text != page.text:
            page.artifact = self._runs.put_page(page.row.id, text, page.row.run_id, page.artifact)
            page.text = text
