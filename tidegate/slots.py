"""Verification slots: when each is due from its anchor, and what becomes of a late one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from tidegate.quantities import spoken
from tidegate.spec import Spec

FINALIZE = "finalize"


class Fate(StrEnum):
    """What to do with a slot when its run starts."""

    RUN = "run"
    MISSED = "missed"  # its slot is no longer useful
    SUPERSEDED = "superseded"
    ANSWERED = "answered"  # never run twice


def slot_names(spec: Spec) -> list[str]:
    """`T+10m`, `T+1h` ...: the spec's own offsets, also under compressed time."""
    whole = [timedelta(seconds=round((slot * spec.compress).total_seconds())) for slot in spec.verification.slots]
    return [f"T+{spoken(slot)}" for slot in whole]


def due_times(spec: Spec, anchor: datetime) -> dict[str, datetime]:
    """Name -> instant of every slot of this anchor, and of the run that makes the release final."""
    due = dict(zip(slot_names(spec), (anchor + slot for slot in spec.verification.slots), strict=True))
    due[FINALIZE] = anchor + spec.cleanup.keep_blue
    return due


def fate(spec: Spec, slot: str, due: datetime, now: datetime, answered: Mapping[str, object], superseded: bool) -> Fate:
    """Late runs late or is MISSED by rule; a newer claim supersedes; one outcome each (I26)."""
    if slot in answered:
        return Fate.ANSWERED
    if superseded:
        return Fate.SUPERSEDED
    return Fate.MISSED if now - due > spec.verification.late else Fate.RUN
