"""
From classified metrics to one score, 0 to 100.

A group scores the share of its metrics that pass, among those that say anything; the summary weighs the groups. One
critical finding, or half of the metrics without data, and the score is 0. Source: kayenta-judge, scorers/
WeightedSumScorer.scala and ScoringHelper.scala, classifiers/score/ThresholdScoreClassifier.scala (spinnaker/spinnaker
f8b98eba).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from tidegate.judge.foreign.kayenta.classifying import Label

NODATA_LIMIT = 50  # percent of the metrics
COUNTED = (Label.PASS, Label.HIGH, Label.LOW, Label.NODATA_FAIL_METRIC)


class Grade(StrEnum):
    PASS = "Pass"
    MARGINAL = "Marginal"
    FAIL = "Fail"


@dataclass(frozen=True, slots=True)
class Scored:
    """One metric as the score sees it."""

    label: Label
    groups: tuple[str, ...] = ()
    critical: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GroupScore:
    """`score` is 0 to 100, and 0 for a group without data, which the summary counts as 100."""

    name: str
    score: float
    has_data: bool


@dataclass(frozen=True, slots=True)
class Score:
    groups: tuple[GroupScore, ...]
    summary: float
    reason: str = ""


def score(metrics: Sequence[Scored], weights: Mapping[str, float] | None = None) -> Score:
    """
    Weigh these metrics, muted ones left out by the caller.

    `weights` are percents by group; groups without one share what is left of 100. The summary is rounded to two
    decimals; no metrics at all score 0.
    """
    groups = group_scores(metrics)
    failures = [one for one in metrics if one.critical and one.label is not Label.PASS]
    if failures:
        return Score(groups, 0.0, f"a critical metric failed: {failures[0].reason or failures[0].label}")
    silent = sum(one.label is Label.NODATA for one in metrics)
    if metrics and silent / len(metrics) * 100 >= NODATA_LIMIT:
        return Score(
            groups, 0.0, f"{silent} of {len(metrics)} metrics have no data; {NODATA_LIMIT} % of them are too many"
        )
    return Score(groups, summary_score(groups, weights or {}))


def group_scores(metrics: Sequence[Scored]) -> tuple[GroupScore, ...]:
    """One score for each group, in order of first appearance; a metric counts in each of its groups."""
    labels: dict[str, list[Label]] = {}
    for metric in metrics:
        for group in metric.groups:
            labels.setdefault(group, []).append(metric.label)
    scores = []
    for name, found in labels.items():
        counted = [label for label in found if label in COUNTED]
        share = counted.count(Label.PASS) / len(counted) * 100 if counted else 0.0
        scores.append(GroupScore(name, share, bool(counted)))
    return tuple(scores)


def summary_score(groups: Sequence[GroupScore], weights: Mapping[str, float]) -> float:
    unweighted = [group for group in groups if group.name not in weights]
    rest = (100 - sum(weights.values())) / len(unweighted) if unweighted else 0.0
    total = 0.0
    for group in groups:
        total += (group.score if group.has_data else 100.0) * (weights.get(group.name, rest) / 100)
    return float(Decimal(repr(total)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def grade(summary: float, passing: float, marginal: float) -> Grade:
    """Pass from `passing` on, Marginal from `marginal` on, else Fail."""
    if summary >= passing:
        return Grade.PASS
    return Grade.MARGINAL if summary >= marginal else Grade.FAIL
