"""The comparing judge as a stranger drives it: words, reasons, state, bad input."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from tests.unit.judge.rollouts import Rollout, judged
from tidegate.errors import SpecError
from tidegate.judge import make_judge


@pytest.mark.parametrize(
    ("fault", "within"),
    [
        (Rollout(rate=1.0, extra=0.5), 300.0),
        (Rollout(rate=10.0, extra=0.5), 40.0),
        (Rollout(rate=100.0, extra=0.5), 10.0),
        (Rollout(rate=100.0, extra=0.05), 90.0),
        (Rollout(rate=100.0, slower=2.0), 120.0),
        (Rollout(rate=100.0, slower=4.0), 20.0),
        (Rollout(rate=100.0, extra=0.05, begins=600.0), 660.0),
    ],
)
def test_a_fault_is_rolled_back_in_time(fault: Rollout, within: float) -> None:
    word, at = judged(make_judge(fault.meta), fault)
    assert word == "rollback"
    assert at <= within


@pytest.mark.parametrize("rate", [0.1, 10.0, 1000.0])
def test_a_good_version_goes_through_without_a_hold(rate: float) -> None:
    judge, words = make_judge(Rollout(rate=rate).meta), set()
    for sample in Rollout(rate=rate).samples():
        words.add(judge.step(sample))
    assert words == {"continue"}
    assert "nothing speaks against it" in judge.reasons[0]


def test_the_sentence_counts_both_versions_over_the_same_minutes() -> None:
    fault = Rollout(rate=100.0, extra=0.05, begins=300.0)
    judge = make_judge(fault.meta)
    judged(judge, fault)
    assert re.search(
        r"green failed \d+ of [\d,]+ requests, blue \d+ of [\d,]+ in the same minutes: [\d.]+ times as often; "
        r"a good version looks like this (less than )?1 time in [\d,]+",
        judge.reasons[0],
    )


def test_a_leak_is_foretold_before_it_hits_the_limit() -> None:
    leak = Rollout(leak=312e6 / 1800)
    judge = make_judge(leak.meta)
    word, at = judged(judge, leak)
    assert word == "rollback"
    assert at < 700
    assert "memory grows by" in judge.reasons[0]


def test_an_outage_of_both_versions_is_nobody_s_fault() -> None:
    calm, outage = Rollout(rate=20.0), Rollout(rate=20.0, failing=0.3)
    judge = make_judge(calm.meta)
    during = list(outage.samples())
    for at, sample in enumerate(calm.samples()):
        assert judge.step(during[at] if 40 <= at < 55 else sample) != "rollback"


def test_a_hiccup_of_stable_alone_is_nobody_s_fault_but_its_own() -> None:
    """Both directions: while stable is slow the new version looks quick, and failures of stable are not a new level."""
    calm = Rollout(rate=100.0)
    slow, failing = Rollout(rate=100.0, slower=1.3), Rollout(rate=100.0, failing=0.02)
    judge, trouble = (
        make_judge(calm.meta),
        {**dict.fromkeys(range(40, 46), slow), **dict.fromkeys(range(60, 66), failing)},
    )
    others = {id(one): list(one.samples()) for one in (slow, failing)}
    for at, sample in enumerate(calm.samples()):
        stable = others[id(trouble[at])][at]["stable"] if at in trouble else sample["stable"]
        assert judge.step(sample | {"stable": stable}) == "continue"
        assert judge.strength < 0.5


def test_a_level_that_strays_is_read_from_the_record_in_five_minute_counts() -> None:
    steady = [{"requests": [3000], "failures": [6], "latency": []}] * 288
    wild = [{"requests": [3000], "failures": [2 + 20 * (at % 6 == 0)], "latency": []} for at in range(288)]
    found = [make_judge(Rollout().meta | {"history": Rollout().meta["history"] | {"series": told}}).profile.level
             for told in (steady, wild, None, {"failures": [1]}, steady[:3])]  # fmt: skip
    assert found[0] < 0.3
    assert found[1] > 1.0
    assert found[2:] == [0.9, 0.9, 0.9]


def test_weak_evidence_at_a_step_s_end_holds_it_and_not_for_ever() -> None:
    weak = Rollout(rate=10.0, extra=0.004, stages=((0.25, 1800.0),), seed=1)  # somebody who obeys and never raises
    judge = make_judge(weak.meta | {"stages": [[0.25, 120.0], [1.0, 300.0]], "longest_hold": 200.0})
    words = [judge.step(sample) for sample in weak.samples()]
    assert "hold" not in words[:10], "the step has not ended yet"
    assert words.count("hold") == 20, "as long as it is told, and no more"
    assert "rollback" not in words
    assert words[-1] == "continue"


def test_a_judge_that_is_restored_goes_on_with_the_same_answers() -> None:
    fault = Rollout(rate=20.0, extra=0.01, slower=1.1)
    one, other = make_judge(fault.meta), make_judge(fault.meta)
    for sample in fault.samples():
        assert one.step(sample) == other.step(sample)
        assert one.evidence == other.evidence
        other = make_judge(fault.meta, state=json.loads(json.dumps(other.state())))
    assert one.state() == other.state()


def test_the_state_does_not_grow_with_the_rollout() -> None:
    long = Rollout(rate=1.0, seconds=60.0, stages=((0.1, 60 * 1200),))
    judge, sizes = make_judge(long.meta), []
    for at, sample in enumerate(long.samples()):
        judge.step(sample)
        if at in (300, 1150):
            sizes.append(len(json.dumps(judge.state())))
    assert sizes[1] < 1.35 * sizes[0]


def test_a_late_and_a_repeated_look_change_nothing() -> None:
    judge = make_judge(Rollout().meta)
    samples = list(Rollout().samples())[:5]
    for sample in samples:
        judge.step(sample)
    before = json.dumps(judge.state())
    judge.step(samples[4])
    judge.step(samples[2])
    assert json.dumps(judge.state()) == before


def test_looks_may_be_missing() -> None:
    judge = make_judge(Rollout().meta)
    words = [judge.step(sample) for at, sample in enumerate(Rollout().samples()) if at % 7 < 3]
    assert set(words) == {"continue"}


def test_probes_find_what_users_have_not_met() -> None:
    quiet = Rollout(rate=0.1)
    judge = make_judge(quiet.meta)
    chance, word = np.random.default_rng(3), ""
    for sample in quiet.samples():
        probe = {"requests": [10, 0, 0], "latency": [0] * 46, "memory": 0}
        bad = int(chance.binomial(10, 0.2))
        word = judge.step(sample | {"probe_new": {**probe, "failures": [bad, 0, 0]},
                                    "probe_stable": {**probe, "failures": [0, 0, 0]}})  # fmt: skip
        if word == "rollback":
            break
    assert word == "rollback"
    assert sample["t"] <= 60


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"edges": [0, 1, 1]}, "meta.edges: [0.0, 1.0, 1.0] do not rise"),
        ({"stages": []}, "meta.stages: there is none"),
        ({"stages": [[2, 10]]}, "meta.stages[0]: [2, 10]"),
        ({"routes": 0}, "meta.routes: 0"),
        ({"bin_seconds": "ten"}, "meta.bin_seconds: 'ten'"),
        ({"history": {"failures": [1]}}, "history.failures: 1 of them"),
        ({"profile": {"wonder": 1}}, "profile.wonder: no such quantity"),
    ],
)
def test_a_rollout_that_cannot_be_read_is_one_clear_error(change: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError) as wrong:
        make_judge(Rollout().meta | change)
    assert told in str(wrong.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"t": float("nan")}, "sample.t: nan"),
        ({"share": None}, "sample.share: None"),
        ({"new": 3}, "sample.new: 3"),
        ({"new": {"requests": [1, 2], "failures": [0, 0, 0]}}, "sample.new.requests: (2,) of them"),
        ({"new": {"requests": [1, -2, 0], "failures": [0, 0, 0]}}, "sample.new.requests: [1.0, -2.0, 0.0]"),
        ({"new": {"requests": [1, 2, 0]}}, "sample.new.failures is missing"),
    ],
)
def test_a_look_that_cannot_be_read_is_one_clear_error_and_changes_nothing(change: dict[str, Any], told: str) -> None:
    judge = make_judge(Rollout().meta)
    sample = next(iter(Rollout().samples()))
    before = judge.state()
    with pytest.raises(SpecError) as wrong:
        judge.step(sample | change)
    assert told in str(wrong.value)
    assert judge.state() == before
