"""What is asserted of a database on RDS: its instance, replicas, backups, and that the environment names its host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from botocore.exceptions import ClientError
from pydantic import AfterValidator, Field

from blocks.aws_clients import code_of, told
from blocks.infrastructure_check_finding import (
    DAY,
    Aws,
    Finding,
    Section,
    at_least_class,
    known_class,
    only,
    said,
    same,
    within,
)
from tidegate.language.limits import AnyLimit
from tidegate.quantities import spoken

LAG_OVER = timedelta(minutes=10)  # CloudWatch has one figure a minute; the newest of these is taken
GB = 10**9


class RdsSection(Section):
    """A database instance."""

    instance: str = Field(description="its identifier")
    status: str | None = Field(None, description="e.g. available")
    engine: str | None = Field(None, description="e.g. postgres")
    class_at_least: Annotated[str, AfterValidator(known_class)] | None = Field(None, description="e.g. db.t3.small")
    storage: AnyLimit | None = Field(None, description="allocated")
    multi_az: bool | None = None
    backup_retention: AnyLimit | None = Field(None, description="of its daily backups, e.g. at least 30d")
    iam_authentication: bool | None = None
    storage_encrypted: bool | None = None
    database: str | None = Field(None, description="that it was created with")
    endpoint_is: str | None = Field(None, description="the environment's variable that names its host")
    read_replicas: AnyLimit | None = Field(None, description="that are available, e.g. at least 1 count")
    replica_lag: AnyLimit | None = Field(None, description="of each replica, e.g. below 30s")
    newest_snapshot: AnyLimit | None = Field(None, description="its age, e.g. below 24h")
    snapshot_status: Literal["available"] | None = Field(None, description="of the newest snapshot")

    def look(self, aws: Aws) -> Iterator[Finding]:
        shown = self._instance(aws, self.instance)
        yield from self._simple(shown)
        name, days = f"RDS {self.instance}", float(shown.get("BackupRetentionPeriod", 0))
        if self.class_at_least is not None:
            yield at_least_class(f"{name}'s class", str(shown.get("DBInstanceClass", "")), self.class_at_least)
        if self.storage is not None:
            size = shown.get("AllocatedStorage")
            yield within(f"{name}'s storage", size and size * GB, self.storage, f"{size}GB")
        if self.backup_retention is not None:
            yield within(f"{name}'s backup retention", days * DAY, self.backup_retention, f"{days:g}d")
        if self.endpoint_is is not None:
            yield self._host(str((shown.get("Endpoint") or {}).get("Address", "")), aws)
        yield from self._replicas(aws, list(shown.get("ReadReplicaDBInstanceIdentifiers", [])))
        if self.newest_snapshot is not None or self.snapshot_status is not None:
            yield from self._snapshot(aws)

    def _simple(self, shown: dict[str, Any]) -> Iterator[Finding]:
        """Each field that says what AWS says in the same words."""
        for field, theirs in {
            "status": "DBInstanceStatus",
            "engine": "Engine",
            "multi_az": "MultiAZ",
            "iam_authentication": "IAMDatabaseAuthenticationEnabled",
            "storage_encrypted": "StorageEncrypted",
            "database": "DBName",
        }.items():
            if (wanted := getattr(self, field)) is not None:
                yield same(f"RDS {self.instance}'s {field.replace('_', ' ')}", shown.get(theirs), wanted)

    def _instance(self, aws: Aws, name: str) -> dict[str, Any]:
        with told(f"the RDS instance {name}"):
            try:
                found = aws.ask("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
            except ClientError as why:
                if code_of(why) not in {"DBInstanceNotFound", "DBInstanceNotFoundFault"}:
                    raise
                found = []
        return dict(only(f"RDS instance {name}", found))

    def _host(self, address: str, aws: Aws) -> Finding:
        """The same name, or another name of the same address: a host in the company's own zone is one, too."""
        what = f"the host in {self.endpoint_is}"
        host = aws.variables.get(self.endpoint_is or "", "")
        if not host:
            return Finding(what, "not set", address, holds=False)
        if host.lower() == address.lower():
            return Finding(what, host, address, holds=True)
        if addresses := _addresses(host) & _addresses(address):
            return Finding(what, f"{host}, which leads to {min(addresses)} as {address} does", address, holds=True)
        return Finding(what, host, f"{address}, which RDS {self.instance} has", holds=False)

    def _replicas(self, aws: Aws, names: list[str]) -> Iterator[Finding]:
        if self.read_replicas is not None:
            up = [one for one in names if self._instance(aws, one).get("DBInstanceStatus") == "available"]
            told_of = f"{len(up)} of {len(names)} available" if names else "none"
            yield within(f"RDS {self.instance}'s read replicas", float(len(up)), self.read_replicas, told_of)
        if self.replica_lag is not None and not names:
            yield Finding(f"RDS {self.instance}'s read replica", "not there", self.replica_lag.said, holds=False)
        for one in names if self.replica_lag is not None else []:
            lag = self._lag(aws, one)
            assert self.replica_lag is not None
            yield within(f"the lag of replica {one}", lag, self.replica_lag, f"{lag:g}s" if lag is not None else "")

    def _lag(self, aws: Aws, replica: str) -> float | None:
        """Seconds; None where CloudWatch has no figure: silence is not closeness. -1 is RDS's "not replicating"."""
        now = datetime.now(UTC)
        with told(f"the lag of replica {replica}"):
            listed = aws.ask("cloudwatch").get_metric_statistics(
                Namespace="AWS/RDS",
                MetricName="ReplicaLag",
                Dimensions=[{"Name": "DBInstanceIdentifier", "Value": replica}],
                StartTime=now - LAG_OVER,
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )["Datapoints"]
        newest = max(listed, key=lambda one: one["Timestamp"], default=None)
        value = float(newest["Maximum"]) if newest else None
        return None if value is None or value < 0 else value

    def _snapshot(self, aws: Aws) -> Iterator[Finding]:
        with told(f"the snapshots of {self.instance}"):
            pages = aws.ask("rds").get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=self.instance)
            listed = [one for page in pages for one in page["DBSnapshots"]]
        made = [one for one in listed if isinstance(one.get("SnapshotCreateTime"), datetime)]
        what = f"the newest snapshot of {self.instance}"
        newest = max(made, key=lambda one: one["SnapshotCreateTime"], default=None)
        if newest is None:
            yield Finding(what, "not there", "a snapshot", holds=False)
            return
        age = datetime.now(UTC) - newest["SnapshotCreateTime"]
        name = newest["DBSnapshotIdentifier"]
        if self.newest_snapshot is not None:
            seconds = max(0.0, age.total_seconds())
            old = spoken(timedelta(seconds=int(seconds)))
            yield within(f"{what} ({name})", seconds, self.newest_snapshot, f"{old} old")
        if self.snapshot_status is not None:
            yield same(f"{what} ({name})", said(newest.get("Status")), self.snapshot_status)


def _addresses(host: str) -> set[str]:
    """Where a name leads now; nowhere where DNS does not know it here."""
    try:
        return {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return set()
