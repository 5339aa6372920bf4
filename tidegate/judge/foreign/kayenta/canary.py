"""
A whole canary, judged as Kayenta's NetflixACAJudge-v1.0 judges it.

Source: kayenta-judge, NetflixACAJudge.scala (spinnaker/spinnaker f8b98eba, where spinnaker/kayenta went on).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.judge.foreign.kayenta.classifying import Classified, Label, classify
from tidegate.judge.foreign.kayenta.config import (
    CanaryConfig,
    MetricConfig,
    Pair,
    read_config,
    read_pair,
    read_thresholds,
)
from tidegate.judge.foreign.kayenta.describing import described
from tidegate.judge.foreign.kayenta.mann_whitney import AllTied
from tidegate.judge.foreign.kayenta.preparing import remove_nans, remove_outliers, replace_nans
from tidegate.judge.foreign.kayenta.scoring import Scored, grade, score
from tidegate.judge.foreign.reading import listing, refused

JUDGE = "NetflixACAJudge-v1.0"


def kayenta(
    config: Mapping[str, Any], thresholds: Mapping[str, Any] | None, pairs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """
    Judge metric set pairs: {name, values: {control: [...], experiment: [...]}}, optionally with id and tags.

    `config` is a canary config as Kayenta stores it, `thresholds` {pass, marginal} in points of 100 (None: those of the
    config). Returns {judgeName, score, groupScores, results} in the shape of Kayenta's judge result; nothing in it is
    random, so the same call returns the same. Raises SpecError for what cannot be used, and for a pair whose name no
    metric of the config has.
    """
    told = read_config(config)
    passing, marginal = read_thresholds(thresholds, told)
    read = [read_pair(pair, f"pairs[{place}]") for place, pair in enumerate(listing(pairs, "pairs"))]
    judged = [(pair, *_classified(told, pair, f"pairs[{place}]")) for place, pair in enumerate(read)]
    scored = score(
        [
            Scored(found.label, metric.groups, found.critical, found.reason)
            for _, metric, found, _ in judged
            if not metric.muted
        ],
        told.group_weights,
    )
    return {
        "judgeName": JUDGE,
        "score": {
            "score": scored.summary,
            "classification": str(grade(scored.summary, passing, marginal)),
            "classificationReason": scored.reason,
        },
        "groupScores": [
            {"name": group.name, "score": group.score, "classification": "", "classificationReason": ""}
            for group in scored.groups
        ],
        "results": [_result(*one) for one in judged],
    }


def prepared(values: Sequence[float], config: MetricConfig) -> list[float]:
    """One series as it is compared: NaNs removed or replaced by 0, then outliers removed if the config asks for it."""
    whole = replace_nans(values) if config.replace_nans else remove_nans(values)
    return remove_outliers(whole, config.outlier_factor) if config.remove_outliers else whole


def _classified(
    config: CanaryConfig, pair: Pair, path: str
) -> tuple[MetricConfig, Classified, tuple[list[float], list[float]]]:
    metric = next((one for one in config.metrics if one.name == pair.name), None)
    if metric is None:
        names = ", ".join(one.name for one in config.metrics) or "none, the config has no metrics"
        raise refused(f"{path}.name", pair.name, f"a metric of the config: {names}")
    control, experiment = prepared(pair.control, metric), prepared(pair.experiment, metric)
    if any(math.isinf(value) for value in (*control, *experiment)):
        return metric, _failed("infinite values"), (control, experiment)
    try:
        return metric, classify(control, experiment, metric), (control, experiment)
    except AllTied:
        return metric, _failed("no variance in any value"), (control, experiment)


def _failed(why: str) -> Classified:
    return Classified(Label.ERROR, f"could not be classified: {why}", math.nan)


def _result(
    pair: Pair, metric: MetricConfig, found: Classified, series: tuple[list[float], list[float]]
) -> dict[str, Any]:
    control, experiment = series
    return {
        "name": pair.name,
        "id": pair.id,
        "tags": dict(pair.tags),
        "groups": list(metric.groups),
        "muted": metric.muted,
        "critical": found.critical,
        "classification": str(found.label),
        "classificationReason": found.reason,
        "controlMetadata": {"stats": described(control).told()},
        "experimentMetadata": {"stats": described(experiment).told()},
        "resultMetadata": {} if found.label is Label.ERROR else {"ratio": found.deviation},
    }
