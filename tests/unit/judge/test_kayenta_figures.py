"""Kayenta's published figures: the Mann-Whitney interval, effects, percentiles, outliers, missing values."""

from __future__ import annotations

import math
from statistics import NormalDist, mean, stdev

import pytest

from tests.unit.judge import kayenta_series as told
from tidegate.judge.foreign.kayenta.describing import (
    Described,
    cles,
    cohens_d,
    described,
    mean_ratio,
    percentile,
    variance,
)
from tidegate.judge.foreign.kayenta.mann_whitney import AllTied, mann_whitney, wilcoxon_difference
from tidegate.judge.foreign.kayenta.preparing import (
    iqr_outliers,
    k_sigma_outliers,
    normal_scores,
    remove_nans,
    remove_outliers,
    replace_nans,
    with_noise,
    without,
)
from tidegate.judge.foreign.kayenta.roots import find_root

NEAR = 1e-6  # MannWhitneySuite's own tolerance
nan = math.nan


def test_the_quantile_of_the_interval() -> None:
    assert NormalDist().inv_cdf(0.02 / 2) == pytest.approx(-2.326348, abs=NEAR)


def test_the_interval_of_four_against_four_is_the_whole_range() -> None:
    shift = mann_whitney([10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0])
    assert (shift.lower, shift.upper, shift.estimate) == pytest.approx((6.0, 39.0, 22.5), abs=NEAR)


def test_many_ties_end_where_r_ends() -> None:
    shift = mann_whitney(told.R_EXPERIMENT, told.R_CONTROL)
    assert (shift.lower, shift.upper) == pytest.approx((-0.500002521696696, -3.486287505871302e-5), abs=NEAR)
    assert shift.estimate == pytest.approx(-0.4999393907180323, abs=1e-4)


def test_many_ties_of_a_long_series_end_where_r_ends() -> None:
    shift = mann_whitney(told.R_LARGE_EXPERIMENT, told.R_LARGE_CONTROL, 0.98)
    assert (shift.lower, shift.upper) == pytest.approx((-0.4999173250549087, -6.912685789769486e-6), abs=NEAR)
    assert shift.estimate == pytest.approx(-3.45044082729315e-5, abs=1e-4)


def test_every_step_of_a_sparse_series_is_that_of_r() -> None:
    x, y = told.SPARSE_HIGH, told.SPARSE
    low, high, quantile = min(x) - max(y), max(x) - min(y), NormalDist().inv_cdf(0.05 / 2)
    assert (low, high, quantile) == pytest.approx(
        (-3.124999999999986, 5.555555555555557, -1.9599639845400536), abs=NEAR
    )
    ends = [wilcoxon_difference(end, zq, x, y) for zq in (-quantile, quantile) for end in (low, high)]
    expected = (17.090968923762254, -20.997687930433106, 21.01089689284236, -17.077759961353)
    assert ends == pytest.approx(expected, abs=NEAR)
    shift = mann_whitney(x, y)
    found = (shift.lower, shift.upper, shift.estimate)
    assert found == pytest.approx((3.521755377702165e-5, 2.02456461662334e-5, 2.6279243045155653e-5), abs=NEAR)


@pytest.mark.parametrize(("canary", "baseline", "interval"), told.R_AT_99)
def test_the_intervals_of_r_at_99_percent(
    canary: list[float], baseline: list[float], interval: tuple[float, float]
) -> None:
    shift = mann_whitney(canary, baseline, 0.99)
    assert (shift.lower, shift.upper) == pytest.approx(interval, abs=1e-4)


def test_the_p_value_is_of_no_shift() -> None:
    """By hand: W = 16 of 4 x 4, so z = (8 - 0.5) / sqrt(4 * 4 / 12 * 9) = 2.165."""
    assert mann_whitney([10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0]).p_value == pytest.approx(0.030383, abs=NEAR)
    assert mann_whitney([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).p_value == 1.0


def test_values_that_are_all_the_same_have_no_interval() -> None:
    with pytest.raises(AllTied):
        mann_whitney([2.0, 2.0, 2.0], [2.0, 2.0])
    with pytest.raises(AllTied):
        mann_whitney([3.0, 3.0], [1.0, 1.0])
    with pytest.raises(ValueError, match="two samples"):
        mann_whitney([], [1.0])


def test_a_root_at_an_end_or_without_a_crossing() -> None:
    assert find_root(lambda x: 1.0 - x, 1.0, 5.0) == 1.0
    assert find_root(lambda x: 5.0 - x, 1.0, 5.0) == 5.0
    assert find_root(lambda x: 2.0 - x, 1.0, 5.0) == pytest.approx(2.0, abs=1e-4)
    assert 1.0 <= find_root(lambda _: 1.0, 1.0, 5.0) <= 5.0


# StatisticSuite.scala
def test_a_series_in_five_figures() -> None:
    assert described([4.0]) == Described(4, 4, 4, 0, 1)
    assert described([]) == Described(0, 0, 0, 0, 0)
    two = described([1.0, 1.0, 1.0, 10.0, 10.0, 10.0])
    assert (two.min, two.max, two.mean, two.count) == (1.0, 10.0, 5.5, 6)
    assert two.std == pytest.approx(4.9295, abs=1e-4)


@pytest.mark.parametrize(
    ("values", "p", "expected", "near"),
    [
        ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], 5, 0.175, 1e-4),
        ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], 50, 1.75, 0),
        ([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], 100, 3.5, 0),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 50, 4.5, 0),
        (
            told.series(
                "95.1772 95.1567 95.1937 95.1959 95.1442 95.0610 95.1591 95.1195 95.1772 95.0925 95.1990 95.1682"
            ),
            90,
            95.19568,
            1e-9,
        ),
        ([1.0], 100, 1.0, 0),
        (told.SHARES, 25, 0.0, 0),
        (told.SHARES, 75, 0.0416, 1e-4),
    ],
)
def test_percentiles_of_type_seven(values: list[float], p: float, expected: float, near: float) -> None:
    assert percentile(values, p) == pytest.approx(expected, abs=near, rel=0)


@pytest.mark.parametrize(
    ("control", "experiment", "expected"), [(1.0, 1.0, 1.0), (1.0, 10.0, 10.0), (100.0, 10.0, 0.1), (0.0, 10.0, nan)]
)
def test_the_ratio_of_means(control: float, experiment: float, expected: float) -> None:
    assert mean_ratio([control] * 5, [experiment] * 5) == pytest.approx(expected, nan_ok=True)


def test_the_ratio_of_means_of_described_series() -> None:
    one = described([1.0] * 5)
    assert mean_ratio([one.mean], [one.mean]) == 1.0


def test_cohens_distance() -> None:
    assert cohens_d([5.0, 5.0, 5.0, 10.0, 10.0, 10.0], [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]) == pytest.approx(
        3.03821, abs=1e-5
    )
    assert math.isnan(cohens_d([1.0], [2.0]))


@pytest.mark.parametrize(
    ("control", "experiment", "expected", "near"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], 0.5, 0),
        (told.CLES_HIGH_ALL, told.CLES_LOW_ALL, 0.0, 0),
        (told.CLES_771_CONTROL, told.CLES_771, 0.771, 0.001),
        (told.CLES_120_CONTROL, told.CLES_120, 0.12, 0),
    ],
)
def test_the_chance_of_being_above(control: list[float], experiment: list[float], expected: float, near: float) -> None:
    assert cles(control, experiment) == pytest.approx(expected, abs=near, rel=0)


# DetectorSuite.scala
TWO_SIDED = [1.0, 1.0, 1.0, 5.0, -1.0, -1.0, -1.0, -5.0]
ONE_HIGH = [21.0, 23.0, 24.0, 25.0, 50.0, 29.0, 23.0, 21.0]
SPIKE = [1.0] * 5 + [20.0] + [1.0] * 5
NIST = told.series("""
30 171 184 201 212 250 265 270 272 289 305 306 322 322 336 346 351 370 390 404 409 411 436 437 439 441 444 448 451 453
470 480 482 487 494 495 499 503 514 521 522 527 548 550 559 560 570 572 574 578 585 592 592 607 616 618 621 629 637
638 640 656 668 707 709 719 737 739 752 758 766 792 792 794 802 818 830 832 843 858 860 869 918 925 953 991 1000 1005
1068 1441
""")


@pytest.mark.parametrize(
    ("values", "out"), [(ONE_HIGH, {4}), (TWO_SIDED, {3, 7}), ([], set()), (NIST, {len(NIST) - 1})]
)
def test_outliers_by_quartiles(values: list[float], out: set[int]) -> None:
    assert iqr_outliers(values, 1.5) == [place in out for place in range(len(values))]


@pytest.mark.parametrize(("values", "k", "out"), [(SPIKE, 3.0, {5}), (TWO_SIDED, 1.0, {3, 7})])
def test_outliers_by_deviations(values: list[float], k: float, out: set[int]) -> None:
    assert k_sigma_outliers(values, k) == [place in out for place in range(len(values))]


# TransformSuite.scala
def test_missing_values_are_removed_or_replaced() -> None:
    assert remove_nans([0.0, 1.0, nan, 1.0, 0.0]) == [0.0, 1.0, 1.0, 0.0]
    assert remove_nans([nan, nan, nan]) == []
    assert replace_nans([nan, 10.1, 20.2, 30.3, nan, 40.4]) == [0.0, 10.1, 20.2, 30.3, 0.0, 40.4]


def test_outliers_are_removed() -> None:
    assert without(ONE_HIGH, iqr_outliers(ONE_HIGH, 1.5)) == [21.0, 23.0, 24.0, 25.0, 29.0, 23.0, 21.0]
    assert without(SPIKE, k_sigma_outliers(SPIKE, 3.0)) == [1.0] * 10


def test_the_judge_is_lenient_with_outliers() -> None:
    """One in a hundred has to stay inside the fences: they move out to the 1st and 99th percentile."""
    assert remove_outliers([*[float(value) for value in range(100)], 99.0]) == [*map(float, range(100)), 99.0]
    assert remove_outliers([1.0] * 9 + [100.0]) == [1.0] * 9
    assert remove_outliers([]) == []


# TransformSuite.scala and UtilsSuite.scala hold these of random numbers; ours are the same at every call.
@pytest.mark.parametrize(("middle", "deviation", "count"), [(1.0, 1.0, 5), (0.0, 1.0, 500), (10.0, 3.0, 1000)])
def test_noise_has_the_mean_and_deviation_asked_for(middle: float, deviation: float, count: int) -> None:
    noisy = with_noise([0.0] * count, middle, deviation)
    assert (mean(noisy), stdev(noisy), len(noisy)) == pytest.approx((middle, deviation, count), abs=0.2)
    assert noisy == with_noise([0.0] * count, middle, deviation)


def test_noise_without_deviation_is_none() -> None:
    assert normal_scores(0.0, 0.0, 1) == [0.0]
    assert math.isnan(variance([]))
