"""The calls to AWS that a route of an ALB needs, each with its time-out and told errors; boto3 and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from blocks.alb_forward import Forward
from blocks.aws_clients import ANSWERS, ATTEMPTS, Access, client, told

STICKY_ATTRIBUTE = "stickiness.enabled"  # of a target group: a visitor stays with one of its targets


class AlbApi:
    """One rule of a listener, or (`rule` is "") the listener's default action."""

    def __init__(self, access: Access, listener: str, rule: str) -> None:
        self.access, self.listener, self.rule = access, listener, rule

    @property
    def name(self) -> str:
        return f"rule {self.rule}" if self.rule else f"the default action of {self.listener}"

    @property
    def marked(self) -> str:
        """What carries the mark: a default rule takes no tags of its own, so there the listener does."""
        return self.rule or self.listener

    def forward(self) -> Forward:
        with told(f"The weights of {self.name}"):
            if self.rule:
                found = self._client().describe_rules(RuleArns=[self.rule])["Rules"]
                return Forward(found[0]["Actions"] if found else [])
            found = self._client().describe_listeners(ListenerArns=[self.listener])["Listeners"]
            return Forward(found[0]["DefaultActions"] if found else [])

    def set_forward(self, forward: Forward, attempts: int = ATTEMPTS, answers: float = ANSWERS) -> None:
        api = self._client(attempts=attempts, answers=answers)
        with told(f"The weights of {self.name}"):
            if self.rule:
                api.modify_rule(RuleArn=self.rule, Actions=forward.actions)
            else:
                api.modify_listener(ListenerArn=self.listener, DefaultActions=forward.actions)

    def tags(self, groups: Collection[str]) -> dict[str, dict[str, str]]:
        """The tags of the route and of these target groups, by arn, in one call."""
        with told(f"The tags of {self.name}"):
            answer = self._client().describe_tags(ResourceArns=[self.marked, *groups])
        return {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
                for one in answer["TagDescriptions"]}  # fmt: skip

    def set_tags(self, tags: Mapping[str, str], arn: str = "") -> None:
        told_tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        with told(f"The tags of {arn or self.name}"):
            self._client().add_tags(ResourceArns=[arn or self.marked], Tags=told_tags)

    def drop_tags(self, names: Collection[str]) -> None:
        with told(f"The tags of {self.name}"):
            self._client().remove_tags(ResourceArns=[self.marked], TagKeys=list(names))

    def keeps_visitors(self, group: str) -> bool:
        with told(f"The attributes of {group}"):
            found = self._client().describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        return any(one["Key"] == STICKY_ATTRIBUTE and one["Value"] == "true" for one in found)

    def keep_visitors(self, group: str, *, on: bool) -> None:
        attribute = {"Key": STICKY_ATTRIBUTE, "Value": "true" if on else "false"}
        with told(f"The attributes of {group}"):
            self._client().modify_target_group_attributes(TargetGroupArn=group, Attributes=[attribute])

    def draining(self, group: str) -> bool:
        """Whether a target of this group still ends requests that it had before it was deregistered."""
        with told(f"The targets of {group}"):
            found = self._client().describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return any(one["TargetHealth"]["State"] == "draining" for one in found)

    def _client(self, attempts: int = ATTEMPTS, answers: float = ANSWERS) -> Any:
        return client("elbv2", self.access, attempts=attempts, answers=answers)
