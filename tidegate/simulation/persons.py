"""People in a play: they answer, reject, park, cancel, type rollback, edit the router's file, freeze the system."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate import actions as do
from tidegate import kernel
from tidegate.crossing import points
from tidegate.errors import ConnectorError, LedgerUnavailable, Refused
from tidegate.ledger import Draft, Kind
from tidegate.shifting import new_stop
from tidegate.sight import Decision
from tidegate.simulation.orchestrator import ENDED, Run
from tidegate.simulation.process import Process
from tidegate.traffic import Change, Seen

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

APPROVER = "kim"


class Persons:
    """Each acts at a moment of their own, drawn when the play begins or when they are asked."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.answers: dict[str, list[tuple[str, float]]] = {}  # by gate: decision and seconds, where no dice decide
        self.acts: dict[str, Callable[[], None]] = {}
        self.comes = True  # whether somebody comes when the watch calls
        self.comes_after: float | None = None  # seconds; drawn where it is not set
        self.provokes = play.random.choice(("raise", "raise", "claim", "final", ""))

    def arrive(self, within: float) -> None:
        """Plan what people will do without being asked."""
        play, draw = self.play, self.play.random
        self.acts = {
            "cancel": self.cancel,
            "rollback-typed": self.type_rollback,
            "rollback-clicked": self.click_rollback,
            "hand-lower": self.lower_by_hand,
            "hand-raise": self.raise_by_hand,
            "hand-garbles": self.lose_the_mark,
            "freeze-set": self.freeze,
            "run-deleted": self.delete_run,
            "run-forced": self.force_run,
            "run-retried": self.retry_run,
        }
        for name, act in self.acts.items():
            if play.weather.has(name):
                for _ in range(draw.choice((0, 1, 1, 2))):
                    play.line.at(draw.uniform(1.0, within), act)

    def provoked(self, change: Change, _: Seen) -> None:
        """Somebody acts in the very moment in which a write is on its way: after the proof, before the lock."""
        weather, draw = self.play.weather, self.play.random
        can = [name for name in self.acts if name in weather.rates]
        often = 0.2 if change.kind == "raise" else 0.5
        if can and not weather.over and change.kind == self.provokes and draw.random() < often:
            self.acts[draw.choice(can)]()

    # -- asked --------------------------------------------------------------------------------------------------------

    def are_asked(self, run: Run, action: do.AskApproval, key: str, left: float) -> None:
        weather, draw, line = self.play.weather, self.play.random, self.play.line
        if action.name in self.answers:
            answers = self.answers[action.name]
            if answers:
                decision, after = answers.pop(0) if len(answers) > 1 else answers[0]
                line.after(after, lambda: self.answer(run, key, decision, self.approver(action.name, key)))
            return
        if weather.strikes("approve-never"):
            return
        after = draw.uniform(left - 5, left + 90) if weather.strikes("approve-late") else draw.uniform(1.0, 20.0)
        decision = "approve"
        if weather.strikes("reject"):
            decision = "reject"
        elif action.traffic and action.name != "leave-park" and action.beyond is None and weather.strikes("park"):
            decision = "park"
        several = any(one.name == action.name and one.people > 1 for one in self.play.spec.approvals)
        usual = self.approver(action.name, key) if several else APPROVER
        who = "mallory" if weather.strikes("approve-wrong") else usual
        line.after(after, lambda: self.answer(run, key, decision, who))
        if weather.strikes("approve-twice"):
            line.after(after + draw.uniform(0.0, 9.0), lambda: self.answer(run, key, "approve", APPROVER))

    def approver(self, gate: str, key: str = "") -> str:
        """Somebody who may answer this gate; where it needs several people, another one each time."""
        asked = next((one for one in self.play.spec.approvals if one.name == gate), None)
        if asked is None or (asked.people == 1 and not asked.approvers):
            return APPROVER
        names = asked.approvers or tuple(f"{APPROVER} {n + 1}" for n in range(asked.people))
        times = int(key.rpartition("-")[2] or 1) if asked.people > 1 else 1
        return names[(times - 1) % len(names)]

    def answer(self, run: Run, key: str, decision: str, who: str) -> None:
        """The orchestrator takes an answer only while the run waits for it."""
        if run.type != "PAUSED" or not self.play.orchestrator.up:
            return
        self.play.tell(f"{who}: {decision} ({key})")
        run.answers[key] = {"decision": decision, "approver": who}
        self.play.orchestrator.again(run)

    # -- unasked ------------------------------------------------------------------------------------------------------

    def _run(self) -> Run | None:
        row = self.play.row
        return self.play.orchestrator.runs.get(row.run_id) if row is not None else None

    def cancel(self) -> None:
        run = self._run()
        if run is not None and run.type in ("RUNNING", "PAUSED", "SCHEDULED"):
            self._does("cancel", "cancels the run")
            self.play.orchestrator.killed(run, "CANCELLED", "Cancelled")

    def delete_run(self) -> None:
        run = self._run()
        if run is not None and run.type in ("RUNNING", "PAUSED", "SCHEDULED"):
            self._does("run-deleted", "deletes the run")
            self.play.orchestrator.killed(run, None, "")
            del self.play.orchestrator.runs[run.id]

    def force_run(self) -> None:
        run = self._run()
        if run is not None and run.type in ("RUNNING", "PAUSED"):
            self._does("run-forced", "forces the run to Completed")
            run.type, run.name = "COMPLETED", "Forced"

    def retry_run(self) -> None:
        ended = [run for run in self.play.orchestrator.runs.values() if run.type in ENDED and run.ended]
        if ended:
            run = self.play.random.choice(ended)
            self._does("run-retried", f"retries {run.id}")
            self.play.orchestrator.again(run)

    def called(self, decision: Decision) -> None:
        """A page from behind a point of no return: somebody comes, and takes the way back that it names."""
        if self.comes:
            self.play.tell(f"called: {decision.why}")
            wait = self.play.random.uniform(5.0, 90.0) if self.comes_after is None else self.comes_after
            self.play.line.after(
                wait, lambda: self.type_rollback(bar=False, interrupted=False, called=True, names=True)
            )

    def type_rollback(
        self,
        *,
        bar: bool | None = None,
        interrupted: bool | None = None,
        called: bool = False,
        names: bool | None = None,
    ) -> None:
        """
        `tidegate rollback`: record and router alone, the ledger only if it answers; a bar where it is promoted.

        `called`: after a page of the watch; `names`: whether the way back behind a point of no return is named.
        """
        play = self.play
        record = play.records.read(play.spec.system)
        if record is None:
            return
        beyond = record.beyond([play.routers[way.component].seen for way in record.ways])
        if called and beyond is None:
            return  # somebody else has taken the way back
        if not called:
            self._does("rollback-typed", f"types rollback ({record.release}, {record.state})")
        despite = ""
        if beyond is not None and (play.random.random() < 0.5 if names is None else names):
            despite = beyond.way  # else as an old script would: the kernel's to refuse
        stop = new_stop("a person", "typed rollback", play.line.now(), play.token, despite)
        if interrupted is None:
            interrupted = play.random.random() < 0.3  # Ctrl-C after the first route: one stop counts for all
        bars = record.state == "promoted" and (play.random.random() < 0.3 if bar is None else bar)
        change = kernel.bar(stop) if bars else kernel.lower(record.release, stop, beyond=beyond)
        play.stack.append(Process("tidegate rollback", "person"))
        try:
            written = [
                self._insists(way.component, change) for way in (record.ways[:1] if interrupted else record.ways)
            ]
            if any(written) and not bars and not interrupted:
                body = {"why": stop.why, "token": stop.token} | ({"despite": despite} if despite else {})
                play.ledger.append(record.release, Draft(Kind.DOWN, f"down/{stop.token}", body, stop.who))
        except LedgerUnavailable:
            return  # the watch writes it from the stop
        finally:
            play.stack.pop()

    def _insists(self, component: str, change: Change) -> bool:
        """Again and again while the router does not answer; whether it was written."""
        for _ in range(40):
            try:
                self.play.routers[component].write(change)
                return True
            except Refused:
                return False
            except ConnectorError:
                self.play.line.run(1.0)
        return False

    def click_rollback(self) -> None:
        if self.play.row is not None:
            self._does("rollback-clicked", "starts the rollback flow")
            named = self.play.random.choice(("", "restore")) if points(self.play.spec) else ""
            parameters = {"release": self.play.row.id, "why": "clicked", "beyond": named}
            self.play.orchestrator.start("rollback", parameters, key=f"rollback/{self.play.row.id}")

    def lower_by_hand(self) -> None:
        component = self.play.random.choice(list(self.play.routers))
        router = self.play.routers[component]
        if router.seen.weight > 0 and not (router.seen.mark and router.seen.mark.final):
            self._does("hand-lower", f"edits {component} down to 0")
            self.play.witness.edited(component, router.seen.weight, 0)
            router.edited(0)

    def raise_by_hand(self) -> None:
        component = self.play.random.choice(list(self.play.routers))
        router = self.play.routers[component]
        split = router.seen.split
        mark = router.seen.mark  # after a release's end nobody looks at its route until the next one claims it
        if mark is None or self.play.witness.of(mark.release).ended:
            return
        if split is not None and split.canary is not None and split.weight < 100:
            self._does("hand-raise", f"edits {component} up to {min(100, split.weight + 30)}")
            self.play.witness.edited(component, split.weight, min(100, split.weight + 30))
            router.edited(min(100, split.weight + 30))

    def lose_the_mark(self) -> None:
        self._does("hand-garbles", "loses the mark in an editor")
        component = self.play.random.choice(list(self.play.routers))
        self.play.witness.garbled(component)
        self.play.routers[component].garbled()

    def freeze(self) -> None:
        lasting = self.play.random.choice((20.0, 90.0, 200.0))
        self._does("freeze-set", f"freezes the system for {lasting:.0f} s")
        self.play.ledger.freeze(self.play.spec.system, "a person", "audit", timedelta(seconds=lasting))
        self.play.witness.froze(lasting)

    def _does(self, name: str, told: str) -> None:
        self.play.weather.fired[name] += 1
        self.play.tell(f"a person {told}")
