"""
Reads a canary config, thresholds and metric set pairs as Kayenta's JSON has them.

Source: kayenta-core, canary/CanaryConfig.java, and the keys that NetflixACAJudge.scala looks up under
`analysisConfigurations.canary` (spinnaker/spinnaker f8b98eba). Keys that only Kayenta's other services read (query,
scopeName, templates ...) are passed over; below `canary` an unknown key or word is refused, where Kayenta would take
its default in silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.errors import SpecError
from tidegate.judge.foreign.reading import flag, known, listing, mapping, number, refused, text, word

CANARY_KEYS = ("critical", "direction", "effectSize", "muted", "mustHaveData", "nanStrategy", "outliers")
EFFECT_KEYS = ("allowedDecrease", "allowedIncrease", "criticalDecrease", "criticalIncrease", "measure")
OUTLIER_KEYS = ("outlierFactor", "strategy")
WRITTEN = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}  # how JSON of Java spells these


class Direction(StrEnum):
    """Which way a metric gets worse."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class Measure(StrEnum):
    """How large a difference is: the ratio of the means, or the chance of being above (common language effect size)."""

    MEAN_RATIO = "meanRatio"
    CLES = "cles"


@dataclass(frozen=True, slots=True)
class Effects:
    """The least effect that makes a difference count; no difference is 1 (meanRatio) or 0.5 (cles)."""

    decrease: float = 1.0
    increase: float = 1.0


@dataclass(frozen=True, slots=True)
class MetricConfig:
    """How one metric is judged; the defaults are Kayenta's."""

    name: str = ""
    groups: tuple[str, ...] = ()
    direction: Direction = Direction.EITHER
    replace_nans: bool = False
    remove_outliers: bool = False
    outlier_factor: float = 3.0
    critical: bool = False
    must_have_data: bool = False
    muted: bool = False
    measure: Measure = Measure.MEAN_RATIO
    allowed: Effects = field(default_factory=Effects)
    critical_at: Effects = field(default_factory=Effects)


@dataclass(frozen=True, slots=True)
class CanaryConfig:
    metrics: tuple[MetricConfig, ...]
    group_weights: Mapping[str, float]  # percent
    thresholds: Mapping[str, Any]  # as written in the config, if at all


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric's two series, a value for each minute or whatever the step is; NaN where there was none."""

    name: str
    control: tuple[float, ...]
    experiment: tuple[float, ...]
    id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def read_config(config: object) -> CanaryConfig:
    told = mapping(config, "config")
    listed = listing(told.get("metrics"), "config.metrics")
    metrics = tuple(_metric(one, f"config.metrics[{place}]") for place, one in enumerate(listed))
    classifier = mapping(told.get("classifier"), "config.classifier")
    at = "config.classifier.groupWeights"
    weights = {
        name: number(weight, f"{at}.{name}") for name, weight in mapping(classifier.get("groupWeights"), at).items()
    }
    return CanaryConfig(
        metrics, weights, mapping(classifier.get("scoreThresholds"), "config.classifier.scoreThresholds")
    )


def read_thresholds(thresholds: object, config: CanaryConfig) -> tuple[float, float]:
    """Scores from 0 to 100 (pass, marginal): the caller's, or the config's own where the caller gives None."""
    path = "thresholds" if thresholds is not None else "config.classifier.scoreThresholds"
    told = mapping(thresholds, path) if thresholds is not None else config.thresholds
    known(told, path, ("pass", "marginal"))
    passing, marginal = (
        number(told.get(key), f"{path}.{key}", allowed="a score, 0 to 100") for key in ("pass", "marginal")
    )
    if marginal > passing:
        raise refused(f"{path}.marginal", marginal, f"at most the pass threshold, {passing:g}")
    return passing, marginal


def read_pair(pair: object, path: str) -> Pair:
    told = mapping(pair, path)
    values = mapping(told.get("values"), f"{path}.values")
    control, experiment = (_series(values.get(side), f"{path}.values.{side}") for side in ("control", "experiment"))
    tags = {key: str(tag) for key, tag in mapping(told.get("tags"), f"{path}.tags").items()}
    given = told.get("id")
    return Pair(
        text(told.get("name"), f"{path}.name"), control, experiment, None if given is None else str(given), tags
    )


def _metric(metric: object, path: str) -> MetricConfig:
    told = mapping(metric, path)
    name = text(told.get("name"), f"{path}.name")
    groups = tuple(
        text(group, f"{path}.groups[{n}]") for n, group in enumerate(listing(told.get("groups"), f"{path}.groups"))
    )
    configurations = mapping(told.get("analysisConfigurations"), f"{path}.analysisConfigurations")
    path = f"{path}.analysisConfigurations.canary"
    canary = mapping(configurations.get("canary"), path)
    known(canary, path, CANARY_KEYS)
    outliers = mapping(canary.get("outliers"), f"{path}.outliers")
    known(outliers, f"{path}.outliers", OUTLIER_KEYS)
    factor = number(outliers.get("outlierFactor"), f"{path}.outliers.outlierFactor", 3.0)
    if factor <= 0:
        raise refused(f"{path}.outliers.outlierFactor", factor, "a number above 0")
    measure, allowed, critical_at = _effects(
        mapping(canary.get("effectSize"), f"{path}.effectSize"), f"{path}.effectSize"
    )
    nans = word(canary.get("nanStrategy"), f"{path}.nanStrategy", ("remove", "replace", "none"), "remove")
    strategy = word(outliers.get("strategy"), f"{path}.outliers.strategy", ("keep", "remove", "none"), "keep")
    return MetricConfig(
        name=name,
        groups=groups,
        direction=Direction(word(canary.get("direction"), f"{path}.direction", tuple(Direction), Direction.EITHER)),
        replace_nans=nans == "replace",
        remove_outliers=strategy == "remove",
        outlier_factor=factor,
        critical=flag(canary.get("critical"), f"{path}.critical"),
        must_have_data=flag(canary.get("mustHaveData"), f"{path}.mustHaveData"),
        muted=flag(canary.get("muted"), f"{path}.muted"),
        measure=measure,
        allowed=allowed,
        critical_at=critical_at,
    )


def _effects(told: Mapping[str, Any], path: str) -> tuple[Measure, Effects, Effects]:
    known(told, path, EFFECT_KEYS)
    measure = Measure(word(told.get("measure"), f"{path}.measure", tuple(Measure), Measure.MEAN_RATIO))
    none = 0.5 if measure is Measure.CLES else 1.0
    at = {key: number(told.get(key), f"{path}.{key}", none) for key in EFFECT_KEYS if key != "measure"}
    allowed = Effects(at["allowedDecrease"], at["allowedIncrease"])
    return measure, allowed, Effects(at["criticalDecrease"], at["criticalIncrease"])


def _series(values: object, path: str) -> tuple[float, ...]:
    if values is None:
        raise SpecError(
            f"{path}: found nothing; allowed: a list of numbers, NaN or null for a missing one (it may be empty)"
        )
    return tuple(_value(value, f"{path}[{place}]") for place, value in enumerate(listing(values, path)))


def _value(value: object, path: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) and value in WRITTEN:
        return WRITTEN[value]
    if isinstance(value, float):
        return value
    return number(value, path, allowed="a number, NaN or null")
