"""Both foreign judges driven by bins, as a rollout drives a judge."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tidegate.errors import SpecError
from tidegate.judge.foreign.argo.stream import ArgoJudge
from tidegate.judge.foreign.kayenta.stream import KayentaJudge
from tidegate.judge.foreign.samples import Counts, measured

EDGES = [0.0, 0.1, 0.2, 0.4, math.inf]
META = {"stages": [[0.05, 1800], [1.0, 1800]], "bin_seconds": 10, "edges": EDGES, "routes": 2, "memory_limit": 1e9}


def side(requests: float, failures: float, slow: bool = False) -> dict[str, Any]:
    buckets = [0.0, requests / 2, requests / 2, 0.0] if slow else [requests / 2, requests / 2, 0.0, 0.0]
    return {"requests": [requests, 0], "failures": [failures, 0], "latency": buckets, "memory": 1e8}


def sample(at: float, new: dict[str, Any], stable: dict[str, Any]) -> dict[str, Any]:
    return {"t": at, "share": 0.05, "new": new, "stable": stable}


def ripple(at: float) -> float:
    """Failures that differ from minute to minute, as those of real traffic do."""
    return (at * 7 // 60) % 5


def driven(judge: Any, until: float, new: Any, step: float = 10) -> list[tuple[float, str]]:
    """Every change of what the judge says, and when."""
    told, at = [(-1.0, "")], 0.0
    while at < until:
        said = judge.step(sample(at, new(at), side(100, ripple(at))))
        if said != told[-1][1]:
            told.append((at, said))
        at += step
    return told[1:]


# Kayenta


def test_kayenta_lets_a_good_version_through_to_the_end() -> None:
    judge = KayentaJudge(META)
    assert driven(judge, 3600, lambda at: side(100, ripple(at + 60))) == [(0.0, "continue")]
    assert judge.result["score"]["score"] == 100.0


def test_kayenta_rolls_a_failing_version_back_at_its_first_interval() -> None:
    assert driven(KayentaJudge(META), 3600, lambda at: side(100, 20 + ripple(at + 60))) == [
        (0.0, "continue"),
        (600.0, "rollback"),
    ]


def test_kayenta_holds_at_a_marginal_score_and_fails_it_at_the_end() -> None:
    """Failures are half of the score: with latency like the stable one's, failing makes 50 points."""
    judge = KayentaJudge(META, marginal=40)
    assert driven(judge, 3600, lambda at: side(100, 20 + ripple(at + 60))) == [
        (0.0, "continue"),
        (600.0, "hold"),
        (3590.0, "rollback"),
    ]


def test_kayenta_forgets_what_lies_before_its_lookback() -> None:
    def healing(at: float) -> dict[str, Any]:
        return side(100, 20 * (at < 900) + ripple(at + 60))

    grown = KayentaJudge(META, marginal=40)
    assert driven(grown, 1300, healing) == [(0.0, "continue"), (600.0, "hold")]
    sliding = KayentaJudge(META, marginal=40, lookback=5)
    assert driven(sliding, 1300, healing) == [(0.0, "continue"), (600.0, "hold"), (1200.0, "continue")]


def test_kayenta_sees_slowness_and_not_a_delayed_start() -> None:
    slow = KayentaJudge(META)
    assert driven(slow, 3600, lambda at: side(100, ripple(at + 60), slow=True))[-1] == (600.0, "rollback")
    late = KayentaJudge(META, delay=20)
    assert driven(late, 3600, lambda at: side(100, 20 * (at < 1200) + ripple(at + 60))) == [(0.0, "continue")]


def test_kayenta_takes_silence_for_a_failure() -> None:
    """Half of the metrics without data score 0: a quiet version is rolled back, as its source has it."""
    assert driven(KayentaJudge(META), 1200, lambda _: side(0, 0))[-1] == (600.0, "rollback")


def test_kayenta_takes_bins_of_an_hour_and_bins_that_are_missing() -> None:
    judge = KayentaJudge({"bin_seconds": 3600, "edges": EDGES}, interval=600)
    assert driven(judge, 40 * 3600, lambda _: side(5000, 900), 3600)[-1] == (36000.0, "rollback")
    assert KayentaJudge(META).step({"t": 5000, "new": {}, "stable": {}}) == "rollback"


def test_kayenta_says_what_it_cannot_use() -> None:
    with pytest.raises(SpecError, match=r"config.metrics\[0\].name: found 'cpu'; allowed: failure_rate"):
        KayentaJudge(META, config={"metrics": [{"name": "cpu", "groups": ["a"]}]})
    with pytest.raises(SpecError, match="interval: found 0; allowed: at least 1 minutes"):
        KayentaJudge(META, interval=0)
    with pytest.raises(SpecError, match=r"sample.new.requests\[0\]: found 'many'"):
        KayentaJudge(META).step(sample(0, {"requests": ["many"]}, {}))


# Argo Rollouts


def rate(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "rate", "interval": "1m", "successCondition": "result[0] >= 0.95", **more}]


def test_argo_continues_and_rolls_back_by_the_documented_example() -> None:
    assert driven(ArgoJudge(META), 3600, lambda at: side(100, ripple(at))) == [(0.0, "continue")]
    failing = driven(ArgoJudge(META), 3600, lambda _: side(100, 20))
    assert failing == [(0.0, "continue"), (900.0, "rollback")]  # the fourth of its failures, every 5 minutes from 0


def test_argo_measures_over_its_window_from_its_delay_on() -> None:
    judge = ArgoJudge(META, metrics=rate(initialDelay="2m"))
    assert driven(judge, 600, lambda at: side(100, 50 if at == 180 else 0)) == [(0.0, "continue"), (180.0, "rollback")]
    [one] = judge.status["metricResults"]
    assert [taken["value"] for taken in one["measurements"]] == ["[1]", "[0.916667]"]


def test_argo_pauses_for_an_inconclusive_run_and_stays_so() -> None:
    band = rate(failureCondition="result[0] < 0.5")
    assert driven(ArgoJudge(META, metrics=band), 600, lambda at: side(100, 30 if at == 120 else 0)) == [
        (0.0, "continue")
    ]
    assert driven(ArgoJudge(META, metrics=band), 600, lambda at: side(100, 30 if at >= 60 else 0)) == [
        (0.0, "continue"),
        (120.0, "hold"),
    ]


def test_argo_takes_no_traffic_for_a_failure_unless_the_condition_says_otherwise() -> None:
    assert driven(ArgoJudge(META, metrics=rate()), 60, lambda _: side(0, 0)) == [(0.0, "rollback")]
    guarded = rate(successCondition="isNaN(result[0]) || result[0] >= 0.95")
    assert driven(ArgoJudge(META, metrics=guarded), 600, lambda _: side(0, 0)) == [(0.0, "continue")]


def test_argo_rolls_back_after_five_errors_in_a_row_and_ignores_a_dry_run() -> None:
    wrong = rate(successCondition="result >= 0.95")
    assert driven(ArgoJudge(META, metrics=wrong), 600, lambda _: side(100, 0)) == [
        (0.0, "continue"),
        (40.0, "rollback"),
    ]
    judge = ArgoJudge(META, metrics=wrong, dry_run=[{"metricName": "rate"}])
    assert driven(judge, 600, lambda _: side(100, 0)) == [(0.0, "continue")]
    assert judge.status["dryRunSummary"]["error"] == 1


def test_argo_can_ask_for_the_stable_side_and_for_latency() -> None:
    query = {"samples": {"measure": "latency_p95", "side": "new", "window": "5m"}}
    slow = rate(successCondition="result[0] < 0.25", failureLimit=1, provider=query)
    assert driven(ArgoJudge(META, metrics=slow), 600, lambda _: side(100, 0, slow=True))[-1] == (60.0, "rollback")
    stable = rate(provider={"samples": {"side": "stable"}})
    assert driven(ArgoJudge(META, metrics=stable), 600, lambda _: side(100, 50)) == [(0.0, "continue")]


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        (rate(successCondition="result[0 >= 1"), r"success_condition: found 'result\[0 >= 1'; allowed: a condition"),
        (rate(provider={"prometheus": {}}), "provider.prometheus: .*known here are samples"),
        (rate(provider={"samples": {"measure": "cpu"}}), "measure: found 'cpu'; allowed: failure_rate"),
        ([{"name": "once"}], "window: found None; allowed: a duration above 0"),
    ],
)
def test_argo_says_what_it_cannot_use(metrics: Any, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        ArgoJudge(META, metrics=metrics)


# what both measure


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("failure_rate", 0.1),
        ("success_rate", 0.9),
        ("request_rate", 2.0),
        ("latency_mean", (10 * 0.05 + 5 * 0.15 + 3 * 0.3 + 2 * 0.4) / 20),
        ("latency_p50", 0.1),
        ("latency_p95", 0.4),
        ("latency_p99", 0.4),
    ],
)
def test_what_is_measured_on_counts(measure: str, expected: float) -> None:
    counts = Counts(20, 2, (10.0, 5.0, 3.0, 2.0), 10)
    assert measured(measure, counts, EDGES) == pytest.approx(expected)
    assert math.isnan(measured(measure, Counts(), EDGES))


def test_counts_of_different_bins_add_up() -> None:
    both = Counts(1, 1, (1.0,), 10).plus(Counts(2, 0, (), 10))
    assert both == Counts(3, 1, (1.0,), 20)
