"""
What happens to a series before it is compared: missing values, outliers, and noise for constant ones.

Series are sequences of floats in order of time; NaN is a missing value. Source: kayenta-judge, preprocessing/
Transforms.scala, detectors/IQRDetector.scala and KSigmaDetector.scala (spinnaker/spinnaker f8b98eba).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from tidegate.judge.foreign.kayenta.describing import mean, percentile, variance


def remove_nans(values: Sequence[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def replace_nans(values: Sequence[float], by: float = 0.0) -> list[float]:
    """For counts, where no value means that nothing happened."""
    return [by if math.isnan(value) else value for value in values]


def iqr_outliers(values: Sequence[float], factor: float = 1.5, lenient: bool = False) -> list[bool]:
    """
    Which values lie beyond `factor` interquartile ranges outside the quartiles (Tukey's fences).

    `lenient`, as the judge has it, moves the fences out to the 1st and 99th percentile where those lie further out.
    """
    lower, upper = percentile(values, 25), percentile(values, 75)
    reach = factor * (upper - lower)
    low, high = lower - reach, upper + reach
    if lenient:
        low, high = min(percentile(values, 1), low), max(percentile(values, 99), high)
    return [value > high or value < low for value in values]


def k_sigma_outliers(values: Sequence[float], k: float = 3.0) -> list[bool]:
    """Which values lie more than `k` standard deviations (over n) from the mean."""
    middle, deviation = mean(values), math.sqrt(variance(values, missing=0)) if values else math.nan
    return [abs(value - middle) > deviation * k for value in values]


def without(values: Sequence[float], outliers: Sequence[bool]) -> list[float]:
    return [value for value, out in zip(values, outliers, strict=True) if not out]


def remove_outliers(values: Sequence[float], factor: float = 3.0) -> list[float]:
    """The values inside the lenient fences, as the judge removes outliers."""
    return without(values, iqr_outliers(values, factor, lenient=True))


def normal_scores(middle: float, deviation: float, count: int) -> list[float]:
    """
    `count` values spread as a normal sample would be, the same at every call.

    They stand in for the random numbers that Kayenta draws here: a verdict that is asked for twice is the same twice.
    """
    return [middle + deviation * NormalDist().inv_cdf((place + 0.5) / count) for place in range(count)]


def with_noise(values: Sequence[float], middle: float = 0.0, deviation: float = 1.0) -> list[float]:
    noise = normal_scores(middle, deviation, len(values))
    return [value + more for value, more in zip(values, noise, strict=True)]
