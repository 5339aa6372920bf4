"""
One metric's classification: is the experiment high, low, or like the control?

A difference counts when the whole interval of the shift lies beyond a quarter of the estimated shift, in a direction
that matters, and its effect reaches what the config allows. Source: kayenta-judge, classifiers/metric/
MannWhitneyClassifier.scala and MeanInequalityClassifier.scala (spinnaker/spinnaker f8b98eba).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.judge.foreign.kayenta.config import Direction, Effects, Measure, MetricConfig
from tidegate.judge.foreign.kayenta.describing import cles, mean, mean_ratio
from tidegate.judge.foreign.kayenta.mann_whitney import AllTied, Shift, mann_whitney
from tidegate.judge.foreign.kayenta.preparing import with_noise

TOLERANCE = 0.25  # share of the estimated shift that the interval has to clear
CONFIDENCE = 0.98  # of that interval
NOISE = 1e-5  # of a constant series' value, when both series are constant


class Label(StrEnum):
    PASS = "Pass"
    HIGH = "High"
    LOW = "Low"
    NODATA = "Nodata"
    NODATA_FAIL_METRIC = "NodataFailMetric"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Classified:
    """`deviation` is the ratio of the means (NaN when one is 0); `critical`: this alone fails the canary."""

    label: Label
    reason: str | None = None
    deviation: float = 1.0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class _Compared:
    label: Label
    deviation: float
    effect: float


def classify(
    control: Sequence[float],
    experiment: Sequence[float],
    config: MetricConfig | None = None,
    tolerance: float = TOLERANCE,
    confidence: float = CONFIDENCE,
) -> Classified:
    """
    Classify prepared series (finite floats, no NaN; see preparing) of one metric.

    An empty series is Nodata, unless NaNs are replaced: then it passes. Equal values in any order pass. Raises AllTied
    for one value against one other, which has no variance to speak of; a canary's result shows it as Error.
    """
    config = config or MetricConfig()
    if not experiment or not control:
        return _without_values(config)
    if sorted(experiment) == sorted(control):
        return Classified(Label.PASS, "both series hold the same values")
    if len({*experiment, *control}) == 1:
        return Classified(Label.PASS)
    compared = _compare(control, experiment, config, tolerance, confidence)
    if compared.label is Label.PASS:
        return Classified(Label.PASS, None, compared.deviation)
    critical = config.critical and _reaches(compared.label, compared.effect, config.critical_at)
    grave = ", critically so" if critical else ""
    reason = f"{config.name or 'the metric'} is {compared.label.lower()} against the control{grave}"
    return Classified(compared.label, reason, compared.deviation, critical)


def _without_values(config: MetricConfig) -> Classified:
    if config.replace_nans:
        return Classified(Label.PASS)
    reason = f"no values for {config.name or 'the metric'}"
    if config.must_have_data and not config.critical:
        return Classified(Label.NODATA_FAIL_METRIC, reason)
    return Classified(Label.NODATA, reason, critical=config.critical)


def _compare(
    control: Sequence[float], experiment: Sequence[float], config: MetricConfig, tolerance: float, confidence: float
) -> _Compared:
    if len(experiment) == len(control) == 1:
        raise AllTied
    if len(set(experiment)) == 1 and len(set(control)) == 1:
        experiment, control = (with_noise(side, deviation=side[0] * NOISE) for side in (experiment, control))
    shift = mann_whitney(experiment, control, confidence)
    effect = cles(control, experiment) if config.measure is Measure.CLES else mean_ratio(control, experiment)
    label = _side(shift, tolerance, config.direction)
    if label is not Label.PASS and not _reaches(label, effect, config.allowed):
        label = Label.PASS
    return _Compared(label, mean_ratio(control, experiment), effect)


def _side(shift: Shift, tolerance: float, direction: Direction) -> Label:
    bound = tolerance * abs(shift.estimate)
    if direction is not Direction.DECREASE and shift.lower > bound:
        return Label.HIGH
    if direction is not Direction.INCREASE and shift.upper < -bound:
        return Label.LOW
    return Label.PASS


def _reaches(label: Label, effect: float, least: Effects) -> bool:
    """Whether the effect is large enough on its side; one that cannot be computed is never held against the finding."""
    if math.isnan(effect):
        return True
    return effect >= least.increase if label is Label.HIGH else effect <= least.decrease


def classify_by_means(
    control: Sequence[float], experiment: Sequence[float], config: MetricConfig | None = None
) -> Classified:
    """Kayenta's yardstick: any difference of the means counts. No canary is judged by it; it is what to beat."""
    config = config or MetricConfig()
    if not experiment or not control:
        return _without_values(config)
    above, below = mean(experiment), mean(control)
    ratio = above / below if below else math.nan
    if config.direction is not Direction.DECREASE and above > below:
        return Classified(Label.HIGH, "its mean is above the control's", ratio, config.critical)
    if config.direction is not Direction.INCREASE and above < below:
        return Classified(Label.LOW, "its mean is below the control's", ratio, config.critical)
    return Classified(Label.PASS)
