"""The picture: well-formed, nothing outside its frame, peaks kept, long nights cut, labels that do not touch."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import report_samples as samples
from tests.unit.report_world import shop_spec
from tidegate.ledger import Reading
from tidegate.report.facts import facts_of
from tidegate.report.scale import thinned, time_scale
from tidegate.report.timeline import WIDTH, moments_of, timeline
from tidegate.report.voice import Voice
from tidegate.spec import Gate

SVG = "{http://www.w3.org/2000/svg}"
USUAL = {"target": "at most 160MB", "rollback": "above 200MB"}
NINE = datetime(2025, 11, 24, 9, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def drawn(sample: samples.Sample, voice: Voice | None = None) -> ET.Element:
    told = facts_of(sample.entries, sample.readings, sample.spec)
    return ET.fromstring(timeline(told, voice or Voice()))  # noqa: S314 - our own text


@pytest.mark.proves("E27")
@pytest.mark.parametrize("make", [make for make in samples.ALL if make is not samples.aborted])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_picture_is_well_formed_and_stays_within_its_frame(make: Any, language: Any) -> None:
    picture = drawn(make(), Voice(language))
    height = float(picture.attrib["viewBox"].split()[3])
    assert picture.attrib["viewBox"].split()[2] == str(WIDTH)
    assert picture.find(f"{SVG}title") is not None
    assert picture.find(f"{SVG}desc") is not None
    for shape in picture.iter():
        if shape.tag == f"{SVG}rect" and shape.attrib.get("class") != "cut":
            continue  # a mark's own shape, drawn around its place
        for name in ("x", "x1", "x2"):
            assert 0 <= float(shape.attrib.get(name, 0)) <= WIDTH
        for name in ("y", "y1", "y2"):
            assert 0 <= float(shape.attrib.get(name, 0)) <= height
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", shape.attrib.get("d", "")):
            if shape.attrib.get("class") in ("new", "old"):
                assert 0 <= float(x) <= WIDTH
                assert 0 <= float(y) <= height


def test_a_release_without_any_weight_has_no_picture() -> None:
    sample = samples.aborted()
    assert timeline(facts_of(sample.entries, (), sample.spec), Voice()) == ""


def test_answers_verdicts_and_the_rollback_are_marked_in_their_order() -> None:
    sample = samples.rolled_back()
    told = [moment.text for moment in moments_of(facts_of(sample.entries, (), sample.spec), Voice())]
    assert told == ["go: approved (kim)", "5 % passed", "rollback: watch", "25 % failed"]
    texts = [text.text for text in drawn(sample).iter(f"{SVG}text")]
    assert set(told) <= set(texts)
    description = drawn(sample).find(f"{SVG}desc")
    assert description is not None
    assert all(text in (description.text or "") for text in told)


def test_errors_and_latencies_are_drawn_and_other_metrics_only_where_they_matter() -> None:
    gates = [
        *shop_spec().gates,
        *(
            Gate.model_validate({**USUAL, "name": f"{part}-memory", "component": part, "metric": "memory"})
            for part in ("api", "frontend")
        ),
    ]
    sample = samples.promoted(shop_spec().model_copy(update={"gates": tuple(gates)}))
    at = sample.readings[0].at
    memory = [Reading(at, part, "canary", "memory", mb * 1e6, None) for part, mb in (("api", 90), ("frontend", 170))]
    told = facts_of(sample.entries, [*(r for r in sample.readings if r.metric != "memory"), *memory], sample.spec)
    text = timeline(told, Voice())
    assert "frontend: memory" in text
    assert "api: memory" not in text
    assert text.index("api: error rate") < text.index("frontend: error rate") < text.index("api: p95 latency")


def test_labels_of_the_same_row_do_not_touch() -> None:
    for make in (samples.promoted, samples.rolled_back_late):
        rows: dict[str, list[tuple[float, float]]] = {}
        picture = drawn(make())
        height = 6 + 17 * 5
        for text in picture.iter(f"{SVG}text"):
            if float(text.attrib["y"]) < height and text.attrib.get("class") is None:
                x, wide = float(text.attrib["x"]), 6.0 * len(text.text or "")
                left = x - wide if text.attrib.get("text-anchor") == "end" else x
                rows.setdefault(text.attrib["y"], []).append((left, left + wide))
        for row in rows.values():
            assert all(a[1] < b[0] for a, b in pairwise(sorted(row)))


def test_a_release_of_days_is_not_drawn_with_more_points_than_can_be_seen() -> None:
    sample = samples.promoted()
    first = sample.readings[0].at
    many = [
        Reading(first + timedelta(seconds=n), "api", "canary", "error_rate", 0.9 if n == 4321 else 0.001, 400)
        for n in range(9000)
    ]
    text = timeline(facts_of(sample.entries, many, sample.spec), Voice())
    assert len(text) < 40_000
    assert "97 %" in text  # the one bad second sets the scale: it was not thinned away


@given(st.lists(st.tuples(st.floats(0, 900), st.one_of(st.none(), st.floats(0, 1))), max_size=300))
def test_thinning_keeps_every_peak_and_never_invents_a_point(points: list[tuple[float, float | None]]) -> None:
    points = sorted(points, key=lambda point: point[0])
    kept = thinned(points, 3.0)
    assert set(kept) <= set(points)
    assert len(kept) <= len(points)
    values = [value for _, value in points if value is not None]
    assert max(values, default=None) == max((v for _, v in kept if v is not None), default=None)


def test_a_long_night_is_cut_and_said() -> None:
    moments = [NINE, NINE + 30 * MINUTE, NINE + 60 * MINUTE, NINE + 20 * HOUR, NINE + 20 * HOUR + 30 * MINUTE]
    scale = time_scale(moments, 0, 900, 30 * MINUTE)
    (cut,) = scale.cuts
    assert cut.until - cut.since == 19 * HOUR
    assert cut.right - cut.left < 50
    texts = [text.text or "" for text in drawn(samples.rolled_back_late()).iter(f"{SVG}text")]
    assert "⋯ 1d" in texts


def test_where_everything_is_long_nothing_is_cut() -> None:
    scale = time_scale([NINE, NINE + 40 * HOUR], 0, 900, MINUTE)
    assert scale.cuts == []
    assert (scale.x(NINE), scale.x(NINE + 20 * HOUR), scale.x(NINE + 40 * HOUR)) == (0, 450, 900)


@given(st.lists(st.integers(0, 10**6), min_size=2, unique=True), st.integers(1, 10**5))
def test_later_is_never_further_left(seconds: list[int], usual: int) -> None:
    moments = [NINE + timedelta(seconds=second) for second in sorted(seconds)]
    scale = time_scale(moments, 52, 884, timedelta(seconds=usual))
    places = [scale.x(at) for at in moments]
    assert places == sorted(places)
    assert places[0] == 52
    assert places[-1] == pytest.approx(884)


def test_ticks_are_round_in_the_readers_zone() -> None:
    scale = time_scale([NINE, NINE + HOUR], 0, 900, HOUR)
    offset = NINE.astimezone(ZoneInfo("Asia/Kathmandu")).utcoffset()  # 5:45 from UTC
    assert offset is not None
    local = [(at + offset).minute % 5 for _, at in scale.ticks(72, offset)]
    assert local
    assert set(local) == {0}
