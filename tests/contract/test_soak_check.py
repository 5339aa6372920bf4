"""A soak against a server that tells of itself as Prometheus' own client library writes it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from pydantic import ValidationError

from blocks.soak_check import SoakCheck
from tests.contract.test_http_check import Site
from tidegate.ports import CheckResult, Verdict

HOUR = 3600.0


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    told(made)
    yield made
    made.shutdown()
    made.server_close()


def told(site: Site, good: int = 995, bad: int = 5, **health: Any) -> None:
    """What the application says: its version, and the page of a real process with its counters."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    requests = Counter("app_requests_total", "Requests.", ["code"], registry=registry)
    requests.labels("200").inc(good)
    requests.labels("503").inc(bad)
    page, body = generate_latest(registry), json.dumps({"version": "2.1.0", **health}).encode()
    site.ways["/health"] = lambda answer: answer.send(body=body)
    site.ways["/metrics"] = lambda answer: answer.send(body=page)


def asked(site: Site, after: float = 48.5 * HOUR, **fields: Any) -> CheckResult:
    """As if it were asked so many seconds from now."""
    check = SoakCheck(**{"url": f"{site.url}/health", "lasting": "at least 48h", **fields})
    check._now = lambda: time.time() + after
    return check.run({"version": "2.1.0"})


@pytest.mark.proves("pre.staging", "S2-017")
def test_the_right_version_that_has_run_long_enough_passes(site: Site) -> None:
    result = asked(site, error_rate="below 1 %", restarts="at most 0 count")
    assert result.verdict is Verdict.PASS, result.evidence
    assert "runs '2.1.0', wanted: '2.1.0'" in result.evidence
    assert "5 of 1000 requests failed (0.50%), wanted: below 1 %" in result.evidence
    assert result.figures["lasting"] >= 48 * HOUR
    assert result.figures["error_rate"] == 0.005


@pytest.mark.proves("pre.staging")
def test_a_restart_sets_the_time_back_and_fails(site: Site) -> None:
    result = asked(site, after=47 * HOUR)
    assert result.verdict is Verdict.FAIL
    assert result.evidence.splitlines()[0].startswith("has run for 1d 23h")
    assert asked(site, after=0, lasting="0s").verdict is Verdict.PASS, "the soak begins"


def test_another_version_fails(site: Site) -> None:
    told(site, version="2.0.9")
    result = asked(site)
    assert result.verdict is Verdict.FAIL
    assert result.evidence.startswith("runs '2.0.9', wanted: '2.1.0'")


def test_too_many_errors_and_too_few_requests_fail(site: Site) -> None:
    told(site, 900, 100)
    assert asked(site, error_rate="below 1 %").evidence.startswith("100 of 1000 requests failed (10.00%)")
    told(site, 5, 0)
    few = asked(site, error_rate="below 1 %", min_requests=100)
    assert few.verdict is Verdict.FAIL
    assert "5 requests counted, an error rate needs 100" in few.evidence


def test_restarts_that_the_health_counts_are_held_against_the_limit(site: Site) -> None:
    told(site, restarts=1)
    result = asked(site, restarts="at most 0 count", restarts_field="restarts")
    assert result.verdict is Verdict.FAIL
    assert "restarts is 1, wanted: at most 0 count" in result.evidence
    told(site)
    assert "restarts is None" in asked(site, restarts="at most 0 count", restarts_field="restarts").evidence


def test_silence_is_no_health(site: Site) -> None:
    site.ways["/metrics"] = lambda answer: answer.send(body=b"nothing_useful 1\n")
    assert "does not tell when it began" in asked(site).evidence
    site.ways["/metrics"] = lambda answer: answer.send(body=b"{not a page")
    assert "no page in Prometheus' format" in asked(site).evidence
    site.ways["/metrics"] = lambda answer: answer.send(404)
    assert asked(site).evidence.endswith("/metrics answers HTTP 404")
    site.ways["/health"] = lambda answer: answer.send(body=b"no json")
    told_nothing = SoakCheck(url="http://127.0.0.1:9/", lasting="0s").run({"version": "2.1.0"})  # type: ignore[arg-type]
    assert told_nothing.verdict is Verdict.FAIL
    assert "does not answer" in told_nothing.evidence
    assert SoakCheck(url="http://127.0.0.1:9/", lasting="0s").run({}).verdict is Verdict.ERROR  # type: ignore[arg-type]


def test_a_soak_without_a_length_is_refused() -> None:
    with pytest.raises(ValidationError):
        SoakCheck(url="http://127.0.0.1/")  # type: ignore[call-arg]
