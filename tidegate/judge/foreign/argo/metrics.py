"""
Reads metrics as an AnalysisTemplate has them.

Source: argo-rollouts, utils/analysis/factory.go, ValidateMetrics (2996abc7), and v1.8's consecutiveSuccessLimit
(pull request 3970, documentation of v1.8). Where measurements come from is not read: a `provider` may be named, at most
one. Arguments ({{args.x}}) have to be filled in before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tidegate.errors import SpecError
from tidegate.judge.foreign.argo.durations import read_duration
from tidegate.judge.foreign.reading import flag, known, listing, mapping, refused, text, whole

KEYS = (
    "name", "interval", "initialDelay", "count", "successCondition", "failureCondition", "failureLimit",
    "inconclusiveLimit", "consecutiveErrorLimit", "consecutiveSuccessLimit", "provider", "dryRun",
)  # fmt: skip
ERRORS_IN_A_ROW = 4
DISABLED = -1  # as a failureLimit


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; a `count` or `consecutive_success_limit` of 0 is none, a `failure_limit` of DISABLED never fails."""

    name: str = ""
    interval: timedelta | None = None
    initial_delay: timedelta = timedelta(0)
    count: int = 0
    success_condition: str = ""
    failure_condition: str = ""
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = ERRORS_IN_A_ROW
    consecutive_success_limit: int = 0
    dry_run: bool = False

    @property
    def effective_count(self) -> int | None:
        """Measurements after which it is done: one without an interval, None for as long as the run goes on."""
        if self.count:
            return self.count
        return None if self.interval is not None else 1


def read_metric(metric: object, path: str = "metric") -> Metric:
    told = mapping(metric, path)
    known(told, path, KEYS)
    provider = mapping(told.get("provider"), f"{path}.provider")
    if len(provider) > 1:
        raise refused(f"{path}.provider", sorted(provider), "one provider (multiple providers specified)")
    read = Metric(
        name=text(told.get("name"), f"{path}.name"),
        interval=read_duration(told.get("interval"), f"{path}.interval"),
        initial_delay=read_duration(told.get("initialDelay"), f"{path}.initialDelay") or timedelta(0),
        count=_at_least(told, path, "count", 0, 0),
        success_condition=_condition(told, path, "successCondition"),
        failure_condition=_condition(told, path, "failureCondition"),
        failure_limit=_at_least(told, path, "failureLimit", 0, DISABLED),
        inconclusive_limit=_at_least(told, path, "inconclusiveLimit", 0, 0),
        consecutive_error_limit=_at_least(told, path, "consecutiveErrorLimit", ERRORS_IN_A_ROW, 0),
        consecutive_success_limit=_at_least(told, path, "consecutiveSuccessLimit", 0, 0),
        dry_run=flag(told.get("dryRun"), f"{path}.dryRun"),
    )
    _fits(read, path)
    return read


def _fits(metric: Metric, path: str) -> None:
    """Refuse limits that could never take effect together."""
    if metric.failure_limit == DISABLED and not metric.consecutive_success_limit:
        raise refused(
            f"{path}.failureLimit", DISABLED, "failureLimit must be >= 0, or a consecutiveSuccessLimit above 0"
        )
    if metric.count > 1 and metric.interval is None:
        raise refused(f"{path}.interval", None, "interval must be specified when count > 1")
    limits = {
        "failureLimit": metric.failure_limit,
        "inconclusiveLimit": metric.inconclusive_limit,
        "consecutiveSuccessLimit": metric.consecutive_success_limit,
    }
    for name, limit in limits.items():
        if 0 < metric.count < limit:
            raise refused(f"{path}.count", metric.count, f"count must be >= {name} ({limit})")


def _at_least(told: Mapping[str, Any], path: str, key: str, default: int, least: int) -> int:
    number = whole(told.get(key), f"{path}.{key}", default)
    if number < least:
        raise refused(f"{path}.{key}", number, f"{key} must be >= {least}")
    return number


def _condition(told: Mapping[str, Any], path: str, key: str) -> str:
    condition = told.get(key)
    if condition is None or condition == "":
        return ""
    if isinstance(condition, bool):
        condition = "true" if condition else "false"  # YAML reads an unquoted one so
    if "{{" in text(condition, f"{path}.{key}"):
        raise refused(f"{path}.{key}", condition, "a condition whose arguments are filled in")
    return str(condition)


def read_metrics(spec: object, dry_run: object = None) -> tuple[Metric, ...]:
    """
    The metrics of a list, of a template's spec {metrics, dryRun}, or of a template {spec}; dry-run rules applied.

    A rule is {metricName}, a regular expression that has to be found in at least one name.
    """
    if isinstance(spec, Mapping):
        told = mapping(spec.get("spec", spec), "spec")
        rules = [*listing(told.get("dryRun"), "dryRun"), *listing(dry_run, "dryRun")]
        return read_metrics(listing(told.get("metrics"), "metrics"), rules)
    metrics = tuple(read_metric(one, f"metrics[{place}]") for place, one in enumerate(listing(spec, "metrics")))
    if not metrics:
        raise SpecError("metrics: found none; allowed: at least one (no metrics specified)")
    for place, metric in enumerate(metrics):
        if metric.name in {other.name for other in metrics[:place]}:
            raise refused(f"metrics[{place}].name", metric.name, f"another name (duplicate name '{metric.name}')")
    dry = _dry(listing(dry_run, "dryRun"), [metric.name for metric in metrics])
    return tuple(replace(metric, dry_run=metric.dry_run or metric.name in dry) for metric in metrics)


def _dry(rules: Sequence[Any], names: Sequence[str]) -> set[str]:
    dry = set[str]()
    for place, rule in enumerate(rules):
        path = f"dryRun[{place}]"
        pattern = text(mapping(rule, path).get("metricName"), f"{path}.metricName")
        try:
            matched = {name for name in names if re.search(pattern, name)}
        except re.error as error:
            raise refused(f"{path}.metricName", pattern, f"a regular expression ({error})") from None
        if not matched:
            raise refused(path, pattern, f"Rule didn't match any metric name(s); they are {', '.join(names)}")
        dry |= matched
    return dry
