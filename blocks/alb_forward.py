"""The forward action of an ALB's rule: what it says about two target groups, and the same with other weights. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.traffic import Side, Split


@dataclass(frozen=True, slots=True)
class Forward:
    """A rule's actions as AWS describes them; only the one that forwards is ever changed."""

    actions: list[dict[str, Any]]

    @property
    def weights(self) -> dict[str, int] | None:
        """Target group -> weight; None where nothing is forwarded (a redirect, a fixed answer)."""
        action = next((one for one in self.actions if one.get("Type") == "forward"), None)
        if action is None:
            return None
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or []
        if not groups and action.get("TargetGroupArn"):
            return {action["TargetGroupArn"]: 1}
        return {one["TargetGroupArn"]: int(one.get("Weight", 1)) for one in groups}

    @property
    def sticky(self) -> int:
        """Seconds for which a visitor stays with a target group; 0 when each request is split by itself."""
        for one in self.actions:
            config = one.get("ForwardConfig", {}).get("TargetGroupStickinessConfig") or {}
            if config.get("Enabled"):
                return int(config.get("DurationSeconds") or 3600)
        return 0

    def same_as(self, other: Forward) -> bool:
        """Whether both send the same requests to the same groups; AWS adds words of its own to what it was told."""
        return (self.weights, self.sticky) == (other.weights, other.sticky)

    @property
    def before(self) -> list[dict[str, Any]]:
        """What is done before anything is forwarded (a sign-in), as it has to be said when it is to stay."""
        return [_kept(one) for one in self.actions if one.get("Type") != "forward"]


def split_of(forward: Forward, sides: Mapping[str, Side], canary: str) -> Split | None:
    """
    Who serves, when these two target groups and no other are named: `canary` is the arn of green, or "" without one.

    Weights that do not sum to 100 are shares of their sum; a share above nothing is at least 1 %, one below everything
    at most 99 %. Without a canary, whoever has all the weight is stable; where both have some, the first is.
    """
    weights = forward.weights
    if not weights or not set(weights) <= set(sides):
        return None
    carrying = [arn for arn in sides if weights.get(arn, 0) > 0]
    if not canary and len(carrying) == 1:
        return Split(sides[carrying[0]])
    if not canary and not carrying:
        return None
    green = canary or list(sides)[1]
    (blue,) = (arn for arn in sides if arn != green)
    return Split(sides[blue], sides[green], percent(weights.get(blue, 0), weights.get(green, 0)))


def percent(stable: int, canary: int) -> int:
    """The canary's share as Tidegate counts it; traffic is never rounded away."""
    if canary == 0:
        return 0
    return 100 if stable == 0 else min(99, max(1, round(100 * canary / (stable + canary))))


def weighted(forward: Forward, weights: Mapping[str, int], sticky: int | None) -> Forward:
    """The same actions with these weights; `sticky` seconds of stickiness between the groups, None: as it is."""
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in sorted(weights.items())]
    seconds = forward.sticky if sticky is None else sticky
    keeps = {"Enabled": True, "DurationSeconds": seconds} if seconds else {"Enabled": False}
    config = {"TargetGroups": groups, "TargetGroupStickinessConfig": keeps}
    actions = [*forward.before, {"Type": "forward", "ForwardConfig": config}]
    for place, action in enumerate(actions, 1):
        action["Order"] = place
    return Forward(actions)


def _kept(action: dict[str, Any]) -> dict[str, Any]:
    """An action that stays: AWS never tells a sign-in's secret, and takes its word that it has one."""
    kept = copy.deepcopy(action)
    if "AuthenticateOidcConfig" in kept:
        kept["AuthenticateOidcConfig"]["UseExistingClientSecret"] = True
    return kept
