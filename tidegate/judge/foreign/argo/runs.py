"""
Whole metrics and whole runs, measurement by measurement, as Argo Rollouts' analysis controller takes them.

Source: argo-rollouts, analysis/analysis.go, reconcileAnalysisRun and generateMetricTasks (c9dd7ea0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from tidegate.judge.foreign.argo.assessing import (
    Assessed,
    Measurement,
    Result,
    Summary,
    assess_limits,
    assess_metric,
    assess_run,
    is_terminating,
)
from tidegate.judge.foreign.argo.conditions import Phase, evaluate_result, shown
from tidegate.judge.foreign.argo.metrics import Metric, read_metric, read_metrics
from tidegate.judge.foreign.reading import listing, mapping, refused

RETRY = timedelta(seconds=10)  # after an error, and where no interval is given
MEASUREMENT_KEYS = {"phase", "value", "message"}
PHASES = tuple(str(phase) for phase in Phase)


def argo(metric: Mapping[str, Any], measurements: Sequence[Any], *, terminate: bool = False) -> dict[str, Any]:
    """
    One metric over its measurements in order, until it is completed; later ones are not looked at.

    A measurement is a result to evaluate, a phase's name, or {value} / {phase, message}: write {value: ...} where the
    result itself is text like "Failed" or such a mapping. Returns {name, phase, message, count, successful, failed,
    inconclusive, error, consecutiveError, consecutiveSuccess, dryRun, measurements}; `message` says which limit
    decided. Without measurements the phase is Pending; with `terminate` no more will follow. Raises SpecError for a bad
    metric.
    """
    read = read_metric(metric)
    result = Result(read.name, dry_run=read.dry_run)
    for place, taken in enumerate(listing(measurements, "measurements")):
        result = result.with_measurement(measure(read, taken, f"measurements[{place}]"))
        result = replace(result, phase=assess_metric(read, result))
        if result.phase.completed:
            break
    result = replace(result, phase=assess_metric(read, result, terminate))
    return told(replace(result, message=assess_limits(read, result)[1] if result.phase.completed else ""))


def argo_run(
    metrics: Sequence[Mapping[str, Any]] | Mapping[str, Any],
    measurements: Mapping[str, Sequence[Any]],
    *,
    dry_run: Sequence[Mapping[str, Any]] = (),
    terminate: bool = False,
) -> dict[str, Any]:
    """
    A whole run over the measurements of each metric, by name and in order.

    `metrics` is a list of metrics or an AnalysisTemplate. Measurements are taken when they are due: after initialDelay,
    then every interval, 10 s after an error; those due together are taken together. A metric that is Failed, Error or
    Inconclusive stops the run unless it is a dry run; `terminate` stops it after the measurements given. What still
    runs then is Successful. Returns {phase, message, metricResults, runSummary, dryRunSummary}; a run whose
    measurements are used up before it is done is Running. Raises SpecError for bad metrics and for measurements of no
    metric.
    """
    read = read_metrics(metrics, dry_run)
    given = mapping(measurements, "measurements")
    names = [metric.name for metric in read]
    for name in given:
        if name not in names:
            raise refused(f"measurements.{name}", given[name], f"measurements of {', '.join(names)}")
    waiting = {name: list(listing(given.get(name), f"measurements.{name}")) for name in names}
    due = {metric.name: metric.initial_delay for metric in read}
    results: dict[str, Result] = {}
    assessed = assess_run(read, ())
    while not is_terminating(tuple(results.values())):
        now = min((due[name] for name in names if _goes_on(name, results, waiting)), default=None)
        if now is None:
            break
        for metric in read:
            if due[metric.name] == now and _goes_on(metric.name, results, waiting):
                taken = measure(metric, waiting[metric.name].pop(0), f"measurements.{metric.name}")
                before = results.get(metric.name, Result(metric.name, dry_run=metric.dry_run))
                results[metric.name] = before.with_measurement(taken)
                due[metric.name] = now + _pause(metric, taken)
        assessed = assess_run(read, tuple(results.values()))
        results = {one.name: one for one in assessed.results}
    if terminate or is_terminating(assessed.results):
        assessed = assess_run(read, assessed.results, terminate)
    return told_run(assessed)


def _goes_on(name: str, results: Mapping[str, Result], waiting: Mapping[str, list[Any]]) -> bool:
    return bool(waiting[name]) and not (name in results and results[name].phase.completed)


def _pause(metric: Metric, taken: Measurement) -> timedelta:
    return RETRY if taken.phase is Phase.ERROR or metric.interval is None else metric.interval


def measure(metric: Metric, taken: Any, path: str = "measurement") -> Measurement:
    """A measurement from what was handed in for it; results are evaluated by the metric's conditions."""
    if isinstance(taken, Mapping) and taken and set(taken) <= MEASUREMENT_KEYS:
        if "phase" in taken:
            if taken["phase"] not in PHASES:
                raise refused(f"{path}.phase", taken["phase"], ", ".join(PHASES))
            return Measurement(Phase(taken["phase"]), shown(taken.get("value", "")), str(taken.get("message", "")))
        taken = taken.get("value")
    elif isinstance(taken, str) and taken in PHASES:
        return Measurement(Phase(taken))
    phase, message = evaluate_result(taken, metric.success_condition, metric.failure_condition)
    return Measurement(phase, shown(taken), message)


def told(result: Result) -> dict[str, Any]:
    """A metric's result with the keys that an AnalysisRun's status has."""
    return {
        "name": result.name,
        "phase": str(result.phase),
        "message": result.message,
        "count": result.count,
        "successful": result.successful,
        "failed": result.failed,
        "inconclusive": result.inconclusive,
        "error": result.error,
        "consecutiveError": result.consecutive_error,
        "consecutiveSuccess": result.consecutive_success,
        "dryRun": result.dry_run,
        "measurements": [
            {"phase": str(one.phase), "value": one.value, "message": one.message} for one in result.measurements
        ],
    }


def told_run(assessed: Assessed) -> dict[str, Any]:
    """A run's status; counts by phase, dry runs apart."""

    def counts(summary: Summary) -> dict[str, int]:
        return asdict(summary)

    return {
        "phase": str(assessed.phase),
        "message": assessed.message,
        "metricResults": [told(one) for one in assessed.results],
        "runSummary": counts(assessed.summary),
        "dryRunSummary": counts(assessed.dry_run_summary),
    }
