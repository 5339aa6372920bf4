"""The simple sequential test, and what the seeds' plans can see by it (peers.md, table 5.5)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tidegate.errors import SpecError
from tidegate.judge.ratio_test import RATIOS, chance_to_find, found, increments, mixed

MINUTE, DAY = 60.0, 86400.0
PLANS = {
    "A": ((0.10, 2 * DAY), (0.25, 2 * DAY), (0.50, 2 * DAY), (0.75, 3 * DAY)),  # days 1, 3, 5, 7 to 10
    "B": ((0.05, 10 * MINUTE), (0.25, 15 * MINUTE), (0.50, 15 * MINUTE)),
    "C": ((0.10, 10 * MINUTE), (0.25, 10 * MINUTE), (0.50, 10 * MINUTE), (0.75, 10 * MINUTE)),
}
STABLE, PUBLISHED_RUNS = 0.005, {"A": 200, "B": 300, "C": 300}
PUBLISHED = [  # plan, requests a second, chance to find a canary that fails 1 %, 2 %, 5 %
    ("B", 0.05, (0.0, 0.0, 0.0)),
    ("B", 0.5, (0.007, 0.153, 0.887)),
    ("B", 5.0, (0.320, 0.998, 1.0)),
    ("B", 50.0, (1.0, 1.0, 1.0)),
    ("C", 0.5, (0.003, 0.150, 0.892)),
    ("C", 5.0, (0.322, 0.998, 1.0)),
    ("A", 0.05, (0.710, 1.0, 1.0)),
    ("A", 0.5, (1.0, 1.0, 1.0)),
]


@pytest.mark.parametrize(("plan", "rate", "chances"), PUBLISHED)
def test_what_the_seeds_plans_can_see(plan: str, rate: float, chances: tuple[float, ...]) -> None:
    runs = 100 if plan == "A" else 300
    for canary, published in zip((0.01, 0.02, 0.05), chances, strict=True):
        here = chance_to_find(PLANS[plan], rate, STABLE, canary, runs)
        middle = (here * runs + published * PUBLISHED_RUNS[plan]) / (runs + PUBLISHED_RUNS[plan])
        error = math.sqrt(max(middle * (1 - middle), 0.005) * (1 / runs + 1 / PUBLISHED_RUNS[plan]))
        assert here == pytest.approx(published, abs=3 * error), canary


@pytest.mark.parametrize(("plan", "rate"), [("B", 50.0), ("C", 5.0), ("A", 0.05)])
def test_a_good_version_is_called_worse_once_in_a_hundred_at_most(plan: str, rate: float) -> None:
    runs = 100
    assert chance_to_find(PLANS[plan], rate, STABLE, STABLE, runs) <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)


def test_the_likelihood_ratio_is_that_of_its_formula() -> None:
    new, new_bad, stable, stable_bad, r = 40.0, 3.0, 160.0, 2.0, float(RATIOS[7])
    one, worse = 0.2, r * 0.2 / (r * 0.2 + 0.8)
    by_hand = new_bad * math.log(worse / one) + stable_bad * math.log((1 - worse) / (1 - one))
    told = increments(np.array(new), np.array(new_bad), np.array(stable), np.array(stable_bad))
    assert told[7] == pytest.approx(by_hand)


def test_one_version_alone_says_nothing_and_a_grid_of_equal_ratios_is_their_mean() -> None:
    assert not increments(np.array(9.0), np.array(9.0), np.array(0.0), np.array(0.0)).any()
    assert mixed(np.full(24, 2.5)) == pytest.approx(2.5)


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(SpecError, match="no failure rate"):
        found(PLANS["B"], 1.0, 0.005, 1.5)
    with pytest.raises(SpecError, match="no traffic"):
        found(PLANS["B"], math.nan, 0.005, 0.01)
