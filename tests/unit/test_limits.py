"""Absolute limits: what passes, what fails, what is no verdict; and that silence never passes."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.answering import NOW
from tidegate.judge.limits import Judged, judge, shown, worst
from tidegate.ports import Sample, Verdict
from tidegate.spec import Gate

WINDOW = timedelta(minutes=5)
PASS, FAIL, INCONCLUSIVE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR


def gate(**changes: Any) -> Gate:
    told = {"name": "errors", "component": "api", "metric": "error_rate", "target": "at most 1 %",
            "rollback": "above 5 %", "window": "5m", "min_samples": 200}  # fmt: skip
    return Gate.model_validate(told | changes)


def sample(value: float | None, count: int | None = 1000, bad: int | None = None, **changes: Any) -> Sample:
    return Sample("error_rate", value, count, bad, WINDOW, changes.get("at", NOW), changes.get("error", ""))


def verdict(one: Sample, over_for: float = 0.0, **changes: Any) -> Verdict:
    return judge(gate(**changes), one, timedelta(seconds=over_for), NOW).verdict


def test_at_the_target_passes_in_the_band_holds_above_the_limit_fails() -> None:
    assert verdict(sample(0.01)) is PASS
    band = judge(gate(), sample(0.03), timedelta(0), NOW)
    assert (band.verdict, band.hold, band.over) == (INCONCLUSIVE, True, False)
    over = judge(gate(), sample(0.051), timedelta(0), NOW)
    assert (over.verdict, over.over) == (FAIL, True)


def test_above_the_limit_must_last_as_long_as_the_gate_says() -> None:
    first = judge(gate(lasting="10s"), sample(0.06), timedelta(0), NOW)
    assert (first.verdict, first.over, first.hold) == (INCONCLUSIVE, True, False)
    assert verdict(sample(0.06), 9.9, lasting="10s") is INCONCLUSIVE
    assert verdict(sample(0.06), 10.0, lasting="10s") is FAIL


@pytest.mark.proves("I4")
@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (sample(None), INCONCLUSIVE),
        (sample(None, None), ERROR),
        (sample(0.0, 0), INCONCLUSIVE),
        (sample(None, 0), INCONCLUSIVE),
        (sample(0.0, 199), INCONCLUSIVE),
        (sample(0.0, None), ERROR),
        (sample(math.nan), ERROR),
        (sample(math.inf), ERROR),
        (sample(-0.1), ERROR),
        (sample(0.0, error="no answer"), ERROR),
        (sample(0.0, at=NOW - timedelta(minutes=6, seconds=1)), ERROR),
    ],
)
def test_no_data_bad_data_old_data_and_too_little_of_it_are_no_pass(one: Sample, expected: Verdict) -> None:
    assert verdict(one) is expected


def test_data_within_its_window_and_a_minute_is_of_now() -> None:
    assert verdict(sample(0.0, at=NOW - timedelta(minutes=6))) is PASS
    assert judge(gate(), sample(0.0, at=NOW - timedelta(days=1)), timedelta(0)).verdict is PASS, "not asked to look"


def test_no_request_at_all_is_no_pass_where_no_number_of_samples_is_demanded_either() -> None:
    assert verdict(sample(0.0, 0), min_samples=0) is INCONCLUSIVE
    assert verdict(sample(0.0, None), min_samples=0) is PASS


def test_far_above_its_limit_a_rate_fails_before_the_minimum_of_samples() -> None:
    """Chernoff: a version exactly at 5 % shows 20 of 40 less often than once in 10,000 looks."""
    assert verdict(sample(0.5, 40, 20)) is FAIL
    assert verdict(sample(1.0, 4, 4)) is FAIL
    assert verdict(sample(0.1, 40, 4)) is INCONCLUSIVE
    assert verdict(sample(0.5, 40, None)) is INCONCLUSIVE
    assert verdict(sample(0.04, 100, 4)) is INCONCLUSIVE


def test_the_worst_verdict_of_all_gates_counts_and_none_is_no_pass() -> None:
    judged = {v: Judged("g", "api", v, "") for v in Verdict}
    assert worst([judged[PASS], judged[PASS]]) is PASS
    assert worst([judged[PASS], judged[INCONCLUSIVE]]) is INCONCLUSIVE
    assert worst([judged[INCONCLUSIVE], judged[ERROR]]) is ERROR
    assert worst(list(judged.values())) is FAIL
    assert worst([]) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [("error_rate", 0.0123, "1.2 %"), ("error_rate", 0.3, "30 %"), ("request_rate", 12.0, "12"),
     ("latency_p95", 0.31, "310 ms"), ("memory", 2e8, "200 MB")],
)  # fmt: skip
def test_values_are_told_in_the_unit_people_know(metric: str, value: float, told: str) -> None:
    assert shown(metric, value) == told


VALUES = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 1))
SAMPLES = st.builds(
    Sample,
    st.just("error_rate"),
    VALUES,
    st.one_of(st.none(), st.integers(-1, 2000)),
    st.one_of(st.none(), st.integers(0, 2000)),
    st.just(WINDOW),
    st.integers(-1000, 10).map(lambda s: NOW + timedelta(seconds=s)),
    st.sampled_from(["", "no answer"]),
)


@pytest.mark.proves("I4")
@settings(deadline=None)
@given(SAMPLES, st.sampled_from([0, 1, 200]), st.floats(0, 1e6), st.sampled_from(["0s", "10s"]))
def test_a_pass_needs_fresh_finite_and_enough_measurements(one: Sample, least: int, over: float, lasting: str) -> None:
    limits = gate(min_samples=least, lasting=lasting)
    judged = judge(limits, one, timedelta(seconds=over), NOW)
    assert judged.sentence
    if judged.verdict is PASS:
        assert one.value is not None
        assert math.isfinite(one.value)
        assert 0 <= one.value <= (limits.target or 0)
        assert one.error == ""
        assert one.count is None or one.count > 0
        assert (one.count or 0) >= least
        assert NOW - one.at <= WINDOW + timedelta(minutes=1)
    assert not (judged.verdict is PASS and (judged.over or judged.hold))
