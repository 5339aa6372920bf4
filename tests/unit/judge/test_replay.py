"""Measurements judged again: three kinds of files, golden replays, where two policies part, and clear refusals."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.unit.judge.rollouts import Rollout
from tidegate.cli import main
from tidegate.errors import SpecError
from tidegate.judge.replay.measurements import read
from tidegate.judge.replay.picture import page
from tidegate.judge.replay.prometheus import Labels
from tidegate.judge.replay.replaying import Replay, differences, policy_of, replay

GOLDEN = Path(__file__).parents[2] / "golden" / "replays"


def replayed(name: str, policy: str = "sequential") -> Replay:
    path = GOLDEN / f"{name}.csv"
    return replay(read(path.read_text(), name), policy, policy_of(policy, lambda _: ""), name)


@pytest.mark.parametrize(
    ("name", "earliest", "latest"),
    [
        ("good-at-20", None, None),
        ("outage-of-both", None, None),
        ("two-points-more-from-400-s", 420, 620),
        ("half-fail-at-1", 10, 180),
    ],
)
def test_golden_replays(name: str, earliest: float | None, latest: float | None) -> None:
    end = replayed(name).ended
    if earliest is None or latest is None:
        assert end is None
    else:
        assert end is not None
        assert earliest <= end.t <= latest


def test_a_site_that_is_quieter_than_its_profile_is_no_evidence_against_a_good_version() -> None:
    """Measured at the example shop: 186 requests a second on either side, a per cent apart, no hiccup at all."""
    name = "good-on-a-quiet-machine.jsonl"
    told = replay(read((GOLDEN / name).read_text(), name), "sequential", policy_of("sequential", lambda _: ""), name)
    assert {point.word for point in told.points} == {"continue"}


def test_what_other_rules_make_of_an_outage_of_both() -> None:
    ours, theirs = replayed("outage-of-both"), replayed("outage-of-both", "kayenta")
    assert ours.ended is None
    assert theirs.ended is not None
    assert theirs.ended.t == 600


def test_where_two_policies_part_is_told_as_times() -> None:
    name = "two-points-more-from-400-s"
    told = differences(replayed(name), replayed(name, "sequential:0.0001"))
    assert any("sequential rolls back, the other goes on" in line for line in told)
    assert differences(replayed("good-at-20"), replayed("good-at-20")) == []


def test_json_lines_and_csv_say_the_same_as_the_judge_itself() -> None:
    rollout = Rollout(rate=50.0, extra=0.05, begins=100.0)
    lines = [json.dumps({"meta": rollout.meta}), *(json.dumps(sample) for sample in rollout.samples())]
    told = replay(read("\n".join(lines), "x"), "sequential", policy_of("sequential", str), "x")
    assert told.ended is not None
    assert told.ended.t <= 300
    assert read("\n".join(lines), "x").assumed == ()


def dump(rollout: Rollout) -> dict[str, Any]:
    """The same rollout as Prometheus would tell it: counters by version and code, buckets by le."""
    series: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}

    def put(t: float, value: float, **labels: str) -> None:
        series.setdefault(tuple(sorted(labels.items())), []).append([1_700_000_000 + t, str(value)])

    totals: dict[tuple[str, str], float] = {}
    for sample in [{"t": -10.0, "new": None, "stable": None}, *rollout.samples()]:
        for side, version in (("new", "2.0"), ("stable", "1.0")):
            one = sample[side] or {"requests": [0], "failures": [0], "latency": [0, 0]}
            bad, asked = sum(one["failures"]), sum(one["requests"])
            parts = {"200": asked - bad, "500": bad, "0.1": sum(one["latency"][:17]), "+Inf": asked}
            for key, value in parts.items():
                totals[version, key] = totals.get((version, key), 0) + value
                label = {"le": key} if key in ("0.1", "+Inf") else {"code": key}
                put(sample["t"] + 10, totals[version, key], version=version, **label)
    result = [{"metric": dict(labels), "values": values} for labels, values in series.items()]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def test_a_dump_of_prometheus_gives_the_same_counts() -> None:
    rollout = Rollout(rate=50.0, extra=0.05, begins=100.0)
    told = read(json.dumps(dump(rollout)), "range.json", Labels("version", "2.0", "1.0"))
    for one, other in zip(told.samples, rollout.samples(), strict=False):
        assert one["new"]["failures"] == [sum(other["new"]["failures"])]
        assert sum(one["stable"]["latency"]) == sum(other["stable"]["requests"])
    assert [b["t"] - a["t"] for a, b in pairwise(told.samples)] == [10.0] * (len(told.samples) - 1)
    assert replay(told, "sequential", policy_of("sequential", str), "x").ended is not None


def test_a_counter_that_begins_again_is_no_negative_growth() -> None:
    values = [[0, "100"], [10, "160"], [20, "5"], [30, "15"]]
    metric = [{"metric": {"side": side, "code": "200"}, "values": values} for side in ("new", "stable")]
    told = read(json.dumps({"data": {"resultType": "matrix", "result": metric}}), "x")
    assert [sample["new"]["requests"] for sample in told.samples] == [[60.0], [5.0], [10.0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x: it is empty"),
        ("a,b\n1,2\n", "x:1: no column t, share"),
        (
            "t,share,new_requests,new_failures,stable_requests,stable_failures\n0,0.1,1,0,none,0\n",
            "x:2: stable_requests",
        ),
        ('{"t": 0, "share": 0.1}\n{"t": \n', "x:2: this is no JSON"),
        ('{"t": 0}\n{"t": 1}\n', "x: sample 1 has no t or no share"),
        ('{"data": {"resultType": "vector"}}', "x: data.resultType is 'vector'"),
        ('{"data": {"resultType": "matrix", "result": []}}', "x: no series of requests has side='new'"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(SpecError) as wrong:
        read(text, "x")
    assert said in str(wrong.value)


def test_the_command_tells_the_end_the_reason_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, drawn = str(GOLDEN / "half-fail-at-1.csv"), tmp_path / "page.html"
    assert main(["judge", "--replay", file, "--against", "kayenta", "--html", str(drawn)]) == 1
    out = capsys.readouterr()
    assert "sequential: rolled back at 00:0" in out.out
    assert "times as often" in out.out
    assert "assumed: no latencies" in out.err
    assert drawn.read_text().count("<polyline") >= 3
    assert main(["judge", "--replay", str(GOLDEN / "good-at-20.csv")]) == 0


def test_the_page_needs_nothing_but_itself() -> None:
    path = GOLDEN / "outage-of-both.csv"
    told = read(path.read_text(), "x")
    drawn = page(told, [replayed("outage-of-both")], ["<b>"], "t")
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "&lt;b&gt;" in drawn


@pytest.mark.parametrize("policy", ["mine", "sequential:2", "argo:x"])
def test_an_unknown_policy_is_refused_with_those_there_are(policy: str) -> None:
    with pytest.raises(SpecError):
        policy_of(policy, lambda _: "no json")
