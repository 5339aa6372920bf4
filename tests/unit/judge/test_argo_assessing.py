"""
Argo Rollouts' published assessments: analysis/analysis_test.go (6620c1bd) and utils/analysis/helpers_test.go
(528a9310), one row or test a case.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tidegate.judge.foreign.argo.assessing import (
    Measurement,
    Result,
    Summary,
    assess_limits,
    assess_metric,
    assess_run,
    is_terminating,
    is_worse,
    worst,
)
from tidegate.judge.foreign.argo.conditions import Phase
from tidegate.judge.foreign.argo.metrics import Metric
from tidegate.judge.foreign.argo.runs import argo_run

OK, RUN, WAIT, UNSURE, ERROR, FAILED = Phase
MINUTE = timedelta(seconds=60)


def result(phase: Phase | None = None, **counts: Any) -> Result:
    return Result(measurements=(Measurement(phase),) if phase else (), **counts)


# assessMetricStatus and assessMetricFailureInconclusiveOrError
@pytest.mark.parametrize(
    ("metric", "before", "running", "terminating"),
    [
        (Metric(), result(), WAIT, OK),
        (Metric(), Result(measurements=(Measurement(OK), Measurement(RUN))), RUN, RUN),
        (Metric(interval=MINUTE, failure_limit=2), result(FAILED, failed=3, count=3), FAILED, FAILED),
        (Metric(interval=MINUTE, failure_limit=3), result(FAILED, failed=3, count=3), RUN, OK),
        (Metric(interval=MINUTE, inconclusive_limit=2), result(UNSURE, inconclusive=3, count=3), UNSURE, UNSURE),
        (Metric(interval=MINUTE, inconclusive_limit=3), result(UNSURE, inconclusive=3, count=3), RUN, OK),
        (Metric(interval=MINUTE), result(ERROR, consecutive_error=5, count=5), ERROR, ERROR),
        (Metric(interval=MINUTE), result(ERROR, consecutive_error=4, count=5), RUN, OK),
        (Metric(count=10), result(OK, successful=10, count=10), OK, OK),
        (Metric(count=10), result(OK, successful=5, inconclusive=5, count=10), UNSURE, UNSURE),
    ],
)
def test_published_metrics(metric: Metric, before: Result, running: Phase, terminating: Phase) -> None:
    assert assess_metric(metric, before) is running
    assert assess_metric(metric, before, terminating=True) is terminating


@pytest.mark.parametrize(
    ("before", "phase", "why"),
    [
        (result(FAILED, failed=1), FAILED, "failed (1) > failureLimit (0)"),
        (result(UNSURE, inconclusive=1), UNSURE, "inconclusive (1) > inconclusiveLimit (0)"),
        (result(ERROR, consecutive_error=5), ERROR, "consecutiveErrors (5) > consecutiveErrorLimit (4)"),
    ],
)
def test_published_limits(before: Result, phase: Phase, why: str) -> None:
    assert assess_limits(Metric(), before) == (phase, why)
    assert assess_metric(Metric(), before, terminating=True) is phase


def test_an_error_counts_in_a_row_and_not_as_a_measurement() -> None:
    """TestRunMeasurementsResetConsecutiveErrorCounter."""
    before = Result(consecutive_error=4, count=4, error=4)
    again = before.with_measurement(Measurement(ERROR))
    assert (again.consecutive_error, again.error, again.count) == (5, 5, 4)
    for phase in (OK, FAILED, UNSURE):
        other = before.with_measurement(Measurement(phase))
        assert (other.consecutive_error, other.error, other.count) == (0, 4, 5)


# assessRunStatus
ASSESSED = 'Metric "failed-metric" assessed Failed due to failed (1) > failureLimit (0)'
FOREVER, SECOND = Metric("run-forever"), Metric("failed-metric")


def stopped(first: Phase, dry: bool = False, message: str = "", **counts: Any) -> tuple[Result, Result]:
    """The run of newTerminatingRun: one metric that goes on, one that has failed."""
    forever = Result("run-forever", first, dry_run=dry, measurements=(Measurement(RUN),), **counts)
    failed = Result(
        "failed-metric", FAILED, 1, failed=1, dry_run=dry, message=message, measurements=(Measurement(FAILED),)
    )
    return forever, failed


def test_published_one_metric_that_runs_keeps_the_run_running() -> None:
    two = (Metric("latency"), Metric("success-rate"))
    found = assess_run(two, (Result("latency", OK), Result("success-rate", RUN)))
    assert (found.phase, found.message) == (RUN, "")
    found = assess_run(two, (Result("latency", OK), Result("success-rate", FAILED)))
    assert (found.phase, found.message) == (FAILED, "")


def test_published_the_phase_of_a_metric_follows_its_measurements() -> None:
    """TestAssessRunStatusUpdateResult: a failed sibling stops nothing that is still measuring in the same round."""
    metrics = (Metric("sleep-infinity"), Metric("fail-after-30"))
    before = (
        Result("sleep-infinity", measurements=(Measurement(RUN),)),
        Result("fail-after-30", count=1, failed=1, measurements=(Measurement(FAILED),)),
    )
    found = assess_run(metrics, before)
    assert (found.phase, found.message, found.results[1].phase) == (RUN, "", FAILED)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (stopped(OK), ASSESSED),
        (
            stopped(OK, message="Provider Error"),
            f'{ASSESSED}: "Error Message: Provider Error"',
        ),
        (stopped(FAILED, failed=1), 'Metric "run-forever" assessed Failed due to failed (1) > failureLimit (0)'),
    ],
)
def test_published_messages(before: tuple[Result, Result], message: str) -> None:
    found = assess_run((FOREVER, SECOND), before)
    assert (found.phase, found.message, found.dry_run_summary) == (FAILED, message, Summary())


@pytest.mark.parametrize(
    ("before", "summary"),
    [
        (stopped(OK, dry=True), Summary(count=2, successful=1, failed=1)),
        (stopped(OK, dry=True, message="Provider Error"), Summary(count=2, successful=1, failed=1)),
        (stopped(FAILED, dry=True, failed=1), Summary(count=2, failed=2)),
    ],
)
def test_published_dry_runs_decide_nothing(before: tuple[Result, Result], summary: Summary) -> None:
    found = assess_run((FOREVER, SECOND), before)
    assert (found.phase, found.message, found.dry_run_summary) == (OK, "", summary)


def test_published_dry_runs_say_why_they_would_have_failed() -> None:
    found = assess_run((FOREVER, SECOND), stopped(FAILED, dry=True, failed=1))
    assert {one.message for one in found.results} == {"Metric assessed Failed due to failed (1) > failureLimit (0)"}


def test_published_a_run_of_dry_runs_only_is_successful() -> None:
    found = argo_run([{"name": "success-metric"}], {"success-metric": ["Failed"]}, dry_run=[{"metricName": "success"}])
    assert (found["phase"], found["dryRunSummary"]["failed"]) == ("Successful", 1)


def test_published_mixed_metrics() -> None:
    """TestAssessRunStatusWithMixedMetrics: the inconclusive one counts, the failed dry run does not."""
    metrics = (Metric("run-forever"), Metric("success-metric", dry_run=True))
    before = (
        Result("run-forever", count=1, inconclusive=1, measurements=(Measurement(UNSURE),)),
        Result("success-metric", OK, 1, failed=1, dry_run=True, measurements=(Measurement(FAILED),)),
    )
    found = assess_run(metrics, before)
    told = 'Metric "run-forever" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)'
    assert (found.phase, found.message) == (UNSURE, told)


@pytest.mark.parametrize("phase", [FAILED, UNSURE, ERROR])
def test_published_a_metric_that_is_stopped_by_a_sibling_is_successful(phase: Phase) -> None:
    counts: dict[str, Any] = {FAILED: {"failed": 1}, UNSURE: {"inconclusive": 1}, ERROR: {"error": 1}}[phase]
    before = (
        Result("run-forever", measurements=(Measurement(OK, message="Metric Terminated"),)),
        Result("failed-metric", phase, 1, measurements=(Measurement(phase),), **counts),
    )
    found = assess_run((Metric("run-forever", interval=MINUTE), SECOND), before)
    assert (found.phase, found.results[0].phase, found.results[0].message) == (phase, OK, "Metric Terminated")


@pytest.mark.parametrize("dry", [False, True])
def test_published_a_run_ended_before_its_first_measurement_is_successful(dry: bool) -> None:
    metric = {"name": "success-rate", "initialDelay": "20s", "interval": "20s", "successCondition": "result[0] > 0.90"}
    rules = [{"metricName": "success-rate"}] if dry else []
    found = argo_run([metric], {}, dry_run=rules, terminate=True)
    assert (found["phase"], found["message"]) == ("Successful", "Run Terminated")
    assert found["dryRunSummary" if dry else "runSummary"]["count"] == 1


# TestReconcileAnalysisRunInitial
@pytest.mark.parametrize(
    ("metric", "phase"),
    [({"interval": "60s"}, "Running"), ({"interval": "60s", "count": 1}, "Successful"), ({}, "Successful")],
)
def test_published_the_first_measurement(metric: dict[str, Any], phase: str) -> None:
    found = argo_run([{"name": "success-rate", **metric}], {"success-rate": ["Successful"]})
    assert (found["phase"], found["metricResults"][0]["phase"]) == (phase, phase)


# helpers_test.go
def test_published_the_order_of_phases() -> None:
    order = (OK, UNSURE, ERROR, FAILED)
    for place, current in enumerate(order):
        assert [is_worse(current, new) for new in order] == [place < other for other in range(4)]
    assert worst(OK, FAILED) is FAILED
    assert worst(FAILED, OK) is FAILED


def test_published_what_stops_a_run() -> None:
    running = [Result("a"), Result("b"), Result("dry", dry_run=True), Result("c")]
    assert not is_terminating(running)
    running[2] = Result("dry", ERROR, dry_run=True)
    assert not is_terminating(running)
    for phase in (ERROR, FAILED, UNSURE):
        assert is_terminating([*running[:3], Result("c", phase)])
    assert is_terminating(running, terminate=True)
    assert not is_terminating(())
