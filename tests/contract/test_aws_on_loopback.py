"""The double of AWS does to our clients what its faults promise; otherwise tests of faults would show nothing."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.aws_clients import Access, client, told
from tests.contract.aws_on_loopback import AwsOnLoopback
from tidegate.errors import ConnectorError, Denied, Unreachable


def ask(service: str, operation: str, seconds: float = 10, **about: Any) -> Any:
    with told("the test"):
        return getattr(client(service, Access("us-east-1"), answers=seconds), operation)(**about)


# One service for each protocol of AWS that our connectors meet.
@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("ecs", "list_clusters", "ListClusters"),
        ("rds", "describe_db_snapshots", "DescribeDBSnapshots"),
        ("cloudwatch", "list_dashboards", "ListDashboards"),
        ("cloudfront", "list_distributions", "ListDistributions"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "kind"), [("throttled", Unreachable), ("500", Unreachable), ("denied", Denied), ("expired", Denied)]
)
def test_each_fault_reaches_our_clients_in_each_protocol(
    aws: AwsOnLoopback, service: str, operation: str, name: str, fault: str, kind: type[ConnectorError]
) -> None:
    ask(service, operation)
    assert aws.calls == {name: 1}
    aws.fails(name, fault, fault, fault, fault)
    with pytest.raises(kind):
        ask(service, operation)
    assert aws.calls[name] == (5 if kind is Unreachable else 2), "refused is not asked again"
    aws.faults.clear()
    ask(service, operation)


def test_a_lost_answer_is_of_work_that_was_done_and_is_asked_again(aws: AwsOnLoopback) -> None:
    aws.fails("RegisterTaskDefinition", "lost")
    task: dict[str, Any] = {"family": "api", "containerDefinitions": [{"name": "api", "image": "api", "memory": 64}]}
    ask("ecs", "register_task_definition", **task)
    assert aws.calls["RegisterTaskDefinition"] == 2
    listed = aws.client("ecs").list_task_definitions()["taskDefinitionArns"]
    assert len(listed) == 2, "botocore repeats writes: whoever creates has to look first"


def test_a_hanging_answer_ends_in_time(aws: AwsOnLoopback) -> None:
    aws.fails("ListClusters", "hangs", "hangs", "hangs", "hangs")
    with pytest.raises(Unreachable, match="no answer"):
        ask("ecs", "list_clusters", seconds=0.3)


def test_a_tests_own_calls_are_neither_counted_nor_made_to_fail(aws: AwsOnLoopback) -> None:
    aws.fails("ListClusters", "denied")
    aws.client("ecs").list_clusters()
    assert not aws.calls
    with pytest.raises(Denied):
        ask("ecs", "list_clusters")
