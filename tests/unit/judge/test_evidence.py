"""
The evidence is an e-value: under the null its mean is at most 1 at any time one stops.

By Ville's inequality a false alarm at threshold x then has a chance below 1/x, however one looks.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.judge.rollouts import Rollout
from tidegate.judge import make_judge
from tidegate.judge.special import log_beta_binomial, log_gamma, log_gamma_poisson, normal_above

RUNS = 60


@pytest.mark.parametrize("stop_at", [2.0, 1e9])
def test_the_mean_evidence_of_good_versions_is_at_most_1_however_one_stops(stop_at: float) -> None:
    stopped: dict[str, list[float]] = {}
    for seed in range(RUNS):
        rollout = Rollout(rate=10.0, seconds=30.0, seed=seed)
        judge = make_judge(rollout.meta)
        for sample in rollout.samples():
            judge.step(sample)
            if judge.evidence["failures"] >= stop_at:
                break
        for name, value in judge.evidence.items():
            stopped.setdefault(name, []).append(value)
    for name, values in stopped.items():
        error = float(np.std(values)) / math.sqrt(RUNS)
        assert float(np.mean(values)) <= 1 + 3 * error, name


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_log_gamma_is_the_library_s(x: float) -> None:
    assert float(log_gamma(np.array([x]))[0]) == pytest.approx(math.lgamma(x), rel=1e-9, abs=1e-8)


@settings(max_examples=30)
@given(st.integers(min_value=0, max_value=40), st.floats(min_value=0.01, max_value=0.9))
def test_chances_of_all_counts_add_up_to_1(n: int, mean: float) -> None:
    k = np.arange(n + 1, dtype=float)
    choose = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(n + 1)])
    told = log_beta_binomial(k, np.full(n + 1, float(n)), np.full(n + 1, mean), np.full(n + 1, 0.1 * mean * (1 - mean)))
    assert float(np.exp(told + choose).sum()) == pytest.approx(1.0, abs=1e-7)


@settings(max_examples=30)
@given(st.floats(min_value=0.3, max_value=5), st.floats(min_value=0.1, max_value=5))
def test_chances_of_all_events_add_up_to_1(shape: float, exposure: float) -> None:
    k = np.arange(0, 400, dtype=float)
    told = log_gamma_poisson(k, np.full(400, exposure), np.full(400, shape), np.full(400, 1.0))
    told = told - np.array([math.lgamma(i + 1) for i in range(400)])
    assert float(np.exp(told).sum()) == pytest.approx(1.0, abs=1e-6)


def test_the_normal_tail_is_the_library_s() -> None:
    x = np.linspace(-5, 5, 41)
    assert np.abs(normal_above(x) - [0.5 * math.erfc(v / math.sqrt(2)) for v in x]).max() < 3e-7
