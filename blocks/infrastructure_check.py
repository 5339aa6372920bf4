"""
Whether AWS is set up as a release needs it: databases, caches, buckets, firewalls, roles, weights, logs.

It only reads. Each field of a section is one assertion, told with what was found; what AWS does not tell never holds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Self

from pydantic import Field, PrivateAttr, model_validator

from blocks.aws_access import AwsAccess
from blocks.connector import Connector
from blocks.infrastructure_check_finding import Absent, Aws, Finding, Section
from blocks.infrastructure_check_network import AcmSection, AlbSection, CloudfrontSection, EcsSection
from blocks.infrastructure_check_rds import RdsSection
from blocks.infrastructure_check_security import IamSection, WafSection
from blocks.infrastructure_check_stores import CloudwatchSection, ElasticacheSection, LogsSection, S3Section
from tidegate.errors import Denied, NotUnderstood, Unreachable
from tidegate.language.identity import Environment
from tidegate.ports import CheckResult, Verdict
from tidegate.spec import Spec

MOST_LINES = 30


class InfrastructureCheck(AwsAccess, Connector):
    """How AWS is set up."""

    _block_type_name = "Infrastructure on AWS"
    _block_type_slug = "infrastructure-check"
    _description = "Reads how AWS is set up and compares it with what is wanted."

    rds: RdsSection | None = Field(None, title="RDS", description="A database instance.")
    elasticache: ElasticacheSection | None = Field(None, title="ElastiCache", description="A group of Redis nodes.")
    s3: S3Section | None = Field(None, title="S3", description="A bucket.")
    alb: AlbSection | None = Field(None, title="ALB", description="The weights of a listener.")
    ecs: EcsSection | None = Field(None, title="ECS", description="A service.")
    acm: AcmSection | None = Field(None, title="ACM", description="A certificate.")
    cloudfront: CloudfrontSection | None = Field(None, title="CloudFront", description="A distribution.")
    waf: WafSection | None = Field(None, title="WAF", description="A firewall.")
    iam: IamSection | None = Field(None, title="IAM", description="A role.")
    logs: LogsSection | None = Field(None, title="Logs", description="Log groups.")
    cloudwatch: CloudwatchSection | None = Field(None, title="CloudWatch", description="A dashboard, alarms.")
    _environments: dict[str, Environment] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _asserts_something(self) -> Self:
        if not self._sections():
            raise ValueError(
                "nothing is asserted; give one of rds, elasticache, s3, alb, ecs, acm, cloudfront, waf, ..."
            )
        named = {"rds": {"instance"}, "elasticache": {"cluster"}, "cloudwatch": {"quiet"}}
        for name, section in self._sections().items():
            if name in named and section.model_fields_set <= named[name]:
                raise ValueError(f"{name}: nothing is asserted of it")
        return self

    def told_of(self, spec: Spec) -> Self:
        self._environments = dict(spec.environments)
        return self

    def run(self, facts: Mapping[str, str]) -> CheckResult:
        """FAIL names each thing that is not as wanted; INCONCLUSIVE while AWS is busy, ERROR when it refuses us."""
        began = time.monotonic()
        aws = Aws(self.access, self._variables(facts.get("environment", "")))
        found: list[Finding] = []
        verdict, why = Verdict.PASS, ""
        try:
            for section in self._sections().values():
                found += self._looked(section, aws)
        except Unreachable as no:
            verdict, why = Verdict.INCONCLUSIVE, str(no)
        except (Denied, NotUnderstood) as no:
            verdict, why = Verdict.ERROR, str(no)
        wrong = [one for one in found if not one.holds]
        if wrong:
            verdict = Verdict.FAIL
        lines = [str(one) for one in wrong or found] + ([why] if why else [])
        figures = {"asserted": float(len(found)), "wrong": float(len(wrong))}
        seconds = round(time.monotonic() - began, 3)
        return CheckResult(verdict, "\n".join(lines[:MOST_LINES]), seconds=seconds, figures=figures)

    @staticmethod
    def _looked(section: Section, aws: Aws) -> list[Finding]:
        """What is not there at all is a finding, too; an error is for an AWS that does not tell."""
        found: list[Finding] = []
        try:
            for one in section.look(aws):
                found.append(one)  # noqa: PERF402  # what was found before something turned out to be missing is kept
        except Absent as what:
            found.append(Finding(f"{what}", "not there", "one", holds=False))
        return found

    def _sections(self) -> dict[str, Section]:
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in named.items() if isinstance(value, Section)}

    def _variables(self, environment: str) -> dict[str, str]:
        place = self._environments.get(environment or "production")
        return {one.name: one.value for one in place.variables if one.value is not None} if place else {}
