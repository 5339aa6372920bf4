"""
A home whose ledger tells of a release: written by the ledger's own verbs, answered by a scripted world.

For tests of whatever reads a ledger: the command line, mostly. Times end at the instant of now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.sql_ledger import SqlLedger
from blocks.yaml_spec import load_yaml
from tests.unit.report_world import Script, Teller
from tidegate import actions as do
from tidegate import events as ev
from tidegate.ledger import Draft, Entry, Kind, LookRow
from tidegate.ports import Verdict
from tidegate.release import release
from tidegate.rollback import rollback
from tidegate.spec import Spec

ROOT = Path(__file__).parents[1]
SPEC = (ROOT / "deployments" / "releases" / "shop.yaml").read_text("utf-8")
HALF = "  - {name: half, ask: Do the figures allow half of the traffic, deadline: 4h, approvers: [kim, lee]}\n"
# The example's spec, with a second approval that two people may answer.
ASKING = SPEC.replace("{weight: 50, bake: 15m}", "{weight: 50, bake: 15m, approval: half}").replace(
    "\nplan: canary", f"{HALF}\nplan: canary"
)
RUN = "0b8a2f7e-5b5e-4c8e-9d0e-6f1d3a2c4b5a"


class Hand:
    """A clock that stands where it was put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Told:
    """A ledger with one release in it."""

    home: Path
    release: str = ""
    entries: list[Entry] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sqlite:///{self.home}/ledger.db"

    @property
    def ledger(self) -> SqlLedger:
        return SqlLedger(self.url)


def told(home: Path, scenario: Callable[[Teller], None], text: str = ASKING, version: str = "2.0") -> Told:
    """Let the scenario tell a release and write it down."""
    spec = Spec.model_validate(load_yaml(text.encode(), "shop.yaml"))
    teller = Teller(spec, Script(), now=datetime.now(UTC) - timedelta(hours=8))
    teller.open(who="min")
    scenario(teller)
    late = datetime.now(UTC) - teller.now - timedelta(seconds=2)
    made = Told(home)
    hand = Hand(teller.entries[0].at + late)
    ledger = SqlLedger(made.url, clock=hand)
    ledger.create()
    opened = {**teller.entries[0].body, "system": "shop", "spec": text, "compress": 1}
    opened["request"] = {**opened["request"], "version": version}
    row = ledger.open("shop", version, RUN, opened, "min")
    _write(ledger, hand, row.id, teller.entries[1:], late)
    made.release = row.id
    made.entries = list(ledger.entries(row.id))
    return made


def _write(ledger: SqlLedger, hand: Hand, release: str, entries: list[Entry], late: timedelta) -> None:
    lease, last = ledger.take(release, RUN, 30), None
    for entry in entries:
        hand.at = entry.at + late
        if entry.epoch is not None and last is not None and entry.epoch != last:
            lease = ledger.take(release, RUN, 30, at_once=True)
        last = entry.epoch or last
        epoch = lease.epoch if entry.epoch is not None else None
        ledger.append(release, Draft(entry.kind, entry.key, _moved(dict(entry.body), late), entry.who, epoch))
        match entry.body.get("event"):
            case "turn-taken":
                ledger.activate(release, lease.epoch)
            case "promoted":
                ledger.retire(release)
            case "rolled-back" | "aborted":
                ledger.retire(release, watched=False)
    ledger.give_back(lease)


def _moved(body: dict[str, object], late: timedelta) -> dict[str, object]:
    """A question's deadline moves with its asking, the instant of a decision with its entry."""
    if "decided_at" in body:
        body["decided_at"] = (datetime.fromisoformat(str(body["decided_at"])) + late).isoformat()
    asked = body.get("question")
    if isinstance(asked, dict):
        deadline = datetime.fromisoformat(asked["deadline"]) + late
        body["question"] = {**asked, "deadline": deadline.isoformat(), "run_id": RUN}
    return body


# -- scenarios -------------------------------------------------------------------------------------------------------


def asking(gate: str) -> Callable[[Teller], None]:
    """The release waits for an answer to this approval."""

    def scenario(teller: Teller) -> None:
        teller.script.stops_before = lambda action: isinstance(action, do.AskApproval) and action.name == gate
        teller.tell(release(teller.spec))

    return scenario


def baking(teller: Teller) -> None:
    """At 25 %, the bake under way."""
    teller.script.stops_before = lambda action: isinstance(action, do.Bake) and action.name == "25"
    teller.tell(release(teller.spec))
    teller.begin_bake()


def resting(teller: Teller) -> None:
    """`stop_after` 25 was reached."""
    baking(teller)
    at = "main/1/canary"
    passed = ev.Baked(at=teller.now, step="25", verdict=Verdict.PASS, sentence="all well")
    teller.append(Kind.OUTCOME, f"{at}/bake/25/25/1", passed.to_body(), epoch=True)
    rested = ev.Rested(at=teller.now, stage="25")
    teller.append(Kind.OUTCOME, f"{at}/rest/25/25/1", rested.to_body(), epoch=True)


def promoted(teller: Teller) -> None:
    teller.tell(release(teller.spec))


def rolled_back(teller: Teller) -> None:
    baking(teller)
    teller.down("watch", "api error_rate: 12.8 %, limit 5 %", 0.8)
    teller.epoch += 1
    teller.tell(rollback(teller.spec, "api error_rate"))


def looked(told: Told, weight: int = 25, against: str = "") -> None:
    """The watch's row of now."""
    ledger = told.ledger
    number = ledger.watch_take("test", 60)
    assert number is not None
    bake = {"id": "1/canary/25", "seconds": 1800.0, "passed": 720.0}
    row = LookRow(
        told.release, ledger.seq(told.release), "1/canary/5", "PASS", "all well", True, True, True, number, against,
        {"api": weight, "frontend": weight}, {"state": "shifting", "bake": bake},
    )  # fmt: skip
    ledger.put_look(row)


def note_answer(told: Told, gate: str, decision: str, who: str) -> None:
    """As the watch notes a click."""
    body = {"gate": gate, "decision": decision, "approver": who}
    told.ledger.append(told.release, Draft(Kind.NOTE, "answer-noted", body, "watch"))
