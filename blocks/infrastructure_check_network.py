"""What is asserted of an ALB's weights, an ECS service, a certificate, and a distribution of CloudFront."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError
from pydantic import Field

from blocks.aws_clients import code_of, told
from blocks.infrastructure_check_finding import Aws, Finding, Section, only, same, within
from tidegate.language.limits import AnyLimit
from tidegate.quantities import spoken


class AlbSection(Section):
    """The weights by which a listener forwards."""

    listener_arn: str
    weights: dict[str, int] = Field(min_length=1, description="share in per cent by name of the target group")

    def look(self, aws: Aws) -> Iterator[Finding]:
        """Every rule that forwards to one of these groups has to show these shares; weights may be of any size."""
        with told("the listener's rules"):
            pages = aws.ask("elbv2").get_paginator("describe_rules").paginate(ListenerArn=self.listener_arn)
            rules = [rule for page in pages for rule in page["Rules"]]
        forwards = [(_conditions(rule), _shares(action)) for rule in rules for action in rule["Actions"]]
        ours = [(where, shares) for where, shares in forwards if shares.keys() & self.weights.keys()]
        if not ours:
            yield Finding("a rule that forwards to " + " or ".join(self.weights), "not there", "one", holds=False)
        for where, shares in ours:
            for name, wanted in self.weights.items():
                share = shares.get(name, 0.0)
                yield Finding(f"{name}'s weight at {where}", f"{share:g} %", f"{wanted} %", share == wanted)


def _conditions(rule: Mapping[str, Any]) -> str:
    found = [value for one in rule.get("Conditions", []) for value in (one.get("Values") or [one.get("Field", "")])]
    found += [
        value
        for one in rule.get("Conditions", [])
        if not one.get("Values")
        for value in one.get("PathPatternConfig", {}).get("Values", [])
    ]
    return ", ".join(filter(None, found)) or "the default rule"


def _shares(action: Mapping[str, Any]) -> dict[str, float]:
    """Per cent by name of the target group; nothing where the action does not forward."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    total = sum(one.get("Weight", 1) for one in groups) or 1
    return {one["TargetGroupArn"].split("/")[1]: 100 * one.get("Weight", 1) / total for one in groups}


class EcsSection(Section):
    """A service of ECS."""

    cluster: str
    service: str
    version: str | None = Field(None, description="that its tasks run, by the image's tag or Tidegate's own")
    running: AnyLimit | None = Field(None, description="tasks")

    def look(self, aws: Aws) -> Iterator[Finding]:
        with told(f"the ECS service {self.service}"):
            try:
                listed = aws.ask("ecs").describe_services(cluster=self.cluster, services=[self.service])["services"]
            except ClientError as why:
                if code_of(why) != "ClusterNotFoundException":
                    raise
                listed = []
        name = f"ECS {self.cluster}/{self.service}"
        shown = only(f"ECS service {self.service} in cluster {self.cluster}", listed)
        yield same(f"{name}'s status", shown.get("status"), "ACTIVE")
        if self.running is not None:
            yield within(f"{name}'s running tasks", float(shown.get("runningCount", 0)), self.running)
        if self.version is not None:
            found = self._versions(aws, str(shown["taskDefinition"]))
            holds = any(one == self.version or one.endswith(f"-{self.version}") for one in found)
            yield Finding(f"{name}'s version", ", ".join(found) or "not told", self.version, holds)

    def _versions(self, aws: Aws, task_definition: str) -> list[str]:
        """What its task definition says: a tag of ours, else the tags of its images; a digest alone says nothing."""
        with told(f"the task definition {task_definition.rpartition('/')[2]}"):
            answer = aws.ask("ecs").describe_task_definition(taskDefinition=task_definition, include=["TAGS"])
        tags = {one["key"]: one["value"] for one in answer.get("tags", [])}
        if version := tags.get("tidegate:version"):
            return [str(version)]
        images = [str(one["image"]).partition("@")[0] for one in answer["taskDefinition"]["containerDefinitions"]]
        names = [image.rpartition("/")[2] for image in images]
        return [name.partition(":")[2] for name in names if ":" in name]


class AcmSection(Section):
    """A certificate of ACM."""

    domain: str
    expires: AnyLimit | None = Field(None, description="how long it is good from now on, e.g. at least 14d")

    def look(self, aws: Aws) -> Iterator[Finding]:
        acm = aws.ask("acm")
        with told(f"the certificate of {self.domain}"):
            pages = acm.get_paginator("list_certificates").paginate()
            listed = [one for page in pages for one in page["CertificateSummaryList"]]
            named = [one for one in listed if one.get("DomainName") == self.domain]
            shown = only(f"ACM certificate of {self.domain}", named)
            found = acm.describe_certificate(CertificateArn=shown["CertificateArn"])["Certificate"]
        yield same(f"the certificate of {self.domain}", found.get("Status"), "ISSUED")
        if self.expires is not None:
            until = found.get("NotAfter")
            left = (until - datetime.now(UTC)).total_seconds() if isinstance(until, datetime) else None
            text = f"good for {spoken(timedelta(seconds=int(max(0.0, left))))}" if left is not None else ""
            yield within(f"the certificate of {self.domain}", left, self.expires, text)


class CloudfrontSection(Section):
    """A distribution of CloudFront."""

    alias: str = Field(description="a name by which visitors reach it")
    shield: bool | None = Field(None, description="whether Shield Advanced protects it; Shield Standard always does")
    geo_restriction: Literal["none"] | dict[Literal["whitelist", "blacklist"], list[str]] | None = Field(
        None, description="none, or a list of countries", examples=[{"whitelist": ["KR"]}]
    )

    def look(self, aws: Aws) -> Iterator[Finding]:
        with told("CloudFront's distributions"):
            pages = aws.ask_globally("cloudfront").get_paginator("list_distributions").paginate()
            listed = [one for page in pages for one in page["DistributionList"].get("Items", [])]
        named = [one for one in listed if self.alias in (one.get("Aliases") or {}).get("Items", [])]
        shown = only(f"distribution of CloudFront with the alias {self.alias}", named)
        name = f"CloudFront {self.alias}"
        yield same(f"{name}", "enabled" if shown.get("Enabled") else "disabled", "enabled")
        if self.shield is not None:
            yield same(f"{name}'s Shield Advanced", self._protected(aws, str(shown["ARN"])), self.shield)
        if self.geo_restriction is not None:
            yield self._geography(name, (shown.get("Restrictions") or {}).get("GeoRestriction") or {})

    def _protected(self, aws: Aws, arn: str) -> bool:
        with told(f"Shield's protection of {self.alias}"):
            try:
                aws.ask_globally("shield").describe_protection(ResourceArn=arn)
            except ClientError as why:
                if code_of(why) != "ResourceNotFoundException":
                    raise
                return False
        return True

    def _geography(self, name: str, shown: Mapping[str, Any]) -> Finding:
        kind, places = str(shown.get("RestrictionType", "none")), sorted(shown.get("Items") or [])
        found = "none" if kind == "none" else f"{kind} {', '.join(places)}"
        if self.geo_restriction == "none" or self.geo_restriction is None:
            return Finding(f"{name}'s geographic restriction", found, "none", kind == "none")
        ((wanted, countries),) = self.geo_restriction.items()
        listed = sorted(countries)
        return Finding(
            f"{name}'s geographic restriction",
            found,
            f"{wanted} {', '.join(listed)}",
            (kind, places) == (wanted, listed),
        )
