"""What only an ALB goes through: two calls for weights and mark, no lock, tags, stickiness, lost answers."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from blocks.alb_lowering import AlbRule, by_hand
from blocks.alb_router import AlbRouter
from blocks.alb_tags import alike, mark_of, stop_tag, tags_of
from examples.aws.double import AwsDouble, Call, Fault
from examples.aws.ground import Ground, api, forward, lay
from tests.contract.aws_double import aws_double
from tidegate import kernel
from tidegate.errors import Denied, Fenced, Unreachable
from tidegate.traffic import Beyond, Change, Mark, Seen, Setting, Side, Stop
from tidegate.wayback import Way

RELEASE = "greenflow/2.0/1"
STOP = Stop("t1", "kim", "2026-02-11T12:00:00+00:00", "checkout is broken")
GROUPS = {"blue": "greenflow-blue", "green": "greenflow-green"}


@dataclass
class Stand:
    double: AwsDouble
    ground: Ground
    path: str

    def router(self, **more: Any) -> AlbRouter:
        told = {"listener_arn": self.ground.listener, "path": self.path, "target_groups": GROUPS, **more}
        return AlbRouter(region="us-east-1", endpoint_url=self.double.url, **told)

    @property
    def green(self) -> Side:
        return Side("greenflow-green", (self.ground.groups["greenflow-green"],))

    def claimed(self, weight: int = 0, **more: Any) -> AlbRouter:
        router = self.router(**more)
        router.write(kernel.claim(RELEASE, 1, self.green))
        if weight:
            router.write(raising(weight))
        return router

    def actions(self) -> list[dict[str, Any]]:
        elb = api(self.double, "elbv2")
        if self.path == "/*":
            found: list[dict[str, Any]] = elb.describe_listeners(ListenerArns=[self.ground.listener])["Listeners"][0][
                "DefaultActions"
            ]
            return found
        rules: list[dict[str, Any]] = elb.describe_rules(RuleArns=[self.ground.rules[self.path]])["Rules"]
        return list(rules[0]["Actions"])

    def weights(self) -> dict[str, int]:
        names = {arn: name for name, arn in self.ground.groups.items()}
        action = next(one for one in self.actions() if one["Type"] == "forward")
        return {names[one["TargetGroupArn"]]: one["Weight"] for one in action["ForwardConfig"]["TargetGroups"]}


def raising(weight: int) -> Change:
    def decide(seen: Seen) -> Setting:
        assert seen.split is not None
        assert seen.mark is not None
        if seen.mark.stop is not None:
            raise Fenced("somebody stopped it")
        return Setting(seen.split.at(weight), seen.mark)

    return Change("raise", decide)


@pytest.fixture(params=["/*", "/api/*"])
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Once with the listener's default action, once with a rule of its own."""
    with aws_double() as double:
        made = Stand(double, lay(double, {request.param: ("greenflow-blue", "greenflow-green")}), request.param)
        made.router().install()
        yield made


@pytest.mark.proves("S2-076", "S2-077", "S2-087", "traf.weights")
def test_weights_are_the_forward_actions_and_both_groups_stay_in_it(stand: Stand) -> None:
    router = stand.claimed(5)
    assert stand.weights() == {"greenflow-blue": 95, "greenflow-green": 5}
    assert router.read().weight == 5
    router.write(kernel.lower(RELEASE, STOP))
    assert stand.weights() == {"greenflow-blue": 100, "greenflow-green": 0}


def test_a_rule_that_nobody_gave_us_is_not_moved(stand: Stand) -> None:
    marked = stand.ground.rules.get(stand.path, stand.ground.listener)
    tags = [
        tag["Key"]
        for tag in api(stand.double, "elbv2").describe_tags(ResourceArns=[marked])["TagDescriptions"][0]["Tags"]
    ]
    api(stand.double, "elbv2").remove_tags(ResourceArns=[marked], TagKeys=tags)
    with pytest.raises(Denied, match="nobody has said") as no:
        stand.claimed()
    words = shlex.split(no.value.advice.partition("aws ")[2])
    given = [dict(part.split("=", 1) for part in word.split(",")) for word in words if word.startswith("Key=")]
    api(stand.double, "elbv2").add_tags(ResourceArns=[marked], Tags=given)
    assert stand.claimed().read().mark == Mark(RELEASE, 1)


def test_lost_tags_are_an_obstacle_to_a_raise_and_none_to_a_lowering(stand: Stand) -> None:
    router = stand.claimed(50)
    marked = stand.ground.rules.get(stand.path, stand.ground.listener)
    api(stand.double, "elbv2").remove_tags(ResourceArns=[marked], TagKeys=["tidegate:release"])
    assert router.read().mark is None
    with pytest.raises(Exception, match="cannot be read"):
        router.write(kernel.stamp(RELEASE, 2))
    seen = router.write(kernel.lower(RELEASE, STOP))
    assert (seen.weight, seen.mark and seen.mark.stopped) == (0, True)


@pytest.mark.proves("I5", "I11")
def test_a_stop_between_a_raises_reading_and_its_write_wins(stand: Stand) -> None:
    """Another process lowers in the very gap that an ALB has no lock for: the raise sees it behind its own write."""
    router, other = stand.claimed(25), AlbRule(stand.router().address() | {"stable": None}, stays=0.0)

    def lowers(_: Call) -> None:
        with_its_own_lock(other, kernel.lower(RELEASE, STOP))

    operation = "ModifyListener" if stand.path == "/*" else "ModifyRule"
    stand.double.faults.append(Fault(operation, runs=lowers))
    with pytest.raises(Fenced, match="kim stopped it"):
        router.write(raising(50))
    assert stand.weights() == {"greenflow-blue": 100, "greenflow-green": 0}
    mark = router.read().mark
    assert mark is not None
    assert mark.stop == STOP


def with_its_own_lock(rule: AlbRule, change: Change) -> None:
    """As another process does: it does not know this one's lock."""
    look = rule.look()
    rule._lower(change.kind, look, change.decide(look.seen))


@pytest.mark.proves("I5")
def test_no_other_write_takes_a_stop_away(stand: Stand) -> None:
    """A stamp and a raise that have read the mark before the stop was written write theirs after it."""
    router = stand.claimed(25)
    other = AlbRule(router.address(), stays=0.0)

    def lowers(_: Call) -> None:
        with_its_own_lock(other, kernel.lower(RELEASE, STOP))

    stand.double.faults.append(Fault("AddTags", runs=lowers))
    with pytest.raises(Exception, match="kim stopped it"):
        router.write(kernel.stamp(RELEASE, 7))
    mark = router.read().mark
    assert mark is not None
    assert (mark.stop, mark.epoch) == (STOP, 7)


@pytest.mark.proves("I5")
def test_a_zombie_that_writes_after_the_stop_is_lowered_by_whoever_stays(stand: Stand) -> None:
    """Killed between its write and its reading: only the one who lowered can take that traffic away."""
    router = stand.claimed(25)
    zombie = AlbRule(router.address())
    look = zombie.look()
    lowering = AlbRule(router.address(), stays=2.0)
    wrote = threading.Event()

    def writes_late() -> None:
        time.sleep(0.7)
        weights = {stand.ground.groups["greenflow-blue"]: 50, stand.ground.groups["greenflow-green"]: 50}
        config = {"TargetGroups": [{"TargetGroupArn": arn, "Weight": w} for arn, w in weights.items()]}
        look.forward.actions[:] = [{"Type": "forward", "Order": 1, "ForwardConfig": config}]
        zombie.api.set_forward(look.forward, attempts=1)
        wrote.set()

    late = threading.Thread(target=writes_late)
    late.start()
    seen = lowering.write(kernel.lower(RELEASE, STOP))
    late.join()
    assert wrote.is_set()
    assert seen.weight == 0
    assert stand.weights()["greenflow-green"] == 0


def test_of_two_claims_in_the_same_moment_one_is_told_so(stand: Stand) -> None:
    router, green = stand.router(), stand.green
    other = AlbRule(stand.router().address(), stays=0.0)

    def claims(_: Call) -> None:
        stand.double.faults.clear()
        look = other.look()
        other._raise("claim", look, kernel.claim("greenflow/3.0/1", 9, green, over={RELEASE}).decide(look.seen))

    rule = AlbRule(router.address(), stays=0.0)
    # Behind our writing of the mark, before we read it again.
    stand.double.faults.append(
        Fault("DescribeListeners" if stand.path == "/*" else "DescribeRules", times=1, runs=claims)
    )
    stand.double.faults.insert(0, Fault("DescribeListeners" if stand.path == "/*" else "DescribeRules", times=1))
    with pytest.raises(Fenced, match=r"greenflow/3\.0/1"):
        rule.write(kernel.claim(RELEASE, 1, green))
    mark = router.read().mark
    assert mark is not None
    assert mark.release == "greenflow/3.0/1"


def test_a_raise_is_sent_once_and_a_lost_answer_is_told(stand: Stand) -> None:
    router = stand.claimed(5)
    operation = "ModifyListener" if stand.path == "/*" else "ModifyRule"
    stand.double.calls.clear()
    stand.double.faults.append(Fault(operation, loses=True))
    with pytest.raises(Unreachable):
        router.write(raising(25))
    assert stand.double.counted()[f"elasticloadbalancing:{operation}"] == 1
    assert router.read().weight == 25, "it was done, and reading says so"


def test_a_lowering_is_sent_again_through_throttling_and_errors(stand: Stand) -> None:
    router = stand.claimed(50)
    operation = "ModifyListener" if stand.path == "/*" else "ModifyRule"
    stand.double.faults += [Fault(operation, code="Throttling"), Fault(operation, code="InternalFailure", status=500)]
    assert router.write(kernel.lower(RELEASE, STOP)).weight == 0


@pytest.mark.proves("traf.sticky", "S2-078")
def test_stickiness_is_off_while_the_traffic_moves_and_restored_behind_it(stand: Stand) -> None:
    elb, blue = api(stand.double, "elbv2"), stand.ground.groups["greenflow-blue"]
    sticky = {"Enabled": True, "DurationSeconds": 1800}
    action = forward(stand.ground.groups, "greenflow-blue", "greenflow-green")
    action["ForwardConfig"]["TargetGroupStickinessConfig"] = sticky
    if stand.path == "/*":
        elb.modify_listener(ListenerArn=stand.ground.listener, DefaultActions=[action])
    else:
        elb.modify_rule(RuleArn=stand.ground.rules[stand.path], Actions=[action])
    elb.modify_target_group_attributes(TargetGroupArn=blue, Attributes=[{"Key": "stickiness.enabled", "Value": "true"}])

    def shown() -> tuple[Any, str]:
        found = elb.describe_target_group_attributes(TargetGroupArn=blue)["Attributes"]
        between = stand.actions()[0]["ForwardConfig"]["TargetGroupStickinessConfig"]
        return between["Enabled"], next(one["Value"] for one in found if one["Key"] == "stickiness.enabled")

    router = stand.router()
    router._sticky = "off-while-shifting"
    router.write(kernel.claim(RELEASE, 1, stand.green))
    assert shown() == (False, "false")
    router.write(raising(50))
    assert shown() == (False, "false")
    router.write(kernel.lower(RELEASE, STOP))
    assert shown() == (True, "true")
    assert stand.actions()[0]["ForwardConfig"]["TargetGroupStickinessConfig"]["DurationSeconds"] == 1800


@pytest.mark.proves("rb.traffic", "S2-102")
def test_the_line_for_a_person_is_a_command_of_aws_that_sends_everything_to_stable(stand: Stand) -> None:
    """Read as a shell reads it, and given to the same API that the `aws` program calls."""
    router = stand.claimed(50)
    words = shlex.split(router.by_hand())
    assert words[:2] == ["aws", "elbv2"]
    told = dict(zip(words[3::2], words[4::2], strict=True))
    assert told["--region"] == "us-east-1"
    elb = api(stand.double, "elbv2")
    if words[2] == "modify-rule":
        elb.modify_rule(RuleArn=told["--rule-arn"], Actions=json.loads(told["--actions"]))
    else:
        assert words[2] == "modify-listener"
        elb.modify_listener(ListenerArn=told["--listener-arn"], DefaultActions=json.loads(told["--default-actions"]))
    assert stand.weights() == {"greenflow-blue": 100, "greenflow-green": 0}
    assert router.read().weight == 0


def test_a_way_back_record_alone_lowers_and_holds_no_secret(stand: Stand) -> None:
    from tidegate.cli.lowering import lower_all
    from tidegate.wayback import WayBack

    router = stand.claimed(50)
    way = Way("api", router.kind, json.loads(json.dumps(router.address())), router.by_hand())
    assert "testing" not in json.dumps(way.address)
    record = WayBack("greenflow", RELEASE, "2.0", "1.0", "shifting", "2026-02-11T12:00:00+00:00", (way,))
    began = time.monotonic()
    (route,) = lower_all(record, STOP, 10.0)
    assert (route.fate, route.before, route.after) == ("lowered", 50, 0)
    assert time.monotonic() - began >= 5.0, "nobody watches: it stays for as long as a raise may be under way"
    assert by_hand(way.address) == way.by_hand


@pytest.mark.parametrize(
    "mark",
    [
        Mark(),
        Mark(RELEASE, 12, STOP),
        Mark(
            RELEASE, 3, Stop("a-b", "이 지원 #1", "2026-02-11T12:00:00+09:00", '"500"; 5 % = viel? 결제 오류', bar=True)
        ),
        Mark(
            RELEASE, 3, Stop("t", "kim", "", "why", despite="restore"), beyond=Beyond("restore", "orders, {moved}", 50)
        ),
        Mark(RELEASE, 3, Stop("t", "k" * 200, "2026", "w" * 900), final=True),
    ],
)
def test_a_mark_is_read_back_from_tags_that_aws_takes(mark: Mark) -> None:
    """API_Tag: letters, digits, spaces and + - = . _ : / @, values of at most 256 characters."""
    tags = tags_of(mark) | (dict([stop_tag(mark.stop)]) if mark.stop else {})
    for name, value in tags.items():
        assert len(name) <= 128
        assert len(value) <= 256
        assert all(one.isalnum() or one in "+-=._:/@ " for one in name + value)
    read = mark_of(tags)
    assert alike(read, mark)
    assert read == mark or (mark.stop is not None and len(mark.stop.why) > 256)


@pytest.mark.parametrize("tags", [{}, {"tidegate:release": "a"}, {"tidegate:release": "a", "tidegate:number": "x"}])
def test_tags_that_are_no_mark_are_unreadable(tags: dict[str, str]) -> None:
    assert mark_of(tags) is None
