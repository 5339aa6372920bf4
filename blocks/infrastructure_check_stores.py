"""What is asserted of a cache on ElastiCache, a bucket of S3, log groups, dashboards and alarms of CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

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
    same,
    within,
)
from tidegate.language.limits import AnyLimit


class ElasticacheSection(Section):
    """A replication group of ElastiCache (Redis)."""

    cluster: str = Field(description="the replication group's identifier")
    status: str | None = Field(None, description="e.g. available")
    cluster_mode: bool | None = Field(None, description="whether its keys are divided among shards")
    node_at_least: Annotated[str, AfterValidator(known_class)] | None = Field(None, description="e.g. cache.t3.small")
    nodes: AnyLimit | None = Field(None, description="in all shards, e.g. at least 3 count")
    automatic_failover: bool | None = None
    encryption_at_rest: bool | None = None
    encryption_in_transit: bool | None = None

    def look(self, aws: Aws) -> Iterator[Finding]:
        shown, name = self._group(aws), f"ElastiCache {self.cluster}"
        if self.status is not None:
            yield same(f"{name}'s status", shown.get("Status"), self.status)
        if self.node_at_least is not None:
            yield at_least_class(f"{name}'s node type", str(shown.get("CacheNodeType", "")), self.node_at_least)
        if self.nodes is not None:
            count = float(len(shown.get("MemberClusters", [])))
            yield within(f"{name}'s number of nodes", count, self.nodes)
        failover = shown.get("AutomaticFailover") in {"enabled", "enabling"}
        for what, found, wanted in (
            ("cluster mode", bool(shown.get("ClusterEnabled")), self.cluster_mode),
            ("automatic failover", failover, self.automatic_failover),
            ("encryption at rest", bool(shown.get("AtRestEncryptionEnabled")), self.encryption_at_rest),
            ("encryption in transit", bool(shown.get("TransitEncryptionEnabled")), self.encryption_in_transit),
        ):
            if wanted is not None:
                yield same(f"{name}'s {what}", found, wanted)

    def _group(self, aws: Aws) -> dict[str, Any]:
        with told(f"the ElastiCache group {self.cluster}"):
            try:
                found = aws.ask("elasticache").describe_replication_groups(ReplicationGroupId=self.cluster)
            except ClientError as why:
                if code_of(why) not in {"ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"}:
                    raise
                found = {"ReplicationGroups": []}
        return dict(only(f"ElastiCache group {self.cluster}", found["ReplicationGroups"]))


class S3Section(Section):
    """A bucket."""

    bucket: str
    exists: bool = True

    def look(self, aws: Aws) -> Iterator[Finding]:
        with told(f"the bucket {self.bucket}"):
            try:
                aws.ask("s3").head_bucket(Bucket=self.bucket)
                found = True
            except ClientError as why:
                if code_of(why) not in {"404", "NoSuchBucket", "NotFound"}:
                    raise
                found = False
        there = {True: "there", False: "not there"}
        yield Finding(f"the bucket {self.bucket}", there[found], there[self.exists], found == self.exists)


class LogsSection(Section):
    """Log groups."""

    prefix: str = Field(min_length=1, description="of the groups' names")
    retention: AnyLimit = Field(description="of each; a group without one is kept for ever, which is no stated time")

    def look(self, aws: Aws) -> Iterator[Finding]:
        with told(f"the log groups {self.prefix}*"):
            pages = aws.ask("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.prefix)
            listed = [one for page in pages for one in page["logGroups"]]
        if not listed:
            yield Finding(f"a log group {self.prefix}*", "not there", "at least one", holds=False)
        for one in listed:
            days = one.get("retentionInDays")
            what = f"the retention of {one['logGroupName']}"
            if days is None:
                yield Finding(what, "for ever", self.retention.said, holds=False)
            else:
                yield within(what, days * DAY, self.retention, f"{days}d")


class CloudwatchSection(Section):
    """A dashboard, alarms."""

    dashboard: str | None = None
    alarms: tuple[str, ...] = Field((), description="names; each has to be there, with its actions switched on")
    quiet: bool | None = Field(None, description="whether none of the alarms may be ringing")

    def look(self, aws: Aws) -> Iterator[Finding]:
        if self.dashboard is not None:
            with told(f"the dashboard {self.dashboard}"):
                pages = aws.ask("cloudwatch").get_paginator("list_dashboards")
                names = {
                    one["DashboardName"]
                    for page in pages.paginate(DashboardNamePrefix=self.dashboard)
                    for one in page["DashboardEntries"]
                }
            there = self.dashboard in names
            yield Finding(f"the dashboard {self.dashboard}", "there" if there else "not there", "there", there)
        if self.alarms:
            yield from self._alarms(aws)

    def _alarms(self, aws: Aws) -> Iterator[Finding]:
        with told("the alarms"):
            answer = aws.ask("cloudwatch").describe_alarms(AlarmNames=list(self.alarms), MaxRecords=100)
        shown = {one["AlarmName"]: one for one in [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]}
        for name in self.alarms:
            one = shown.get(name)
            if one is None:
                yield Finding(f"the alarm {name}", "not there", "there", holds=False)
                continue
            yield same(f"the alarm {name}'s actions", bool(one.get("ActionsEnabled")), True)
            if self.quiet:
                state = str(one.get("StateValue"))
                yield Finding(f"the alarm {name}", state, "OK", state == "OK")
