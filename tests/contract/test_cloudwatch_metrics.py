"""
CloudWatch's figures: sums and averages by moto, percentiles, trimmed counts and expressions by a validated script.

moto crashes on percentiles and answers expressions with nothing, so no test here believes it about those.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.cloudwatch_metrics import ALB, EDGES, CloudwatchMetrics, Term
from blocks.connect import connector
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_on_loopback import REGION, AwsOnLoopback, Script
from tidegate.errors import ConnectorError, Denied, NotUnderstood, Unreachable
from tidegate.ports import Counts
from tidegate.traffic import Side

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 12, 1, 12, 0, 20, tzinfo=UTC)
GREEN, BLUE = Side("greenflow-green", ()), Side("greenflow-blue", ())


class Standing:
    """The wall clock as a test wants it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def elapsed(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Standing:
    return Standing()


def put(
    aws: AwsOnLoopback, namespace: str, metric: str, dimensions: dict[str, str], values: Mapping[datetime, float]
) -> None:
    about = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    told = [
        {"MetricName": metric, "Dimensions": about, "Timestamp": at, "Value": value} for at, value in values.items()
    ]
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=told)


def minutes(*values: float, until: datetime = NOON) -> dict[datetime, float]:
    """One value a minute, the last in the last full minute."""
    last = until.replace(second=0) - MINUTE
    return {last - MINUTE * n: value for n, value in enumerate(reversed(values))}


def source(name: str, number: int, clock: Standing) -> CloudwatchMetrics:
    """A source of GreenFlow's spec, as it stands there."""
    (metric,) = (one for one in greenflow.spec().metrics if one.name == name)
    made = connector(metric.sources[number], name, {})
    assert isinstance(made, CloudwatchMetrics)
    return made.told_of(greenflow.spec()).on(clock)


@pytest.fixture
def api(aws: AwsOnLoopback, clock: Standing) -> CloudwatchMetrics:
    """The metrics of GreenFlow's API, behind its load balancer."""
    greenflow.load_balancer(aws)
    made = connector(greenflow.spec().components["api"].metrics, "metrics", {})
    assert isinstance(made, CloudwatchMetrics)
    return made.told_of(greenflow.spec()).on(clock)


def behind(aws: AwsOnLoopback, name: str) -> dict[str, str]:
    shown = aws.client("elbv2").describe_target_groups(Names=[name])["TargetGroups"][0]
    return {
        "LoadBalancer": shown["LoadBalancerArns"][0].partition(":loadbalancer/")[2],
        "TargetGroup": "targetgroup/" + shown["TargetGroupArn"].partition(":targetgroup/")[2],
    }


@pytest.mark.proves("S2-085")
def test_database_connections_are_averaged_over_the_last_hour(aws: AwsOnLoopback, clock: Standing) -> None:
    place = {"DBInstanceIdentifier": "greenflow-prod"}
    points = {NOON.replace(second=0) - timedelta(minutes=5 * n): 10.0 + n for n in range(1, 13)}
    put(aws, "AWS/RDS", "DatabaseConnections", place, points)
    put(aws, "AWS/RDS", "DatabaseConnections", place, {NOON - timedelta(hours=3): 900.0})
    put(
        aws, "AWS/RDS", "DatabaseConnections", {"DBInstanceIdentifier": "another"}, points | {NOON - MINUTE * 5: 5000.0}
    )
    told = source("db_connections", 0, clock).sample("db_connections", GREEN, timedelta(minutes=1))
    assert told.value == pytest.approx(16.5)
    assert told.window == timedelta(hours=1)


@pytest.mark.proves("S2-088")
def test_the_error_rate_is_averaged_over_ten_minutes_in_per_cent(aws: AwsOnLoopback, clock: Standing) -> None:
    put(aws, "GreenFlow", "ErrorRate", {}, minutes(90.0, *[2.0] * 5, *[4.0] * 5))
    one = source("error_rate", 1, clock)
    told = one.sample("error_rate", GREEN, MINUTE)
    assert told.value == pytest.approx(0.03), "the eleventh sample back is none of ten"
    assert told.window == MINUTE * 10
    assert not one.sided


@pytest.mark.proves("S2-015", "S2-016")
@pytest.mark.parametrize(("name", "metric"), [("cpu_share", "CPUUtilization"), ("memory_share", "MemoryUtilization")])
def test_cpu_and_memory_are_those_of_greens_service(
    aws: AwsOnLoopback, clock: Standing, name: str, metric: str
) -> None:
    green = {"ClusterName": "greenflow-production-green", "ServiceName": "greenflow-api"}
    put(aws, "AWS/ECS", metric, green, minutes(81.0))
    put(aws, "AWS/ECS", metric, {**green, "ClusterName": "greenflow-production-blue"}, minutes(12.0))
    assert source(name, 0, clock).sample(name, GREEN, MINUTE).value == pytest.approx(0.81)
    component = connector(greenflow.spec().components["api"].metrics, "metrics", {}).told_of(greenflow.spec()).on(clock)
    greenflow.load_balancer(aws)
    assert component.sample(name, GREEN, MINUTE).value == pytest.approx(0.81)
    assert component.sample(name, BLUE, MINUTE).value == pytest.approx(0.12), "blue and green apart"


def test_failures_are_counted_by_target_group(aws: AwsOnLoopback, api: CloudwatchMetrics) -> None:
    put(aws, ALB, "RequestCount", behind(aws, "greenflow-green"), minutes(100, 300))
    put(aws, ALB, "HTTPCode_Target_5XX_Count", behind(aws, "greenflow-green"), minutes(8.0, until=NOON - MINUTE))
    put(aws, ALB, "RequestCount", behind(aws, "greenflow-blue"), minutes(1000, 1000))
    told = api.sample("error_rate", GREEN, MINUTE * 2)
    assert told.value == pytest.approx(0.02)
    assert (told.count, told.bad, told.window) == (400, 8, MINUTE * 2)
    told = api.sample("error_rate", BLUE, MINUTE * 2)
    assert (told.value, told.count, told.bad) == (0.0, 2000, 0), "an ALB publishes no zero of errors"
    assert api.sample("request_rate", BLUE, MINUTE * 2).value == pytest.approx(2000 / 120)
    assert api.sided


def test_nothing_published_is_no_data_and_not_zero(api: CloudwatchMetrics, clock: Standing) -> None:
    for metric in ("error_rate", "request_rate", "cpu_share"):
        told = api.sample(metric, GREEN, MINUTE)
        assert (told.value, told.count, told.bad, told.error) == (None, None, None, "")
    assert source("db_connections", 0, clock).sample("db_connections", GREEN, MINUTE).value is None


def test_a_figure_that_is_too_old_is_none(aws: AwsOnLoopback, api: CloudwatchMetrics, clock: Standing) -> None:
    put(aws, ALB, "RequestCount", behind(aws, "greenflow-green"), minutes(100))
    assert api.sample("error_rate", GREEN, MINUTE).count == 100
    clock.sleep(180)
    assert api.sample("error_rate", GREEN, MINUTE).count == 100, "CloudWatch publishes late"
    clock.sleep(60)
    assert api.sample("error_rate", GREEN, MINUTE).value is None


def test_a_side_is_found_by_its_arn_by_its_platforms_tag_and_by_its_name(
    aws: AwsOnLoopback, api: CloudwatchMetrics
) -> None:
    put(aws, ALB, "RequestCount", behind(aws, "greenflow-green"), minutes(100))
    elb = aws.client("elbv2")
    arn = elb.describe_target_groups(Names=["greenflow-green"])["TargetGroups"][0]["TargetGroupArn"]
    elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "tidegate:side", "Value": "greenflow-v2-0"}])
    for side in (GREEN, Side("greenflow-v2-0", ()), Side("whatever", (arn,))):
        assert api.sample("error_rate", side, MINUTE).count == 100
    with pytest.raises(
        NotUnderstood, match="no target group is nobody's; the spec names greenflow-blue, greenflow-green"
    ):
        api.sample("error_rate", Side("nobody", ()), MINUTE)


def answers(script: Script, said: Mapping[str, Mapping[datetime, float]]) -> list[dict[str, Any]]:
    """CloudWatch's answer by the query's statistic, expression or metric; what it was asked."""
    seen: list[dict[str, Any]] = []

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        results = []
        for one in asked["MetricDataQueries"]:
            seen.append(one)
            if not one["ReturnData"]:
                continue
            stat = one.get("MetricStat", {})
            keys = (one.get("Expression"), stat.get("Stat"), stat.get("Metric", {}).get("MetricName"))
            points = next((said[key] for key in keys if key in said), {})
            inside = {at: v for at, v in points.items() if asked["StartTime"] <= at < asked["EndTime"]}
            results.append(
                {"Id": one["Id"], "Timestamps": list(inside), "Values": list(inside.values()), "StatusCode": "Complete"}
            )
        return {"MetricDataResults": results}

    script.says["GetMetricData"] = answer
    return seen


@pytest.mark.proves("S2-120")
def test_a_percentile_is_cloudwatchs_own_weighed_by_requests(script: Script, api: CloudwatchMetrics) -> None:
    seen = answers(script, {"p95": minutes(0.2, 0.6), "RequestCount": minutes(300, 100)})
    assert api.sample("latency_p95", GREEN, MINUTE).value == pytest.approx(0.6)
    told = api.sample("latency_p95", GREEN, MINUTE * 2)
    assert told.value == pytest.approx(0.3)
    assert told.count == 400
    stats = {one["MetricStat"]["Metric"]["MetricName"]: one["MetricStat"]["Stat"] for one in seen}
    assert stats["TargetResponseTime"] == "p95"


def test_an_expression_is_computed_by_cloudwatch_over_hidden_series(script: Script, clock: Standing) -> None:
    seen = answers(script, {"100 * errors / requests": minutes(3.0)})
    one = CloudwatchMetrics(
        region=REGION, namespace="GreenFlow", expression="100 * errors / requests", unit="%",
        of={"errors": Term(metric="Errors"), "requests": Term(metric="Requests")}, dimensions={"Side": "{side}"},
    ).on(clock)  # fmt: skip
    assert one.sample("error_rate", GREEN, MINUTE).value == pytest.approx(0.03)
    assert one.sided
    assert [(one["Id"], one["ReturnData"]) for one in seen] == [("errors", False), ("requests", False), ("value", True)]
    assert seen[0]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "Side", "Value": "greenflow-green"}]


def test_counts_grow_by_whole_minutes_with_a_histogram(script: Script, api: CloudwatchMetrics, clock: Standing) -> None:
    later = NOON + MINUTE * 10
    bands = {f"TC({EDGES[4]:g}:{EDGES[5]:g})": minutes(*[70.0] * 14, until=later)}
    answers(script, {
        "RequestCount": minutes(*[100.0] * 14, until=later),
        "HTTPCode_Target_5XX_Count": minutes(1.0, until=later), **bands,
    })  # fmt: skip
    assert isinstance(api, Counts)
    assert api.totals(GREEN) is None, "it counts from when it was first asked"
    clock.sleep(60)
    first = api.totals(GREEN)
    assert first is not None
    assert (first.requests, first.latency[4], first.latency[-1]) == (100.0, 70.0, 30.0), "what no band holds is slow"
    assert first.edges == (*EDGES, float("inf"))
    assert len(first.latency) == len(first.edges) - 1
    assert api.totals(GREEN) == first, "the same minute is counted once"
    clock.sleep(300)
    later_on = api.totals(GREEN)
    assert later_on is not None
    assert (later_on.requests, later_on.at - first.at) == (600.0, MINUTE * 5)


def test_cloudwatch_is_asked_again_only_after_a_while(
    aws: AwsOnLoopback, api: CloudwatchMetrics, clock: Standing
) -> None:
    for _ in range(5):
        api.sample("error_rate", GREEN, MINUTE)
    assert aws.calls["GetMetricData"] == 1
    clock.sleep(15)
    api.sample("error_rate", GREEN, MINUTE)
    assert aws.calls["GetMetricData"] == 2


@pytest.mark.parametrize(
    ("fault", "kind"), [("expired", Denied), ("denied", Denied), ("throttled", Unreachable), ("500", Unreachable)]
)
def test_an_aws_that_does_not_tell_is_an_error_and_no_figure(
    aws: AwsOnLoopback, api: CloudwatchMetrics, fault: str, kind: type[ConnectorError]
) -> None:
    aws.fails("GetMetricData", *[fault] * 4)
    with pytest.raises(kind, match="CloudWatch's figures: "):
        api.sample("error_rate", GREEN, MINUTE)


def test_a_figure_that_cloudwatch_could_not_compute_is_an_error(script: Script, api: CloudwatchMetrics) -> None:
    script.says["GetMetricData"] = lambda asked: {
        "MetricDataResults": [{"Id": one["Id"], "StatusCode": "InternalError"} for one in asked["MetricDataQueries"]]
    }
    with pytest.raises(Unreachable, match="could not compute requests"):
        api.sample("error_rate", GREEN, MINUTE)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"statistic": "p95%"}, "pattern"),
        ({"metric": "a", "expression": "b"}, "a metric or an expression"),
        ({"expression": "a / b"}, "go together"),
        ({"expression": "A", "of": {"A": {"metric": "x"}}}, "is no name for a series"),
        ({"period": "90s"}, "whole number of minutes"),
        ({"period": "5s"}, "greater than or equal"),
        ({"unit": "percent"}, "no unit known here"),
        ({"dimensions": {"A": "{colour}"}}, "{colour} is not known here"),
    ],
)
def test_a_mistake_in_a_field_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CloudwatchMetrics(**fields)


def test_a_metric_that_is_not_known_is_refused_with_those_that_are(api: CloudwatchMetrics) -> None:
    with pytest.raises(NotUnderstood, match="no metric 'memory'"):
        api.sample("memory", GREEN, MINUTE)
