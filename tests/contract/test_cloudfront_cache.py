"""Invalidations of CloudFront against moto; an invalidation that takes time is told by a validated script."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from blocks.cloudfront_cache import CloudfrontCache
from blocks.connect import connector
from blocks.yaml_reading import read_spec
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_on_loopback import REGION, AwsOnLoopback, Script
from tests.house.tree import ROOT
from tests.ledgers import HandedClock
from tidegate.errors import ConnectorError, Denied, NotApplied, Unreachable

RELEASE = "dashboard/2.1.0/1"


@pytest.fixture
def distribution(aws: AwsOnLoopback) -> str:
    return greenflow.distribution(aws).rpartition("/")[2]


def cache(distribution: str, **fields: Any) -> CloudfrontCache:
    return CloudfrontCache(**{"distribution": distribution, "paths": ["/*"], "region": REGION, **fields}).on(
        HandedClock()
    )


def made(aws: AwsOnLoopback, distribution: str) -> list[dict[str, Any]]:
    listed = aws.client("cloudfront").list_invalidations(DistributionId=distribution)["InvalidationList"]
    return list(listed.get("Items", []))


@pytest.mark.proves("S0-100", "rb.cache")
def test_the_act_of_the_dashboards_rollback_invalidates_once(aws: AwsOnLoopback, distribution: str) -> None:
    path = ROOT / "deployments" / "releases" / "dashboard.yaml"
    spec = read_spec(path.read_bytes(), path.name)
    acts = [*spec.rollback.auto, *spec.rollback.manual]
    runs = [act.run for act in acts if act.run and act.run.use == "cloudfront-cache"]
    assert runs
    act = connector(runs[0], "run", {"distribution_id": distribution})
    assert act.done(RELEASE, {}) == ""
    told = act.do(RELEASE, {})
    assert told.endswith(f"of /* at CloudFront {distribution}")
    assert act.done(RELEASE, {}) == act.do(RELEASE, {}) == told
    assert len(made(aws, distribution)) == 1
    act.do("dashboard/2.1.0/2", {})
    assert len(made(aws, distribution)) == 2


def test_an_invalidation_is_awaited(distribution: str, script: Script) -> None:
    one = cache(distribution)
    left = ["InProgress", "InProgress", "Completed"]

    def shown(asked: dict[str, Any]) -> dict[str, Any]:
        batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": one._reference(RELEASE)}
        about = {"Id": asked["Id"], "CreateTime": HandedClock().now(), "InvalidationBatch": batch}
        return {"Invalidation": {**about, "Status": left.pop(0) if len(left) > 1 else left[0]}}

    script.says["GetInvalidation"] = shown
    script.says["CreateInvalidation"] = lambda _: shown({"Id": "I1"})
    one.do(RELEASE, {})
    assert one._elapsed() - HandedClock().elapsed() == 20
    left[:] = ["InProgress"]
    with pytest.raises(NotApplied, match="is not completed after 15m"):
        one.do(RELEASE, {})


@pytest.mark.proves("I13")
def test_a_lost_answer_asks_with_the_same_reference(aws: AwsOnLoopback, distribution: str, script: Script) -> None:
    """AWS answers a repeated reference with the first invalidation; moto makes another, so references are compared."""
    aws.fails("CreateInvalidation", "lost")
    one = cache(distribution)
    one.do(RELEASE, {})
    assert aws.calls["CreateInvalidation"] == 2, "one call of ours, repeated by botocore as it was"
    (asked,) = (about for operation, about in script.asked if operation == "CreateInvalidation")
    assert asked["InvalidationBatch"]["CallerReference"] == one._reference(RELEASE)


@pytest.mark.parametrize(("fault", "kind"), [("expired", Denied), ("denied", Denied), ("500", Unreachable)])
def test_an_aws_that_refuses_or_is_down_ends_as_stated(
    aws: AwsOnLoopback, distribution: str, fault: str, kind: type[ConnectorError]
) -> None:
    aws.fails("CreateInvalidation", *[fault] * 4)
    with pytest.raises(kind, match=f"CloudFront {distribution}: "):
        cache(distribution).do(RELEASE, {})
    assert not made(aws, distribution)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"paths": ["index.html"]}, "begins with /"),
        ({"paths": ["/a b"]}, "begins with /"),
        ({"paths": []}, "at least 1"),
        ({"distribution": "../x"}, "pattern"),
    ],
)
def test_a_mistake_in_a_field_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        cache("E2QWRUHEXAMPLE" if "distribution" not in fields else fields.pop("distribution"), **fields)
