"""Kayenta's published scores (ScorerSuite.scala, spinnaker/spinnaker 09ce5bf7), and whole canaries."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.unit.judge import kayenta_series as told
from tidegate.errors import SpecError
from tidegate.judge.foreign.kayenta.canary import kayenta
from tidegate.judge.foreign.kayenta.classifying import Label
from tidegate.judge.foreign.kayenta.scoring import Grade, Scored, grade, score

P, H, L, N = Label.PASS, Label.HIGH, Label.LOW, Label.NODATA
HALVES = {"group-1": 50.0, "group-2": 50.0}


def scored(label: Label, group: str = "test-group", critical: bool = False) -> Scored:
    return Scored(label, (group,), critical)


@pytest.mark.parametrize(
    ("metrics", "weights", "summary"),
    [
        ([scored(P)], {}, 100.0),
        ([scored(H)], {}, 0.0),
        ([scored(N)], {}, 0.0),
        ([scored(P, "a"), scored(P, "a"), scored(N, "b")], {}, 100.0),
        ([scored(P), scored(H)], {}, 50.0),
        ([scored(P), scored(H), scored(L)], {}, 33.33),
        ([scored(P, "group-1"), scored(P, "group-1"), scored(H, "group-2")], {"group-1": 75.0, "group-2": 25.0}, 75.0),
        ([scored(P, "group-1"), scored(H, "group-1"), scored(H, "group-2")], HALVES, 25.0),
        ([scored(P, "group-1"), scored(N, "group-1"), scored(H, "group-2")], HALVES, 50.0),
        ([scored(P), scored(H, critical=True)], {}, 0.0),
        ([scored(L), scored(P, critical=True)], {}, 50.0),
        ([scored(P), scored(N, critical=True)], {}, 0.0),
        (
            [scored(H, "group1"), scored(L, "group1"), scored(P, "group1"), scored(H, "group2")],
            {"group1": 15.0, "group2": 85.0},
            5.0,
        ),
    ],
)
def test_published(metrics: list[Scored], weights: dict[str, float], summary: float) -> None:
    assert score(metrics, weights).summary == summary


def test_a_group_without_data_scores_zero_and_counts_as_a_hundred() -> None:
    alone = score([scored(N, "quiet")])
    assert [(group.score, group.has_data) for group in alone.groups] == [(0.0, False)]
    mixed = score([scored(P, "a"), scored(P, "a"), scored(N, "b")])
    assert sorted(group.score for group in mixed.groups) == [0.0, 100.0]
    assert mixed.summary == 100.0


def test_half_of_the_metrics_without_data_is_too_many_and_less_is_not() -> None:
    assert score([scored(P), scored(N)]).summary == 0.0
    assert score([scored(P), scored(P), scored(N)]).summary == 100.0


def test_a_metric_that_must_have_data_counts_against_its_group_and_an_error_does_not() -> None:
    assert score([scored(P), scored(Label.NODATA_FAIL_METRIC)]).summary == 50.0
    assert score([scored(P), scored(Label.ERROR)]).summary == 100.0
    assert score([]).summary == 0.0


def test_grades_begin_at_their_thresholds() -> None:
    assert [grade(points, 95.0, 75.0) for points in (95.0, 94.99, 75.0, 74.99)] == [
        Grade.PASS,
        Grade.MARGINAL,
        Grade.MARGINAL,
        Grade.FAIL,
    ]


# whole canaries


def canary_metric(name: str, groups: list[str], **canary: Any) -> dict[str, Any]:
    return {"name": name, "groups": groups, "analysisConfigurations": {"canary": canary}}


def one_metric(**canary: Any) -> dict[str, Any]:
    return {"metrics": [canary_metric("cpu", ["a"], **canary)]}


def pair(name: str, control: list[Any], experiment: list[Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "values": {"control": control, "experiment": experiment}, **more}


CONFIG: dict[str, Any] = {
    "metrics": [
        canary_metric("cpu", ["system"]),
        canary_metric("errors", ["requests"], direction="increase", nanStrategy="replace"),
    ],
    "classifier": {
        "groupWeights": {"system": 50, "requests": 50},
        "scoreThresholds": {"pass": 95.0, "marginal": 75.0},
    },
}
LIKE = pair("cpu", told.AROUND_TEN_TOO, told.AROUND_TEN)
WORSE = pair("errors", told.AROUND_TEN_TOO, told.AROUND_TWENTY)


def test_a_good_canary_passes_and_a_bad_one_fails() -> None:
    good = kayenta(CONFIG, {"pass": 95, "marginal": 75}, [LIKE, pair("errors", [0.0, None, 1.0], ["NaN", 0, 1])])
    assert good["score"] == {"score": 100.0, "classification": "Pass", "classificationReason": ""}
    bad = kayenta(CONFIG, None, [LIKE, WORSE])
    assert bad["score"]["classification"] == "Fail"
    assert bad["score"]["score"] == 50.0
    assert bad["groupScores"] == [
        {"name": "system", "score": 100.0, "classification": "", "classificationReason": ""},
        {"name": "requests", "score": 0.0, "classification": "", "classificationReason": ""},
    ]
    assert kayenta(CONFIG, {"pass": 80, "marginal": 50}, [LIKE, WORSE])["score"]["classification"] == "Marginal"


def test_the_result_tells_each_metric_with_its_figures() -> None:
    [one] = kayenta(CONFIG, None, [pair("errors", [1.0, math.nan], [0.0, 2.0], id="7", tags={"zone": "a"})])["results"]
    assert one["id"] == "7"
    assert one["tags"] == {"zone": "a"}
    assert one["groups"] == ["requests"]
    assert one["controlMetadata"]["stats"] == pytest.approx(
        {"min": 0, "max": 1, "mean": 0.5, "std": 0.7071, "count": 2}, abs=1e-4
    )
    assert one["classification"] == "Pass"
    assert one["resultMetadata"] == {"ratio": 2.0}


def test_the_same_call_returns_the_same_also_for_constant_series() -> None:
    constant = pair("errors", [1.0] * 8, [2.0] * 8)
    assert kayenta(CONFIG, None, [constant]) == kayenta(CONFIG, None, [constant])
    assert kayenta(CONFIG, None, [constant])["results"][0]["classification"] == "High"


def test_a_critical_metric_fails_the_canary_and_a_muted_one_does_not_count() -> None:
    critical = {"metrics": [canary_metric("cpu", ["a"]), canary_metric("errors", ["a"], critical=True)]}
    found = kayenta(critical, {"pass": 0, "marginal": 0}, [LIKE, WORSE])
    assert (found["score"]["score"], found["results"][1]["critical"]) == (0.0, True)
    assert "critical" in found["score"]["classificationReason"]
    muted = {"metrics": [canary_metric("cpu", ["a"]), canary_metric("errors", ["a"], critical=True, muted=True)]}
    assert kayenta(muted, {"pass": 95, "marginal": 75}, [LIKE, WORSE])["score"]["classification"] == "Pass"


def test_outliers_are_only_removed_when_the_config_says_so() -> None:
    spiked = pair("cpu", [1.0, 1.1, 1.2, 1.3] * 3, [1.0, 1.1, 1.2, 1.3] * 3 + [900.0])
    counts = []
    for strategy in ("keep", "remove"):
        config = {"metrics": [canary_metric("cpu", ["a"], outliers={"strategy": strategy})]}
        stats = kayenta(config, {"pass": 95, "marginal": 75}, [spiked])["results"][0]["experimentMetadata"]["stats"]
        counts.append(stats["count"])
    assert counts == [13, 12]


@pytest.mark.parametrize(
    ("control", "experiment", "strategy", "label"),
    [
        ([], [], "remove", "Nodata"),
        ([], [], "replace", "Pass"),
        ([math.nan] * 5, [1.0] * 5, "remove", "Nodata"),
        ([math.nan] * 5, [math.nan] * 5, "replace", "Pass"),
        ([math.nan] * 5, [0.0] * 5, "replace", "Pass"),
        ([3.0] * 5, [3.0] * 5, "remove", "Pass"),
        ([3.0], [4.0], "remove", "Error"),
        ([0.1], [0.3], "remove", "Error"),
        ([3.0], [4.0, 4.0], "remove", "High"),
        ([-2.0] * 9, [-1.0] * 9, "remove", "Pass"),  # the ratio of the means is a half
        ([1.0, 2.0], [1.0, math.inf], "remove", "Error"),
    ],
)
def test_edges(control: list[float], experiment: list[float], strategy: str, label: str) -> None:
    config = {"metrics": [canary_metric("cpu", ["a"], nanStrategy=strategy)]}
    result = kayenta(config, {"pass": 95, "marginal": 75}, [pair("cpu", control, experiment)])
    assert result["results"][0]["classification"] == label


@pytest.mark.parametrize(
    ("config", "thresholds", "pairs", "told"),
    [
        (CONFIG, None, [pair("disk", [1], [1])], r"pairs\[0\].name: found 'disk'; allowed: .*cpu, errors"),
        (CONFIG, None, [{"name": "cpu", "values": {"control": [1]}}], r"pairs\[0\].values.experiment: found nothing"),
        (CONFIG, None, [pair("cpu", [1, "x"], [1])], r"pairs\[0\].values.control\[1\]: found 'x'; allowed: a number"),
        (CONFIG, {"pass": 75, "marginal": 95}, [], r"thresholds.marginal: found 95.0; allowed: at most"),
        (CONFIG, {"pass": 75}, [], r"thresholds.marginal: found None"),
        (one_metric(direction="up"), None, [], r"direction: found 'up'; allowed: increase, decrease, either"),
        (one_metric(critcal=True), None, [], r"canary.critcal: found True; .*critical"),
        (one_metric(critical="yes"), None, [], r"canary.critical: found 'yes'; allowed: true or false"),
        ({"metrics": [{"groups": []}]}, None, [], r"config.metrics\[0\].name: found None; allowed: text"),
        ({"metrics": "cpu"}, None, [], r"config.metrics: found 'cpu'; allowed: a list"),
    ],
)  # fmt: skip
def test_bad_input_names_the_path_what_was_found_and_what_is_allowed(
    config: Any, thresholds: Any, pairs: Any, told: str
) -> None:
    with pytest.raises(SpecError, match=told):
        kayenta(config, thresholds, pairs)


def test_numbers_and_flags_may_be_text_as_in_kayentas_own_files() -> None:
    effect = {"allowedIncrease": "13", "measure": "meanRatio"}
    config = {"metrics": [canary_metric("x", ["a"], critical="true", effectSize=effect)]}
    result = kayenta(config, {"pass": 95, "marginal": 75}, [pair("x", told.FIVE, told.FIVE_TENFOLD)])
    assert result["results"][0]["classification"] == "Pass"  # 11.9-fold, allowed up to 13
