"""Firewalls, roles, CloudFront and certificates of GreenFlow: what blocks, what is allowed, what stands before what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.infrastructure_check import InfrastructureCheck
from tests.contract import greenflow_on_aws as greenflow
from tests.contract.aws_on_loopback import ACCOUNT, REGION, AwsOnLoopback, Script
from tests.contract.greenflow_on_aws import run
from tidegate.ports import CheckResult, Verdict


def asked(**sections: Any) -> CheckResult:
    return InfrastructureCheck(region=REGION, **sections).run({})


@pytest.fixture
def firewall(aws: AwsOnLoopback, script: Script) -> Callable[..., None]:
    """A web ACL of these rules; moto cannot tell what it stands before, so the script does."""

    def made(*rules: dict[str, Any], stands: bool = True) -> None:
        greenflow.firewall(aws, "", *rules)
        arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/greenflow/1"
        script.says["ListResourcesForWebACL"] = lambda _: {"ResourceArns": [arn] if stands else []}

    return made


@pytest.mark.proves("S2-002", "S2-055", "S2-056", "S2-057", "S2-126", "sec.waf")
def test_a_firewall_that_blocks_all_three_kinds_passes(firewall: Callable[..., None]) -> None:
    firewall()
    told = run("waf-rules")
    assert told.verdict is Verdict.PASS, told.evidence
    assert "WAF greenflow is before app/greenflow/1" in told.evidence


COUNTS: dict[str, Any] = {"Action": {"Count": {}}}
SQLI_GROUP = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesSQLiRuleSet"}}
XSS_GROUP = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}}
COUNTED_XSS = {
    "ManagedRuleGroupStatement": {
        **XSS_GROUP["ManagedRuleGroupStatement"],
        "RuleActionOverrides": [{"Name": "CrossSiteScripting_BODY", "ActionToUse": {"Count": {}}}],
    }
}
NOT_SQLI = {"NotStatement": {"Statement": greenflow.SQLI}}
BOTH = {"OrStatement": {"Statements": [greenflow.SQLI, greenflow.XSS]}}


@pytest.mark.proves("S2-055", "S2-056", "S2-057", "S2-126", "sec.waf")
@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ([greenflow.rule("a", BOTH), greenflow.rule("b", greenflow.RATE)], []),
        (
            [
                greenflow.rule("a", SQLI_GROUP, OverrideAction={"None": {}}),
                greenflow.rule("b", XSS_GROUP, OverrideAction={"None": {}}),
                greenflow.rule("c", greenflow.RATE),
            ],
            [],
        ),
        (
            [
                greenflow.rule("a", SQLI_GROUP, OverrideAction={"Count": {}}),
                greenflow.rule("b", COUNTED_XSS, OverrideAction={"None": {}}),
                greenflow.rule("c", greenflow.RATE, **COUNTS),
            ],
            ["sql-injection", "cross-site-scripting", "rate-based"],
        ),
        ([greenflow.rule("a", NOT_SQLI), greenflow.rule("b", greenflow.XSS)], ["sql-injection", "rate-based"]),
    ],
    ids=["one rule for both", "AWS's own groups", "all only count", "turned round"],
)
def test_a_rule_counts_when_it_blocks(
    firewall: Callable[..., None], rules: list[dict[str, Any]], missing: list[str]
) -> None:
    firewall(*rules)
    told = run("waf-rules")
    assert (told.verdict is Verdict.PASS) is (not missing), told.evidence
    assert (
        told.evidence.splitlines() == [f"WAF greenflow's rule {one} is not active, wanted: active" for one in missing]
        or not missing
    )


@pytest.mark.proves("S2-126", "sec.waf")
def test_a_firewall_before_nothing_and_one_that_is_not_there_protect_nobody(firewall: Callable[..., None]) -> None:
    assert "web ACL greenflow is not there" in run("waf-rules").evidence
    firewall(stands=False)
    assert "WAF greenflow is before nothing, wanted: in use" in run("waf-rules").evidence


@pytest.mark.proves("S2-130", "sec.infra")
@pytest.mark.parametrize("action", ["s3:GetObject", "*", "iam:PassRole"])
def test_a_role_that_may_do_more_than_it_should_is_told(aws: AwsOnLoopback, action: str) -> None:
    assert "role greenflow-deploy is not there" in run("access-control").evidence
    greenflow.role(aws)
    assert run("access-control").verdict is Verdict.PASS
    greenflow_role = aws.client("iam")
    document = (
        f'{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "*"}}]}}'
    )
    greenflow_role.put_role_policy(RoleName="greenflow-deploy", PolicyName="more", PolicyDocument=document)
    told = run("access-control")
    assert told.verdict is Verdict.FAIL
    assert f"the role greenflow-deploy by more is allowed {action}, wanted: no more than ecr, ecs" in told.evidence


@pytest.mark.proves("S2-053", "S2-054", "sec.waf")
def test_cloudfront_stands_behind_shield_and_restricts_nobody(aws: AwsOnLoopback) -> None:
    assert "distribution of CloudFront with the alias greenflow.dev is not there" in run("cdn-protection").evidence
    arn = greenflow.distribution(aws)
    assert "Shield Advanced is off, wanted: on" in run("cdn-protection").evidence
    aws.client("shield").create_protection(Name="site", ResourceArn=arn)
    told = run("cdn-protection")
    assert told.verdict is Verdict.PASS, told.evidence


@pytest.mark.proves("S2-054")
def test_a_geographic_restriction_is_compared(aws: AwsOnLoopback, script: Script) -> None:
    greenflow.distribution(aws)
    real = aws.client("cloudfront").list_distributions()["DistributionList"]
    places = {"RestrictionType": "whitelist", "Quantity": 2, "Items": ["KR", "JP"]}
    shown = {**real, "Items": [{**real["Items"][0], "Staging": False, "Restrictions": {"GeoRestriction": places}}]}
    script.says["ListDistributions"] = lambda _: {"DistributionList": shown}
    told = run("cdn-protection")
    assert "geographic restriction is whitelist JP, KR, wanted: none" in told.evidence
    wanted = {"alias": "greenflow.dev", "geo_restriction": {"whitelist": ["JP", "KR"]}}
    assert asked(cloudfront=wanted).verdict is Verdict.PASS


def test_a_certificate_has_to_be_issued_and_good_for_long_enough(aws: AwsOnLoopback, script: Script) -> None:
    assert "ACM certificate of greenflow.dev is not there" in asked(acm={"domain": "greenflow.dev"}).evidence
    arn = aws.client("acm").request_certificate(DomainName="greenflow.dev")["CertificateArn"]
    wanted = {"domain": "greenflow.dev", "expires": "at least 14d"}
    assert "is PENDING_VALIDATION, wanted: ISSUED" in asked(acm=wanted).evidence
    for days, verdict in ((15, Verdict.PASS), (13, Verdict.FAIL)):
        until = datetime.now(UTC) + timedelta(days=days, hours=1)
        shown = {"CertificateArn": arn, "Status": "ISSUED", "NotAfter": until}
        script.says["DescribeCertificate"] = lambda _, shown=shown: {"Certificate": shown}  # type: ignore[misc]
        told = asked(acm=wanted)
        assert told.verdict is verdict
        assert f"is good for {days}d 1h" in told.evidence or f"is good for {days}d" in told.evidence
