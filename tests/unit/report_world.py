"""
A scripted world that answers a release's plan, and the chain that comes of it, as a ledger would hold it.

The plans themselves (tidegate/release.py, tidegate/rollback.py) decide what is written, so its keys are the core's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate import actions as a
from tidegate import events as e
from tidegate.ledger import FIRST_HASH, Draft, Entry, Kind, chain
from tidegate.plan import Plan, drive
from tidegate.ports import Verdict
from tidegate.slots import due_times
from tidegate.spec import Spec

BAKE_25 = "main/1/canary/bake/25/25/1"
BEGAN = datetime(2025, 11, 24, 9, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
DIGESTS = {"api": "sha256:" + "3fa9c1" * 10 + "77d0", "frontend": "sha256:" + "b20e54" * 10 + "91ce"}


def shop_spec(**changed: Any) -> Spec:
    """The shop of the examples, as a spec that needs no file."""
    part = {
        "platform": {"use": "process-platform"},
        "router": {"use": "traefik-router"},
        "artifact": {"use": "folder-registry"},
        "metrics": {"use": "traefik-metrics"},
        "source": "builds/{version}",
    }
    steps = [("5", "20m", None), ("25", "30m", None), ("50", "30m", "half"), ("100", "1h", None)]
    plan = [{"weight": int(w), "bake": bake, **({"approval": asked} if asked else {})} for w, bake, asked in steps]
    gates = [("api-errors", "api", "error_rate", "0.5 %", "1 %"), ("api-p95", "api", "latency_p95", "300ms", "500ms"),
             ("page-errors", "frontend", "error_rate", "0.5 %", "2 %")]  # fmt: skip
    checks: list[tuple[str, str, dict[str, Any]]] = [
        ("env", "every required setting has a value", {"remedy": "fill in .env"}),
        ("migration", "the migration can be undone", {"remedy": "write the down migration"}),
        ("licences", "all licences are allowed ones", {"blocking": False}),
        ("buy", "a customer can buy", {"component": "api"}),
        ("front-page", "the front page renders", {"component": "frontend"}),
    ]
    go = {"name": "go", "ask": "Is everybody ready for this release?", "ask_ko": "이번 배포를 시작해도 됩니까?"}
    half = {
        "name": "half",
        "ask": "Do the figures allow half of the traffic?",
        "ask_ko": "트래픽의 절반을 보내도 됩니까?",
    }
    told: dict[str, Any] = {
        "system": "shop",
        "description": "The example shop: an API with its database, and a frontend.",
        "components": {"api": part, "frontend": part},
        "checks": [{"name": n, "says": says, "check": {"use": "http-check"}, **more} for n, says, more in checks],
        "backups": [{"name": "orders", "backup": {"use": "postgresql-backup"}}],
        "approvals": [{**go, "deadline": "24h"}, {**half, "deadline": "4h", "approvers": ["kim", "lee"]}],
        "readiness": "go",
        "plans": {"canary": {"steps": plan}},
        "plan": "canary",
        "gates": [
            {"name": n, "component": c, "metric": m, "target": f"at most {t}", "rollback": f"above {r}",
             "lasting": "2m", "min_samples": 200}
            for n, c, m, t, r in gates
        ],
        "verification": {"slots": ["1h", "6h", "12h", "24h", "2d", "3d", "7d"], "checks": ["env"]},
    }  # fmt: skip
    return Spec.model_validate({**told, **changed})


@dataclass
class Script:
    """What the world answers, by name of check, backup, gate or step; everything not named goes well."""

    checks: Mapping[str, tuple[Verdict, str]] = field(default_factory=dict)
    backup: tuple[Verdict, str] = (Verdict.PASS, "3 tables restored and compared, 0 differ")
    answers: Mapping[str, tuple[str, str, bool, str]] = field(default_factory=dict)  # decision, who, proved, note
    answered_after: Mapping[str, timedelta] = field(default_factory=dict)
    fails_at: str = ""  # the step whose bake the watch ends
    stops_before: Callable[[a.Action], bool] = lambda _action: False
    dropped: Mapping[str, str] = field(default_factory=dict)


class Stopped(Exception):
    """The telling stops here, as a process does that waits."""


@dataclass
class Teller:
    """Writes one release's chain."""

    spec: Spec
    script: Script
    now: datetime = BEGAN
    epoch: int = 7
    entries: list[Entry] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def append(
        self, kind: Kind, key: str, body: Mapping[str, Any], who: str = "release", *, epoch: bool = False
    ) -> Entry:
        before = self.entries[-1].hash if self.entries else FIRST_HASH
        draft = Draft(kind, key, body, who, self.epoch if epoch else None)
        entry = chain(f"{self.spec.system}/1.1/2", len(self.entries) + 1, draft, self.now, before)
        self.entries.append(entry)
        return entry

    def open(self, reason: str = "reviews under each product", who: str = "min") -> None:
        request = {"version": "1.1", "plan": None, "kind": "regular", "stop_after": None, "reason": reason}
        self.append(
            Kind.OPENED,
            "opened",
            {"digest": "sha256:" + "5e1d" * 16, "request": request, "blue": "1.0", "stops": []},
            who,
        )

    def tell(self, plan: Plan) -> None:
        try:
            drive(plan, self.answers, self.perform)
        except Stopped:
            return

    def perform(self, action: a.Action) -> e.Event:
        if isinstance(action, a.Lower):
            raise Stopped  # the watch's Down is told by the scenario
        body = intent_of(action, self.now)
        if self.script.stops_before(action) and not isinstance(action, a.AskApproval):
            raise Stopped
        self.now += timedelta(milliseconds=140)
        self.append(Kind.INTENT, action.key, body, epoch=True)
        if self.script.stops_before(action):
            raise Stopped
        self.now += _takes(action, self.script)
        event = answer(action, self)
        told = event.to_body()
        self.append(Kind.OUTCOME, action.key, told, epoch=True)
        self.answers[action.key] = told
        return event

    def begin_bake(self) -> None:
        """The intent of the second bake; scenarios go on from there."""
        told = {"bake": {"id": "1/canary/25", "seconds": 1800.0, "weight": 25}}
        self.append(Kind.INTENT, BAKE_25, told, epoch=True)

    def down(self, who: str, why: str, seconds: float) -> None:
        """As `shifting.decide_down` writes it: after the traffic is back, with the instant of the decision."""
        decided = self.now
        self.now += timedelta(seconds=seconds)
        body = {"why": why, "token": "4c1f09", "decided_at": decided.isoformat()}
        self.append(Kind.DOWN, "down/4c1f09", body, who)
        self.now += timedelta(milliseconds=90)

    def slot(self, name: str, outcome: str, sentence: str, due: datetime) -> None:
        event = e.Slotted(at=self.now, slot=name, outcome=outcome, sentence=sentence, due=due)  # type: ignore[arg-type]
        self.append(Kind.SLOT, f"slot/{name}", event.to_body(), "verify")


def intent_of(action: a.Action, now: datetime) -> dict[str, Any]:
    """What an intent says of its act, as the watch and the story read it."""
    if isinstance(action, a.SetWeight):
        return {"raise": {"component": action.component, "weight": action.weight}}
    if isinstance(action, a.Bake):
        bake_id = f"{action.place.leg}/{action.place.plan}/{action.name}"
        return {"bake": {"id": bake_id, "seconds": action.lasting.total_seconds(), "weight": action.weight}}
    if isinstance(action, a.AskApproval):
        question = {
            "gate": action.name,
            "suspend_key": f"{action.name}-1",
            "deadline": (now + action.deadline).isoformat(),
            "on_expiry": action.on_expiry,
            "traffic": action.traffic,
            "run_id": "7d0b1f52",
        }
        return {"question": question}
    return {"lowering": True} if type(action) in a.LOWERING else {}


def _takes(action: a.Action, script: Script) -> timedelta:
    if isinstance(action, a.AskApproval):
        return script.answered_after.get(action.name, 6 * MINUTES)
    if isinstance(action, a.Bake):
        return action.lasting + timedelta(seconds=4)
    seconds = {a.RunCheck: 1.3, a.TakeBackup: 41.0, a.ProveBackup: 66.5, a.PushArtifact: 9.4, a.CreateGreen: 2.2,
               a.AwaitHealthy: 5.7, a.SetWeight: 0.3, a.StopGreen: 3.1, a.VerifyRollback: 0.6}  # fmt: skip
    return timedelta(seconds=seconds.get(type(action), 0.05))


def answer(action: a.Action, told: Teller) -> e.Event:  # noqa: C901 - one line for each kind of act
    """What the world says to an act."""
    at, script = told.now, told.script
    match action:
        case a.RunCheck():
            verdict, evidence = script.checks.get(action.name, (Verdict.PASS, f"{action.name}: 12 of 12 items hold"))
            return e.CheckRun(
                at=at, name=action.name, component=action.component, verdict=verdict, evidence=evidence, seconds=1.3
            )
        case a.TakeTurn():
            return e.TurnTaken(at=at)
        case a.TakeBackup():
            return e.BackupTaken(at=at, name=action.name, location="backups/shop-1.1-2.dump")
        case a.ProveBackup():
            verdict, evidence = script.backup
            tables = {"orders": 18_204, "products": 412, "reviews": 0}
            return e.BackupProven(
                at=at,
                name=action.name,
                verdict=verdict,
                evidence=evidence,
                tables=tables,
                size=48_300_112,
                seconds=66.5,
            )
        case a.PushArtifact():
            return e.ArtifactPushed(at=at, component=action.component, digest=DIGESTS[action.component])
        case a.CreateGreen():
            urls = ("http://127.0.0.1:9001", "http://127.0.0.1:9002")
            part, told_side = action.component, f"{action.component}-1-1"
            return e.GreenCreated(
                at=at, component=part, digest=action.digest, side=told_side, urls=urls, blue=f"{part}-1-0"
            )
        case a.AwaitHealthy():
            return e.BecameHealthy(
                at=at, component=action.component, verdict=Verdict.PASS, instances=2, evidence="2 of 2 healthy"
            )
        case a.InspectRoutes():
            return e.RoutesInspected(at=at)
        case a.Claim():
            part = action.component
            return e.Claimed(at=at, component=part, stable=f"{part}-1-0", canary=action.side, epoch=told.epoch)
        case a.AskApproval():
            decision, who, proved, note = script.answers.get(action.name, ("approve", "kim", False, ""))
            return e.Answered(at=at, gate=action.name, decision=decision, approver=who, proved=proved, note=note)  # type: ignore[arg-type]
        case a.SetWeight():
            return e.WeightSet(at=at, component=action.component, weight=action.weight)
        case a.Bake():
            return e.Baked(
                at=at, step=action.name, verdict=Verdict.PASS, sentence=GOOD_SENTENCE, detail={"gates": GOOD_GATES}
            )
        case a.Park():
            return e.Parked(at=at, why=action.why)
        case a.Promote():
            return e.Promoted(at=at, weight=action.weight)
        case a.BookSlots():
            return e.SlotsBooked(at=at, anchor=action.name, slots=due_times(told.spec, at))
        case a.Tell():
            return e.Told(at=at, notice=action.name, dropped=script.dropped.get(action.name, ""))
        case a.WriteReport():
            return e.ReportWritten(
                at=at, location=f"reports/shop-1.1-2-{action.name}.html", digest="sha256:" + "0d" * 32
            )
        case a.Abort():
            return e.Aborted(at=at, why=action.why)
        case a.EnsureLowered():
            return e.Lowered(at=at, why=action.why, weights=dict.fromkeys(told.spec.components, 0))
        case a.VerifyRollback():
            return e.RollbackVerified(
                at=at, verdict=Verdict.PASS, evidence="1.0 answers on both routes and carries all traffic", seconds=1.6
            )
        case a.StopGreen():
            return e.GreenStopped(at=at, component=action.component, side=f"{action.component}-1-1")
        case a.CancelSlots():
            return e.SlotsCancelled(at=at, count=0)
        case a.CloseRollback():
            return e.RolledBack(at=at)
        case a.EndRun():
            return e.RunEnded(at=at, state=action.state)
    raise AssertionError(f"no answer for {action.key}")


def _judged(gate: str, verdict: str, value: float, count: int, sentence: str) -> dict[str, Any]:
    """One gate in a look's details, as tidegate/watch.py writes it."""
    component = "frontend" if gate.startswith("page") else "api"
    told = {"gate": gate, "component": component, "verdict": verdict, "sentence": f"{component} {sentence}"}
    return {**told, "value": value, "count": count}


GOOD_GATES = [
    _judged("api-errors", "PASS", 0.0019, 4112, "error_rate: 8 of 4112 requests (0.19 %), at most 0.5 % wanted"),
    _judged("api-p95", "PASS", 0.184, 4112, "latency_p95: 184 ms of 4112 requests, at most 300 ms wanted"),
    _judged("page-errors", "PASS", 0.0007, 5230, "error_rate: 0.07 % of 5230 requests, at most 0.5 % wanted"),
]
BAD_GATES = [
    _judged("api-errors", "FAIL", 0.13, 438, "error_rate: 57 of 438 requests (13 %), limit 1 %"),
    _judged("api-p95", "INCONCLUSIVE", 0.428, 438, "latency_p95: 428 ms of 438 requests, between 300 ms and 500 ms"),
    GOOD_GATES[2],
]
GOOD_SENTENCE = "; ".join(gate["sentence"] for gate in GOOD_GATES)
BAD_SENTENCE = "api error_rate: 57 of 438 requests (13 %), limit 1 %"
