"""
An Application Load Balancer as a router: one rule of a listener, or its default action, and two target groups.

Which of the two is stable changes with each release: what carries everything is stable. Names are looked up once a
process; weights, mark and sides at every reading, in two calls. Writing goes through the lowering half, which needs
none of this page.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from blocks.alb_lowering import AlbRule, by_hand
from blocks.aws_access import AwsAccess
from blocks.aws_clients import client, code_of, told
from blocks.connector import Connector
from tidegate.errors import Denied, NotUnderstood
from tidegate.spec import Spec
from tidegate.traffic import Change, Seen, Side

LOG = logging.getLogger("tidegate")


class AlbRouter(AwsAccess, Connector):
    """Splits one rule's traffic by the weights of its forward action."""

    _block_type_name = "AWS Application Load Balancer"
    _block_type_slug = "alb-router"
    _description = "One rule of an ALB's listener: weights of two target groups, and the mark of the release as tags."

    kind: ClassVar[str] = "alb"
    compares: ClassVar[bool] = False

    listener_arn: str = Field(
        title="Listener",
        description="The listener whose rule is moved: `aws elbv2 describe-listeners` tells it.",
        pattern=r"^arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/app/.+$",
    )
    path: str = Field(
        default="/*",
        title="Path",
        description="The rule whose only condition is this path; /* without such a rule: the default action.",
        pattern="^/",
        examples=["/api/*"],
    )
    rule_arn: str = Field(
        default="",
        title="Rule",
        description="The rule itself, where its conditions are more than a path. Empty: found by the path.",
        pattern=r"^(arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener-rule/app/.+)?$",
    )
    target_groups: dict[Literal["blue", "green"], Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,32}$")]] = Field(
        title="Target groups",
        description="Names of the two; who is stable and who is new changes with each release.",
        min_length=2,
        examples=[{"blue": "greenflow-blue", "green": "greenflow-green"}],
    )

    _found: dict[str, Any] = PrivateAttr(default_factory=dict)  # arns by name, looked up once
    _stable: Side | None = PrivateAttr(default=None)  # as last read: serves should the rule become unreadable
    _sticky: str = PrivateAttr(default="keep")

    def told_of(self, spec: Spec) -> Self:
        """The component with this listener and path says what becomes of its sessions."""
        mine = (self.path, self.target_groups)
        for part in spec.components.values():
            settings = part.router.settings
            if part.router.use == "alb-router" and (settings.get("path", "/*"), settings.get("target_groups")) == mine:
                self._sticky = part.sticky
        return self

    def install(self) -> Seen:
        """Let this route be claimed: nobody's mark, the weights as they are."""
        return self._rule().install()

    def read(self) -> Seen:
        return self._remembered(self._rule().read())

    def write(self, change: Change) -> Seen:
        """See `AlbRule.write`; the watch's looks follow, so that a lowering need not stay (docs/aws/README.md)."""
        rule = self._rule()
        seen = self._remembered(rule.write(change))
        if rule.doubt:
            LOG.warning("%s", rule.doubt)
        return seen

    def drained(self, side: Side) -> bool | None:
        """False while a target of this side still drains; None otherwise: an ALB does not tell what is in flight."""
        rule = self._rule()
        groups = [arn for arn in side.urls if arn in rule.groups]
        groups += [arn for arn, tags in rule.look().groups.items() if tags.get("tidegate:side") == side.name]
        return False if any(rule.api.draining(arn) for arn in groups) else None

    def by_hand(self) -> str:
        return by_hand(self.address())

    def address(self) -> dict[str, Any]:
        """What the lowering half needs; NotUnderstood while nobody has ever read which side is stable."""
        if self._remembered(self._rule().read()).split is None and self._stable is None:
            raise NotUnderstood(
                f"{self._rule().api.name} forwards to other target groups, so nobody knows its way back."
            )
        return self._address()

    def _rule(self) -> AlbRule:
        return AlbRule(self._address(), stays=0.0)

    def _remembered(self, seen: Seen) -> Seen:
        if seen.split is not None:
            self._stable = seen.split.stable
        return seen

    def _address(self) -> dict[str, Any]:
        if not self._found:
            self._found = {
                "rule_arn": self.rule_arn or self._rule_by_path(),
                "target_groups": {colour: {"name": name, "arn": self._group(name)}
                                  for colour, name in sorted(self.target_groups.items())},
            }  # fmt: skip
            self._found["before"] = AlbRule(self._told()).api.forward().before
        return self._told()

    def _told(self) -> dict[str, Any]:
        return {
            "access": self.access.to_json(),
            "listener_arn": self.listener_arn,
            **self._found,
            "sticky": self._sticky,
            "stable": self._stable.to_json() if self._stable else None,
        }

    def _group(self, name: str) -> str:
        with told(f"The target group {name}"):
            try:
                found = client("elbv2", self.access).describe_target_groups(Names=[name])["TargetGroups"]
            except Exception as why:
                if code_of(why) == "TargetGroupNotFound":
                    found = []
                else:
                    raise
        if not found:
            raise Denied(f"There is no target group {name!r} in {self.region or 'this region'}")
        return str(found[0]["TargetGroupArn"])

    def _rule_by_path(self) -> str:
        """The rule with this path and no other condition; "" for the default action."""
        with told(f"The rules of {self.listener_arn}"):
            pages = client("elbv2", self.access).get_paginator("describe_rules")
            rules = [one for page in pages.paginate(ListenerArn=self.listener_arn) for one in page["Rules"]]
        fits = [one["RuleArn"] for one in rules if _paths(one) == [self.path]]
        if len(fits) == 1:
            return str(fits[0])
        if not fits and self.path == "/*":
            return ""
        known = ", ".join(sorted({path for one in rules for path in _paths(one) or ()})) or "none"
        says = f"{len(fits)} rules" if fits else "no rule"
        raise Denied(f"{self.listener_arn} has {says} for the path {self.path} alone (paths: {known})", "name rule_arn")


def _paths(rule: dict[str, Any]) -> list[str] | None:
    """The paths of a rule that has no other condition."""
    conditions = rule.get("Conditions") or []
    if len(conditions) != 1 or conditions[0].get("Field") != "path-pattern":
        return None
    return list(conditions[0].get("Values") or conditions[0].get("PathPatternConfig", {}).get("Values") or ())
