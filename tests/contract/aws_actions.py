"""
Which rights in AWS (IAM actions) each verb of our connectors needs; written down here, and held against what is called.

`python -m tests.contract.aws_actions` writes docs/aws: the page and the policy. The mapping from calls to actions is
AWS's own, where the two are not called alike (Service Authorization Reference).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from tests.house.tree import ROOT

PAGE, POLICY = ROOT / "docs" / "aws" / "calls.md", ROOT / "docs" / "aws" / "policy-prepare.json"
SIGNED = {"monitoring": "cloudwatch"}  # IAM's prefix, where calls are signed by another name
# Calls whose right has another name, or that need more than one.
NAMED: Mapping[str, tuple[str, ...]] = {
    "s3:HeadBucket": ("s3:ListBucket",),
    "rds:CreateDBSnapshot": ("rds:AddTagsToResource", "rds:CreateDBSnapshot"),
}
# What a registry does for us when it is spoken to over its own protocol, with the token that ECR gave.
OVER_HTTP: Mapping[str, tuple[str, ...]] = {
    "HEAD manifests": ("ecr:BatchGetImage",),
    "GET manifests": ("ecr:BatchGetImage",),
    "HEAD blobs": ("ecr:BatchCheckLayerAvailability",),
    "POST uploads": ("ecr:InitiateLayerUpload",),
    "PATCH uploads": ("ecr:UploadLayerPart",),
    "PUT uploads": ("ecr:CompleteLayerUpload",),
    "PUT manifests": ("ecr:PutImage",),
}
VERBS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ecr-registry": {
        "push": (
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
            "ecr:DescribeRepositories", "ecr:GetAuthorizationToken", "ecr:InitiateLayerUpload", "ecr:PutImage",
            "ecr:UploadLayerPart",
        ),
        "exists": ("ecr:BatchGetImage", "ecr:GetAuthorizationToken"),
    },
    "rds-backup": {
        "find": ("rds:DescribeDBSnapshots",),
        "take": ("rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"),
        "verify": ("rds:DescribeDBInstances", "rds:DescribeDBSnapshots"),
    },
    "cloudwatch-metrics": {
        "sample": (
            "cloudwatch:GetMetricData", "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroups",
        ),
        "totals": (
            "cloudwatch:GetMetricData", "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetGroups",
        ),
    },
    "cloudfront-cache": {
        "done": ("cloudfront:GetInvalidation", "cloudfront:ListInvalidations"),
        "do": ("cloudfront:CreateInvalidation", "cloudfront:GetInvalidation", "cloudfront:ListInvalidations"),
    },
    "env-check": {"run": ("secretsmanager:GetSecretValue",)},
    "infrastructure-check": {
        "run": (
            "acm:DescribeCertificate", "acm:ListCertificates", "cloudfront:ListDistributions",
            "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics", "cloudwatch:ListDashboards",
            "ecs:DescribeServices", "ecs:DescribeTaskDefinition", "elasticache:DescribeReplicationGroups",
            "elasticloadbalancing:DescribeRules", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "logs:DescribeLogGroups",
            "rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "s3:ListBucket", "shield:DescribeProtection",
            "wafv2:GetRuleGroup", "wafv2:GetWebACL", "wafv2:ListResourcesForWebACL", "wafv2:ListWebACLs",
        ),
    },
}  # fmt: skip
HEAD = """# What is called in AWS

Written by `python -m tests.contract.aws_actions`. Each verb of a connector needs these rights, no more: a test carries
every verb out and compares its calls with this page, both ways. [policy-prepare.json](policy-prepare.json) is the sum,
for a role that prepares and measures; take away what your spec does not use, and name your own resources where AWS
knows any (`Resource: "*"` is the widest). What moves traffic and runs tasks (`alb-router`, `ecs-platform`) is not
in it.

| connector | verb | rights |
| --- | --- | --- |
"""


def actions(services: Iterable[str], operations: Iterable[str]) -> set[str]:
    """The rights behind these calls."""
    named = (f"{SIGNED.get(one, one)}:{operation}" for one, operation in zip(services, operations, strict=True))
    return {right for call in named for right in NAMED.get(call, (call,))}


def page() -> str:
    rows = [
        f"| `{connector}` | {verb} | {', '.join(f'`{right}`' for right in sorted(rights))} |\n"
        for connector, verbs in VERBS.items()
        for verb, rights in verbs.items()
    ]
    return HEAD + "".join(rows)


def policy() -> str:
    allowed = sorted({right for verbs in VERBS.values() for rights in verbs.values() for right in rights})
    statement = {"Sid": "TidegatePrepares", "Effect": "Allow", "Action": allowed, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    POLICY.write_text(policy(), "utf-8")
