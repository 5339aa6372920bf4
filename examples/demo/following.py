"""Following a release in the ledger: what happens, as lines, and the demo's answer to the approval."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from blocks.prefect_runs import PrefectRuns
from blocks.sql_ledger import SqlLedger
from tidegate.errors import ConnectorError, LedgerUnavailable
from tidegate.ledger import Entry, Kind
from tidegate.story import State, Story

ENDS = (State.ROLLED_BACK, State.ABORTED, State.CLOSED)


@dataclass(slots=True)
class Followed:
    """One release as the demo saw it."""

    release: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def story(self) -> Story:
        return Story.of(self.entries)


def follow(
    ledger: SqlLedger,
    runs: PrefectRuns,
    run_id: str,
    decision: str,
    say: Callable[[str], None],
    *,
    slots: int,
    late: bool,
    within: float,
) -> Followed:
    """
    Until the release has ended: rolled back, aborted, or promoted with the first `slots` answered (with `late`, a
    promotion is no end). TimeoutError after `within` seconds.
    """
    deadline, followed, answered = time.monotonic() + within, Followed(""), set[str]()
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            catch_up(ledger, run_id, followed, say)
        except LedgerUnavailable:
            continue
        story = followed.story
        for question in story.questions.values():
            if question.suspend_key not in answered and _answer(runs, question.run_id, decision, say):
                answered.add(question.suspend_key)
        if story.state in ENDS and _reported(story):
            return followed
        done = [slot for slot in story.slots.values() if slot["outcome"] != "MISSED"]
        if story.state is State.PROMOTED and not late and len(done) >= slots and _reported(story):
            return followed
        if not followed.release:
            _refused_at_once(runs, run_id)
    raise TimeoutError(f"no end within {within:.0f} s; the story so far ends as {followed.story.state}")


def _refused_at_once(runs: PrefectRuns, run_id: str) -> None:
    """A run that ended before it had a release; a busy server is asked again by the caller's loop."""
    try:
        state = runs.state(run_id)
    except ConnectorError:
        return
    if state.type in ("FAILED", "CRASHED", "CANCELLED"):
        raise TimeoutError(f"the run ended as {state.name} before it had a release")


def _reported(story: Story) -> bool:
    """Whether the report of how it ended is written (a late rollback writes a second one)."""
    last = "rolled-back" if story.down else "promoted" if story.promoted_at else ""
    written = [key for key, body in story.answers.items() if body.get("event") == "report-written"]
    return any(key.split("/")[5] == last or not last for key in written)


def catch_up(ledger: SqlLedger, run_id: str, followed: Followed, say: Callable[[str], None]) -> None:
    if not followed.release:
        mine = [row for row in ledger.releases() if row.run_id == run_id]
        if not mine:
            return
        followed.release = mine[0].id
    for entry in ledger.entries(followed.release, after=len(followed.entries)):
        followed.entries.append(entry)
        line = told(entry)
        if line:
            say(line)


def _answer(runs: PrefectRuns, run_id: str, decision: str, say: Callable[[str], None]) -> bool:
    """The same resume that a person uses; the answer says that it was the demo."""
    given = {"decision": decision, "approver": "make demo", "note": f"the demo answers by itself: {decision}"}
    try:
        refused = runs.resume(run_id, {**given, "plan": "canary"})
    except ConnectorError:
        return False
    if not refused:
        say(f'approval: the demo answers "{decision}" by the same resume that a person uses')
        return True
    return False


def told(entry: Entry) -> str:
    """One line for people, or "" for what is not worth one."""
    body, event = entry.body, entry.body.get("event")
    if entry.kind is Kind.DOWN:
        return f"SHUT by {entry.who}: {body['why']}"
    if entry.kind is Kind.SLOT:
        return f"verification {body['slot']}: {body['outcome']}"
    if entry.kind is Kind.NOTE and entry.key in ("restarted", "paged", "repaired"):
        return f"{entry.key}: {body.get('why', '')}"
    if entry.kind is not Kind.OUTCOME:
        return ""
    lines = {
        "check-run": "check {name}: {verdict}",
        "backup-proven": "backup {name}: {verdict}, {evidence}",
        "artifact-pushed": "artifact {component}: {digest:.19}",
        "became-healthy": "green {component}: {evidence}",
        "claimed": "route of {component} claimed: stable {stable}, canary {canary}",
        "answered": "approval {gate}: {decision} by {approver}",
        "weight-set": "{component} at {weight} %",
        "baked": "step {step} %: {verdict}",
        "promoted": "promoted at {weight} %",
        "slots-booked": "verification slots booked",
        "lowered": "all traffic back to stable",
        "rollback-verified": "rollback verified: {evidence}",
        "rolled-back": "rolled back",
        "aborted": "aborted: {why}",
        "report-written": "report written",
    }
    line = lines.get(str(event))
    return line.format(**body) if line else ""
