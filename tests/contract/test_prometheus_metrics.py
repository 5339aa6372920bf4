"""A real Prometheus that scrapes a page of ours: shares, windows, no data that is not 0, series of both versions."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.prometheus_metrics import PrometheusMetrics
from tests.contract.json_pages import Pages, pages
from tests.contract.measuring_of import BLUE, GREEN, MINUTE, of
from tidegate.errors import Denied, NotUnderstood, Unreachable

PAGE = """# TYPE requests_total counter
requests_total{{version="2.1.0",code="200"}} {well}
requests_total{{version="2.1.0",code="500"}} {bad}
requests_total{{version="2.0.0",code="200"}} {well}
# TYPE memory gauge
memory 180
"""
SHARE = (
    'sum(rate(requests_total{version="{version}",code="500"}[{window}]))'
    ' / sum(rate(requests_total{version="{version}"}[{window}]))'
)
COUNT = 'sum(increase(requests_total{version="{version}"}[{window}]))'
STARTS = 30.0


class Stand:
    """The server, and the page that it scrapes ten times a second."""

    def __init__(self, url: str, page: Pages) -> None:
        self.url, self.page = url, page

    def until(self, query: str, told: float) -> None:
        end = time.monotonic() + STARTS
        while time.monotonic() < end:
            found = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).json()["data"]["result"]
            if found and float(found[0]["value"][1]) >= told:
                return
            time.sleep(0.1)
        raise AssertionError(f"{query} never came to {told}")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("machine: no Prometheus (on Debian: apt-get install prometheus)")
    home = tmp_path_factory.mktemp("prometheus")
    with pages() as page:
        page.say(PAGE.format(well=0, bad=0), path="/metrics")
        target = page.url.removeprefix("http://")
        (home / "prometheus.yml").write_text(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            f"scrape_configs: [{{job_name: app, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        process = _started(program, home, port)
        try:
            _wait(url, process)
            yield Stand(url, page)
        finally:
            process.terminate()
            process.wait(10)


def _started(program: str, home: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            program, f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'kept'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL, stderr=(home / "said").open("wb"),
    )  # fmt: skip


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/-/ready").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("Prometheus did not start")


def ask(stand: Stand, query: str, **more: Any) -> PrometheusMetrics:
    return PrometheusMetrics(url=stand.url, query=query, **more).measuring(of(statistic="rate"))


@pytest.mark.proves("met.prometheus")
def test_a_share_of_one_version_with_the_requests_behind_it(stand: Stand) -> None:
    stand.until('count_over_time(requests_total{code="500"}[1m])', 3)
    stand.page.say(PAGE.format(well=90, bad=10), path="/metrics")
    stand.until('requests_total{code="500"}', 10)
    read = ask(stand, SHARE, count_query=COUNT).sample("error_rate", GREEN, MINUTE)
    assert read.value == pytest.approx(0.1, abs=0.01)
    assert read.count is not None
    assert read.count >= 90
    blue = ask(stand, SHARE.replace('code="500"', 'code="200"')).sample("error_rate", BLUE, MINUTE)
    assert blue.value == pytest.approx(1.0), "the other version's own series"


def test_no_series_and_a_share_of_nothing_are_no_data_and_not_0(stand: Stand) -> None:
    nobody = ask(stand, SHARE, count_query=COUNT).sample("error_rate", BLUE, MINUTE)
    assert (nobody.value, nobody.error) == (None, ""), "version 2.0.0 has no series of code 500"
    assert ask(stand, "no_such_series").sample("x", GREEN, MINUTE).value is None
    assert ask(stand, "vector(0) / vector(0)").sample("x", GREEN, MINUTE).value is None
    assert ask(stand, "scalar(vector(3))").sample("x", GREEN, MINUTE).value == 3.0


def test_a_gauge_is_taken_over_the_window_by_its_statistic_in_its_unit(stand: Stand) -> None:
    asked = PrometheusMetrics(url=stand.url, unit="MB").measuring(of("memory", statistic="max"))
    stand.until("memory", 180)
    read = asked.sample("memory", GREEN, timedelta(seconds=10))
    assert read.value == 180e6, "without a query the metric's own name"


def test_what_is_not_one_number_is_refused_with_what_came(stand: Stand) -> None:
    stand.until("requests_total", 0)
    with pytest.raises(NotUnderstood, match="gives 3 series"):
        ask(stand, "requests_total").sample("x", GREEN, MINUTE)
    with pytest.raises(NotUnderstood, match="gives a matrix"):
        ask(stand, "memory[1m]").sample("x", GREEN, MINUTE)
    with pytest.raises(NotUnderstood, match="parse error"):
        ask(stand, "sum(").sample("x", GREEN, MINUTE)
    with pytest.raises(NotUnderstood, match="one number"):
        ask(stand, "memory", by="group").sample("x", GREEN, MINUTE)


def test_a_server_that_is_away_and_a_version_nobody_knows_are_trouble(stand: Stand) -> None:
    with pytest.raises(Unreachable):
        PrometheusMetrics(url="http://127.0.0.1:1", query="x").sample("x", GREEN, MINUTE)
    with pytest.raises(Denied, match="version"):
        PrometheusMetrics(url=stand.url, query='x{v="{version}"}').sample("x", GREEN, MINUTE)
