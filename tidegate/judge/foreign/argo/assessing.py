"""
From measurements to a metric's phase, and from metrics to the run's.

Failures and inconclusives are counted over the whole run and never forgotten; errors and successes in a row begin anew.
Source: argo-rollouts, analysis/analysis.go, assessMetricStatus, assessMetricFailureInconclusiveOrError, assessRunStatus
(c9dd7ea0), utils/analysis/helpers.go (050bf5fa); consecutiveSuccessLimit as v1.8 describes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tidegate.judge.foreign.argo.conditions import Phase
from tidegate.judge.foreign.argo.metrics import DISABLED, Metric

ORDER = tuple(Phase)
STOPPING = (Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Measurement:
    phase: Phase
    value: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a metric has come to; `count` leaves errors out, `phase` is the latest assessed."""

    name: str = ""
    phase: Phase = Phase.RUNNING
    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    consecutive_success: int = 0
    message: str = ""
    dry_run: bool = False
    measurements: tuple[Measurement, ...] = ()

    def with_measurement(self, taken: Measurement) -> Result:
        """Count one more; a measurement that was still under way is replaced by it."""
        before = (
            self.measurements[:-1]
            if self.measurements and not self.measurements[-1].phase.completed
            else self.measurements
        )
        now = replace(self, measurements=(*before, taken))
        match taken.phase:
            case Phase.SUCCESSFUL:
                now = replace(now, successful=self.successful + 1, consecutive_success=self.consecutive_success + 1)
            case Phase.FAILED:
                now = replace(now, failed=self.failed + 1, consecutive_success=0)
            case Phase.INCONCLUSIVE:
                now = replace(now, inconclusive=self.inconclusive + 1, consecutive_success=0)
            case Phase.ERROR:
                errors = self.consecutive_error + 1
                return replace(now, error=self.error + 1, consecutive_error=errors, consecutive_success=0)
            case _:
                return now
        return replace(now, count=self.count + 1, consecutive_error=0)


@dataclass(frozen=True, slots=True)
class Summary:
    """Metrics by what they came to; `count` is all of them, also those that are not done."""

    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0


@dataclass(frozen=True, slots=True)
class Assessed:
    """The run: dry-run metrics have a summary of their own and decide nothing."""

    phase: Phase
    message: str
    results: tuple[Result, ...]
    summary: Summary = field(default_factory=Summary)
    dry_run_summary: Summary = field(default_factory=Summary)


def is_worse(current: Phase, new: Phase) -> bool:
    return ORDER.index(new) > ORDER.index(current)


def worst(left: Phase, right: Phase) -> Phase:
    return right if is_worse(left, right) else left


def assess_limits(metric: Metric, result: Result) -> tuple[Phase | None, str]:
    """The phase that a limit forces and why, or None. Where several are exceeded the last one named here decides."""
    forced: tuple[Phase | None, str] = (None, "")
    if metric.failure_limit != DISABLED and result.failed > metric.failure_limit:
        forced = (Phase.FAILED, f"failed ({result.failed}) > failureLimit ({metric.failure_limit})")
    if result.inconclusive > metric.inconclusive_limit:
        told = f"inconclusive ({result.inconclusive}) > inconclusiveLimit ({metric.inconclusive_limit})"
        forced = (Phase.INCONCLUSIVE, told)
    if result.consecutive_error > metric.consecutive_error_limit:
        told = (
            f"consecutiveErrors ({result.consecutive_error}) > consecutiveErrorLimit ({metric.consecutive_error_limit})"
        )
        forced = (Phase.ERROR, told)
    return forced


def assess_metric(metric: Metric, result: Result, terminating: bool = False) -> Phase:
    """
    The metric's phase now; one that is completed stays so.

    `terminating`: no more measurements will come, by request or because another metric has stopped the run. What runs
    without a count is Successful then, unless a limit is exceeded.
    """
    if result.phase.completed:
        return result.phase
    if not result.measurements:
        return Phase.SUCCESSFUL if terminating else Phase.PENDING
    if not result.measurements[-1].phase.completed:
        return Phase.RUNNING
    forced, _ = assess_limits(metric, result)
    if forced is not None:
        return forced
    if 0 < metric.consecutive_success_limit <= result.consecutive_success:
        return Phase.SUCCESSFUL
    if metric.effective_count is not None and result.count >= metric.effective_count:
        return _counted_out(metric)
    return Phase.SUCCESSFUL if terminating else Phase.RUNNING


def _counted_out(metric: Metric) -> Phase:
    """All measurements taken and no limit exceeded: successes in a row that were asked for have not come."""
    if not metric.consecutive_success_limit:
        return Phase.SUCCESSFUL
    return Phase.FAILED if metric.failure_limit == DISABLED else Phase.INCONCLUSIVE


def is_terminating(results: Sequence[Result], terminate: bool = False) -> bool:
    return terminate or any(not one.dry_run and one.phase in STOPPING for one in results)


def assess_run(metrics: Sequence[Metric], results: Sequence[Result], terminate: bool = False) -> Assessed:
    """
    The run's phase: Running until every metric is done, then the worst of those that count.

    `results` are by name, missing ones have not begun. The first of several equally bad metrics gives the message.
    """
    terminating = is_terminating(results, terminate)
    by_name = {one.name: one for one in results}
    phase: Phase | None = None
    message, done = "Run Terminated" if terminate else "", True
    summaries = {False: Summary(), True: Summary()}
    for metric in metrics:
        before = by_name.get(metric.name)
        dry = metric.dry_run or (before is not None and before.dry_run)
        summaries[dry] = replace(summaries[dry], count=summaries[dry].count + 1)
        if before is None:
            done = False
            continue
        result, why = _assessed(metric, before, terminating)
        by_name[metric.name] = result
        if not result.phase.completed:
            done = False
            continue
        summaries[dry] = _summed(summaries[dry], assess_limits(metric, result)[0])
        if dry:
            phase = phase or Phase.SUCCESSFUL
            if why:
                by_name[metric.name] = replace(result, message=f"Metric assessed {result.phase} due to {why}")
        elif phase is None or is_worse(phase, result.phase):
            phase = result.phase
            message = _told(result, why) if why else message
    found = tuple(by_name[metric.name] for metric in metrics if metric.name in by_name)
    if terminating:
        phase = phase or Phase.SUCCESSFUL
    elif not done or phase is None:
        phase, message = Phase.RUNNING, ""
    return Assessed(phase, message, found, summaries[False], summaries[True])


def _assessed(metric: Metric, result: Result, terminating: bool) -> tuple[Result, str]:
    phase = assess_metric(metric, result, terminating)
    if phase != result.phase:
        message = result.measurements[-1].message if result.measurements else result.message
        result = replace(result, phase=phase, message=message)
    return result, assess_limits(metric, result)[1]


def _told(result: Result, why: str) -> str:
    behind = f': "Error Message: {result.message}"' if result.message else ""
    return f'Metric "{result.name}" assessed {result.phase} due to {why}{behind}'


def _summed(summary: Summary, forced: Phase | None) -> Summary:
    match forced:
        case Phase.ERROR:
            return replace(summary, error=summary.error + 1)
        case Phase.FAILED:
            return replace(summary, failed=summary.failed + 1)
        case Phase.INCONCLUSIVE:
            return replace(summary, inconclusive=summary.inconclusive + 1)
        case _:
            return replace(summary, successful=summary.successful + 1)
