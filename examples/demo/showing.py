"""What the demo shows at its end: one table from the customers' own account, and what must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from examples.demo.following import Followed
from tidegate.story import State

NOT_SENT = 0.1  # of the requests: what a busy machine may keep its own customers from sending; the table says it
TOLERANCE = 2.0  # per cent points between asked and measured weight, over a step


@dataclass(frozen=True, slots=True)
class StepSeen:
    """One step as the customers met it."""

    step: str
    asked: int
    measured: float | None  # smallest distance is judged per component; this is the api's
    verdict: str
    sent: int
    failed: int
    seconds: float


def steps_seen(followed: Followed, account: Mapping[str, Any], version: str) -> list[StepSeen]:
    """Steps from the ledger's instants, shares and counts from the customers' seconds."""
    seen, since, weight, step = list[StepSeen](), None, 0, ""
    for entry in followed.entries:
        body = entry.body
        if body.get("event") == "weight-set":
            since, weight, step = since or entry.at, int(body["weight"]), entry.key.split("/")[4]
        if body.get("event") == "baked" and since is not None:
            seen.append(_step(account, version, step, weight, str(body["verdict"]), (since, entry.at)))
            since = None
    return seen


def _step(
    account: Mapping[str, Any], version: str, step: str, asked: int, verdict: str, span: tuple[datetime, datetime]
) -> StepSeen:
    first, last = span[0].timestamp(), span[1].timestamp()
    seconds = [s for s in account.get("seconds", []) if first <= s["at"] and s["at"] + 1 <= last]
    inner = [s for s in seconds if s["at"] >= first + 1.5]  # both routes stand at the weight by then
    mine = sum(s["answers"].get(c, {}).get(version, 0) for s in inner for c in s["answers"])
    every = sum(sum(v.values()) for s in inner for v in s["answers"].values())
    return StepSeen(
        step,
        asked,
        round(100 * mine / every, 1) if every else None,
        verdict,
        sum(s["sent"] for s in seconds),
        sum(s["failed"] for s in seconds),
        round(last - first, 1),
    )


def failed_of_sent(account: Mapping[str, Any]) -> int:
    """Failed among those that were sent; the account's own total counts what could not even be sent as failed, too."""
    return int(account.get("failed", 0)) - int(account.get("not_sent", 0))


def problems(
    followed: Followed, steps: list[StepSeen], account: Mapping[str, Any], deserved: str, slots: int
) -> list[str]:
    """What is not as it must be; an empty list is the demo's exit code 0."""
    story, said = followed.story, list[str]()

    def need(holds: object, otherwise: str) -> None:
        if not holds:
            said.append(otherwise)

    events = [entry.body.get("event") for entry in followed.entries]
    need(story.state is _deserved(deserved), f"it ended as {story.state.value}, it deserves to be {deserved}")
    if deserved == "promoted":
        failed, unsent = failed_of_sent(account), int(account.get("not_sent", 0))
        need(failed == 0, f"{failed} of the customers' requests failed")
        need(
            unsent <= NOT_SENT * account.get("requests", 0), f"{unsent} requests could not even be sent: a busy machine"
        )
        need([s.verdict for s in steps] == ["PASS"] * len(steps) and steps, "not every step passed")
        for step in steps:
            off = step.measured is None or abs(step.measured - step.asked) > TOLERANCE
            need(not off, f"{step.asked} % asked, the customers measured {step.measured} %")
        need(sum(s["outcome"] == "PASS" for s in story.slots.values()) >= slots, "the first verifications did not pass")
        need("slots-booked" in events, "no verification was booked")
    else:
        need(story.state is not State.PROMOTED, "it is promoted")
    if deserved == "rolled back late":
        need("promoted" in events, "it was not promoted before it was rolled back")
    if deserved in ("rolled back", "aborted"):
        need("promoted" not in events, "it was promoted")
    if deserved != "aborted":
        need("backup-proven" in events, "no backup was proven")
    need("report-written" in events, "no report was written")
    return said


def _deserved(word: str) -> State:
    ends = {"promoted": State.PROMOTED, "aborted": State.ABORTED}
    return ends.get(word, State.ROLLED_BACK)


def show(console: Console, followed: Followed, steps: list[StepSeen], account: Mapping[str, Any]) -> None:
    """The one table."""
    table = Table(title=f"{followed.release}: {followed.story.state.value.replace('_', ' ')}", title_justify="left")
    for name in ("step", "asked", "measured", "verdict", "sent", "failed", "seconds"):
        table.add_column(name, justify="right" if name not in ("step", "verdict") else "left")
    for step in steps:
        measured = "-" if step.measured is None else f"{step.measured:.1f} %"
        row = (
            step.step,
            f"{step.asked} %",
            measured,
            step.verdict,
            str(step.sent),
            str(step.failed),
            f"{step.seconds:.1f}",
        )
        table.add_row(*row)
    table.add_section()
    whole = account.get("seconds", [])
    span = whole[-1]["at"] - whole[0]["at"] + 1 if whole else 0
    table.add_row("all", "", "", "", str(account.get("sent", 0)), str(failed_of_sent(account)), str(span))
    console.print(table)


def why(followed: Followed) -> str:
    """The reason, in one sentence."""
    story = followed.story
    if story.down is not None:
        return story.down.why
    aborted = next((b for b in story.answers.values() if b.get("event") == "aborted"), None)
    return str(aborted["why"]) if aborted else ""
