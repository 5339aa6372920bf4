"""A number at a path of a real server's JSON: whose it is, in which unit, and all that is no number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.http_json_metrics import HttpJsonMetrics
from tests.contract.json_pages import Pages, pages
from tests.contract.measuring_of import BLUE, GREEN, MINUTE, of
from tidegate.errors import Denied, NotUnderstood, Unreachable
from tidegate.ports import Metrics

HEALTH = {"error_rate": 0.4, "requests": 1200, "response_time": {"p95": 180}, "nodes": [{"up": 1}], "none": None}


@pytest.fixture
def page() -> Iterator[Pages]:
    with pages() as made:
        made.say(json.dumps(HEALTH))
        yield made


def source(page: Pages, **fields: Any) -> HttpJsonMetrics:
    return HttpJsonMetrics(**{"url": f"{page.url}/", **fields})


@pytest.mark.proves("met.http_json")
def test_a_number_at_a_path_in_its_unit_with_the_requests_behind_it(page: Pages) -> None:
    port: Metrics = source(page, field="error_rate", unit="%", count_path="requests")
    read = port.sample("error_rate", GREEN, MINUTE)
    assert (read.value, read.count, read.error) == (0.004, 1200, "")
    assert source(page, path="response_time.p95", unit="ms").sample("x", GREEN, MINUTE).value == 0.18
    assert source(page, path="nodes.0.up").sample("x", GREEN, MINUTE).value == 1.0
    assert source(page).sample("requests", GREEN, MINUTE).value == 1200.0, "without a path, the metric's own name"


def test_null_is_no_data_and_what_is_not_there_is_an_error_that_names_what_is(page: Pages) -> None:
    assert source(page, path="none").sample("x", GREEN, MINUTE).value is None
    with pytest.raises(NotUnderstood, match=r"no 'p99' in response_time; it holds p95"):
        source(page, path="response_time.p99").sample("x", GREEN, MINUTE)
    with pytest.raises(NotUnderstood, match="no number"):
        source(page, path="nodes").sample("x", GREEN, MINUTE)
    page.say("<html>")
    with pytest.raises(NotUnderstood, match="no JSON"):
        source(page, path="error_rate").sample("x", GREEN, MINUTE)


def test_figures_of_one_moment_become_one_of_the_window_by_the_metrics_statistic(page: Pages) -> None:
    for how, wanted in (("max", 9.0), ("mean", 5.0), ("p50", 5.0), ("min", 1.0), ("count", 5.0)):
        asked = source(page, path="n").measuring(of(statistic=how))
        for n in (1, 9, 5):
            page.say(json.dumps({"n": n}))
            asked._heard.clear()  # as half a second later
            asked.sample("n", GREEN, MINUTE)
        assert asked.sample("n", GREEN, MINUTE).value == wanted, how
        assert asked.sample("n", GREEN, timedelta(0)).value == 5.0, "a window without a past has its newest"


def test_a_version_is_told_apart_by_its_label_or_by_the_address(page: Pages) -> None:
    both = [{"version": "2.0.0", "error_rate": 0.01}, {"version": "2.1.0", "error_rate": 0.02}]
    page.say(json.dumps(both))
    asked = source(page, path="error_rate", version_label="version").measuring(of())
    assert asked.sided
    assert [asked.sample("x", side, MINUTE).value for side in (GREEN, BLUE)] == [0.02, 0.01]
    page.say(json.dumps(both[0]))
    asked._heard.clear()
    assert asked.sample("x", GREEN, MINUTE).value is None, "an answer of the other version is no data of this one"
    page.say(json.dumps({"error_rate": 0.01}))
    asked._heard.clear()
    with pytest.raises(NotUnderstood, match="nothing in the answer says version"):
        asked.sample("x", GREEN, MINUTE)
    page.say('{"n": 7}', path="/2.1.0")
    named = source(page, url=f"{page.url}/{{version}}", path="n").measuring(of())
    assert named.sample("x", GREEN, MINUTE).value == 7
    assert not source(page, path="n").sided


def test_a_token_is_sent_and_never_told(page: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = source(page, path="error_rate", token_secret="STATS_TOKEN", key_header="apikey")
    with pytest.raises(Denied, match="STATS_TOKEN is not set"):
        asked.sample("x", GREEN, MINUTE)
    monkeypatch.setenv("STATS_TOKEN", "s3cret-made-up")
    asked.sample("x", GREEN, MINUTE)
    assert page.headers[-1]["authorization"] == "Bearer s3cret-made-up"
    assert page.headers[-1]["apikey"] == "s3cret-made-up"
    page.say("no", 403)
    asked._heard.clear()
    with pytest.raises(Denied, match="answered 403") as refused:
        asked.sample("x", GREEN, MINUTE)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(("status", "error"), [(500, Unreachable), (429, Unreachable), (404, NotUnderstood)])
def test_what_may_be_asked_again_is_told_from_what_may_not(page: Pages, status: int, error: type[Exception]) -> None:
    page.say("trouble", status)
    with pytest.raises(error, match=f"answered {status} trouble"):
        source(page, path="n").sample("x", GREEN, MINUTE)


def test_a_server_that_does_not_answer_costs_its_time_out(page: Pages) -> None:
    page.slow = 1.0
    with pytest.raises(Unreachable, match=r"within 0\.1 s"):
        source(page, path="n", timeout="100ms").sample("x", GREEN, MINUTE)
    with pytest.raises(Unreachable, match="ConnectError"):
        HttpJsonMetrics(url="http://127.0.0.1:1/", path="n").sample("x", GREEN, MINUTE)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"url": "ftp://x"}, "no http or https"),
        ({"url": "http://x/{when}"}, "{when} is not known"),
        ({"url": "http://x", "unit": "parsec"}, "no unit"),
        ({"url": "http://x", "path": "a", "field": "b"}, "mean the same"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_spec_is_read(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HttpJsonMetrics(**fields)
