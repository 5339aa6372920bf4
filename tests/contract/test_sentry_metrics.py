"""Sentry's figures of one release, from a stand-in that is held against Sentry's own description."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.sentry_metrics import SentryMetrics
from tests.contract.measuring_of import BLUE, GREEN, MINUTE, of
from tests.contract.sentry_double import TOKEN, Sentry, Span, query_faults, sentry
from tests.contract.vendor_contracts import contract
from tidegate.errors import Denied, NotUnderstood, Unreachable


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sentry]:
    monkeypatch.setenv("SENTRY_AUTH_TOKEN", TOKEN)
    with sentry() as made:
        now = datetime.now(UTC)
        for n in range(100):
            made.spans.append(Span(now - timedelta(seconds=5), "2.1.0", n < 4, 0.2 if n < 90 else 0.9))
            made.spans.append(Span(now - timedelta(seconds=5), "2.0.0", n < 1, 0.1, "/admin"))
        made.spans.append(Span(now - timedelta(hours=1), "2.1.0", failed=True, seconds=9.0))
        made.sessions = {"2.1.0": {"healthy": 90, "errored": 6, "crashed": 4}}
        yield made
        assert not made.faults, made.faults


def ask(stand: Sentry, **fields: Any) -> SentryMetrics:
    told = {"project": "shop/42", "release": "{version}", "api_url": stand.page.url, **fields}
    return SentryMetrics(**told).measuring(of())


@pytest.mark.proves("met.sentry")
def test_figures_of_one_release_over_the_window(stand: Sentry) -> None:
    read = ask(stand, query="failure_rate()").sample("error_rate", GREEN, MINUTE)
    assert (read.value, read.count, read.bad) == (0.04, 100, 4)
    assert ask(stand).sample("error_rate", BLUE, MINUTE).value == 0.01, "by its name, of the other release"
    assert ask(stand).sample("latency_p95", GREEN, MINUTE).value == 0.9
    assert ask(stand).sample("errors", GREEN, MINUTE).value == 100.0
    read = ask(stand, query="session_error_rate()").sample("x", GREEN, MINUTE)
    assert (read.value, read.count, read.bad) == (0.1, 100, 10)
    assert ask(stand).sample("crash_rate", GREEN, MINUTE).value == 0.04


def test_a_filter_narrows_and_a_release_without_events_has_no_data(stand: Sentry) -> None:
    assert ask(stand, query="failure_rate()", filter="transaction:/admin*").sample("x", BLUE, MINUTE).count == 100
    nothing = ask(stand, query="failure_rate()", filter="transaction:/admin*").sample("x", GREEN, MINUTE)
    assert (nothing.value, nothing.count) == (None, 0)
    assert ask(stand).sample("session_error_rate", BLUE, MINUTE).value is None


def test_a_dsn_says_organization_and_project(stand: Sentry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", "https://abc@o77.ingest.us.sentry.io/42")
    asked = SentryMetrics(metric="errors", dsn_secret="SENTRY_DSN", api_url=stand.page.url)
    assert asked.sample("error_count", GREEN, MINUTE).value == 200.0
    assert "/organizations/77/events/" in stand.page.asked[-1]
    assert "project=42" in stand.page.asked[-1]


def test_what_it_cannot_ask_it_says(stand: Sentry, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotUnderstood, match="no metric 'fps'"):
        ask(stand).sample("fps", GREEN, MINUTE)
    with pytest.raises(NotUnderstood, match="one number"):
        ask(stand, query="count()", group_by="level").sample("x", GREEN, MINUTE)
    with pytest.raises(Denied, match="organization"):
        ask(stand, project="42").sample("errors", GREEN, MINUTE)
    with pytest.raises(ValidationError, match="no aggregate"):
        ask(stand, query="rm -rf /")
    monkeypatch.setenv("SENTRY_AUTH_TOKEN", "wrong")
    with pytest.raises(Denied, match="401"):
        ask(stand).sample("errors", GREEN, MINUTE)
    with pytest.raises(Unreachable):
        SentryMetrics(project="shop/42", api_url="http://127.0.0.1:1").sample("errors", GREEN, MINUTE)


def test_the_stand_in_refuses_what_sentry_would() -> None:
    if not contract("sentry").here:
        pytest.skip("elsewhere: Sentry's own description is not here")
    path = "/api/0/organizations/{organization_id_or_slug}/events/"
    assert query_faults(path, {"field": ["count()"], "dataset": ["nothing"], "more": ["x"]})
    assert query_faults(path, {"field": ["count()"]}) == ["dataset is missing"]
