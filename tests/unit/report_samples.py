"""
Releases as a ledger would hold them: promoted, rolled back, aborted, waiting, shifting, and rolled back late.

The same call gives the same chain, hash by hash; `ALL` has them all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.unit.report_world import (
    BAD_GATES,
    BAD_SENTENCE,
    BAKE_25,
    GOOD_GATES,
    GOOD_SENTENCE,
    MINUTES,
    Script,
    Teller,
    shop_spec,
)
from tidegate import actions as a
from tidegate import events as e
from tidegate.ledger import Entry, Kind, LookRow, Reading, SeenLook
from tidegate.ports import Verdict
from tidegate.release import release
from tidegate.rollback import rollback
from tidegate.spec import Spec


@dataclass(frozen=True)
class Sample:
    """One told release; `look` is the watch's row where a release is under way."""

    name: str
    spec: Spec
    entries: Sequence[Entry]
    readings: Sequence[Reading]
    look: SeenLook | None = None


def readings_of(told: Teller, bad_from: datetime | None = None) -> list[Reading]:
    """One reading a minute for both sides of every gate, from the first raise to the end."""
    dice = random.Random(7)
    first = next((entry.at for entry in told.entries if entry.body.get("event") == "weight-set"), None)
    ends = [entry.at for entry in told.entries if entry.kind is Kind.DOWN or entry.body.get("event") == "promoted"]
    readings: list[Reading] = []
    at, until = first, ends[-1] if ends else told.now
    while at is not None and at <= until:
        bad = bad_from is not None and at >= bad_from
        for gate in told.spec.gates:
            for side in ("stable", "canary"):
                usual = 0.16 if gate.metric == "latency_p95" else 0.0016
                value = usual * dice.uniform(0.75, 1.3) * (1.1 if side == "canary" else 1.0)
                if bad and side == "canary" and gate.component == "api" and bad_from is not None:
                    rising = min(1.0, (at - bad_from) / (4 * MINUTES))
                    value += rising * (0.27 if gate.metric == "latency_p95" else 0.128)
                readings.append(Reading(at, gate.component, side, gate.metric, value, 438))
        at += MINUTES
    return readings


ANSWERS = {
    "go": ("approve", "kim", False, "All hands are here."),
    "half": ("approve", "lee", True, "p95 as before; go on."),
}
WAITS = {"go": timedelta(hours=2, minutes=40), "half": 9 * MINUTES}


def _sample(name: str, told: Teller, bad_from: datetime | None = None, look: SeenLook | None = None) -> Sample:
    return Sample(name, told.spec, tuple(told.entries), tuple(readings_of(told, bad_from)), look)


def promoted(spec: Spec | None = None, reason: str = "reviews under each product", who: str = "min") -> Sample:
    """All steps pass; the first verifications are answered, the others are still to come."""
    told = Teller(
        spec or shop_spec(),
        Script(answers=ANSWERS, answered_after=WAITS, dropped={"promoted": "Slack did not answer within 2 s"}),
    )
    told.open(reason, who)
    told.tell(release(told.spec))
    since = told.now
    for slot, outcome, sentence in (
        ("T+1h", "PASS", "env: 12 of 12 items hold"),
        ("T+6h", "PASS", "env: 12 of 12 items hold"),
        ("T+12h", "MISSED", "started 2h 41m late, allowed are 2h"),
    ):
        after = timedelta(hours=int(slot[2:-1]))
        told.now = since + after + (timedelta(hours=2, minutes=41) if outcome == "MISSED" else timedelta(seconds=8))
        told.slot(slot, outcome, sentence, since + after)
    return _sample("promoted", told)


def rolled_back(spec: Spec | None = None, why: str = BAD_SENTENCE, who: str = "watch") -> Sample:
    """At 25 % the API fails; the watch takes the traffic back."""
    told = Teller(spec or shop_spec(), Script(answers=ANSWERS, answered_after={"go": 12 * MINUTES}))
    told.script.stops_before = lambda action: isinstance(action, a.Bake) and action.name == "25"
    told.open()
    told.tell(release(told.spec))
    told.begin_bake()
    bad_from = told.now + 11 * MINUTES
    told.now = bad_from + 6 * MINUTES
    told.down(who, why, 0.812)
    baked = e.Baked(
        at=told.now, step="25", verdict=Verdict.FAIL, sentence=f"{why} (decided by {who})", detail={"gates": BAD_GATES}
    )
    told.append(Kind.OUTCOME, BAKE_25, baked.to_body(), epoch=True)
    told.epoch += 1
    told.tell(rollback(told.spec, why))
    return _sample("rolled back", told, bad_from)


def aborted(spec: Spec | None = None) -> Sample:
    """The backup does not hold, so nothing begins."""
    told = Teller(
        spec or shop_spec(), Script(backup=(Verdict.FAIL, "table orders: 18,204 rows dumped, 18,190 restored"))
    )
    told.open()
    told.tell(release(told.spec))
    return _sample("aborted", told)


def waiting(spec: Spec | None = None) -> Sample:
    """At 25 % and judged well, people are asked for half of the traffic; nobody has answered yet."""
    told = Teller(spec or shop_spec(), Script(answers=ANSWERS, answered_after={"go": 12 * MINUTES}))
    told.script.stops_before = lambda action: isinstance(action, a.AskApproval) and action.name == "half"
    told.open()
    told.tell(release(told.spec))
    return _sample("waiting", told, look=look_of(told, "1/canary/25", {"gates": GOOD_GATES}))


def shifting(spec: Spec | None = None) -> Sample:
    """At 25 %, 12 of 30 minutes baked."""
    told = Teller(spec or shop_spec(), Script(answers=ANSWERS, answered_after={"go": 12 * MINUTES}))
    told.script.stops_before = lambda action: isinstance(action, a.Bake) and action.name == "25"
    told.open()
    told.tell(release(told.spec))
    told.begin_bake()
    told.now += 12 * MINUTES
    told.append(Kind.NOTE, "restarted", {"why": "its run was Crashed"}, "watch")
    bake = {"id": "1/canary/25", "seconds": 1800.0, "passed": 720.0}
    return _sample("shifting", told, look=look_of(told, "1/canary/5", {"gates": GOOD_GATES, "bake": bake}))


def rolled_back_late(spec: Spec | None = None) -> Sample:
    """Promoted; a verification fails a day later, while the old version is still kept."""
    good = promoted(spec)
    told = Teller(good.spec, Script(), entries=list(good.entries))
    due = next(e.Slotted.model_validate(entry.body).due for entry in good.entries if entry.kind is Kind.SLOT)
    told.now = due + timedelta(hours=23, seconds=9)
    told.slot("T+1d", "FAIL", "check buy: HTTP 500 on the fourth order", due + timedelta(hours=23))
    told.now += timedelta(seconds=2)
    told.down("verify", "verification T+1d: check buy: HTTP 500 on the fourth order", 0.94)
    told.epoch += 1
    told.tell(rollback(told.spec, "verification T+1d"))
    return Sample("rolled back late", good.spec, tuple(told.entries), good.readings)


def look_of(told: Teller, step: str, detail: Mapping[str, Any], against: str = "") -> SeenLook:
    """The watch's row: everything passes at 25 %."""
    seq = told.entries[-1].seq
    row = LookRow(
        told.entries[-1].release, seq, step, "PASS", GOOD_SENTENCE, True, True, True, 3, against,
        dict.fromkeys(told.spec.components, 25), {"state": "shifting", **detail},
    )  # fmt: skip
    return SeenLook(row, 2.4, True)


ALL: tuple[Callable[[], Sample], ...] = (promoted, rolled_back, aborted, waiting, shifting, rolled_back_late)
