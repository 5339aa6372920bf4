"""Every act of a release, with what came of it in one word and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tidegate.report.steps import RAISING, planned_times
from tidegate.report.values import Act
from tidegate.report.walk import Key, Walk

SAYING = (
    "evidence",
    "sentence",
    "why",
    "dropped",
    "location",
    "digest",
    "note",
    "state",
)  # the first that says something


def acts_of(walk: Walk) -> tuple[Act, ...]:
    """In the order in which they were begun (or, without an intent, done)."""
    first = dict(walk.intents)
    for key, entry in walk.outcomes.items():
        first.setdefault(key, entry)
    due = {leg: planned_times(walk, leg) for leg in range(1, walk.story.leg + 1)}
    return tuple(_act(walk, key, due) for key in sorted(first, key=lambda key: first[key].seq))


def _act(walk: Walk, key: str, due: Mapping[int, Mapping[str, datetime]]) -> Act:
    parts, outcome, intent = Key.of(key), walk.outcomes.get(key), walk.intents.get(key)
    body = outcome.body if outcome else {}
    return Act(
        key,
        parts.kind,
        "" if parts.step == "-" else parts.step,
        "" if parts.what == "-" else parts.what.split(":")[0],
        parts.leg,
        parts.plan,
        _planned(parts, due.get(parts.leg, {})),
        intent.at if intent else None,
        outcome.at if outcome else None,
        _result(walk, body),
        next((str(body[name]) for name in SAYING if body.get(name)), ""),
    )


def _planned(parts: Key, due: Mapping[str, datetime]) -> datetime | None:
    if parts.kind in RAISING:
        return due.get(parts.step)
    return due.get("") if parts.kind == "promote" else None


def _result(walk: Walk, body: Mapping[str, Any]) -> str:
    if not body:
        return "never" if walk.story.over or walk.story.down else "open"
    if body.get("dropped"):
        return "dropped"
    return str(body.get("verdict") or body.get("decision") or "done")
