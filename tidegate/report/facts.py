"""
One fold from a release's chain, its readings and its spec to `ReleaseFacts`.

The story (tidegate/story.py) says what holds; this adds what people want to see of how it came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tidegate.events import (
    Aborted,
    ArtifactPushed,
    BackupProven,
    BackupTaken,
    BecameHealthy,
    BlueRemoved,
    CheckRun,
    Figure,
    GreenCreated,
    GreenStopped,
    ReportWritten,
    RolledBack,
    Told,
)
from tidegate.ledger import Entry, Reading, broken_at
from tidegate.report.acts import acts_of
from tidegate.report.crossed import beyond_of, halfway_of
from tidegate.report.decisions import approvals_of, down_of
from tidegate.report.figures import Readings
from tidegate.report.steps import exposure, steps_of
from tidegate.report.values import (
    BackupFact,
    ChainFact,
    CheckFact,
    ComponentFact,
    Condition,
    Drop,
    NoteFact,
    ReleaseFacts,
    Side,
    SlotFact,
)
from tidegate.report.walk import Walk, walk_over
from tidegate.slots import FINALIZE
from tidegate.spec import Spec
from tidegate.story import State, Story

__all__ = ["ReleaseFacts", "facts_of"]


def facts_of(entries: Sequence[Entry], readings: Sequence[Reading], spec: Spec) -> ReleaseFacts:
    """The facts of a release; ValueError for an empty chain, which has nothing to tell."""
    if not entries:
        raise ValueError("a report needs at least the entry that opened the release")
    walk = walk_over(entries, spec)
    story, read = walk.story, Readings(readings, _side_names(walk.story))
    ended = _ended_at(walk)
    return ReleaseFacts(
        spec=spec,
        release=entries[0].release,
        version=str(walk.request.get("version") or _version_in(entries[0].release)),
        blue=_blue(walk),
        kind=str(walk.request.get("kind") or "regular"),
        plan=walk.plan_of(story.leg)[0],
        requester=story.requester.removesuffix(" (unproved)"),
        requester_proved=bool(story.opened.get("proved")),
        reason=str(walk.request.get("reason") or ""),
        spec_digest=str(story.opened.get("digest") or ""),
        opened_at=entries[0].at,
        as_of=entries[-1].at,
        ended_at=ended,
        state=story.state,
        condition=_condition(story),
        why=_why(walk),
        components=_components(walk),
        acts=acts_of(walk),
        steps=steps_of(walk, read),
        checks=_checks(walk),
        backups=_backups(walk),
        approvals=approvals_of(walk),
        down=down_of(walk),
        slots=_slots(walk),
        final_due=datetime.fromisoformat(story.booked[FINALIZE]) if FINALIZE in story.booked else None,
        dropped=_dropped(walk),
        notes=tuple(NoteFact(note.key, note.who, note.at, _text_of(note.body)) for note in story.notes),
        series=read.series(),
        weights={name: tuple(changes) for name, changes in walk.weights.items()},
        restarts=story.restarts,
        attempts=len({entry.epoch for entry in entries if entry.epoch is not None}),
        promoted_at=story.promoted_at,
        exposed=exposure(walk, ended or entries[-1].at),
        highest=max((weight for told in walk.weights.values() for _, weight in told), default=0),
        chain=ChainFact(len(entries), entries[-1].hash, _broken_at(entries)),
        beyond=beyond_of(walk),
        halfway=halfway_of(walk),
    )


def _broken_at(entries: Sequence[Entry]) -> int | None:
    """As the ledger says; a body that none can have written (half a letter, NaN) breaks the chain where it stands."""
    if not entries[-1].hash:
        return None  # kept without hashes, in a rehearsal
    for n in range(len(entries), 0, -1):
        try:
            found = broken_at(entries[:n])
        except ValueError:
            continue
        return found if found is not None or n == len(entries) else n + 1
    return 1


def _version_in(release: str) -> str:
    return release.split("/")[1] if release.count("/") == 2 else release


def _side_names(story: Story) -> dict[str, dict[str, Side]]:
    return {
        component: {str(claimed["stable"]): "stable", str(claimed["canary"]): "canary"}
        for component, claimed in story.claimed.items()
    }


def _blue(walk: Walk) -> str:
    """Who had the traffic before: its version if the first entry names it, else the side that the claim found."""
    told = walk.story.opened.get("blue") or walk.story.opened.get("stable")
    if isinstance(told, str) and told:
        return told
    sides = [str(claimed["stable"]) for claimed in walk.story.claimed.values()]
    return (sides or [event.blue for _, event in walk.of(GreenCreated) if event.blue] or [""])[0]


def _ended_at(walk: Walk) -> datetime | None:
    story = walk.story
    if story.state is State.ROLLED_BACK:
        return walk.last(RolledBack)[1]
    if story.state is State.ABORTED:
        return walk.last(Aborted)[1]
    return None if story.state is State.DOWN else story.promoted_at


def _condition(story: Story) -> Condition:
    if story.state in (State.PREPARING, State.SHIFTING):
        if story.questions:
            return Condition.WAITING
        if story.parked_since:
            return Condition.PARKED
        if story.resting_since:
            return Condition.RESTING
    return Condition(story.state.value)


def _why(walk: Walk) -> str:
    aborted, _ = walk.last(Aborted)
    if walk.story.down:
        return walk.story.down.why
    return aborted.why if aborted else ""


def _components(walk: Walk) -> tuple[ComponentFact, ...]:
    pushed = {event.component: event.digest for _, event in walk.of(ArtifactPushed)}
    green = {event.component: event for _, event in walk.of(GreenCreated)}
    well = {event.component: event.instances for _, event in walk.of(BecameHealthy)}
    stopped = {event.component for _, event in walk.of(GreenStopped)}
    removed = {event.component for _, event in walk.of(BlueRemoved)}
    story, found = walk.story, []
    for name in walk.spec.components:
        made, claimed = green.get(name), story.claimed.get(name, {})
        found.append(
            ComponentFact(
                name,
                pushed.get(name) or (made.digest if made else ""),
                str(claimed.get("stable") or (made.blue if made else "")),
                str(claimed.get("canary") or (made.side if made else "")),
                story.weights.get(name, 0),
                story.weight_since.get(name),
                well.get(name, 0),
                name in stopped,
                name in story.final,
                name in removed,
            )
        )
    return tuple(found)


def _checks(walk: Walk) -> tuple[CheckFact, ...]:
    specs = {check.name: check for check in walk.spec.checks}
    found = []
    for key, event in walk.of(CheckRun):
        spec = specs.get(event.name)
        found.append(
            CheckFact(
                event.name,
                event.component,
                spec.says if spec else "",
                event.verdict,
                spec.blocking if spec else True,
                event.evidence,
                event.remedy or (spec.remedy if spec else ""),
                event.seconds,
                walk.outcomes[key].at,
            )
        )
    return tuple(found)


def _backups(walk: Walk) -> tuple[BackupFact, ...]:
    proofs = {event.name: event for _, event in walk.of(BackupProven)}
    found = []
    for key, taken in walk.of(BackupTaken):
        at, proof = walk.outcomes[key].at, proofs.get(taken.name)
        if proof is None:
            found.append(BackupFact(taken.name, taken.location, at))
        else:
            found.append(
                BackupFact(
                    taken.name,
                    taken.location,
                    at,
                    proof.verdict,
                    proof.evidence,
                    proof.tables,
                    proof.size,
                    proof.seconds,
                )
            )
    return tuple(found)


def _slots(walk: Walk) -> tuple[SlotFact, ...]:
    due = {slot: datetime.fromisoformat(at) for slot, at in walk.story.booked.items()}
    for slot, entry in walk.slots.items():
        due.setdefault(slot, datetime.fromisoformat(str(entry.body["due"])))
    found = []
    for slot, at in sorted(due.items(), key=lambda item: item[1]):
        if slot == FINALIZE:
            continue
        entry_of = walk.slots.get(slot)
        body: Mapping[str, Any] = entry_of.body if entry_of else {}
        told = tuple(Figure.model_validate(one) for one in body.get("figures", ()))
        outcome, sentence = str(body.get("outcome", "")), str(body.get("sentence", ""))
        found.append(SlotFact(slot, at, outcome, sentence, entry_of.at if entry_of else None, told))
    return tuple(found)


def _dropped(walk: Walk) -> tuple[Drop, ...]:
    told = [(key, event.notice, event.dropped) for key, event in walk.of(Told)]
    told += [(key, "report", event.dropped) for key, event in walk.of(ReportWritten)]
    return tuple(
        Drop(what, why, walk.outcomes[key].at)
        for key, what, why in sorted(told, key=lambda t: walk.outcomes[t[0]].seq)
        if why
    )


def _text_of(body: Mapping[str, Any]) -> str:
    """A note's own words, else its fields."""
    for name in ("sentence", "why", "text", "note"):
        if body.get(name):
            return str(body[name])
    return ", ".join(f"{name}: {value}" for name, value in sorted(body.items()))
