"""Gates as they stand now: their end, a step's strictness and rhythm, no data that may be, and what people are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.answering import NOW
from tests.unit.chains import Chain, promoted
from tests.unit.looking import BAD, BAND, GOOD, Watch, baking
from tidegate import events as ev
from tidegate.gating import rhythm
from tidegate.ports import Sample, Verdict
from tidegate.sight import Watching
from tidegate.simulation import specs
from tidegate.spec import Spec


def gate(**more: Any) -> Spec:
    return specs.spec(gates=[specs.errors("api") | more])


def step(**more: Any) -> Spec:
    whole = specs.steps("15s", 5, 25, 50, 100)
    whole["steps"][0] |= more
    return specs.spec(plans={"canary": whole})


def told(watch: Watch) -> list[tuple[str, str]]:
    return [(one.key, one.severity) for one in watch.decisions if one.kind == "tell"]


# -- alert ------------------------------------------------------------------------------------------------------------


@pytest.mark.proves("gate.tiers")
def test_an_alert_is_told_once_and_holds_nothing() -> None:
    watch = Watch(baking(), gate(alert="above 0.5 %", target="at most 2 %", tell=[], severity="info"))
    looks = [watch.look(0.008) for _ in range(2)]
    assert [one.against for one in looks] == ["", ""]
    assert looks[0].verdict is Verdict.PASS
    watch = Watch(baking(), gate(alert="above 0.5 %", target="at most 2 %", severity="info"))
    seen = [(watch.look(value), told(watch))[1] for value in (GOOD, 0.008, 0.008, GOOD, 0.008)]
    assert seen == [[], [("gate api-errors", "info")], [], [], []]
    assert watch.memory.done == "1/canary/5", "the bake went on"


def test_an_alert_is_news_again_after_a_window_without_one_also_for_a_successor() -> None:
    watch = Watch(baking(), gate(alert="above 0.5 %", target="at most 2 %"))
    watch.look(0.008)
    assert "0.8 %" in watch.why("tell")
    assert "(alert: above 0.5 %)" in watch.why("tell")
    for _ in range(7):
        watch.look(GOOD)
    watch.memory = Watching.from_json(json.loads(json.dumps(watch.memory.to_json())))
    watch.look(0.008)
    assert told(watch) == [("gate api-errors", "warning")]


@pytest.mark.parametrize("sees", [{"count": 10}, {"samples": {}}])
def test_too_few_requests_or_a_source_that_is_away_alert_nobody(sees: Mapping[str, Any]) -> None:
    watch = Watch(baking(), gate(alert="above 0.5 %", target="at most 2 %"))
    watch.look(0.5, **sees)
    assert told(watch) == []


def test_a_gate_that_pages_never_holds_and_tells_when_it_lasted() -> None:
    watch = Watch(baking(), gate(then="page", lasting="10s", severity="critical"))
    looks = [(watch.look(BAD), watch.kinds()) for _ in range(5)]
    assert [kinds for _, kinds in looks] == [[], [], ["tell"], [], []]
    assert {look.verdict for look, _ in looks} == {Verdict.PASS}
    assert {look.against for look, _ in looks} == {""}
    assert watch.memory.done == "1/canary/5"


def test_a_gate_that_asks_holds_and_tells_with_the_messages_it_names() -> None:
    messages = [{"name": "look-at-it", "text": "{reason}"}]
    spec = specs.spec(gates=[specs.errors("api") | {"then": "ask", "tell": ["look-at-it"]}], messages=messages)
    watch = Watch(baking(), spec)
    look = watch.look(BAD)
    assert [one.tell for one in watch.decisions if one.kind == "tell"] == [("look-at-it",)]
    assert "people decide" in look.against


# -- until ------------------------------------------------------------------------------------------------------------


def test_a_gate_with_an_end_is_judged_until_then_and_never_before_its_anchor() -> None:
    until = {"after": "full", "by": "1h"}
    spec = specs.spec(gates=[specs.errors("api") | {"until": until}, specs.latency("api")])
    watch = Watch(baking(), spec)
    watch.look(BAD)
    assert watch.kinds() == ["down"], "the anchor has not happened: it is in force"
    for after, wanted in ((timedelta(minutes=59), ["down"]), (timedelta(minutes=61), [])):
        watch = Watch(promoted(), spec)
        watch.now = NOW + after
        slow = Sample("latency_p95", 0.1, 1000, None, timedelta(seconds=30), watch.now)
        bad = Sample("error_rate", BAD, 1000, None, timedelta(seconds=30), watch.now)
        watch.look(samples={"api-errors": bad, "api-p95": slow})
        assert watch.kinds() == wanted, after


# -- no data ----------------------------------------------------------------------------------------------------------


def no_figure(watch: Watch, **says: Any) -> Sample:
    fields = {"value": None, "count": None, "error": "", **says}
    return Sample(
        "error_rate", fields["value"], fields["count"], None, timedelta(seconds=30), watch.now, fields["error"]
    )


@pytest.mark.parametrize(
    ("says", "skipped"),
    [({}, True), ({"count": 0}, True), ({"error": "away"}, False), ({"value": 0.0, "count": 10}, False)],
)
def test_where_no_data_may_be_it_is_skipped_and_told_but_trouble_is_not_skipped(
    says: dict[str, Any], skipped: bool
) -> None:
    gates = [specs.errors("api") | {"no_data": "skip"}, specs.latency("api")]
    watch = Watch(baking(), specs.spec(gates=gates))
    verdicts = []
    for n in range(4):
        fast = Sample("latency_p95", 0.1, 1000, None, timedelta(seconds=30), watch.now)
        verdicts.append(watch.look(samples={"api-errors": no_figure(watch, **says), "api-p95": fast}).verdict)
        assert told(watch) == ([("gate api-errors without data", "warning")] if skipped and n == 0 else [])
    assert (verdicts[-1] is Verdict.PASS) == skipped
    assert (watch.memory.done == "1/canary/5") == skipped


def test_gates_that_all_have_nothing_to_judge_are_no_pass() -> None:
    watch = Watch(baking(), gate(no_data="skip"))
    look = [watch.look(samples={"api-errors": no_figure(watch)}) for _ in range(5)][-1]
    assert look.verdict is Verdict.INCONCLUSIVE
    assert watch.memory.done == ""


# -- steps ------------------------------------------------------------------------------------------------------------


def test_the_band_of_a_strict_step_rolls_back_where_another_holds() -> None:
    strict, usual = Watch(baking(), step(band="rollback")), Watch(baking(), step())
    strict.look(BAND)
    usual.look(BAND)
    assert (strict.kinds(), usual.kinds()) == (["down"], [])
    assert "limit 1 %" in strict.why("down")
    strict = Watch(baking(), step(band="rollback"))
    strict.look(BAND, count=10)
    assert strict.kinds() == [], "too few requests are no verdict on a strict step either"


def test_a_strict_band_must_last_as_its_gate_says() -> None:
    whole = specs.steps("15s", 5, 25, 50, 100)
    whole["steps"][0]["band"] = "rollback"
    watch = Watch(baking(), specs.spec(plans={"canary": whole}, gates=[specs.errors("api") | {"lasting": "10s"}]))
    assert [(watch.look(BAND), watch.kinds())[1] for _ in range(3)] == [[], [], ["down"]]


def test_only_the_step_that_stands_is_strict() -> None:
    chain = baking().weight("main/1/canary/set-weight/25/api/1", 25)
    watch = Watch(chain, step(band="rollback"))
    watch.look(BAND)
    assert watch.kinds() == []


def test_a_step_may_be_looked_at_oftener_and_its_samples_are_its_own() -> None:
    story = baking().story
    assert rhythm(step(), story) == timedelta(seconds=5)
    assert rhythm(step(looks_every="2s"), story) == timedelta(seconds=2)
    assert rhythm(step(looks_every="1m"), story) == timedelta(seconds=5), "never seldomer than the spec says"
    assert rhythm(step(looks_every="2s"), Chain().claimed().story) == timedelta(seconds=5)
    whole = specs.steps("15s", 5, 25, 50, 100)
    whole["steps"][0]["looks_every"] = "10s"
    spec = specs.spec(plans={"canary": whole}, gates=[specs.errors("api") | {"samples": 3}])
    watch = Watch(baking(), spec)
    downs = [(watch.look(BAD), "down" in watch.kinds())[1] for _ in range(5)]
    assert downs == [False, False, False, False, True], "three readings of ten seconds each lie 20 s apart"


def test_a_weight_that_is_set_later_is_the_step_that_stands() -> None:
    story = baking().did("main/1/canary/set-weight/25/api/1", ev.WeightSet(at=NOW, component="api", weight=25)).story
    assert rhythm(step(looks_every="2s"), story) == timedelta(seconds=5)


# -- what is taken over from the look before --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sees", "verdict"),
    [
        ({"value": BAD}, Verdict.FAIL),
        ({"value": GOOD, "count": 10}, Verdict.INCONCLUSIVE),
        ({"value": None}, Verdict.INCONCLUSIVE),
    ],
)
def test_another_reading_is_judged_anew_although_no_entry_came_between(
    sees: Mapping[str, Any], verdict: Verdict
) -> None:
    watch = Watch(baking(), gate(lasting="0s"))
    story = watch.chain.story  # one and the same, as the watch keeps it
    assert watch.look(GOOD, story=story).verdict is Verdict.PASS
    assert watch.look(**sees, story=story).verdict is verdict


def test_the_same_reading_again_is_no_pass_once_it_is_stale() -> None:
    watch = Watch(baking(), gate())
    story = watch.chain.story
    assert watch.look(GOOD, story=story).verdict is Verdict.PASS
    old = Sample("error_rate", GOOD, 1000, None, timedelta(seconds=30), watch.now - timedelta(hours=1))
    assert watch.look(samples={"api-errors": old}, story=story).verdict is not Verdict.PASS
