"""Reading metrics pages and counting over windows, without a network and without a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blocks.scrape_exposition import name_and_labels, page_at, values_in
from blocks.scrape_history import Counter, Group, History, Span
from blocks.scrape_metrics import ScrapeMetrics
from tidegate.errors import ConnectorError, NotUnderstood

AT = datetime(2025, 1, 25, tzinfo=UTC)
METRICS = ScrapeMetrics(proxy="http://127.0.0.1:1/metrics", route="shop")
ALL: Group = ("shop.2.0@file", "all")
PAGE = """
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",service="shop.2.0@file"} 12
requests_total{service="shop.2.0@file",code="500"} 3 1395066363000
requests_total_of_another{code="200"} 9
requests_total 7
"""


def test_a_line_is_a_name_labels_and_a_value_with_or_without_a_time() -> None:
    found = dict(values_in(PAGE, ["requests_total{", "requests_total "]))
    assert found == {
        'requests_total{code="200",service="shop.2.0@file"}': 12,
        'requests_total{service="shop.2.0@file",code="500"}': 3,
        "requests_total": 7,
    }


@pytest.mark.parametrize(
    ("series", "labels"),
    [
        ("up", {}),
        ("up{}", {}),
        ('up{a="1",b="2",}', {"a": "1", "b": "2"}),
        ('up{a="} 5 {"}', {"a": "} 5 {"}),
        (r'up{a="a \"word\", a \\ and a \n"}', {"a": 'a "word", a \\ and a \n'}),
    ],
)
def test_labels_are_read_as_they_were_meant(series: str, labels: dict[str, str]) -> None:
    assert name_and_labels(series) == ("up", labels)


@pytest.mark.parametrize("series", ["up{a=1}", 'up{a="1}', 'up{="1"}', "up{a}", 'up{a="1" b'])
def test_labels_that_cannot_be_read_are_an_error(series: str) -> None:
    with pytest.raises(NotUnderstood):
        name_and_labels(series)


lines = st.one_of(
    st.text(max_size=60),
    st.from_regex(
        r"(traefik_service_requests_total|traefik_service_request_duration_seconds_bucket)(\{[^\n]{0,60}\})? ?\S{0,12}"
    ),
)


@pytest.mark.proves("G6")
@settings(max_examples=500)
@given(st.lists(lines, max_size=8).map("\n".join))
@example('traefik_service_request_duration_seconds_bucket{service="shop.2.0@file",le="x"} 1')
@example('traefik_service_requests_total{service="shop.2.0@file"} 9' * 2)
def test_a_proxys_page_is_counted_or_refused_and_nothing_else(page: str) -> None:
    try:
        counters, _ = METRICS._proxy_counters(page, History(timedelta(hours=1)))
    except NotUnderstood:
        return
    assert all(counter.value >= 0 for counter in counters)


@pytest.mark.parametrize(
    "url", ["", "shop", "file:///etc/passwd", "ftp://127.0.0.1/", "http://[", "http://127.0.0.1:x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConnectorError):
        page_at(url, 0.2)


def looks(*values: float | None, every: float = 5.0) -> History:
    """One counter, as it was seen at each look; None: it was not there."""
    history = History(timedelta(hours=6))
    for n, value in enumerate(values):
        seen = [Counter("requests", ALL, value)] if value is not None else []
        history.add(n * every, AT + timedelta(seconds=n * every), seen, {})
    return history


def span(history: History, seconds: float) -> Span:
    found = history.span(timedelta(seconds=seconds), ALL)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "grown", "seconds"),
    [
        ((10, 15, 25), 15, 10),  # since the first look
        ((None, None, 4), 4, 5),  # born at 0 after the second look
        ((90, 100, 7), 17, 10),  # its process began again
        ((90, None, 7), 7, 10),  # was gone in between
        ((5, 5, 5), 0, 10),
    ],
)
def test_growth_counts_restarts_and_births_rightly(
    values: tuple[float | None, ...], grown: float, seconds: float
) -> None:
    found = span(looks(*values), 60)
    assert (found.grown(ALL), found.seconds) == (grown, seconds)


def test_the_first_look_alone_measures_nothing() -> None:
    assert looks(100).span(timedelta(minutes=1), ALL) is None


def test_a_window_ends_at_the_look_nearest_to_it() -> None:
    history = looks(*range(0, 100, 10))
    assert span(history, 15).seconds == 15
    assert span(history, 17).seconds == 15
    assert span(history, 18).seconds == 20
    assert span(history, 1).seconds == 5


@given(st.lists(st.integers(0, 50), min_size=2, max_size=40), st.sets(st.integers(1, 39)))
def test_whatever_restarts_no_request_is_counted_twice(growth: list[int], restarts: set[int]) -> None:
    """The counter as a process shows it, against the requests that were really served since the first look."""
    shown, value = [], 0
    for n, more in enumerate(growth):
        value = more if n in restarts else value + more
        shown.append(value)
    assert span(looks(*shown), 1e6).grown(ALL) <= sum(growth[1:])
    if not restarts & set(range(len(growth))):
        assert span(looks(*shown), 1e6).grown(ALL) == sum(growth[1:])


def test_hours_of_looks_are_kept_in_a_thousand_and_windows_stay_exact_to_a_hundredth() -> None:
    history = looks(*range(20_000), every=0.5)
    assert len(history.looks) < 1500
    for minutes in (1, 10, 60, 150):
        seconds = minutes * 60
        found = span(history, seconds)
        assert found.seconds == pytest.approx(seconds, rel=0.02)
        assert found.grown(ALL) == found.seconds * 2


def test_looks_older_than_the_history_are_let_go() -> None:
    history = History(timedelta(minutes=10))
    for n in range(2000):
        history.add(float(n), AT, [Counter("requests", ALL, n)], {})
    assert history.looks[0].elapsed >= 2000 - 600 - 64


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        ({0.1: 50, 0.2: 100, float("inf"): 100}, 0.5, 0.1),
        ({0.1: 50, 0.2: 100, float("inf"): 100}, 0.75, 0.15),
        ({0.1: 0, 0.2: 100, float("inf"): 100}, 0.99, 0.199),
        ({0.1: 0, 0.2: 10, float("inf"): 100}, 0.95, 0.2),  # above the largest bound: that bound
        ({0.1: 0, 0.2: 0, float("inf"): 0}, 0.95, None),
        ({}, 0.95, None),
    ],
)
def test_percentiles_are_those_of_prometheus(counts: dict[float, float], share: float, value: float | None) -> None:
    history = History(timedelta(hours=1))
    groups: dict[float, Group] = {bound: ("x", bound) for bound in counts}
    for n in (0, 1):
        history.add(n, AT, [Counter(str(b), groups[b], counts[b] * n) for b in counts], {})
    found = history.span(timedelta(minutes=1), ("x", float("inf")))
    assert found is not None
    assert found.percentile(share, groups) == (None if value is None else pytest.approx(value))
