"""Synthetic requests against real servers: what is counted, at which rhythm, and when it ends."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from blocks.http_probes import HttpProbes
from tidegate.ports import Counts, Totals
from tidegate.traffic import Side

PATIENCE = 10.0  # seconds; a busy machine asks late


class Answers(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, str(self.headers["User-Agent"])))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Site(http.server.ThreadingHTTPServer):
    """Answers everything with its status, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[tuple[str, str]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    made = [Site(), Site()]
    for one in made:
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    for one in made:
        one.shutdown()
        one.server_close()


def counted(probes: HttpProbes, side: Side, enough: Callable[[Totals], bool]) -> Totals:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = probes.totals(side)
        assert told is not None
        if enough(told):
            return told
        time.sleep(0.02)
    raise AssertionError(f"not in {PATIENCE} s: {probes.totals(side)}")


MADE: list[HttpProbes] = []


@pytest.fixture(autouse=True)
def nobody_asks_on() -> Iterator[None]:
    """Their threads would go on for a minute, beside other tests."""
    yield
    for probes in MADE:
        for asking in probes._asking.values():
            asking.end()
    MADE.clear()


def quick(**fields: object) -> HttpProbes:
    MADE.append(HttpProbes.model_validate({"path": "/work", "every": "100ms", **fields}))
    return MADE[-1]


def test_every_instance_is_asked_in_turn_and_good_answers_are_no_failures(sites: list[Site]) -> None:
    probes = quick()
    assert isinstance(probes, Counts)
    told = counted(probes, Side("new", tuple(site.url for site in sites)), lambda one: one.requests >= 4)
    assert told.failures == 0
    assert sum(told.latency) == told.requests
    assert {path for site in sites for path, _ in site.asked} == {"/work"}
    assert all(len(site.asked) >= 2 for site in sites)
    assert sites[0].asked[0][1] == "tidegate-probe"


def test_a_status_from_500_on_fails_and_one_below_does_not(sites: list[Site]) -> None:
    sites[0].status, sites[1].status = 503, 404
    sick = counted(quick(), Side("new", (sites[0].url,)), lambda one: one.requests >= 2)
    assert sick.failures == sick.requests
    assert counted(quick(), Side("new", (sites[1].url,)), lambda one: one.requests >= 2).failures == 0
    strict = counted(quick(fails_from=400), Side("new", (sites[1].url,)), lambda one: one.requests >= 2)
    assert strict.failures == strict.requests


def test_nobody_there_is_a_failure_and_no_crash(sites: list[Site]) -> None:
    address = sites[0].url
    sites[0].shutdown()
    sites[0].server_close()
    told = counted(quick(), Side("new", (address,)), lambda one: one.requests >= 2)
    assert told.failures == told.requests


def test_versions_are_counted_apart_and_a_version_without_addresses_is_not_asked(sites: list[Site]) -> None:
    sites[1].status = 500
    probes = quick()
    new, stable = Side("new", (sites[1].url,)), Side("old", (sites[0].url,))
    assert counted(probes, new, lambda one: one.requests >= 2).failures > 0
    assert counted(probes, stable, lambda one: one.requests >= 2).failures == 0
    assert probes.totals(Side("new", ())) is None


def test_when_a_version_has_moved_its_old_addresses_are_not_asked_any_more(sites: list[Site]) -> None:
    probes = quick()
    counted(probes, Side("new", (sites[0].url,)), lambda one: one.requests >= 1)
    counted(probes, Side("new", (sites[1].url,)), lambda one: one.requests >= 1)
    time.sleep(0.15)  # one that was under way
    before = len(sites[0].asked)
    counted(probes, Side("new", (sites[1].url,)), lambda one: one.requests >= 4)
    assert len(sites[0].asked) == before


@pytest.mark.parametrize("fields", [{"every": "10ms"}, {"path": "work"}, {"timeout": "0s"}, {"fails_from": 200}])
def test_a_rhythm_that_would_be_a_load_and_other_mistakes_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        quick(**fields)


def test_its_rhythm_is_a_second_unless_told_otherwise() -> None:
    assert HttpProbes(path="/").every == timedelta(seconds=1)
