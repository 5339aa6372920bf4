"""What is asserted of a firewall (WAF) and of what a role may do (IAM)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError
from pydantic import Field

from blocks.aws_clients import code_of, told
from blocks.infrastructure_check_finding import Absent, Aws, Finding, Section, only
from tidegate.errors import NotUnderstood

Kind = Literal["sql-injection", "cross-site-scripting", "rate-based"]
Scope = Literal["REGIONAL", "CLOUDFRONT"]
# AWS's own groups of rules that hold such rules, and how those are called inside.
MANAGED: Mapping[str, tuple[Kind, str]] = {
    "AWSManagedRulesSQLiRuleSet": ("sql-injection", "SQLi"),
    "AWSManagedRulesCommonRuleSet": ("cross-site-scripting", "CrossSiteScripting"),
}
STATEMENTS: Mapping[str, Kind] = {
    "SqliMatchStatement": "sql-injection",
    "XssMatchStatement": "cross-site-scripting",
    "RateBasedStatement": "rate-based",
}


class WafSection(Section):
    """A web ACL."""

    web_acl: str = Field(description="its name")
    rules: tuple[Kind, ...] = Field(min_length=1, description="kinds of rules that have to block")
    scope: Literal["any", "regional", "cloudfront"] = Field("any", description="where it is looked for")

    def look(self, aws: Aws) -> Iterator[Finding]:
        """A rule that only counts protects nobody, and neither does an ACL that stands before nothing."""
        found = [(scope, one) for scope in self._scopes() for one in self._named(aws, scope)]
        scope, summary = only(f"web ACL {self.web_acl}", found)
        with told(f"the web ACL {self.web_acl}"):
            waf = self._client(aws, scope)
            acl = waf.get_web_acl(Name=self.web_acl, Scope=scope, Id=summary["Id"])["WebACL"]
            active = {kind for rule in acl.get("Rules", []) for kind in self._blocks(waf, rule)}
        for kind in self.rules:
            yield Finding(
                f"WAF {self.web_acl}'s rule {kind}",
                "active" if kind in active else "not active",
                "active",
                kind in active,
            )
        stands = self._stands_before(aws, scope, str(summary["ARN"]))
        yield Finding(f"WAF {self.web_acl}", f"before {stands}" if stands else "before nothing", "in use", bool(stands))

    def _scopes(self) -> list[Scope]:
        both: list[Scope] = ["REGIONAL", "CLOUDFRONT"]
        return both if self.scope == "any" else [one for one in both if one == self.scope.upper()]

    @staticmethod
    def _client(aws: Aws, scope: Scope) -> Any:
        return aws.ask_globally("wafv2") if scope == "CLOUDFRONT" else aws.ask("wafv2")

    def _named(self, aws: Aws, scope: Scope) -> list[dict[str, Any]]:
        """Those of this name; the list has no paginator, its marker is followed by hand."""
        listed: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        for _ in range(100):
            with told(f"the web ACLs ({scope.lower()})"):
                page = self._client(aws, scope).list_web_acls(Scope=scope, Limit=100, **more)
            listed += page.get("WebACLs", [])
            if not page.get("NextMarker") or not page.get("WebACLs"):
                return [one for one in listed if one["Name"] == self.web_acl]
            more = {"NextMarker": page["NextMarker"]}
        raise NotUnderstood("the list of web ACLs does not end")

    def _blocks(self, waf: Any, rule: Mapping[str, Any]) -> Iterator[Kind]:
        """What kinds of attacks this rule refuses: by itself, or by the group that it names."""
        statement = rule.get("Statement", {})
        managed, group = statement.get("ManagedRuleGroupStatement"), statement.get("RuleGroupReferenceStatement")
        if (managed or group) and "Count" in rule.get("OverrideAction", {}):
            return
        if managed and (known := MANAGED.get(managed.get("Name", ""))):
            counted = [
                one["Name"] for one in managed.get("RuleActionOverrides", []) if "Block" not in one["ActionToUse"]
            ]
            counted += [one["Name"] for one in managed.get("ExcludedRules", [])]
            if not any(one.startswith(known[1]) for one in counted):
                yield known[0]
        elif group:
            inner = waf.get_rule_group(ARN=group["ARN"])["RuleGroup"].get("Rules", [])
            yield from (kind for one in inner for kind in self._blocks(waf, one))
        elif "Block" in rule.get("Action", {}):
            yield from _kinds(statement)

    def _stands_before(self, aws: Aws, scope: Scope, arn: str) -> str:
        """What it protects; "" when nothing."""
        with told(f"what the web ACL {self.web_acl} protects"):
            if scope == "REGIONAL":
                kind = "APPLICATION_LOAD_BALANCER"
                listed = aws.ask("wafv2").list_resources_for_web_acl(WebACLArn=arn, ResourceType=kind)
                return ", ".join(one.rpartition("loadbalancer/")[2] for one in listed.get("ResourceArns", []))
            pages = aws.ask_globally("cloudfront").get_paginator("list_distributions").paginate()
            shown = [one for page in pages for one in page["DistributionList"].get("Items", [])]
            return ", ".join(str(one["Id"]) for one in shown if one.get("WebACLId") == arn)


def _kinds(statement: Mapping[str, Any]) -> Iterator[Kind]:
    """Of a statement and those it is made of; what stands behind a NOT lets through instead of refusing."""
    yield from (kind for name, kind in STATEMENTS.items() if name in statement)
    for name in ("AndStatement", "OrStatement"):
        for inner in statement.get(name, {}).get("Statements", []):
            yield from _kinds(inner)


class IamSection(Section):
    """A role."""

    role: str
    only: tuple[str, ...] = Field(min_length=1, description="services whose actions it may have, e.g. ecs")

    def look(self, aws: Aws) -> Iterator[Finding]:
        """Every policy of the role, attached or its own; a boundary or a deny elsewhere may take away more."""
        documents = list(self._documents(aws))
        if not documents:
            yield Finding(f"the role {self.role}", "without any policy", "allowed " + ", ".join(self.only), holds=False)
        for name, document in documents:
            for action in _allowed(document):
                service = action.partition(":")[0]
                if service not in self.only or action == "*":
                    wanted = f"no more than {', '.join(self.only)}"
                    yield Finding(f"the role {self.role} by {name}", f"allowed {action}", wanted, holds=False)
        yield Finding(f"the role {self.role}", f"looked at, {len(documents)} policies", "", holds=True)

    def _documents(self, aws: Aws) -> Iterator[tuple[str, Mapping[str, Any]]]:
        iam = aws.ask("iam")
        with told(f"the policies of the role {self.role}"):
            try:
                attached = _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=self.role)
            except ClientError as why:
                if code_of(why) == "NoSuchEntity":
                    raise Absent(f"role {self.role}") from None
                raise
            for one in attached:
                arn = one["PolicyArn"]
                version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
                document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
                yield one["PolicyName"], document
            for name in _pages(iam, "list_role_policies", "PolicyNames", RoleName=self.role):
                yield name, iam.get_role_policy(RoleName=self.role, PolicyName=name)["PolicyDocument"]


def _pages(iam: Any, operation: str, key: str, **about: str) -> list[Any]:
    return [one for page in iam.get_paginator(operation).paginate(**about) for one in page[key]]


def _allowed(document: Mapping[str, Any]) -> Iterator[str]:
    """Every action that is allowed; all, where only exceptions are named."""
    statements = document.get("Statement", [])
    for one in statements if isinstance(statements, list) else [statements]:
        if one.get("Effect") != "Allow":
            continue
        if "NotAction" in one:
            yield "*"
            continue
        actions = one.get("Action", [])
        yield from ([actions] if isinstance(actions, str) else actions)
