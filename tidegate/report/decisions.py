"""Who decided what: answers of people, and the Down with the seconds until all traffic was back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tidegate.events import Answered, Lowered, RollbackVerified
from tidegate.ledger import Entry
from tidegate.report.values import ApprovalFact, DownFact, NotedFact
from tidegate.report.walk import Walk

ACTS_IN = timedelta(seconds=10)  # a new flow process needs 3 to 8 to start


def approvals_of(walk: Walk) -> tuple[ApprovalFact, ...]:
    """Questions in the order in which they were asked, answered or not."""
    texts = {approval.name: approval for approval in walk.spec.approvals}
    found = []
    for key, intent in walk.intents.items():
        asked = intent.body.get("question")
        if not isinstance(asked, Mapping):
            continue
        gate, answer, outcome = str(asked["gate"]), walk.events.get(key), walk.outcomes.get(key)
        text = texts.get(gate)
        told = answer if isinstance(answer, Answered) else None
        expiry = walk.expiries.get(key)
        found.append(
            ApprovalFact(
                gate,
                text.ask if text else "",
                text.ask_ko if text else "",
                text.approvers if text else (),
                intent.at,
                datetime.fromisoformat(str(asked["deadline"])),
                str(asked["on_expiry"]),
                bool(asked["traffic"]),
                told.decision if told else "expired" if expiry else "",
                told.approver if told else "",
                told.proved if told else False,
                told.note if told else "",
                told.plan if told else "",
                outcome.at if outcome else expiry.at if expiry else None,
                None if outcome or expiry else _noted(walk, gate, intent),
            )
        )
    return tuple(found)


def _noted(walk: Walk, gate: str, intent: Entry) -> NotedFact | None:
    """The newest answer to this very asking that the watch has seen, unless the run refused it since."""
    found: NotedFact | None = None
    for note in walk.story.notes:
        if note.seq < intent.seq or note.body.get("gate") != gate:
            continue
        if note.key == "answer-noted":
            said, who = str(note.body.get("decision", "")), str(note.body.get("approver", ""))
            found = NotedFact(who, said, note.at, _acts_by(note))
        elif note.key == "answer-refused":
            found = None
    return found


def _acts_by(note: Entry) -> datetime:
    try:
        return datetime.fromisoformat(str(note.body.get("acts_by")))
    except ValueError:
        return note.at + ACTS_IN


def down_of(walk: Walk) -> DownFact | None:
    decided, entry = walk.story.down, walk.down
    if decided is None or entry is None:
        return None
    verified, _ = walk.last(RollbackVerified)
    promoted, at = walk.story.promoted_at, _decided_at(entry)
    return DownFact(
        decided.who,
        decided.why,
        at,
        entry.seq,
        bool(entry.body.get("proved")),
        _seconds_to_zero(walk, entry),
        walk.at_down,
        at - promoted if promoted else None,
        verified.verdict if verified else None,
        verified.evidence if verified else "",
        verified.seconds if verified else 0.0,
    )


def _decided_at(down: Entry) -> datetime:
    """The decision comes first, then the traffic, then the ledger: the entry may be younger than what it tells."""
    try:
        return min(down.at, datetime.fromisoformat(str(down.body.get("decided_at"))))
    except (TypeError, ValueError):  # not told, or told without a time zone
        return down.at


def _seconds_to_zero(walk: Walk, down: Entry) -> float | None:
    """
    From the decision to weight 0 on every route: as whoever lowered measured it (`seconds`); else to the Down's own
    entry, which is written once the traffic is back; else to the first `lowered` after it.

    The last two are upper bounds. None while nobody has seen weight 0.
    """
    told, decided = down.body.get("seconds"), _decided_at(down)
    if isinstance(told, int | float):
        return float(told)
    if decided < down.at or not walk.at_down:
        return (down.at - decided).total_seconds()
    lowered = [walk.outcomes[key].at for key, _ in walk.of(Lowered) if walk.outcomes[key].seq > down.seq]
    return (lowered[0] - decided).total_seconds() if lowered else None
