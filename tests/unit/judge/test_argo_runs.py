"""
Whole metrics and runs by their results, metrics that cannot be used, and durations.

The published ones are from Argo Rollouts' utils/analysis/factory_test.go (6dd5320d) and helpers_test.go (528a9310).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tidegate.errors import SpecError
from tidegate.judge.foreign.argo.assessing import Measurement, Result, assess_limits
from tidegate.judge.foreign.argo.conditions import Phase
from tidegate.judge.foreign.argo.durations import read_duration
from tidegate.judge.foreign.argo.metrics import read_metric, read_metrics
from tidegate.judge.foreign.argo.runs import argo, argo_run


def metric(**more: Any) -> dict[str, Any]:
    return {"name": "success-rate", **more}


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        ([metric(count=1, failureLimit=2)], r"metrics\[0\].count: found 1; allowed: count must be >= failureLimit"),
        ([metric(count=1, inconclusiveLimit=2)], r"metrics\[0\].*count must be >= inconclusiveLimit"),
        (
            [metric(count=2, interval="60s-typo", failureLimit=2)],
            r'interval: .*unknown unit "s-typo" in duration "60s-typo"',
        ),
        (
            [metric(count=2, interval="60s", initialDelay="60s-typo")],
            r'initialDelay: .*unknown unit "s-typo" in duration',
        ),
        ([], "no metrics specified"),
        ([metric(count=2)], r"metrics\[0\].interval: .*interval must be specified when count > 1"),
        ([metric(), metric()], r"metrics\[1\].name: .*duplicate name 'success-rate'"),
        ([metric(failureLimit=-1)], "failureLimit must be >= 0"),
        ([metric(inconclusiveLimit=-1)], "inconclusiveLimit must be >= 0"),
        ([metric(consecutiveErrorLimit=-1)], "consecutiveErrorLimit must be >= 0"),
        ([metric(provider={"prometheus": {}, "job": {}})], "multiple providers specified"),
        # ours
        ([metric(failureLimit="many")], r"metrics\[0\].failureLimit: found 'many'; allowed: a whole number"),
        (
            [metric(succesCondition="true")],
            r"metrics\[0\].succesCondition: .*no such key; known here are .*successCondition",
        ),
        ([metric(successCondition="result > {{args.limit}}")], "arguments are filled in"),
        ([metric(interval="5")], r"interval: found '5'; allowed: a duration .*every number has a unit"),
        ([{"count": 1}], r"metrics\[0\].name: found None; allowed: text"),
        ("success-rate", "metrics: found 'success-rate'; allowed: a list"),
    ],
)
def test_metrics_that_cannot_be_used(metrics: Any, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        read_metrics(metrics)


def test_metrics_that_can() -> None:
    read_metrics([metric(count=0, failureLimit=2)])
    read_metrics([metric(count=0, inconclusiveLimit=2)])
    read_metrics([metric(count="2", interval="60s", failureLimit="2")])


@pytest.mark.parametrize(
    ("pattern", "dry"), [("success-rate", {"success-rate"}), (".*", {"success-rate", "error-rate"})]
)
def test_published_dry_run_rules(pattern: str, dry: set[str]) -> None:
    read = read_metrics({"spec": {"metrics": [metric(), {"name": "error-rate"}], "dryRun": [{"metricName": pattern}]}})
    assert {one.name for one in read if one.dry_run} == dry


def test_published_a_dry_run_rule_has_to_match() -> None:
    with pytest.raises(SpecError, match=r"dryRun\[0\]: .*Rule didn't match any metric name"):
        read_metrics([metric()], [{"metricName": "error-rate"}])


# ours: whole metrics and runs by their results
def test_failures_are_never_forgotten() -> None:
    rate = metric(interval="5m", successCondition="result[0] >= 0.95", failureLimit=1)
    found = argo(rate, [[0.9], [0.99], [0.99], [0.99], [0.9], [0.99]])
    assert (found["phase"], found["message"]) == ("Failed", "failed (2) > failureLimit (1)")
    assert [one["phase"] for one in found["measurements"]] == ["Failed", *["Successful"] * 3, "Failed"]


def test_the_last_limit_exceeded_decides() -> None:
    both = Result(failed=1, inconclusive=1, consecutive_error=5, measurements=(Measurement(Phase.ERROR),))
    assert assess_limits(read_metric(metric()), both)[0] is Phase.ERROR


def test_successes_in_a_row() -> None:
    """As v1.8 describes consecutiveSuccessLimit, with and without a failureLimit, and where the count ends first."""
    waiting = metric(interval="1m", failureLimit=-1, consecutiveSuccessLimit=3)
    assert argo(waiting, ["Failed", "Successful", "Successful", "Failed"])["phase"] == "Running"
    assert argo(waiting, ["Failed", "Successful", "Successful", "Successful"])["phase"] == "Successful"
    assert argo(waiting, ["Failed"] * 9, terminate=True)["phase"] == "Successful"
    assert argo({**waiting, "count": 4}, ["Failed", "Successful", "Failed", "Successful"])["phase"] == "Failed"
    both = metric(interval="1m", failureLimit=1, consecutiveSuccessLimit=3, count=4)
    assert argo(both, ["Failed", "Successful", "Failed"])["phase"] == "Failed"
    assert argo(both, ["Successful", "Failed", "Successful", "Successful"])["phase"] == "Inconclusive"


def test_measurements_are_results_phases_or_both() -> None:
    rate = metric(interval="1m", successCondition="result == 'Failed'")
    found = argo(rate, [{"value": "Failed"}, {"phase": "Error", "message": "no answer"}, "Running"])
    assert [one["phase"] for one in found["measurements"]] == ["Successful", "Error", "Running"]
    assert (found["phase"], found["error"]) == ("Running", 1)
    with pytest.raises(SpecError, match=r"measurements\[0\].phase: found 'failed'; allowed: Successful"):
        argo(rate, [{"phase": "failed"}])


def test_published_a_measurement_under_way_is_resumed() -> None:
    """TestReconcileAnalysisRunResumeInProgress (analysis/analysis_test.go, 6620c1bd)."""
    found = argo_run([{"name": "test"}], {"test": ["Running", "Successful"]})
    assert (found["phase"], found["metricResults"][0]["phase"]) == ("Successful", "Successful")
    assert [one["phase"] for one in found["metricResults"][0]["measurements"]] == ["Successful"]


def test_five_empty_answers_in_a_row_are_an_error_that_says_why() -> None:
    found = argo_run([metric(interval="1m", successCondition="result[0] >= 0.95")], {"success-rate": [[]] * 7})
    assert found["phase"] == "Error"
    assert found["message"].startswith('Metric "success-rate" assessed Error due to consecutiveErrors (5) > ')
    assert "the result is empty" in found["message"]
    assert len(found["metricResults"][0]["measurements"]) == 5


def test_a_failed_metric_ends_the_run_before_a_slower_one_would_fail() -> None:
    fast, slow = {"name": "fast", "interval": "1m"}, {"name": "slow", "interval": "1h", "failureLimit": 1}
    found = argo_run([slow, fast], {"fast": ["Successful", "Failed"], "slow": ["Failed", "Failed"]})
    assert (found["phase"], found["message"]) == (
        "Failed",
        'Metric "fast" assessed Failed due to failed (1) > failureLimit (0)',
    )
    assert [one["phase"] for one in found["metricResults"]] == ["Successful", "Failed"]


def test_measurements_of_no_metric_are_refused() -> None:
    with pytest.raises(SpecError, match=r"measurements.other: .*measurements of success-rate"):
        argo_run([metric()], {"other": []})
    assert argo(metric(), [])["phase"] == "Pending"
    assert read_metric(metric(successCondition=True)).success_condition == "true"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("1.5h", 5400), ("300ms", 0.3), ("0", 0), ("+1m", 60), (".5s", 0.5), ("2us", 2e-6)],
)
def test_durations_of_go(text: str, seconds: float) -> None:
    assert read_duration(text, "interval") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["5", "s", "-5s", "1d", "+", "1h 5m", 5])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(SpecError, match=r"interval: found .*; allowed: a duration"):
        read_duration(text, "interval")
