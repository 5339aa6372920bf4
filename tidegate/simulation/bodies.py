"""
The bodies of the flows, as `tasks/` has them, on ports only: attempt, lease, retries, approvals, waits.

Whatever is written twice (here and in `tasks/running.py`, `tasks/approval.py`, `tasks/verifying.py`) is glue around
the same core; `tests/flows` runs the other one under Prefect.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate import actions as do
from tidegate.acts import HERE
from tidegate.approving import Given, decided
from tidegate.attempt import Attempt, begin_attempt
from tidegate.crossing import FORWARD
from tidegate.errors import Fenced, NoReturn, NotApplied, ReleaseRefused, Unreachable
from tidegate.events import Answered, Event, Waited
from tidegate.finalizing import finalize
from tidegate.ledger import Draft, Kind, ReleaseRow
from tidegate.performing import ends_the_process, perform
from tidegate.plan import Outcome, drive
from tidegate.release import GOES_ON, abort, release, shut
from tidegate.rollback import rollback
from tidegate.shifting import bake_id, decide_down, decide_if_needed
from tidegate.simulation.orchestrator import Run, Suspended, Waiting
from tidegate.slots import FINALIZE, Fate, fate
from tidegate.story import State, Story
from tidegate.undoing import list_of
from tidegate.verifying import Verified, gone, record, verify
from tidegate.waiting import waits_until

if TYPE_CHECKING:
    from tidegate.simulation.play import Play

LEASE = 10.0
DELAYS = (1.0, 2.0, 4.0, 8.0)  # the one retry layer
REMOVED_WITHIN = 300.0
Ended = tuple[str, str]


class Bodies:
    """What a flow's process does, from its start to the state that the run shows."""

    def __init__(self, play: Play) -> None:
        self.play = play

    # -- the release --------------------------------------------------------------------------------------------------

    def release(self, run: Run) -> Ended:
        play = self.play
        try:
            row = self._find_or_open(run)
        except ReleaseRefused as no:
            play.tell(f"refused: {no}")
            return "FAILED", "Refused"
        story = Story.of(play.ledger.entries(row.id))
        if story.down is not None or story.state not in GOES_ON:
            return shown(story)
        attempt = self._attempt(lambda: begin_attempt(play.world, row, run.id, LEASE, "release"))
        request = run.parameters
        plan = abort("") if story.state is State.ABORTED else release(
            play.spec, request.get("plan") or "", request.get("stop_after"))  # fmt: skip
        try:
            outcome = drive(plan, attempt.story.answers, lambda action: self._answer(attempt, run, action))
        except Fenced as why:
            return self._fenced(attempt, run, why)
        except ReleaseRefused as no:
            outcome = self._end_refused(attempt, no)
        self._give_back(attempt)
        return shown(attempt.refresh(), outcome)

    def _find_or_open(self, run: Run) -> ReleaseRow:
        play, version = self.play, str(run.parameters["version"])
        rows = play.ledger.releases(play.spec.system)
        mine = next((row for row in rows if row.run_id == run.id), None)
        if mine is not None:
            return mine
        last = next((row for row in rows if row.version == version), None)
        if last is not None:
            story = Story.of(play.ledger.entries(last.id))
            if story.resting_since is not None and not story.over and story.down is None:
                play.ledger.adopt(last.id, run.id)
                return last
        stops = {}
        for component, part in play.world.parts.items():
            mark = part.router.read().mark
            if mark is not None and mark.stop is not None:
                stops[component] = mark.stop.token
        body = {"system": play.spec.system, "request": dict(run.parameters), "stops_found": stops}
        who = str(run.parameters.get("requester", "somebody"))
        return play.ledger.open(play.spec.system, version, run.id, body, who)

    def _answer(self, attempt: Attempt, run: Run, action: do.Action) -> Event:
        self.play.tell(f"  {attempt.lease.epoch}: {action.key}")
        if isinstance(action, do.AskApproval):
            return self._ask(attempt, run, action)
        if isinstance(action, do.Bake) and ends_the_process(action):
            return self._long_bake(attempt, action)
        if isinstance(action, do.WaitUntil):
            return self._long_wait(attempt, action)
        return self._tried(attempt, action)

    def _tried(self, attempt: Attempt, action: do.Action) -> Event:
        """A task with its retries: Unreachable or NotApplied, nothing else."""
        delays = () if type(action) in (do.Lower, do.EnsureLowered) else DELAYS
        for delay in delays:
            try:
                return perform(attempt, action)
            except (Unreachable, NotApplied):
                self.play.line.sleep(delay)
        return perform(attempt, action)

    def _attempt(self, begin: Callable[[], Attempt]) -> Attempt:
        """An earlier attempt's lease may still live for some seconds."""
        for _ in range(40):
            try:
                return self._leased(begin())
            except Fenced:
                self.play.line.sleep(0.5)
        return self._leased(begin())

    def _leased(self, attempt: Attempt) -> Attempt:
        process = self.play.stack[-1]
        process.lease, process.renewed = attempt.lease, self.play.line.t
        return attempt

    def _give_back(self, attempt: Attempt) -> None:
        self.play.stack[-1].lease = None
        attempt.ledger.give_back(attempt.lease)

    def _fenced(self, attempt: Attempt, run: Run, why: Fenced) -> Ended:
        story = attempt.refresh()
        if story.down is not None or story.over:
            self._give_back(attempt)
            return shown(story)
        self.play.tell(f"fenced: {why}; another attempt goes on")
        return str(run.type), run.name

    def _end_refused(self, attempt: Attempt, no: ReleaseRefused) -> Outcome:
        self.play.tell(f"refused: {no}")
        if attempt.refresh().had_traffic:
            return drive(shut(HERE, str(no)), {}, lambda action: self._tried(attempt, action))
        return drive(abort(str(no)), attempt.story.answers, lambda action: self._tried(attempt, action))

    def _ask(self, attempt: Attempt, run: Run, action: do.AskApproval) -> Event:
        """A recorded verdict, then a stored answer, win over asking again."""
        given, requester = list[Given](), attempt.story.requester
        approval = next((one for one in self.play.spec.approvals if one.name == action.name), None)
        for n in range(1, 20):
            key = f"{action.place.step}-{action.name}-{action.place.leg}-{action.place.attempt}-{n}"
            stored = run.answers.get(key)
            if stored is not None:
                if self._counts(attempt, action, str(stored["approver"])):
                    given.append(Given(str(stored["decision"]), str(stored["approver"])))
                whole = decided(approval, requester, given)
                if whole is not None:
                    return attempt.end(action, self._answered(action, whole.decision, whole.approver))
                continue
            if action.key in attempt.refresh().expired:
                break
            if key in run.asked:
                continue
            question = attempt.story.questions.get(action.key)
            deadline = question.deadline if question else attempt.ledger.now() + action.deadline
            if deadline <= attempt.ledger.now():
                break
            body = {"gate": action.name, "suspend_key": key, "deadline": deadline.isoformat(), "run_id": run.id,
                    "on_expiry": action.on_expiry, "traffic": action.traffic}  # fmt: skip
            attempt.begin(action, {"question": body})
            self._give_back(attempt)
            run.asked.add(key)
            self.play.persons.are_asked(run, action, key, (deadline - attempt.ledger.now()).total_seconds())
            raise Suspended
        return attempt.end(action, self._answered(action, "expired", "nobody"))

    def _counts(self, attempt: Attempt, action: do.AskApproval, approver: str) -> bool:
        allowed = (
            ()
            if action.name in ("leave-park", "take-over", FORWARD)
            else self.play.spec.approval(action.name).approvers
        )
        if allowed and approver not in allowed:
            attempt.note("answer-refused", {"gate": action.name})
            return False
        return True

    def _answered(self, action: do.AskApproval, decision: Any, approver: str) -> Answered:
        return Answered(at=self.play.line.now(), gate=action.name, decision=decision, approver=approver)

    def _long_bake(self, attempt: Attempt, action: do.Bake) -> Event:
        story = attempt.refresh()
        if action.key not in story.open:
            told = {"id": bake_id(action.place, action.name), "seconds": action.lasting.total_seconds()}
            attempt.begin(action, {"bake": told | {"weight": action.weight}})
        left = attempt.refresh().open[action.key].at + action.lasting - attempt.ledger.now()
        if left > timedelta(seconds=30) and story.down is None:
            self._give_back(attempt)
            raise Waiting(left.total_seconds())
        return self._tried(attempt, action)

    def _long_wait(self, attempt: Attempt, action: do.WaitUntil) -> Event:
        story = attempt.refresh()
        if action.key not in story.open:
            attempt.begin(action)
            story = attempt.refresh()
        left = waits_until(attempt.world, story, action, attempt.ledger.now()) - attempt.ledger.now()
        if left > timedelta(0) and story.down is None:
            self._give_back(attempt)
            raise Waiting(left.total_seconds())
        return attempt.end(action, Waited(at=attempt.ledger.now(), name=action.name))

    # -- the rollback -------------------------------------------------------------------------------------------------

    def rollback(self, run: Run) -> Ended:
        play, release_id = self.play, str(run.parameters["release"])
        row = play.ledger.find(release_id)
        assert row is not None
        story = Story.of(play.ledger.entries(row.id))
        if story.state not in (State.PREPARING, State.SHIFTING, State.PROMOTED, State.DOWN, State.ROLLED_BACK):
            return "FAILED", "Refused"
        despite = str(run.parameters.get("beyond", ""))
        try:
            decide_if_needed(play.world, row.id, "a person", str(run.parameters["why"]), story, despite)
        except NoReturn:
            return "FAILED", "Refused"
        attempt = self._attempt(
            lambda: begin_attempt(play.world, row, row.run_id, LEASE, "rollback", at_once=True, plan_acts=False)
        )
        plan = rollback(play.spec, str(run.parameters["why"]), list_of(attempt.story))
        drive(plan, attempt.story.answers, lambda action: self._tried(attempt, action))
        self._give_back(attempt)
        return ("COMPLETED", "RolledBack") if attempt.refresh().state is State.ROLLED_BACK else ("FAILED", "Incomplete")

    # -- verification and the end of the way back ---------------------------------------------------------------------

    def verify(self, run: Run) -> Ended:
        play, slot = self.play, str(run.parameters["slot"])
        row = play.ledger.find(str(run.parameters["release"]))
        assert row is not None
        story = Story.of(play.ledger.entries(row.id))
        if slot == FINALIZE:
            return self._finalize(run, row, story)
        due = run.parameters["due"]
        what = fate(play.spec, slot, due, play.ledger.now(), story.slots, gone(play.spec, story, slot))
        if what is Fate.ANSWERED:
            return "COMPLETED", "AnsweredBefore"
        found = verify(play.world, story, slot) if what is Fate.RUN else Verified(
            "MISSED" if what is Fate.MISSED else "SUPERSEDED", what.value)  # fmt: skip
        try:
            record(play.ledger, row.id, slot, due, found, run.id)
        except Fenced:
            return "COMPLETED", "AnsweredBefore"
        if found.outcome == "FAIL":
            self._late_failure(row, slot, found)
        return "COMPLETED", found.outcome

    def _late_failure(self, row: ReleaseRow, slot: str, found: Verified) -> None:
        play = self.play
        story, why = Story.of(play.ledger.entries(row.id)), found.sentence
        try:
            if story.state is State.PROMOTED:
                decide_down(play.world, row.id, f"verification {slot}", why, story=story)
                return
        except NoReturn as stays:
            why = f"{why}; {stays}"
        play.ledger.append(row.id, Draft(Kind.NOTE, "paged", {"why": why}, slot))

    def _finalize(self, run: Run, row: ReleaseRow, story: Story) -> Ended:
        play = self.play
        if story.state not in (State.PROMOTED, State.FINALIZED):
            return "COMPLETED", "NotNeeded"
        attempt = self._attempt(lambda: begin_attempt(play.world, row, row.run_id, LEASE, "finalize"))
        until = play.line.t + REMOVED_WITHIN

        def answer(action: do.Action) -> Event:
            while True:
                try:
                    return self._answer(attempt, run, action)
                except NotApplied:
                    if play.line.t > until:
                        raise

        drive(finalize(play.spec), attempt.story.answers, answer)
        self._give_back(attempt)
        return "COMPLETED", "Closed"


def shown(story: Story, outcome: Outcome | None = None) -> Ended:
    """Only promoted ends as Completed; a stage that rests is StageDone, all else Failed with its own name."""
    if story.down is not None:
        return "FAILED", "RolledBack"
    if story.state is State.ABORTED:
        return "FAILED", "Aborted"
    if outcome is Outcome.RESTING or (story.resting_since and not story.over):
        return "COMPLETED", "StageDone"
    return "COMPLETED", "Promoted"
