"""
One route of an Application Load Balancer: the weights of a rule's two target groups, and the mark as tags.

The half of the router that works when everything else is down (design 2.7): `tidegate rollback` needs this page, its
small neighbours, boto3, credentials and the way-back record. The block `alb-router` writes through it, too.

An ALB cannot compare and set, and takes weights and tags in two calls. So the order of the two is chosen: traffic is
taken away before the stop is written, and given only after the mark is; a raise reads the mark once more behind its own
write and takes the traffic away again if somebody said stop in between. A stop is a tag of its own that no other writer
touches, so none is ever lost. What remains: a raiser that is killed between its write and that reading. The watch sees
the stop and the weight at its next look; who lowers without a watch stays for STAYS seconds, looks and lowers again.
"""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.alb_api import AlbApi
from blocks.alb_forward import Forward, split_of, weighted
from blocks.alb_tags import CANARY, NONE, SIDE, STICKY, alike, mark_of, stop_key, stop_tag, tags_of
from blocks.aws_clients import CONNECTS, Access
from tidegate.errors import Denied, Fenced, NotApplied, NotUnderstood
from tidegate.traffic import Change, ChangeKind, Mark, Seen, Setting, Side, Split

RAISE_ANSWERS = 3.0  # seconds; with CONNECTS the longest that a raise's one call can be under way
STAYS = CONNECTS + RAISE_ANSWERS  # seconds for which whoever lowers first keeps looking
LOOKS = 0.5  # seconds between two of these looks
SETTLES = 3.0  # seconds for what was written to be read back; the API answers from more than one machine
DOWNWARDS = {"lower", "park", "repair"}  # kinds that write the weights first
BY_ADDRESS = {"lower", "park"}  # kinds that go by the address where the rule cannot be understood
ONLY_MARK = {"stamp", "bar"}
# One writer of a route at a time within this process; between processes there is no lock.
_WRITERS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, slots=True)
class Look:
    """One reading: weights first, tags after them, so that a stop that is written in between is seen."""

    seen: Seen
    forward: Forward
    tags: Mapping[str, str]  # of the route
    groups: Mapping[str, Mapping[str, str]]  # tags of the target groups


class AlbRule:
    """
    The route as a way-back record names it: `address` is what `AlbRouter.address()` returns.

    access, listener_arn, rule_arn ("" for the listener's default action), target_groups (colour -> name and arn),
    sticky, and the stable side. Whoever makes it with `stays` 0 has a watch behind it.
    """

    def __init__(self, address: Mapping[str, Any], stays: float = STAYS) -> None:
        try:
            access = Access.from_json(address["access"])
            self.api = AlbApi(access, str(address["listener_arn"]), str(address["rule_arn"]))
            self.groups = {str(one["arn"]): str(one["name"]) for one in address["target_groups"].values()}
        except (KeyError, TypeError, AttributeError) as missing:
            raise NotUnderstood(f"The address of an ALB's route lacks {missing}.") from None
        self.address, self.stays = address, stays
        self.sticks = address.get("sticky") != "off-while-shifting"  # stickiness is left as it is
        self.doubt = ""  # after a write: what the ALB showed instead; "" when it confirmed

    def read(self) -> Seen:
        return self.look().seen

    def look(self) -> Look:
        forward, found = self.api.forward(), self.api.tags(self.groups)
        tags = {name: value for name, value in found.get(self.api.marked, {}).items() if name.startswith("tidegate:")}
        groups = {arn: found.get(arn, {}) for arn in self.groups}
        sides = {arn: Side(groups[arn].get(SIDE) or name, (arn,)) for arn, name in self.groups.items()}
        canary = next((arn for arn, name in self.groups.items() if name == tags.get(CANARY)), "")
        return Look(Seen(split_of(forward, sides, canary), mark_of(tags)), forward, tags, groups)

    def write(self, change: Change) -> Seen:
        """Read, decide, write weights and mark in the order that this kind needs, read back."""
        with _WRITERS[self.api.marked]:
            look, self.doubt = self.look(), ""
            seen = look.seen
            if seen.split is None and change.kind in BY_ADDRESS:
                stable = self.address.get("stable")
                seen = Seen(Split(Side.from_json(stable)) if stable else None, seen.mark)
            if seen.mark is None and change.kind == "claim":
                raise Denied(f"{self.api.name} has no mark: nobody has said that it may be moved", self.adopting())
            setting = change.decide(seen)
            if change.kind in ONLY_MARK:
                self._tag(change.kind, look, setting)
                return self._shown(setting)
            if change.kind in DOWNWARDS:
                return self._lower(change.kind, look, setting)
            return self._raise(change.kind, look, setting)

    def install(self) -> Seen:
        """The mark of nobody, on a rule that has none: from then on it may be claimed."""
        self.api.set_tags(tags_of(Mark()) | {CANARY: NONE})
        return self.read()

    def adopting(self) -> str:
        """What a person types once, so that this route may be claimed."""
        tags = " ".join(f"Key={name},Value={value}" for name, value in tags_of(Mark()).items())
        options = _options(self.api.access)
        return f"once, by hand: aws elbv2 add-tags --resource-arns {self.api.marked} --tags {tags}{options}"

    # ---- writing

    def _raise(self, kind: ChangeKind, look: Look, setting: Setting) -> Seen:
        """Claim, raise, final: the mark is written and read before any traffic moves, and read again behind it."""
        if self._tag(kind, look, setting) and not alike(mine := self.read().mark, setting.mark):
            raise Fenced(f"{self.api.name} was written by another in the same moment: {_shows(mine)}")
        if kind == "claim":
            self._visitors_may_move(look)
        wanted = weighted(look.forward, self._weights(look, setting.split), self._sticky(look, on=setting.mark.final))
        if not wanted.same_as(look.forward):
            self.api.set_forward(wanted, attempts=1, answers=RAISE_ANSWERS)
        now = self.read()
        if alike(now.mark, setting.mark):
            if setting.mark.final:
                self._visitors_may_stay(look)
            return self._shown(setting, now)
        least = 0 if now.mark is None or now.mark.stopped else look.seen.weight
        weights = self._weights(look, setting.split.at(min(least, setting.split.weight)))
        self.api.set_forward(weighted(look.forward, weights, self._sticky(look, on=False)))
        raise Fenced(f"{self.api.name} was written in the same moment ({_shows(now.mark)}): back at {least} %")

    def _lower(self, kind: ChangeKind, look: Look, setting: Setting) -> Seen:
        """Weights, then the stop; read back, and again until a raise that was under way cannot come any more."""
        back, before = setting.split.weight == 0 and setting.mark.stopped, look.seen.mark
        wanted = weighted(look.forward, self._weights(look, setting.split), self._sticky(look, on=back))
        if not wanted.same_as(look.forward):
            self.api.set_forward(wanted)
        self._tag(kind, look, setting)
        first = setting.mark.stopped and (before is None or not before.stopped)
        now = self._kept_down(wanted, setting.split.weight, self.stays if first else 0.0)
        if back:
            self._visitors_may_stay(look)
        return now

    def _kept_down(self, wanted: Forward, weight: int, seconds: float) -> Seen:
        until = time.monotonic() + seconds
        while True:
            now = self.read()
            risen = now.split is None or now.weight > weight
            if time.monotonic() >= until + (SETTLES if risen else 0.0):
                self.doubt = f"{self.api.name} still shows {now.weight} %" if risen else ""
                return now
            if risen:
                self.api.set_forward(wanted)
            time.sleep(min(LOOKS, max(0.05, until - time.monotonic())))

    def _tag(self, kind: ChangeKind, look: Look, setting: Setting) -> bool:
        """Write what differs of the mark; the stop only where it is new, and away only the one that was found."""
        canary = setting.split.canary
        wanted = tags_of(setting.mark) | {CANARY: self.groups[self._group(look, canary)] if canary else NONE}
        stop, before = setting.mark.stop, look.seen.mark
        wanted |= dict([stop_tag(stop)]) if stop is not None else {}
        if kind == "claim" and not self.sticks and (before is None or before.release != setting.mark.release):
            wanted[STICKY] = str(look.forward.sticky)
        new = {name: value for name, value in wanted.items() if look.tags.get(name) != value}
        if new:
            self.api.set_tags(new)
        gone = before.stop if before is not None and stop is None else None
        if gone is not None:
            self.api.drop_tags([stop_key(gone.token)])
        return bool(new) or gone is not None

    def _shown(self, setting: Setting, now: Seen | None = None) -> Seen:
        """What was written, as it is read back; NotApplied when it does not show in time."""
        until = time.monotonic() + SETTLES
        while True:
            now = now or self.read()
            if now.split is not None and now.weight == setting.split.weight and alike(now.mark, setting.mark):
                return now
            if time.monotonic() >= until:
                raise NotApplied(f"{self.api.name} shows {now.weight} % ({_shows(now.mark)}), not what was written")
            time.sleep(0.2)
            now = None

    # ---- sides and target groups

    def _weights(self, look: Look, split: Split) -> dict[str, int]:
        """Target group -> weight. Both stay in the action, at 0 too: ECS registers only where a balancer points."""
        stable = self._group(look, split.stable)
        (other,) = (arn for arn in self.groups if arn != stable)
        if split.canary is not None and self._group(look, split.canary) != other:
            raise Denied(f"{self.api.name}: {split.canary.name} and {split.stable.name} are the same target group")
        return {stable: 100 - split.weight, other: split.weight}

    def _group(self, look: Look, side: Side) -> str:
        """A side's target group: where it says that it listens, else the one whose tag or name says it."""
        known = [arn for arn in side.urls if arn in self.groups]
        known += [arn for arn, tags in look.groups.items() if tags.get(SIDE) == side.name]
        known += [arn for arn, name in self.groups.items() if name == side.name]
        if not known:
            groups = " and ".join(self.groups.values())
            raise Denied(f"Neither of {groups} says that it serves {side.name}", f"the platform tags one with {SIDE}")
        return known[0]

    # ---- stickiness

    def _sticky(self, look: Look, *, on: bool) -> int | None:
        """Seconds for which a visitor is to stay with a target group; 0 for off, None to leave it as it is."""
        return None if self.sticks else int(look.tags.get(STICKY) or 0) if on else 0

    def _visitors_may_move(self, look: Look) -> None:
        """Before the shift: what a target group keeps to one of its targets is let go, and remembered there."""
        for arn in () if self.sticks else self.groups:
            if look.groups[arn].get(STICKY) != "yes" and self.api.keeps_visitors(arn):
                self.api.set_tags({STICKY: "yes"}, arn)
                self.api.keep_visitors(arn, on=False)

    def _visitors_may_stay(self, look: Look) -> None:
        """At the end, whichever it was: what was remembered is restored."""
        for arn in self.groups:
            if look.groups[arn].get(STICKY) == "yes":
                self.api.keep_visitors(arn, on=True)
                self.api.set_tags({STICKY: "no"}, arn)


def _shows(mark: Mark | None) -> str:
    if mark is None:
        return "its mark cannot be read"
    if mark.stop is not None:
        return f"{mark.stop.who} stopped it: {mark.stop.why}"
    return f"of {mark.release or 'nobody'}, number {mark.epoch}"


def _options(access: Access) -> str:
    said = {"--region": access.region, "--profile": access.profile, "--endpoint-url": access.endpoint_url}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in said.items() if value)


def by_hand(address: Mapping[str, Any]) -> str:
    """The break-glass line: one command of AWS's own program that sends everything to stable."""
    groups = list(address["target_groups"].values())
    stable = (address.get("stable") or {}).get("urls") or [groups[0]["arn"]]
    weights = [{"TargetGroupArn": one["arn"], "Weight": 100 if one["arn"] in stable else 0} for one in groups]
    actions = [dict(one) for one in address.get("before", ())]
    actions.append({"Type": "forward", "ForwardConfig": {"TargetGroups": weights}})
    for place, action in enumerate(actions, 1):
        action["Order"] = place
    rule, listener = address["rule_arn"], address["listener_arn"]
    what = f"modify-rule --rule-arn {rule} --actions" if rule else f"modify-listener --listener-arn {listener}"
    what += "" if rule else " --default-actions"
    told = shlex.quote(json.dumps(actions, separators=(",", ":")))
    return f"aws elbv2 {what} {told}{_options(Access.from_json(address['access']))}"
