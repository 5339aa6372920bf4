"""The comparing judge in the watch: counts in, judgements out, and a successor that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.unit.judge.rollouts import EDGES, buckets
from tidegate.comparison import Comparison, Comparisons
from tidegate.judge.comparing import Judge
from tidegate.judge.limits import Judged
from tidegate.ports import Totals, Verdict

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = Totals(BEGAN, 100_000, 200, tuple(EDGES), tuple(100_000 * buckets(1.0)))
NOTHING = Totals(BEGAN, 0, 0, tuple(EDGES), (0.0,) * (len(EDGES) - 1))
STAGES = [(0.1, 300.0), (1.0, 300.0)]


def growing(start: Totals, rate: float, failing: float, seed: int, slower: float = 1.0) -> Iterator[Totals]:
    """Counters of one version, a second apart."""
    chance, now = np.random.default_rng(seed), start
    while True:
        asked = int(chance.poisson(rate))
        slow = chance.multinomial(asked, buckets(slower))
        now = replace(
            now, at=now.at + timedelta(seconds=1), requests=now.requests + asked,
            failures=now.failures + int(chance.binomial(asked, failing)),
            latency=tuple(a + b for a, b in zip(now.latency, slow, strict=True)),
        )  # fmt: skip
        yield now


def looked(one: Comparison, seconds: int, failing: float = 0.002, slower: float = 1.0) -> list[Judged | None]:
    new, stable = growing(NOTHING, 20, failing, 1, slower), growing(RECORD, 180, 0.002, 2)
    return [one.look(BEGAN + timedelta(seconds=s), 0.1, next(new), next(stable)) for s in range(seconds)]


def test_a_good_version_passes_with_the_numbers_behind_it() -> None:
    told = looked(Comparison("api", STAGES, BEGAN, RECORD), 60)[-1]
    assert told is not None
    assert told.verdict is Verdict.PASS
    assert told.sentence.startswith("api beside stable: green failed ")
    assert told.count is not None
    assert told.count > 1000


def test_a_failing_version_fails_with_both_counts_in_the_sentence() -> None:
    told = looked(Comparison("api", STAGES, BEGAN, RECORD), 30, failing=0.2)[-1]
    assert told is not None
    assert told.verdict is Verdict.FAIL
    assert "times as often" in told.sentence


def test_a_slow_version_fails() -> None:
    told = looked(Comparison("api", STAGES, BEGAN, RECORD), 120, slower=3.0)[-1]
    assert told is not None
    assert told.verdict is Verdict.FAIL
    assert "times as slow" in told.sentence


def test_before_the_new_version_has_answered_anything_nothing_is_said() -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD)
    assert one.look(BEGAN, 0.0, None, RECORD) is None
    assert one.look(BEGAN + timedelta(seconds=5), 0.0, NOTHING, RECORD) is None


def test_a_successor_goes_on_with_the_same_answers() -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD)
    looked(one, 20, failing=0.01)
    other = Comparison.from_text(one.to_text())
    new, stable = growing(NOTHING, 3000, 0.02, 3), growing(RECORD, 9000, 0.002, 4)
    for s in range(20, 60):
        at, now = BEGAN + timedelta(seconds=s), (next(new), next(stable))
        assert one.look(at, 0.1, *now) == other.look(at, 0.1, *now)


def test_a_state_that_cannot_be_read_begins_again() -> None:
    assert Comparisons({"api": "no state", "web": "c$`|&"}).running == {}


def test_a_source_that_counts_from_0_again_is_believed() -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD)
    looked(one, 10)
    fresh = replace(NOTHING, requests=50, failures=40, latency=tuple(50 * buckets(1.0)))
    told = one.look(BEGAN + timedelta(seconds=20), 0.1, fresh, RECORD)
    assert told is not None
    assert told.verdict is Verdict.FAIL


def test_other_buckets_than_before_are_an_error_that_holds_and_no_crash() -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD)
    looked(one, 10)
    other = Totals(BEGAN, 5000, 0, (0.0, 1.0, float("inf")), (5000.0, 0.0))
    told = one.look(BEGAN + timedelta(seconds=20), 0.1, other, RECORD)
    assert told is not None
    assert told.verdict is Verdict.ERROR
    assert told.hold
    assert "cannot be compared with stable" in told.sentence


def test_looks_that_follow_at_once_are_gathered() -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD)
    new = replace(NOTHING, requests=20, latency=tuple(20 * buckets(1.0)))
    first = one.look(BEGAN, 0.1, new, RECORD)
    again = one.look(BEGAN + timedelta(milliseconds=200), 0.1, replace(new, requests=40, failures=20), RECORD)
    assert first == again
    later = one.look(BEGAN + timedelta(seconds=1), 0.1, replace(new, requests=60, failures=40), RECORD)
    assert later is not None
    assert later.verdict is Verdict.FAIL


@pytest.mark.parametrize("limit", [0.0, 512e6])
def test_memory_that_grows_towards_its_gate_s_limit_fails(limit: float) -> None:
    one = Comparison("api", [(0.1, 3000.0)], BEGAN, RECORD, limit)
    new, stable = growing(NOTHING, 20, 0.002, 1), growing(RECORD, 180, 0.002, 2)
    words = set()
    for s in range(0, 700, 2):
        told = one.look(BEGAN + timedelta(seconds=s), 0.1, next(new), next(stable), (2e8 + 2e5 * s, 2e8))
        words.add(told.verdict if told else None)
    assert (Verdict.FAIL in words) is bool(limit)


def probed(so_far: Totals, asked: int, failed: int) -> Totals:
    return replace(so_far, requests=so_far.requests + asked, failures=so_far.failures + failed)


def test_probes_find_what_a_few_users_would_take_long_to_meet_and_are_said_to_be_synthetic() -> None:
    one, new, stable = Comparison("api", STAGES, BEGAN, RECORD), NOTHING, NOTHING
    user = replace(NOTHING, requests=1, latency=tuple(buckets(1.0)))  # one request that went well, then nobody
    told = None
    for s in range(12):
        new, stable = probed(new, 1, 1), probed(stable, 1, 0)
        told = one.look(BEGAN + timedelta(seconds=s), 0.1, user, RECORD, probes=(new, stable))
    assert told is not None
    assert told.verdict is Verdict.FAIL
    assert "synthetic requests, blue 0 of" in told.sentence
    assert told.count == 1  # users' requests; probes are counted apart


def test_probes_that_go_well_change_nothing_for_a_good_version() -> None:
    one, new, stable = Comparison("api", STAGES, BEGAN, RECORD), NOTHING, NOTHING
    users, others = growing(NOTHING, 2, 0.002, 1), growing(RECORD, 18, 0.002, 2)
    for s in range(200):
        new, stable = probed(new, 1, 0), probed(stable, 1, 0)
        told = one.look(BEGAN + timedelta(seconds=s), 0.1, next(users), next(others), probes=(new, stable))
        assert told is None or told.verdict is Verdict.PASS


ARGO = {"metrics": [{"name": "success", "interval": "10s", "successCondition": "result[0] >= 0.95", "failureLimit": 1,
                     "provider": {"samples": {"measure": "success_rate"}}}]}  # fmt: skip
BROUGHT = {
    "argo": {"judge": "argo", "rules": ARGO},
    "kayenta": {"judge": "kayenta", "rules": {"interval": 1, "passing": 95, "marginal": 75}},
}


@pytest.mark.parametrize("name", BROUGHT)
def test_rules_that_were_brought_judge_in_its_place_and_say_whose_they_are(name: str) -> None:
    bad = looked(Comparison("api", STAGES, BEGAN, RECORD, policy=BROUGHT[name]), 240, failing=0.2)
    good = looked(Comparison("api", STAGES, BEGAN, RECORD, policy=BROUGHT[name]), 240)
    assert bad[-1] is not None
    assert bad[-1].verdict is Verdict.FAIL
    assert f"{name}: Fail" in bad[-1].sentence
    assert {one.verdict for one in good if one} == {Verdict.PASS}


@pytest.mark.parametrize("name", BROUGHT)
def test_rules_that_were_brought_go_on_after_a_crash_with_the_same_answers(name: str) -> None:
    one = Comparison("api", STAGES, BEGAN, RECORD, policy=BROUGHT[name])
    looked(one, 95, failing=0.03)
    other = Comparison.from_text(one.to_text())
    new, stable = growing(NOTHING, 20, 0.06, 3), growing(RECORD, 180, 0.002, 4)
    for s in range(95, 300):
        at, now = BEGAN + timedelta(seconds=s), (next(new), next(stable))
        assert one.look(at, 0.1, *now) == other.look(at, 0.1, *now)


@pytest.mark.parametrize("longest", [20.0, 90.0])
def test_evidence_that_stays_open_holds_no_longer_than_it_is_told(
    longest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than half of the spec's own hold would turn "neither strong nor weak" into a rollback."""
    monkeypatch.setattr(Judge, "strength", property(lambda _: 0.5))  # no counts stay open for so long by themselves
    told = looked(Comparison("api", [(0.1, 60.0), (1.0, 300.0)], BEGAN, RECORD, longest_hold=longest), 240)
    held = [each.verdict for each in told if each is not None and each.hold]
    assert set(held) == {Verdict.INCONCLUSIVE}
    assert longest - 2 <= len(held) <= longest + 2
    assert told[-1] is not None
    assert told[-1].verdict is Verdict.PASS


def test_what_a_rollout_has_learnt_is_handed_on_by_component_and_bounded() -> None:
    kept = Comparisons()
    kept.running["api"] = Comparison("api", STAGES, BEGAN, RECORD)
    kept.running["web"] = Comparison("web", STAGES, BEGAN, RECORD, policy=BROUGHT["argo"])
    looked(kept.running["api"], 300)
    told = kept.profiles()
    assert set(told) == {"api"}  # rules that were brought learn nothing
    assert 0.45 < told["api"]["hiccups"] < 0.55  # five quiet minutes beside a day that is remembered
    assert told["api"]["kappa"] != 1.0
