"""Kayenta's published classifications (ClassifierSuite.scala, spinnaker/spinnaker d2f41cb6), one row a case."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest

from tests.unit.judge import kayenta_series as told
from tidegate.judge.foreign.kayenta.classifying import Label, classify, classify_by_means
from tidegate.judge.foreign.kayenta.config import Direction, Effects, Measure, MetricConfig

PASS, HIGH, LOW, NODATA = Label.PASS, Label.HIGH, Label.LOW, Label.NODATA
UP, DOWN, EITHER = Direction.INCREASE, Direction.DECREASE, Direction.EITHER
ONES, TENS, ZEROS = [1.0] * 5, [10.0] * 5, [0.0] * 5
ONE_TO_FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]
FIFTIES = [54.9, 54.5, 55.1, 55.6, 57.4]
FEW_HUNDREDTHS = told.series("""
0.05000000074505806 0.05000000074505806 0.01666666753590107 0.01666666753590107 0.01666666753590107
0.05000000074505806 0.03333333507180214 0.05000000260770321 0.05000000260770321 0.13333333656191826
""")


class Case(NamedTuple):
    experiment: list[float]
    control: list[float]
    label: Label
    config: dict[str, Any] = {}  # noqa: RUF012 - a row's own, nobody writes to it
    tolerance: float = 0.1
    confidence: float = 0.95
    critical: bool = False


PUBLISHED = {
    "pass": Case(told.AROUND_TEN, told.AROUND_TEN_TOO, PASS),
    "high": Case(told.AROUND_TWENTY, told.AROUND_TEN_TOO, HIGH),
    "low": Case(told.AROUND_TEN, told.AROUND_TWENTY_TOO, LOW),
    "low, only increases matter": Case(told.AROUND_TEN, told.AROUND_TWENTY_TOO, PASS, {"direction": UP}),
    "high, only decreases matter": Case(told.AROUND_TWENTY, told.AROUND_TEN_TOO, PASS, {"direction": DOWN}),
    "high, increases matter": Case(told.AROUND_TWENTY, told.AROUND_TEN_TOO, HIGH, {"direction": UP}),
    "low, decreases matter": Case(told.AROUND_TEN, told.AROUND_TWENTY_TOO, LOW, {"direction": DOWN}),
    "high, long and sparse": Case(told.SPARSE_HIGH, told.SPARSE, HIGH),
    "mean ratio high": Case(told.FIVE_TENFOLD, told.FIVE, HIGH, {"allowed": Effects(0.8, 1.2)}),
    "mean ratio low": Case(
        told.AROUND_TEN, told.AROUND_TWENTY_TOO, LOW, {"direction": DOWN, "allowed": Effects(0.8, 1.2)}
    ),
    "mean ratio within the allowed": Case(
        [10.0, 12.2, 10.1, 12.5, 23.0], told.FIVE_TENFOLD, PASS, {"allowed": Effects(0.5, 1.0)}
    ),
    "mean ratio, long and sparse": Case(told.SPARSE_HIGH, told.SPARSE, PASS, {"allowed": Effects(1.0, 5.0)}),
    "cles within the allowed": Case(
        told.RARE_PASS, told.RARE, PASS, {"allowed": Effects(0.5, 0.8), "measure": Measure.CLES}, 0.2, 0.98
    ),
    "cles high": Case(
        told.SMALL_HIGH, told.SMALL, HIGH, {"allowed": Effects(0.2, 0.8), "measure": Measure.CLES}, 0.2, 0.98
    ),
    "cles low": Case(told.LOWER, told.HIGHER, LOW, {"allowed": Effects(0.2, 0.8), "measure": Measure.CLES}, 0.2, 0.98),
    "critically high": Case(
        told.FIVE_TENFOLD, told.FIVE, HIGH, {"critical": True, "critical_at": Effects(1.0, 1.2)}, critical=True
    ),
    "critically low": Case(
        [2.0, 2.0, 2.0, 2.0, 3.0],
        [10.0, 20.2, 10.1, 20.5, 30.0],
        LOW,
        {"critical": True, "critical_at": Effects(1.2, 1.0)},
        critical=True,
    ),
    "high, not critically": Case(
        told.FIVE_TENFOLD,
        told.FIVE,
        HIGH,
        {"critical": True, "allowed": Effects(1.0, 5.0), "critical_at": Effects(1.0, 13.0)},
    ),
    "critical within the allowed": Case(
        told.FIVE_TENFOLD,
        told.FIVE,
        PASS,
        {"critical": True, "allowed": Effects(1.0, 13.0), "critical_at": Effects(1.0, 15.0)},
    ),
    "critically high by default": Case(told.FIVE_TENFOLD, told.FIVE, HIGH, {"critical": True}, critical=True),
    "all tied": Case([1.0] * 3, [1.0] * 2, PASS, {"direction": DOWN}),
    "the same in another order": Case(ONE_TO_FIVE, ONE_TO_FIVE[::-1], PASS, {"direction": DOWN}),
    "one zero in front": Case([0.0, 1.0, 1.0, 1.0, 1.0], ONES, PASS, {"direction": DOWN}),
    "no experiment": Case([], ONE_TO_FIVE, NODATA, {"direction": DOWN}),
    "no experiment, critical": Case([], ONE_TO_FIVE, NODATA, {"direction": DOWN, "critical": True}, critical=True),
    "no experiment, replaced": Case([], ONE_TO_FIVE, PASS, {"direction": DOWN, "replace_nans": True}),
    "most of them tied": Case([1.0, 1.0, 1.0, 1.0, 10.0], ONES, PASS),
    "both constant": Case(TENS, ONES, HIGH),
    "both constant, one zero": Case(TENS, ZEROS, HIGH),
    "zero control": Case(FIFTIES, ZEROS, HIGH, {"allowed": Effects(0.8, 1.2)}),
    "zero experiment": Case(ZEROS, FIFTIES, LOW, {"allowed": Effects(0.8, 1.2)}),
    "zero control, critical": Case(
        FEW_HUNDREDTHS,
        [0.0] * 10,
        HIGH,
        {"critical": True, "replace_nans": True, "critical_at": Effects(0.8, 1.2)},
        critical=True,
    ),
    "zero both": Case(ZEROS, ZEROS, PASS, {"allowed": Effects(0.8, 1.2)}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published(name: str) -> None:
    case = PUBLISHED[name]
    found = classify(case.control, case.experiment, MetricConfig(**case.config), case.tolerance, case.confidence)
    assert (found.label, found.critical) == (case.label, case.critical)


def test_a_mean_of_zero_has_no_deviation_and_no_difference_is_a_deviation_of_one() -> None:
    assert math.isnan(classify(ZEROS, FIFTIES).deviation)
    assert math.isnan(classify(FIFTIES, ZEROS).deviation)
    assert classify(ZEROS, ZEROS).deviation == 1.0


def test_missing_values_have_a_reason() -> None:
    assert classify([], [], MetricConfig("errors", critical=True)).reason == "no values for errors"


def test_data_that_must_be_there_fails_the_metric_but_a_critical_one_is_nodata() -> None:
    assert classify([], ONES, MetricConfig(must_have_data=True)).label is Label.NODATA_FAIL_METRIC
    assert classify(ONES, [], MetricConfig(must_have_data=True, critical=True)).label is NODATA
    assert classify(ONES, [], MetricConfig(must_have_data=True, replace_nans=True)).label is PASS


@pytest.mark.parametrize(
    ("experiment", "control", "label"),
    [
        ([10.0, 20.0, 30.0, 40.0, 50.0], ONE_TO_FIVE, HIGH),
        (ONE_TO_FIVE, [10.0, 20.0, 30.0, 40.0, 50.0], LOW),
        (ONE_TO_FIVE, ONE_TO_FIVE, PASS),
    ],
)
def test_by_means_published(experiment: list[float], control: list[float], label: Label) -> None:
    assert classify_by_means(control, experiment).label is label


def test_a_handful_of_points_can_be_high_and_three_cannot_at_98_percent() -> None:
    """Three against three cannot reach 98 %: their interval is the whole range, clear of zero only when apart."""
    apart = classify([1.0, 2.0, 3.0], [11.0, 12.0, 13.0])
    assert apart.label is HIGH
    assert classify([1.0, 2.0, 3.0], [2.5, 3.5, 4.5]).label is PASS
