"""GreenFlow's AWS as its guide wants it, set up in moto: what infrastructure checks of its spec look at."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from blocks.connect import connector
from blocks.yaml_reading import read_spec
from tests.contract.aws_on_loopback import ACCOUNT, REGION, AwsOnLoopback
from tests.house.tree import ROOT
from tidegate.ports import CheckResult
from tidegate.spec import Spec

SPEC = ROOT / "deployments" / "releases" / "greenflow.yaml"
ALLOWED = ["ecr", "ecs", "elasticloadbalancing", "rds", "cloudwatch"]


@cache
def spec() -> Spec:
    return read_spec(SPEC.read_bytes(), SPEC.name)


def run(name: str, **values: str) -> CheckResult:
    """This check of the spec, connected as a release would connect it."""
    check = connector(spec().check(name).check, name, values).told_of(spec())
    result = check.run({"release": "greenflow/v2.0/1"})
    assert isinstance(result, CheckResult)
    return result


def databases(aws: AwsOnLoopback) -> Any:
    rds = aws.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="greenflow-prod", DBInstanceClass="db.t3.small", Engine="postgres", AllocatedStorage=500,
        MultiAZ=True, BackupRetentionPeriod=30, StorageEncrypted=True, EnableIAMDatabaseAuthentication=True,
        DBName="glec_prod", MasterUsername="made", MasterUserPassword="made-up-77",
    )  # fmt: skip
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier="greenflow-replica", SourceDBInstanceIdentifier="greenflow-prod"
    )
    rds.create_db_snapshot(DBInstanceIdentifier="greenflow-prod", DBSnapshotIdentifier="greenflow-prod-today")
    lag(aws, 2.0)
    return rds


def lag(aws: AwsOnLoopback, seconds: float) -> None:
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": "ReplicaLag",
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "greenflow-replica"}],
                "Timestamp": datetime.now(UTC) - timedelta(minutes=2),
                "Value": seconds,
            }
        ],
    )


def stores(aws: AwsOnLoopback) -> None:
    aws.client("elasticache").create_replication_group(
        ReplicationGroupId="greenflow-redis", ReplicationGroupDescription="Redis", CacheNodeType="cache.t3.small",
        Engine="redis", NumNodeGroups=2, ReplicasPerNodeGroup=1, AutomaticFailoverEnabled=True,
        MultiAZEnabled=True, AtRestEncryptionEnabled=True, TransitEncryptionEnabled=True, ClusterMode="enabled",
    )  # fmt: skip
    aws.client("s3").create_bucket(Bucket="greenflow-backups")
    logs = aws.client("logs")
    for name in ("/ecs/greenflow-api", "/ecs/greenflow-worker"):
        logs.create_log_group(logGroupName=name)
        logs.put_retention_policy(logGroupName=name, retentionInDays=30)
    cloudwatch = aws.client("cloudwatch")
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "x"}}]})
    cloudwatch.put_dashboard(DashboardName="GreenFlow-Production", DashboardBody=body)


def load_balancer(aws: AwsOnLoopback, blue: int = 100) -> tuple[str, str]:
    """ARNs of the listener and of the balancer; the API's rule forwards by weights."""
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    network = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="greenflow", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    groups = [
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=network)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("greenflow-blue", "greenflow-green")
    ]
    shares = [
        {"TargetGroupArn": group, "Weight": weight} for group, weight in zip(groups, (blue, 100 - blue), strict=True)
    ]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[fixed])
    arn = str(listener["Listeners"][0]["ListenerArn"])
    condition = {"Field": "path-pattern", "Values": ["/api/*"]}
    elb.create_rule(ListenerArn=arn, Priority=1, Conditions=[condition], Actions=[action])
    return arn, str(balancer)


def service(aws: AwsOnLoopback, image: str = "glec-api:prod-v1.0", tags: dict[str, str] | None = None) -> None:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="greenflow-production-blue")
    container = {"name": "api", "image": image, "memory": 64}
    told = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    made = ecs.register_task_definition(family="greenflow-api", containerDefinitions=[container], tags=told)
    definition = made["taskDefinition"]["taskDefinitionArn"]
    found = ecs.describe_services(cluster="greenflow-production-blue", services=["greenflow-api"])["services"]
    about = {"cluster": "greenflow-production-blue", "taskDefinition": definition}
    if found:
        ecs.update_service(service="greenflow-api", **about)
    else:
        ecs.create_service(serviceName="greenflow-api", desiredCount=3, **about)


SQLI = {
    "SqliMatchStatement": {
        "FieldToMatch": {"QueryString": {}},
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
    }
}
XSS = {"XssMatchStatement": SQLI["SqliMatchStatement"]}
RATE = {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}}


def rule(name: str, statement: dict[str, Any], **action: Any) -> dict[str, Any]:
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name}
    return {
        "Name": name,
        "Priority": 0,
        "Statement": statement,
        "VisibilityConfig": seen,
        **(action or {"Action": {"Block": {}}}),
    }


def firewall(aws: AwsOnLoopback, balancer: str, *rules: dict[str, Any]) -> None:
    waf = aws.client("wafv2")
    named = rules or (rule("sqli", SQLI), rule("xss", XSS), rule("rate", RATE))
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "acl"}
    made = waf.create_web_acl(
        Name="greenflow", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen,
        Rules=[{**one, "Priority": number} for number, one in enumerate(named)],
    )["Summary"]  # fmt: skip
    if balancer:
        waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=balancer)


def role(aws: AwsOnLoopback, *actions: str, name: str = "greenflow-deploy") -> None:
    iam = aws.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}],
    }
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    inline = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecs:UpdateService", "Resource": "*"}}
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(inline))
    listed = list(actions or [f"{one}:Describe*" for one in ALLOWED])
    managed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": listed, "Resource": "*"}]}
    iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(managed))
    iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/managed")


def distribution(aws: AwsOnLoopback, restriction: dict[str, Any] | None = None) -> str:
    origin = {
        "Id": "site",
        "DomainName": "origin.greenflow.dev",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    made = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "greenflow", "Comment": "greenflow", "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": ["greenflow.dev"]},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "redirect-to-https"},
            "Restrictions": {"GeoRestriction": restriction or {"RestrictionType": "none", "Quantity": 0}},
        }
    )  # fmt: skip
    return str(made["Distribution"]["ARN"])
