"""RDS snapshots against moto; what moto does not know, time passing over a snapshot, is told by a validated script."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.rds.models import rds_backends
from pydantic import ValidationError

from blocks.connect import connector
from blocks.rds_backup import RELEASE, RdsBackup
from blocks.yaml_reading import read_spec
from tests.contract.aws_on_loopback import ACCOUNT, REGION, AwsOnLoopback, Script
from tests.contract.test_platform import HOSTILE
from tests.house.tree import ROOT
from tidegate.errors import ConnectorError, Denied, NotApplied, Unreachable

INSTANCE, FIRST = "greenflow-prod", "greenflow/v2.0/1"


@dataclass
class Passing:
    """A clock that begins now, since moto dates its snapshots by the wall clock, and runs when somebody sleeps."""

    ahead: timedelta = timedelta(0)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.began + self.ahead + timedelta(seconds=1)

    def elapsed(self) -> float:
        return self.ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Passing:
    return Passing()


@pytest.fixture
def rds(aws: AwsOnLoopback) -> Any:
    """AWS's own client, behind it the production instance of GreenFlow."""
    made = aws.client("rds")
    made.create_db_instance(
        DBInstanceIdentifier=INSTANCE, DBInstanceClass="db.t3.small", Engine="postgres", AllocatedStorage=500,
        BackupRetentionPeriod=30, StorageEncrypted=True, MasterUsername="made", MasterUserPassword="made-up-77",
    )  # fmt: skip
    aws.calls.clear()
    return made


def backup(clock: Passing, **fields: Any) -> RdsBackup:
    usual = {"instance": INSTANCE, "snapshot": "greenflow-prod-{date}", "region": REGION}
    return RdsBackup(**{**usual, **fields}).on(clock)


def manual(rds: Any) -> list[dict[str, Any]]:
    return list(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"])


def becomes(script: Script, rds: Any, *states: dict[str, Any]) -> None:
    """Each look at one snapshot shows the next state, the last for ever."""
    left = list(states)

    def shown(asked: dict[str, Any]) -> dict[str, Any] | None:
        if "DBSnapshotIdentifier" not in asked:
            return None
        state = left.pop(0) if len(left) > 1 else left[0]
        listed = rds.describe_db_snapshots(**asked)["DBSnapshots"]
        return {"DBSnapshots": [{**one, **state} for one in listed]}

    script.says["DescribeDBSnapshots"] = shown


@pytest.mark.proves("S2-034", "bak.snapshot")
def test_the_snapshots_of_greenflow_are_named_for_their_day_and_taken_twice(rds: Any, clock: Passing) -> None:
    """A week before, and again on the release day (C2-11)."""
    path = ROOT / "deployments" / "releases" / "greenflow.yaml"
    spec = read_spec(path.read_bytes(), path.name)
    before, fresh = (connector(one.backup, one.name, {}).told_of(spec).on(clock) for one in spec.backups)
    clock.ahead = timedelta(days=-7)
    location = before.take(FIRST)
    day = clock.now().astimezone(before._zone).date()
    assert location == f"greenflow-prod-{day}"
    (shown,) = manual(rds)
    assert {"Key": RELEASE, "Value": FIRST} in shown["TagList"]
    assert before.take(FIRST) == before.find(FIRST) == location
    assert len(manual(rds)) == 1
    rds_backends[ACCOUNT][REGION].database_snapshots[location].created -= timedelta(days=7)
    clock.ahead = timedelta(0)
    assert fresh.find(FIRST) is None, "a week old is not fresh"
    assert fresh.take(FIRST) == f"greenflow-prod-{day + timedelta(days=7)}"
    assert len(manual(rds)) == 2


@pytest.mark.proves("bak.snapshot", "I13")
def test_a_lost_answer_and_an_interrupted_run_make_no_second_snapshot(
    aws: AwsOnLoopback, rds: Any, clock: Passing
) -> None:
    aws.fails("CreateDBSnapshot", "lost")
    location = backup(clock).take(FIRST)
    assert aws.calls["CreateDBSnapshot"] == 2, "botocore repeats writes"
    assert backup(clock).take(FIRST) == location
    assert [one["DBSnapshotIdentifier"] for one in manual(rds)] == [location]
    assert aws.calls["CreateDBSnapshot"] == 2


def test_a_name_that_somebody_elses_snapshot_has_is_left_alone(rds: Any, clock: Passing) -> None:
    name = f"greenflow-prod-{clock.now().date()}"
    rds.create_db_snapshot(DBInstanceIdentifier=INSTANCE, DBSnapshotIdentifier=name)
    location = backup(clock).take(FIRST)
    assert location.startswith(f"{name}-")
    assert backup(clock).find(FIRST) == location
    assert backup(clock).take("greenflow/v2.0/2") not in {name, location}, "another attempt has another state to keep"
    clock.sleep(3 * 86400)
    with pytest.raises(Denied, match="are there already, of another release or day"):
        backup(clock, snapshot=name).take(FIRST)
    assert len(manual(rds)) == 3


@pytest.mark.proves("bak.verify")
@pytest.mark.usefixtures("rds")
def test_a_proof_is_what_rds_says_and_says_that_nothing_was_restored(clock: Passing) -> None:
    one = backup(clock, retention="at least 30d")
    proof = one.verify(one.take(FIRST))
    assert (proof.tables, proof.size) == ({}, 500 * 2**30)
    assert "available" in proof.said
    assert "encrypted, of 500 GiB, its instance keeps backups for 30d; nothing was restored" in proof.said
    clock.sleep(25 * 3600)
    with pytest.raises(Denied, match=r"is 1d .* old, wanted: younger than 1d"):
        one.verify(proof.location)


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        ({"Status": "failed"}, {}, "is failed, wanted: available"),
        ({"Status": "incompatible-restore"}, {}, "is incompatible-restore, wanted: available"),
        ({"Encrypted": False}, {}, "is not encrypted"),
        ({"DBInstanceIdentifier": "greenflow-staging"}, {}, "is of greenflow-staging"),
        ({}, {"retention": "at least 31d"}, "keeps its backups for 30d, wanted: at least 31d"),
    ],
)
def test_a_snapshot_that_does_not_hold_is_no_proof(
    script: Script, rds: Any, clock: Passing, state: dict[str, Any], fields: dict[str, Any], said: str
) -> None:
    one = backup(clock, **fields)
    location = one.take(FIRST)
    becomes(script, rds, state)
    with pytest.raises(Denied, match=said):
        one.verify(location)


def test_a_snapshot_is_awaited_and_its_progress_told(
    script: Script, rds: Any, clock: Passing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tidegate")
    far = [{"Status": "creating", "PercentProgress": share} for share in (0, 0, 0, 40, 90)]
    becomes(script, rds, {}, *far, {"Status": "available"})
    location = backup(clock).take(FIRST)
    assert clock.elapsed() == 4 * 15
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "creating, 0 %", "creating, 40 %", "creating, 90 %",
    ]  # fmt: skip
    assert backup(clock).find(FIRST) == location


def test_a_snapshot_that_never_becomes_available_ends_in_a_sentence_and_is_found_again(
    script: Script, rds: Any, clock: Passing
) -> None:
    becomes(script, rds, {"Status": "creating", "PercentProgress": 40})
    with pytest.raises(Denied, match=r"still creating \(40 %\) after 1h") as ended:
        backup(clock).take(FIRST)
    assert "The next attempt finds it" in ended.value.advice
    assert clock.elapsed() == 3600
    becomes(script, rds, {"Status": "available"})
    location = backup(clock).take(FIRST)
    assert [one["DBSnapshotIdentifier"] for one in manual(rds)] == [location]


def test_a_snapshot_that_failed_is_not_taken_for_one_and_not_hidden(script: Script, rds: Any, clock: Passing) -> None:
    one = backup(clock)
    location = one.take(FIRST)

    def shown(asked: dict[str, Any]) -> dict[str, Any]:
        listed = rds.describe_db_snapshots(**asked)["DBSnapshots"]
        return {"DBSnapshots": [{**each, "Status": "failed"} for each in listed]}

    script.says["DescribeDBSnapshots"] = shown
    assert one.find(FIRST) is None
    with pytest.raises(Denied, match=f"snapshot {location} of {INSTANCE} is failed") as refused:
        one.take(FIRST)
    assert "delete that snapshot" in refused.value.advice


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("expired", Denied, "credentials of AWS have expired"),
        ("denied", Denied, "AWS does not allow it"),
        ("throttled", Unreachable, "AWS says not now"),
        ("500", Unreachable, "AWS says not now"),
    ],
)
@pytest.mark.parametrize("operation", ["DescribeDBSnapshots", "CreateDBSnapshot"])
def test_aws_that_refuses_or_is_down_ends_as_stated(
    aws: AwsOnLoopback, rds: Any, clock: Passing, operation: str, fault: str, kind: type[ConnectorError], said: str
) -> None:
    aws.fails(operation, *[fault] * 4)
    with pytest.raises(kind, match=said):
        backup(clock).take(FIRST)
    assert not manual(rds)
    aws.faults.clear()
    assert backup(clock).take(FIRST)


def test_throttling_in_passing_is_not_noticed(aws: AwsOnLoopback, rds: Any, clock: Passing) -> None:
    aws.fails("CreateDBSnapshot", "throttled", "500")
    backup(clock).take(FIRST)
    assert len(manual(rds)) == 1


@pytest.mark.usefixtures("rds")
def test_an_instance_that_is_busy_is_asked_again_later_and_one_that_is_not_there_not(
    script: Script, clock: Passing
) -> None:
    def busy(_: dict[str, Any]) -> None:
        raise ClientError({"Error": {"Code": "InvalidDBInstanceState", "Message": "backing-up"}}, "CreateDBSnapshot")

    script.says["CreateDBSnapshot"] = busy
    with pytest.raises(NotApplied, match="it is busy"):
        backup(clock).take(FIRST)
    script.says.clear()
    with pytest.raises(Denied, match="DBInstanceNotFound"):
        backup(clock, instance="nowhere").take(FIRST)


@pytest.mark.usefixtures("rds")
@pytest.mark.parametrize("release", [*HOSTILE, "한국/1/1", "a" * 300])
def test_a_hostile_release_is_only_ever_a_name(clock: Passing, release: str) -> None:
    one = backup(clock, snapshot="{release}-{system}-{version}-{date}")
    location = one.take(release)
    assert one.find(release) == location
    assert one.find(f"{release}x") is None
    assert location.replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"snapshot": "{digest}"}, "digest} is not known to a backup"),
        ({"snapshot": "a.b-{date}"}, "makes no name of a snapshot"),
        ({"snapshot": "a_b-{date}"}, "makes no name of a snapshot"),
        ({"instance": "greenflow--prod"}, "pattern"),
        ({"deadline": "60"}, "no duration"),
    ],
)
def test_a_mistake_in_a_field_is_named(clock: Passing, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        backup(clock, **fields)
