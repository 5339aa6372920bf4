"""What a team has on AWS before its first release: a network, a balancer with its rules, target groups, clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from examples.aws.double import REGION, AwsDouble


@dataclass(frozen=True, slots=True)
class Ground:
    """ARNs and IDs, by the names that a spec uses."""

    listener: str
    groups: Mapping[str, str]  # target group -> arn
    rules: Mapping[str, str]  # path -> arn
    subnets: tuple[str, ...]
    security: str


def api(double: AwsDouble, service: str) -> Any:
    """A client that is not Tidegate's: the team's own hands, whose calls are not counted as a release's."""
    config = Config(user_agent="team", retries={"total_max_attempts": 2})
    return boto3.client(service, region_name=REGION, endpoint_url=double.url, config=config)


def lay(double: AwsDouble, paths: Mapping[str, tuple[str, str]], system: str = "greenflow") -> Ground:
    """A listener on port 80; for each path its blue and green target group, blue at 100. `/*` is the default action."""
    ec2, elb = api(double, "ec2"), api(double, "elbv2")
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=network, EnableDnsHostnames={"Value": True})
    zones = [("10.0.0.0/24", f"{REGION}a"), ("10.0.1.0/24", f"{REGION}b")]
    made_subnets = [ec2.create_subnet(VpcId=network, CidrBlock=block, AvailabilityZone=zone) for block, zone in zones]
    subnets = tuple(one["Subnet"]["SubnetId"] for one in made_subnets)
    security = ec2.create_security_group(GroupName=system, Description=system, VpcId=network)["GroupId"]
    made = elb.create_load_balancer(Name=system, Subnets=list(subnets), SecurityGroups=[security])["LoadBalancers"][0]
    groups = {
        name: elb.create_target_group(
            Name=name, Protocol="HTTP", Port=3000, VpcId=network, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        for pair in paths.values()
        for name in pair
    }
    default = [forward(groups, *paths["/*"])] if "/*" in paths else [
        {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    ]  # fmt: skip
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=default
    )["Listeners"][0]["ListenerArn"]
    rules = {
        path: elb.create_rule(
            ListenerArn=listener,
            Priority=place,
            Conditions=[{"Field": "path-pattern", "Values": [path]}],
            Actions=[forward(groups, *pair)],
        )["Rules"][0]["RuleArn"]
        for place, (path, pair) in enumerate(((p, g) for p, g in paths.items() if p != "/*"), 10)
    }
    return Ground(listener, groups, rules, subnets, security)


def forward(groups: Mapping[str, str], blue: str, green: str) -> dict[str, Any]:
    weights = [{"TargetGroupArn": groups[blue], "Weight": 100}, {"TargetGroupArn": groups[green], "Weight": 0}]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}


def deploy(double: AwsDouble, ground: Ground, *, service: str, clusters: Mapping[str, str], group: str, image: str,
           count: int, environment: Mapping[str, str]) -> None:  # fmt: skip
    """The version before, as somebody deployed it by hand: clusters, a definition, blue's service."""
    ecs = api(double, "ecs")
    for cluster in clusters.values():
        ecs.create_cluster(clusterName=cluster)
    definition = ecs.register_task_definition(
        family=service,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": service,
                "image": image,
                "essential": True,
                "memory": 512,
                "portMappings": [{"containerPort": 3000, "protocol": "tcp"}],
                "environment": [{"name": name, "value": value} for name, value in environment.items()],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(
        cluster=clusters["blue"],
        serviceName=service,
        taskDefinition=definition,
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": list(ground.subnets), "securityGroups": [ground.security]}
        },
        loadBalancers=[{"targetGroupArn": ground.groups[group], "containerName": service, "containerPort": 3000}],
    )
