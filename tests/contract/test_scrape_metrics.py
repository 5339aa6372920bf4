"""Metrics from a real Traefik and from instances' pages, on a clock that the test turns."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.scrape_metrics import InstanceSeries, ScrapeMetrics
from blocks.traefik_process import TraefikProcess
from blocks.traefik_router import TraefikRouter
from tests.contract.backends import Backend, ask, backends, side
from tidegate.errors import NotUnderstood
from tidegate.ports import Metrics, Sample
from tidegate.traffic import Change, Mark, Setting, Side, Split

MINUTE = timedelta(minutes=1)
START = datetime(2025, 1, 25, 9, 0, tzinfo=UTC)


class Hand:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def elapsed(self) -> float:
        return 1000.0 + self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Stand:
    """A proxy that gives blue and green half of the requests each, and the metrics of that route."""

    def __init__(self, home: Path, blue: Backend, green: Backend) -> None:
        self.clock, self.blue, self.green = Hand(), blue, green
        self.proxy = TraefikProcess(home)
        running = self.proxy.start()
        self.url = running.web_url
        router = TraefikRouter(
            directory=self.proxy.routes, route="shop", rule="PathPrefix(`/`)", api_url=running.api_url
        )
        router.install(side(blue))
        split = Split(side(blue), side(green), 50)
        router.write(Change("claim", lambda _: Setting(split, Mark("shop/2.0/1", 1))))
        self.metrics = ScrapeMetrics(proxy=running.metrics_url, route="shop").on(self.clock)

    def look(self, metric: str, of: Backend, window: timedelta = MINUTE, after: float = 5.0) -> Sample:
        self.clock.sleep(after)
        return self.metrics.sample(metric, side(of), window)

    def serve(self, requests: int) -> None:
        """Customers' requests, counted by the proxy a moment after they were answered."""
        ask(self.url, requests)
        time.sleep(0.1)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with backends("1.0", "2.0") as (blue, green):
        made = Stand(tmp_path, blue, green)
        try:
            yield made
        finally:
            made.proxy.stop()


def test_the_block_is_a_metrics_port() -> None:
    port: Metrics = ScrapeMetrics(proxy="http://127.0.0.1:1/metrics", route="shop")
    assert port.sample("latency_p99", Side("2.0", ()), MINUTE).error


def test_failures_and_requests_are_counted_by_version(stand: Stand) -> None:
    stand.look("error_rate", stand.green)
    stand.green.status = 500
    stand.serve(60)
    green = stand.look("error_rate", stand.green)
    assert (green.value, green.count, green.bad) == (1.0, 30, 30)
    assert (green.window, green.at) == (timedelta(seconds=5), stand.clock.now())
    blue = stand.metrics.sample("error_rate", side(stand.blue), MINUTE)
    assert (blue.value, blue.count, blue.bad) == (0.0, 30, 0)
    rate = stand.metrics.sample("request_rate", side(stand.blue), MINUTE)
    assert (rate.value, rate.count, rate.bad) == (6.0, 30, None)


def test_what_a_customer_did_wrong_is_no_failure_of_the_version(stand: Stand) -> None:
    stand.look("error_rate", stand.green)
    stand.green.status = 404
    stand.serve(20)
    green = stand.look("error_rate", stand.green)
    assert (green.value, green.count, green.bad) == (0.0, 10, 0)


def test_a_window_leaves_out_what_was_before_it(stand: Stand) -> None:
    stand.look("error_rate", stand.green)
    stand.green.status = 500
    stand.serve(20)
    stand.look("error_rate", stand.green)
    stand.green.status = 200
    stand.serve(40)
    recent = stand.look("error_rate", stand.green, timedelta(seconds=5))
    assert (recent.value, recent.count, recent.bad) == (0.0, 20, 0)
    longer = stand.metrics.sample("error_rate", side(stand.green), timedelta(hours=1))
    assert (longer.count, longer.bad, longer.window) == (30, 10, timedelta(seconds=10))


def test_no_series_no_requests_and_the_first_look_are_three_things(stand: Stand) -> None:
    """Silence is not health: only no requests at all is a count, and it is 0."""
    first = stand.look("error_rate", stand.green)
    assert (first.value, first.count, first.error) == (None, None, "")
    absent = stand.look("error_rate", stand.green)
    assert (absent.value, absent.count, absent.error) == (None, None, "")
    stand.serve(2)
    stand.look("error_rate", stand.green)
    silent = stand.look("error_rate", stand.green, timedelta(seconds=5))
    assert (silent.value, silent.count, silent.bad, silent.error) == (None, 0, 0, "")
    assert stand.metrics.sample("latency_p95", side(stand.green), timedelta(seconds=5)).count == 0
    rate = stand.metrics.sample("request_rate", side(stand.green), timedelta(seconds=5))
    assert (rate.value, rate.count) == (0.0, 0)


def test_a_version_that_joins_late_is_measured_from_its_first_request(stand: Stand) -> None:
    """Its series was not there before, so its requests began at 0 and its window where it was last absent."""
    for _ in range(5):
        stand.look("request_rate", stand.blue)
    stand.serve(20)
    green = stand.look("request_rate", stand.green)
    assert (green.value, green.count, green.window) == (2.0, 10, timedelta(seconds=5))


def test_latency_is_interpolated_between_the_proxys_buckets(stand: Stand) -> None:
    stand.look("latency_p95", stand.green)
    stand.green.delay = 0.11
    stand.serve(20)
    sample = stand.look("latency_p50", stand.green)
    assert sample.value is not None
    assert 0.1 < sample.value < 0.15
    assert sample.count == 10
    blue = stand.metrics.sample("latency_p95", side(stand.blue), MINUTE)
    assert blue.value is not None
    assert blue.value < 0.1


def test_a_restarted_proxy_counts_from_zero_and_nothing_is_lost_or_negative(stand: Stand) -> None:
    stand.look("request_rate", stand.green)
    stand.serve(40)
    assert stand.look("request_rate", stand.green).count == 20
    stand.proxy.stop()
    assert "does not answer" in stand.look("request_rate", stand.green).error
    stand.proxy.start()
    stand.serve(10)
    assert stand.look("request_rate", stand.green).count == 25


def test_samples_asked_together_come_from_one_scrape(stand: Stand) -> None:
    stand.look("request_rate", stand.green)
    stand.serve(4)
    before = stand.look("request_rate", stand.green)
    stand.serve(4)
    assert stand.look("error_rate", stand.green, after=0.1).count == before.count
    assert stand.look("error_rate", stand.green, after=0.2).count == 4


def test_an_unknown_metric_is_refused_and_the_known_ones_are_named(stand: Stand) -> None:
    with pytest.raises(NotUnderstood, match=r"no metric 'eror_rate' here; there are error_rate, .*memory, restarts"):
        stand.look("eror_rate", stand.green)


# ---- pages that are not a proxy's


def page(memory: object = 1000, start: object = 1, jobs: object = 0) -> bytes:
    return (
        f"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {memory}\n"
        f'process_start_time_seconds {start}\njobs_total{{queue="mail"}} {jobs}\njobs_total{{queue="pdf"}} 7\n'
    ).encode()


def of_instances(clock: Hand) -> ScrapeMetrics:
    metrics = ScrapeMetrics()
    metrics.series["jobs"] = InstanceSeries(series="jobs_total", kind="rate", combine="sum", labels={"queue": "mail"})
    return metrics.on(clock)


def test_memory_is_that_of_the_largest_instance() -> None:
    with backends("2.0", "2.0") as (one, two):
        one.metrics, two.metrics = page(memory=1.5e8), page(memory=9e7)
        sample = of_instances(Hand()).sample("memory", side(one, two), MINUTE)
        assert (sample.value, sample.count, sample.error) == (1.5e8, None, "")


def test_restarts_and_rates_are_taken_over_the_window_from_all_instances() -> None:
    clock = Hand()
    metrics = of_instances(clock)
    with backends("2.0", "2.0") as (one, two):
        both = side(one, two)
        one.metrics, two.metrics = page(start=1, jobs=10), page(start=1, jobs=100)
        assert metrics.sample("restarts", both, MINUTE).value is None
        clock.sleep(10)
        one.metrics, two.metrics = page(start=2, jobs=5), page(start=1, jobs=130)
        assert metrics.sample("restarts", both, MINUTE).value == 1
        assert metrics.sample("jobs", both, MINUTE).value == pytest.approx((5 + 30) / 10)
        clock.sleep(10)
        one.metrics = page(start=3, jobs=5)
        assert metrics.sample("restarts", both, MINUTE).value == 2
        assert metrics.sample("restarts", both, timedelta(seconds=10)).value == 1


def test_an_instance_without_the_series_leaves_no_figure() -> None:
    with backends("2.0", "2.0") as (one, two):
        one.metrics, two.metrics = page(), b"up 1\n"
        sample = of_instances(Hand()).sample("memory", side(one, two), MINUTE)
        assert (sample.value, sample.error) == (None, "")


@pytest.mark.parametrize(
    "bad",
    [b"NaN", b"-1", b"+Inf", b"many", b"", b"1e999", b"0x10"],
)
def test_a_metric_that_lies_is_an_error_and_never_health(bad: bytes) -> None:
    with backends("2.0") as (one,):
        one.metrics = b"process_resident_memory_bytes " + bad + b"\n"
        sample = of_instances(Hand()).sample("memory", side(one), MINUTE)
        assert sample.value is None
        assert "process_resident_memory_bytes" in sample.error


def test_a_repeated_series_counts_once() -> None:
    with backends("2.0") as (one,):
        one.metrics = page(memory=5) + b"process_resident_memory_bytes 900\n"
        assert of_instances(Hand()).sample("memory", side(one), MINUTE).value == 5


def test_an_instance_that_cannot_be_asked_is_an_error_with_its_address() -> None:
    with backends("2.0", "2.0") as (one, two):
        one.metrics = page()
        two.stop()
        time.sleep(0.05)
        sample = of_instances(Hand()).sample("memory", side(one, two), MINUTE)
        assert sample.value is None
        assert two.url in sample.error


def test_a_page_without_end_is_cut_off_by_size_and_a_dripping_one_by_time() -> None:
    with backends("2.0") as (one,):
        one.metrics = b"#" * (5 * 1024 * 1024)
        patient = ScrapeMetrics(timeout=timedelta(seconds=10))
        assert "more than" in patient.sample("memory", side(one), MINUTE).error

    def drip(listener: socket.socket) -> None:
        connected, _ = listener.accept()
        with connected:
            connected.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(100):
                try:
                    connected.sendall(b"# ...\n")
                except OSError:
                    return
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        metrics = ScrapeMetrics(timeout=timedelta(seconds=0.3))
        began = time.monotonic()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert "within 0.3 s" in metrics.sample("memory", Side("2.0", (url,)), MINUTE).error
        assert time.monotonic() - began < 2


def test_an_instance_that_hangs_costs_one_time_out_whatever_is_asked_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, backends("2.0") as (one,):
        one.metrics = page()
        hanging = Side("2.0", (one.url, f"http://127.0.0.1:{silent.getsockname()[1]}"))
        metrics = ScrapeMetrics(timeout=timedelta(seconds=0.5))
        began = time.monotonic()
        assert metrics.sample("memory", hanging, MINUTE).error
        assert metrics.sample("restarts", hanging, MINUTE).error
        assert time.monotonic() - began < 0.95
