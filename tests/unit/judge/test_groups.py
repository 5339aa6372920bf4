"""Experiments: lift, intervals that hold at every look, shares that change on the way, people divided wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.errors import SpecError
from tidegate.judge.groups import Period, division, lift
from tidegate.ports import Verdict


def drawn(chance: np.random.Generator, people: int, rate: float, ratio: float, share: float = 0.5) -> Period:
    treatment = int(chance.binomial(people, share))
    control = people - treatment
    return Period(control, int(chance.binomial(control, rate)), treatment,
                  int(chance.binomial(treatment, min(1.0, rate * ratio))), expected=share)  # fmt: skip


def added(one: Period, other: Period) -> Period:
    return Period(one.control + other.control, one.control_total + other.control_total,
                  one.treatment + other.treatment, one.treatment_total + other.treatment_total,
                  expected=one.expected)  # fmt: skip


def test_s0_s_ten_percent_is_proved_missed_or_open() -> None:
    assert lift([Period(20_000, 8_000, 20_000, 10_000)]).verdict(0.10) is Verdict.PASS  # 25 % more
    assert lift([Period(20_000, 8_000, 20_000, 8_100)]).verdict(0.10) is Verdict.FAIL
    assert lift([Period(400, 160, 400, 180)]).verdict(0.10) is Verdict.INCONCLUSIVE


def test_a_share_that_changes_on_the_way_does_not_turn_the_answer_round() -> None:
    # Each period: no lift at all. In the second, everybody does it twice as often and most people are treated.
    periods = [Period(9_000, 900, 1_000, 100, expected=0.1), Period(1_000, 200, 9_000, 1_800, expected=0.9)]
    told = lift(periods)
    plain = (1_900 / 10_000) / (1_100 / 10_000) - 1
    assert plain > 0.7
    assert told.estimate == pytest.approx(0.0, abs=1e-9)
    assert told.low < 0 < told.high


def test_intervals_hold_at_every_look_together() -> None:
    chance, missed, missed_once = np.random.default_rng(1), 0, 0
    for _ in range(300):
        so_far, out, out_once = Period(0, 0, 0, 0), False, False
        for _ in range(14):
            so_far = added(so_far, drawn(chance, 1_000, 0.3, 1.0))
            told, once = lift([so_far]), lift([so_far], once=True)
            out = out or not told.low <= 0 <= told.high
            out_once = out_once or not once.low <= 0 <= once.high
        missed, missed_once = missed + out, missed_once + out_once
    assert missed <= 300 * 0.05
    assert missed_once > 300 * 0.08  # what looking each day does to an interval that is meant for one look


def test_means_are_compared_with_their_spread() -> None:
    chance = np.random.default_rng(2)
    control, treatment = chance.exponential(100, 5_000), chance.exponential(125, 5_000)
    told = lift([Period(5_000, control.sum(), 5_000, treatment.sum(), (control**2).sum(), (treatment**2).sum())])
    assert told.low > 0.1
    assert told.low < 0.25 < told.high


def test_too_few_people_prove_nothing() -> None:
    told = lift([Period(10, 1, 10, 9)])
    assert (told.low, told.verdict(0.0)) == (-1.0, Verdict.INCONCLUSIVE)


def test_a_wrong_division_is_found_and_a_right_one_left_alone() -> None:
    chance = np.random.default_rng(3)
    assert division([Period(5_300, 0, 4_700, 0)]).wrong
    assert not any(division([drawn(chance, 10_000, 0.3, 1.0)]).wrong for _ in range(300))
    periods = [drawn(chance, 20_000, 0.1, 1.0, share) for share in (0.1, 0.25, 0.5)]
    assert not division(periods).wrong


@pytest.mark.parametrize("period", [Period(-1, 0, 5, 0), Period(5, 9, 5, 0), Period(5, 1, 5, 1, expected=1.0)])
def test_counts_that_cannot_be_are_one_clear_error(period: Period) -> None:
    with pytest.raises(SpecError, match=r"periods\[0\]"):
        lift([period])
