"""Every verb is carried out, and the rights that its calls need are those of docs/aws: none more, none less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.cloudfront_cache import CloudfrontCache
from blocks.cloudwatch_metrics import CloudwatchMetrics
from blocks.ecr_registry import EcrRegistry
from blocks.env_check import EnvCheck
from blocks.infrastructure_check import InfrastructureCheck
from blocks.rds_backup import RdsBackup
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_actions import OVER_HTTP, PAGE, POLICY, VERBS, actions, page, policy
from tests.contract.aws_on_loopback import ACCOUNT, REGION, AwsOnLoopback, Script
from tests.contract.registry_server import RegistryServer, oci_layout, registry_server
from tidegate.traffic import Side

NOT_THERE = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("registry")) as running:
        yield running


def called(script: Script) -> set[str]:
    """The rights since the last time."""
    found = actions(script.services, [operation for operation, _ in script.asked])
    script.asked.clear()
    script.services.clear()
    return found


def test_the_committed_pages_are_those_of_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.contract.aws_actions"
    assert POLICY.read_text("utf-8") == policy(), "python -m tests.contract.aws_actions"
    assert "*" not in "".join(json.loads(policy())["Statement"][0]["Action"])


def test_ecr(
    aws: AwsOnLoopback, script: Script, server: RegistryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client("ecr").create_repository(repositoryName="rights", imageTagMutability="IMMUTABLE")
    one = EcrRegistry(registry=server.url, repository="rights", region=REGION, tags="immutable")
    sent: set[str] = set()
    real = httpx.Client.request

    def seen(self: httpx.Client, method: str, url: Any, **more: Any) -> httpx.Response:
        kind = next(kind for kind in ("uploads", "blobs", "manifests") if kind in str(url))
        sent.update(OVER_HTTP[f"{method} {kind}"])
        return real(self, method, url, **more)

    monkeypatch.setattr(httpx.Client, "request", seen)
    one.push(str(oci_layout(tmp_path / "made")), "1")
    assert called(script) | sent == set(VERBS["ecr-registry"]["push"])
    sent.clear()
    one.exists(NOT_THERE)
    assert called(script) | sent == set(VERBS["ecr-registry"]["exists"])


def test_rds(aws: AwsOnLoopback, script: Script) -> None:
    greenflow.databases(aws)
    one = RdsBackup(instance="greenflow-prod", region=REGION, retention="at least 30d")  # type: ignore[arg-type]
    one.find("greenflow/v2.0/1")
    assert called(script) == set(VERBS["rds-backup"]["find"])
    location = one.take("greenflow/v2.0/1")
    assert called(script) == set(VERBS["rds-backup"]["take"])
    one.verify(location)
    assert called(script) == set(VERBS["rds-backup"]["verify"])


def test_cloudwatch(aws: AwsOnLoopback, script: Script) -> None:
    greenflow.load_balancer(aws)

    def made() -> CloudwatchMetrics:
        return CloudwatchMetrics(region=REGION, namespace="AWS/ECS").told_of(greenflow.spec())

    script.says["GetMetricData"] = lambda asked: {
        "MetricDataResults": [{"Id": one["Id"], "StatusCode": "Complete"} for one in asked["MetricDataQueries"]]
    }
    side = Side("greenflow-green", ())
    made().sample("error_rate", side, timedelta(minutes=1))
    assert called(script) == set(VERBS["cloudwatch-metrics"]["sample"])
    counting = made()
    counting._counted[side.name] = (datetime.now(UTC) - timedelta(minutes=9), {})
    counting.totals(side)
    assert called(script) == set(VERBS["cloudwatch-metrics"]["totals"])


def test_cloudfront(aws: AwsOnLoopback, script: Script) -> None:
    distribution = greenflow.distribution(aws).rpartition("/")[2]
    one = CloudfrontCache(distribution=distribution, paths=["/*"], region=REGION)
    one.do("shop/1/1", {})
    found = called(script)
    one.do("shop/1/1", {})
    assert found | called(script) == set(VERBS["cloudfront-cache"]["do"])
    one.done("shop/1/1", {})
    assert called(script) == set(VERBS["cloudfront-cache"]["done"])


def test_secrets(aws: AwsOnLoopback, script: Script) -> None:
    del aws
    EnvCheck(secrets_in="aws-secrets-manager", region=REGION).told_of(greenflow.spec()).run({})
    assert called(script) == set(VERBS["env-check"]["run"])


def test_infrastructure(aws: AwsOnLoopback, script: Script) -> None:
    """Every check of GreenFlow's spec, and the sections that it does not use."""
    greenflow.databases(aws)
    greenflow.stores(aws)
    greenflow.role(aws)
    greenflow.service(aws)
    greenflow.distribution(aws)
    listener, _ = greenflow.load_balancer(aws)
    aws.client("acm").request_certificate(DomainName="greenflow.dev")
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "group"}
    group = aws.client("wafv2").create_rule_group(
        Name="ours", Scope="REGIONAL", Capacity=10, VisibilityConfig=seen, Rules=[greenflow.rule("x", greenflow.XSS)]
    )["Summary"]["ARN"]
    named = greenflow.rule("ours", {"RuleGroupReferenceStatement": {"ARN": group}}, OverrideAction={"None": {}})
    greenflow.firewall(aws, "", greenflow.rule("sqli", greenflow.SQLI), named, greenflow.rule("r", greenflow.RATE))
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/greenflow/1"
    script.says["ListResourcesForWebACL"] = lambda _: {"ResourceArns": [arn]}
    for check in greenflow.spec().checks:
        if check.check.use == "infrastructure-check":
            greenflow.run(check.name, alb_listener_arn=listener)
    assert greenflow.run("waf-rules").evidence.count("active") == 3, "also by a group of rules of our own"
    more = {"acm": {"domain": "greenflow.dev"}, "cloudwatch": {"alarms": ["a"]}}
    InfrastructureCheck(region=REGION, **more).run({})  # type: ignore[arg-type]
    assert called(script) == set(VERBS["infrastructure-check"]["run"])
