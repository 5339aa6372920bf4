"""
Which target group and which service of ECS a side of a component is, for the dimensions of its metrics.

An ALB's side carries the ARN of its target group; else the side's name is looked for in the tag that its platform
writes. Who is blue and who is green is told by the spec's router and platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.aws_clients import Access, client, told
from tidegate.errors import NotUnderstood
from tidegate.spec import Spec
from tidegate.traffic import Side

SIDE = "tidegate:side"
Colours = Mapping[str, str]  # blue, green -> a name


@dataclass(frozen=True, slots=True)
class Places:
    """What the spec says of the component whose metrics these are."""

    target_groups: Colours = field(default_factory=dict)
    clusters: Colours = field(default_factory=dict)
    service: str = ""


def places_in(spec: Spec, slug: str, settings: Mapping[str, Any]) -> Places:
    """Of the components that name this connector with these fields, the first behind an ALB."""
    for part in spec.components.values():
        if part.metrics.use != slug or not part.metrics.settings.items() <= settings.items():
            continue
        router, platform = part.router.settings, part.platform.settings
        if groups := router.get("target_groups"):
            return Places(groups, platform.get("clusters") or {}, str(platform.get("service", "")))
    return Places()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one side lies, as CloudWatch's dimensions say it."""

    target_group: str  # targetgroup/greenflow-green/0123
    load_balancer: str  # app/greenflow/4567; "" before a rule forwards to the group
    cluster: str = ""
    service: str = ""

    def facts(self) -> dict[str, str]:
        return {
            "target_group": self.target_group,
            "load_balancer": self.load_balancer,
            "cluster": self.cluster,
            "service": self.service,
        }


def place_of(side: Side, places: Places, access: Access) -> Place:
    """NotUnderstood where no target group is this side's."""
    elb = client("elbv2", access)
    with told(f"the target group of {side.name}"):
        arn = next((url for url in side.urls if ":targetgroup/" in url), "") or _tagged(elb, side, places)
        if not arn:
            known = ", ".join(places.target_groups.values()) or "none"
            raise NotUnderstood(f"no target group is {side.name}'s; the spec names {known}")
        shown = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    balancers = shown.get("LoadBalancerArns") or [""]
    name = str(shown["TargetGroupName"])
    colour = next((colour for colour, group in places.target_groups.items() if group == name), "")
    return Place(
        "targetgroup/" + arn.partition(":targetgroup/")[2],
        balancers[0].partition(":loadbalancer/")[2],
        str(places.clusters.get(colour, "")),
        places.service if colour else "",
    )


def _tagged(elb: Any, side: Side, places: Places) -> str:
    """The ARN of the group that carries this side's name as a tag, or is called so."""
    if not places.target_groups:
        return ""
    groups = elb.describe_target_groups(Names=list(places.target_groups.values()))["TargetGroups"]
    listed = elb.describe_tags(ResourceArns=[one["TargetGroupArn"] for one in groups])["TagDescriptions"]
    tags = {one["ResourceArn"]: {tag["Key"]: tag.get("Value") for tag in one["Tags"]} for one in listed}
    for one in groups:
        arn = str(one["TargetGroupArn"])
        if side.name in (tags.get(arn, {}).get(SIDE), one["TargetGroupName"]):
            return arn
    return ""
