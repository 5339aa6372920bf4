"""The orchestrator of a play: flow runs with states, stored answers, bookings; it can be down and can forget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tidegate.errors import LedgerUnavailable, TidegateError, Unreachable
from tidegate.holding import CALL
from tidegate.ledger import Draft, Kind, ReleaseRow
from tidegate.ports import RunState
from tidegate.simulation.process import Crash, Process
from tidegate.slots import FINAL_SILENCE, FINALIZE
from tidegate.watch import Decision

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})


class Suspended(BaseException):
    """The run waits for a person; its process has ended."""


class Waiting(BaseException):
    """The run is Scheduled again for later; its process has ended."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(slots=True, eq=False)
class Run:
    """A flow run as the orchestrator keeps it."""

    id: str
    flow: str
    parameters: dict[str, Any]
    type: str | None = "SCHEDULED"
    name: str = "Scheduled"
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # by suspend key
    asked: set[str] = field(default_factory=set)
    starts: int = 0
    process: Process | None = None
    ended: bool = False  # the process, not the state


class Orchestrator:
    """Satisfies `Bookings` and the watch's `Aside`."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.runs: dict[str, Run] = {}
        self.down_until = 0.0
        self.booked: dict[tuple[str, str], float] = {}

    @property
    def up(self) -> bool:
        if self.play.line.t < self.down_until:
            self.play.weather.fired["orchestrator-down"] += 1
            return False
        return True

    def start(self, flow: str, parameters: dict[str, Any], *, key: str = "", after: float = 2.0) -> Run:
        """A new run; with `key` the one run of that key, started again when it has ended without success."""
        run = self.runs.get(key) if key else None
        if run is None:
            run = Run(key or f"{flow}-{len(self.runs) + 1}", flow, parameters)
            self.runs[run.id] = run
            self.play.line.after(after, lambda: self.begin(run))
        elif run.type in ENDED and run.name != "RolledBack":
            self.again(run)
        return run

    def again(self, run: Run) -> None:
        run.type, run.name = "SCHEDULED", "AwaitingRetry"
        self.play.line.after(self.play.random.uniform(1.0, 4.0), lambda: self.begin(run))

    def begin(self, run: Run) -> None:
        """A worker takes the run, if it is still Scheduled."""
        if run.type != "SCHEDULED":
            return
        if not self.up or any(process.kind != "flow" for process in self.play.stack):
            # A worker starts nothing while its server is down; and a flow must not run inside a look of the watch.
            self.play.line.after(5.0 if not self.up else 0.05, lambda: self.begin(run))
            return
        run.type, run.name, run.starts = "RUNNING", "Running", run.starts + 1
        mine, process = run.starts, Process(f"{run.id} attempt {run.starts}", "flow")
        run.process, run.ended = process, False
        self.play.stack.append(process)
        try:
            ended = self.play.bodies[run.flow](run)
        except Suspended:
            ended = ("PAUSED", "Suspended")
        except Waiting as until:
            ended = ("SCHEDULED", "Waiting")
            self.play.line.after(until.seconds, lambda: self.begin(run))
        except Crash:
            self.play.tell(f"{process.name} died")
            noticed = self.play.random.random() < 0.5
            ended = ("CRASHED", "Crashed") if noticed else ("RUNNING", "Running")
        except TidegateError as why:
            self.play.tell(f"{process.name} failed: {type(why).__name__}: {why}")
            ended = ("FAILED", "Failed")
        finally:
            popped = self.play.stack.pop()
            assert popped is process
            run.ended = True
        if run.starts == mine and run.type == "RUNNING":
            run.type, run.name = ended
            self.play.tell(f"run {run.id}: {run.name}")

    def killed(self, run: Run, kind: str | None, name: str) -> None:
        """A person sets the run's state; its process, if any, dies at its next call."""
        run.type, run.name = kind, name
        if run.process is not None and not run.ended:
            run.process.killed = True

    # -- Aside: what the watch hears and wants ------------------------------------------------------------------------

    def state(self, run_id: str) -> RunState | None:
        if not self.play.calm and not self.up:
            return None
        run = self.runs.get(run_id)
        return RunState(run_id, run.type if run else None, run.name if run else "")

    def want(self, decision: Decision, row: ReleaseRow) -> None:
        if decision.kind == "page" and decision.key.startswith(CALL):
            self.play.persons.called(decision)
        if decision.kind in ("again", "new-run", "ask-rollback"):
            self.play.line.after(self.play.random.uniform(0.0, 1.0), lambda: self._wanted(decision, row))

    def _wanted(self, decision: Decision, row: ReleaseRow) -> None:
        if not self.up:
            self.play.line.after(5.0, lambda: self._wanted(decision, row))
            return
        final = decision.key in (FINALIZE, FINAL_SILENCE)
        run = self._finalizing(row.id) if final else self.runs.get(row.run_id)
        if decision.kind == "ask-rollback":
            asked = self.start("rollback", {"release": row.id, "why": decision.why}, key=f"rollback/{row.id}")
            if decision.key == "dead" and asked.type == "RUNNING":
                self.again(asked)
        elif decision.kind == "new-run":
            new = self.start("release", dict(self.play.ledger.opened(row.id)["request"]))
            self.play.ledger.adopt(row.id, new.id)
            self._restarted(row, decision)
        elif run is not None and run.type is not None and run.type != "SCHEDULED":
            expired = decision.key in ("expired", FINAL_SILENCE)
            if decision.key == FINAL_SILENCE and run.type != "PAUSED":
                return  # it is on its way already
            if self._held(row.id) or (run.type == "PAUSED" and not expired):
                return  # what was decided may be old by now
            self.again(run)
            if not expired:
                self._restarted(row, decision)

    def _held(self, release: str) -> bool:
        row = next(row for row in self.play.rows() if row.id == release)
        return row.lease_until is not None and row.lease_until > self.play.line.now()

    def _finalizing(self, release: str) -> Run | None:
        wanted = {"release": release, "slot": FINALIZE}
        return next((run for run in self.runs.values() if wanted.items() <= run.parameters.items()), None)

    def _restarted(self, row: ReleaseRow, decision: Decision) -> None:
        try:
            self.play.ledger.append(row.id, Draft(Kind.NOTE, "restarted", {"why": decision.why}, "watch"))
        except LedgerUnavailable:
            return

    # -- Bookings -----------------------------------------------------------------------------------------------------

    def book(self, release: str, slots: Mapping[str, datetime], attempt: int = 1) -> None:
        self.play.touch("bookings.book")
        if not self.play.calm and not self.up:
            raise Unreachable("the orchestrator does not answer")
        for slot, due in slots.items():
            if (release, slot) not in self.booked:
                at = self.play.line.t + (due - self.play.line.now()).total_seconds()
                self.booked[release, slot] = at
                parameters = {"release": release, "slot": slot, "due": due}
                self.play.line.at(max(at, self.play.line.t), lambda p=parameters: self._due(p))  # type: ignore[misc]
        self.play.touch("bookings.book", after=True)

    def _due(self, parameters: dict[str, Any]) -> None:
        if (parameters["release"], parameters["slot"]) in self.booked:
            self.start("verify", parameters, after=0.5)

    def cancel(self, release: str) -> int:
        self.play.touch("bookings.cancel")
        if not self.play.calm and not self.up:
            raise Unreachable("the orchestrator does not answer")
        gone = [key for key in self.booked if key[0] == release and self.booked[key] > self.play.line.t]
        for key in gone:
            del self.booked[key]
        return len(gone)

    def end_release_run(self, run_id: str, state: str, message: str) -> str:
        if not self.play.calm and not self.up:
            raise Unreachable("the orchestrator does not answer")
        run = self.runs.get(run_id)
        if run is None:
            return "deleted"
        if run.flow == "release":
            self.killed(run, "FAILED", state)
        return run.name
