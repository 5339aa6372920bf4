"""
The infrastructure checks of GreenFlow's spec, as they stand there, over an AWS that is as wanted and one that is not.

What moto does not answer, e.g. whether replication lags, is told by a script that is validated against AWS's own model.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.rds.models import rds_backends
from pydantic import ValidationError

from blocks.infrastructure_check import InfrastructureCheck
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_on_loopback import ACCOUNT, REGION, AwsOnLoopback, Script
from tests.contract.greenflow_on_aws import run
from tidegate.ports import CheckResult, Verdict


def asked(**sections: Any) -> CheckResult:
    return InfrastructureCheck(region=REGION, **sections).run({})


def rds(aws: AwsOnLoopback, **changed: Any) -> None:
    aws.client("rds").modify_db_instance(DBInstanceIdentifier="greenflow-prod", ApplyImmediately=True, **changed)


def backend(name: str = "greenflow-prod") -> Any:
    return rds_backends[ACCOUNT][REGION].databases[name]


@pytest.mark.proves("S2-026", "S2-027", "S2-028", "S2-029", "S2-030", "S2-031", "sec.infra")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda aws: rds(aws, DBInstanceClass="db.t3.micro"), "class is db.t3.micro, wanted: at least db.t3.small"),
        (lambda aws: rds(aws, DBInstanceClass="db.t2.small"), "class is db.t2.small, wanted: at least db.t3.small"),
        (lambda aws: rds(aws, BackupRetentionPeriod=29), "backup retention is 29d, wanted: at least 30d"),
        (lambda aws: rds(aws, MultiAZ=False), "multi az is off, wanted: on"),
        (lambda aws: rds(aws, EnableIAMDatabaseAuthentication=False), "iam authentication is off, wanted: on"),
        (lambda _: setattr(backend(), "allocated_storage", 499), "storage is 499GB, wanted: at least 500GB"),
        (lambda _: setattr(backend(), "status", "modifying"), "status is modifying, wanted: available"),
    ],
    ids=["smaller", "older", "retention", "one zone", "no IAM", "storage", "status"],
)
def test_the_database_is_as_wanted_and_each_thing_that_is_not_is_named(
    aws: AwsOnLoopback, change: Callable[[AwsOnLoopback], None], said: str
) -> None:
    greenflow.databases(aws)
    assert run("rds-instance").verdict is Verdict.PASS
    change(aws)
    told = run("rds-instance")
    assert (told.verdict, told.evidence) == (Verdict.FAIL, f"RDS greenflow-prod's {said}")


@pytest.mark.proves("S2-026")
def test_a_database_that_is_not_there_fails(aws: AwsOnLoopback) -> None:
    del aws
    told = run("rds-instance")
    assert (told.verdict, told.evidence) == (Verdict.FAIL, "RDS instance greenflow-prod is not there, wanted: one")


@pytest.mark.parametrize(("name", "size"), [("db.m6g.large", True), ("db.r5.2xlarge", True), ("db.t4g.small", True)])
def test_a_larger_class_of_any_kind_is_enough(aws: AwsOnLoopback, name: str, size: bool) -> None:
    greenflow.databases(aws)
    rds(aws, DBInstanceClass=name)
    assert (run("rds-instance").verdict is Verdict.PASS) is size


@pytest.mark.proves("S2-128")
def test_an_unencrypted_database_fails(aws: AwsOnLoopback) -> None:
    greenflow.databases(aws)
    assert run("database-encryption").verdict is Verdict.PASS
    backend().storage_encrypted = False
    assert "storage encrypted is off, wanted: on" in run("database-encryption").evidence


@pytest.mark.proves("S2-032")
def test_a_replica_has_to_be_there_and_to_follow(aws: AwsOnLoopback, script: Script) -> None:
    greenflow.databases(aws)
    told = run("rds-replica")
    assert (told.verdict, "the lag of replica greenflow-replica is 2s" in told.evidence) == (Verdict.PASS, True)
    for value, said in ((31.0, "is 31s, wanted: below 30s"), (-1.0, "is not told, wanted: below 30s")):
        point = {"Timestamp": datetime.now(UTC), "Maximum": value}
        script.says["GetMetricStatistics"] = lambda _, point=point: {"Datapoints": [point]}  # type: ignore[misc]
        assert said in run("rds-replica").evidence
    script.says["GetMetricStatistics"] = lambda _: {"Datapoints": []}
    told = run("rds-replica")
    assert (told.verdict, "is not told" in told.evidence) == (Verdict.FAIL, True), "silence is not closeness"
    backend("greenflow-replica").status = "creating"
    assert "read replicas is 0 of 1 available, wanted: at least 1 count" in run("rds-replica").evidence
    aws.client("rds").delete_db_instance(DBInstanceIdentifier="greenflow-replica", SkipFinalSnapshot=True)
    told = run("rds-replica")
    assert "read replicas is none, wanted: at least 1 count" in told.evidence
    assert "read replica is not there" in told.evidence


@pytest.mark.proves("S2-063", "S2-129")
@pytest.mark.parametrize("name", ["newest-snapshot", "backup-policy"])
def test_the_newest_snapshot_has_to_be_fresh(aws: AwsOnLoopback, name: str) -> None:
    greenflow.databases(aws)
    assert run(name).verdict is Verdict.PASS
    snapshots = rds_backends[ACCOUNT][REGION].database_snapshots
    for one in snapshots.values():
        one.created -= timedelta(hours=25)
    told = run(name)
    assert told.verdict is Verdict.FAIL
    assert "old, wanted: below 24h" in told.evidence


@pytest.mark.proves("S2-063")
def test_a_newest_snapshot_that_is_not_done_or_not_there_fails(aws: AwsOnLoopback) -> None:
    greenflow.databases(aws)
    snapshots = rds_backends[ACCOUNT][REGION].database_snapshots
    for one in snapshots.values():
        one.status = "creating"
    assert "is creating, wanted: available" in run("newest-snapshot").evidence
    snapshots.clear()
    assert "is not there, wanted: a snapshot" in run("newest-snapshot").evidence


@pytest.mark.proves("S2-046")
def test_the_host_of_the_environment_belongs_to_the_instance(
    aws: AwsOnLoopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C2-10: the guide's host says greenflow-prod-db, the instance is greenflow-prod."""
    greenflow.databases(aws)
    wanted = "greenflow-prod-db.c9akciq32.us-east-1.rds.amazonaws.com"
    told = run("database-host")
    assert told.verdict is Verdict.FAIL
    assert f"the host in DATABASE_HOST is {wanted}, wanted: greenflow-prod." in told.evidence
    monkeypatch.setattr("blocks.infrastructure_check_rds._addresses", lambda _: {"10.0.0.5"})
    assert run("database-host").verdict is Verdict.PASS, "another name of the same address"


@pytest.mark.proves("S2-037", "S2-038", "S2-039", "S2-040", "S2-041")
@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"Status": "modifying"}, "status is modifying, wanted: available"),
        ({"CacheNodeType": "cache.t3.micro"}, "node type is cache.t3.micro, wanted: at least cache.t3.small"),
        ({"MemberClusters": ["a", "b"]}, "number of nodes is 2, wanted: at least 3 count"),
        ({"AutomaticFailover": "disabled"}, "automatic failover is off, wanted: on"),
        ({"AtRestEncryptionEnabled": False}, "encryption at rest is off, wanted: on"),
        ({"TransitEncryptionEnabled": False}, "encryption in transit is off, wanted: on"),
    ],
)
def test_the_cache_is_as_wanted_and_each_thing_that_is_not_is_named(
    aws: AwsOnLoopback, script: Script, shown: dict[str, Any], said: str
) -> None:
    greenflow.stores(aws)
    assert run("elasticache").verdict is Verdict.PASS
    real = aws.client("elasticache").describe_replication_groups()["ReplicationGroups"][0]
    script.says["DescribeReplicationGroups"] = lambda _: {"ReplicationGroups": [{**real, **shown}]}
    told = run("elasticache")
    assert (told.verdict, told.evidence) == (Verdict.FAIL, f"ElastiCache greenflow-redis's {said}")


@pytest.mark.proves("S2-037")
def test_a_cache_that_is_not_there_fails(aws: AwsOnLoopback) -> None:
    del aws
    assert "ElastiCache group greenflow-redis is not there" in run("elasticache").evidence


@pytest.mark.proves("S2-004")
def test_the_data_layer_is_a_standby_a_replica_a_cluster_and_a_bucket(aws: AwsOnLoopback) -> None:
    greenflow.databases(aws)
    greenflow.stores(aws)
    told = run("data-layer")
    assert told.verdict is Verdict.PASS, told.evidence
    assert told.figures == {"asserted": 5.0, "wrong": 0.0}
    aws.client("s3").delete_bucket(Bucket="greenflow-backups")
    assert "the bucket greenflow-backups is not there, wanted: there" in run("data-layer").evidence


@pytest.mark.proves("S2-131", "cln.retention")
def test_every_log_group_is_kept_for_a_stated_time(aws: AwsOnLoopback) -> None:
    assert "a log group /ecs/greenflow* is not there" in run("log-retention").evidence
    greenflow.stores(aws)
    assert run("log-retention").verdict is Verdict.PASS
    logs = aws.client("logs")
    logs.put_retention_policy(logGroupName="/ecs/greenflow-worker", retentionInDays=7)
    logs.create_log_group(logGroupName="/ecs/greenflow-new")
    told = run("log-retention")
    assert "the retention of /ecs/greenflow-worker is 7d, wanted: at least 30d" in told.evidence
    assert "the retention of /ecs/greenflow-new is for ever, wanted: at least 30d" in told.evidence


@pytest.mark.proves("S2-049")
def test_the_dashboard_is_there_or_not(aws: AwsOnLoopback) -> None:
    assert "the dashboard GreenFlow-Production is not there" in run("dashboard-exists").evidence
    greenflow.stores(aws)
    assert run("dashboard-exists").verdict is Verdict.PASS


def test_alarms_are_there_act_and_are_quiet(aws: AwsOnLoopback) -> None:
    cloudwatch = aws.client("cloudwatch")
    about = {
        "MetricName": "5xx", "Namespace": "x", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    }  # fmt: skip
    cloudwatch.put_metric_alarm(AlarmName="a", ActionsEnabled=True, **about)
    cloudwatch.put_metric_alarm(AlarmName="b", ActionsEnabled=False, **about)
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="x")
    told = asked(cloudwatch={"alarms": ["a", "b", "c"], "quiet": True})
    assert told.verdict is Verdict.FAIL
    for said in ("alarm a is ALARM, wanted: OK", "alarm b's actions is off", "alarm c is not there"):
        assert said in told.evidence


@pytest.mark.proves("S2-005", "S2-006", "S2-076")
@pytest.mark.parametrize("tags", [{}, {"tidegate:version": "v1.0"}], ids=["the image's tag", "our own"])
def test_blue_runs_the_old_version_and_has_all_traffic(aws: AwsOnLoopback, tags: dict[str, str]) -> None:
    listener, _ = greenflow.load_balancer(aws)
    greenflow.service(aws, "glec-api:prod-v1.0" if not tags else "glec-api@sha256:" + "ab" * 32, tags)
    told = run("weights-read", alb_listener_arn=listener)
    assert told.verdict is Verdict.PASS, told.evidence
    greenflow.service(aws, "glec-api:prod-v2.0")
    told = run("weights-read", alb_listener_arn=listener)
    assert "ECS greenflow-production-blue/greenflow-api's version is prod-v2.0, wanted: v1.0" in told.evidence


@pytest.mark.proves("S2-005", "S2-006")
def test_weights_that_are_others_are_told_with_the_rule(aws: AwsOnLoopback) -> None:
    listener, _ = greenflow.load_balancer(aws, blue=95)
    greenflow.service(aws)
    told = run("weights-read", alb_listener_arn=listener)
    assert told.verdict is Verdict.FAIL
    assert "greenflow-blue's weight at /api/* is 95 %, wanted: 100 %" in told.evidence
    assert "greenflow-green's weight at /api/* is 5 %, wanted: 0 %" in told.evidence
    alone = asked(alb={"listener_arn": listener, "weights": {"another": 100}})
    assert "a rule that forwards to another is not there" in alone.evidence


@pytest.mark.parametrize(
    ("fault", "verdict", "said"),
    [
        ("expired", Verdict.ERROR, "credentials of AWS have expired"),
        ("denied", Verdict.ERROR, "AWS does not allow it"),
        ("throttled", Verdict.INCONCLUSIVE, "AWS says not now"),
        ("500", Verdict.INCONCLUSIVE, "AWS says not now"),
    ],
)
def test_an_aws_that_does_not_tell_is_no_pass_and_no_fail(
    aws: AwsOnLoopback, fault: str, verdict: Verdict, said: str
) -> None:
    greenflow.databases(aws)
    aws.fails("DescribeDBInstances", *[fault] * 4)
    told = run("rds-instance")
    assert (told.verdict, said in told.evidence) == (verdict, True), told.evidence


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({}, "nothing is asserted"),
        ({"rds": {"instance": "a"}}, "rds: nothing is asserted of it"),
        ({"elasticache": {"cluster": "a"}}, "elasticache: nothing is asserted of it"),
        ({"cloudwatch": {}}, "cloudwatch: nothing is asserted of it"),
        ({"rds": {"instance": "a", "mutli_az": True}}, "Extra inputs are not permitted"),
        ({"rds": {"instance": "a", "class_at_least": "db.t3.smal"}}, "is no class known here"),
        ({"rds": {"instance": "a", "storage": "500GB"}}, "has no operator"),
        ({"waf": {"web_acl": "a", "rules": ["sqli"]}}, "sql-injection"),
        ({"iam": {"role": "a", "only": []}}, "at least 1"),
    ],
)
def test_a_mistake_in_a_section_is_named(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        InfrastructureCheck(**sections)
