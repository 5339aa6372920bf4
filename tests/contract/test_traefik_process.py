"""The embedded proxy as a process: it outlives its starter, keeps its addresses, and shows nothing to the outside."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blocks.traefik_process import Running, TraefikProcess
from blocks.traefik_router import TraefikRouter
from tests.contract.backends import ask, backends, side
from tests.house.tree import ROOT
from tidegate.errors import NotApplied

START_IT = """
import sys, pathlib, blocks.traefik_process
print(blocks.traefik_process.TraefikProcess(pathlib.Path(sys.argv[1])).start().pid)
"""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[TraefikProcess]:
    made = TraefikProcess(tmp_path / "proxy")
    yield made
    made.stop()


def get(url: str) -> tuple[int, bytes]:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=5)
    connection.request("GET", at.path or "/")
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_it_outlives_whoever_started_it_and_is_found_again(proxy: TraefikProcess) -> None:
    started = subprocess.run(
        [sys.executable, "-c", START_IT, str(proxy.home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    found = proxy.running()
    assert found is not None
    assert found.pid == int(started.stdout)
    assert os.getpgid(found.pid) == found.pid
    assert proxy.start() == found
    proxy.stop()
    assert proxy.running() is None


def test_a_kill_and_a_new_start_change_no_address_and_lose_no_route(proxy: TraefikProcess) -> None:
    before = proxy.start()
    with backends("1.0") as (blue,):
        router = TraefikRouter(directory=proxy.routes, route="shop", rule="PathPrefix(`/`)", api_url=before.api_url)
        router.install(side(blue))
        os.kill(before.pid, 9)
        until = time.monotonic() + 5
        while proxy.running() and time.monotonic() < until:
            time.sleep(0.01)
        assert proxy.running() is None
        after = proxy.start()
        assert (after.web_url, after.api_url) == (before.web_url, before.api_url)
        assert ask(after.web_url, 10) == {"1.0": 10}  # from the very first request: an open port would not do


def test_of_two_starters_at_once_both_find_the_same_proxy(proxy: TraefikProcess) -> None:
    found: list[Running] = []
    starters = [threading.Thread(target=lambda: found.append(TraefikProcess(proxy.home).start())) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(20)
    assert len(found) == 3
    assert len(set(found)) == 1


def test_another_process_under_the_old_number_is_not_taken_for_the_proxy(proxy: TraefikProcess) -> None:
    proxy.start()
    proxy.stop()
    (proxy.home / "traefik.pid").write_text(str(os.getpid()))
    assert proxy.running() is None
    proxy.stop()  # and is not ended


def test_the_api_is_on_loopback_apart_from_the_customers_and_can_only_be_read(proxy: TraefikProcess) -> None:
    running = proxy.start()
    assert urlsplit(running.api_url).hostname == "127.0.0.1"
    assert get(f"{running.api_url}/api/http/routers")[0] == 200
    assert get(f"{running.web_url}/api/http/routers")[0] == 404
    assert get(f"{running.api_url}/debug/pprof/")[0] == 404
    assert get(f"{running.api_url}/dashboard/")[0] == 404
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        at = urlsplit(running.api_url)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=5)
        connection.request(method, "/api/http/services/x", body="{}")
        assert connection.getresponse().status in {404, 405}
        connection.close()


def test_it_asks_nobody_for_news_and_sends_no_statistics(proxy: TraefikProcess) -> None:
    proxy.start()
    told = json.loads((proxy.home / "traefik.yaml").read_text())
    assert told["global"] == {"checkNewVersion": False, "sendAnonymousUsage": False}
    assert "accessLog" not in told


def test_its_metrics_tell_the_versions_apart_in_our_own_buckets(proxy: TraefikProcess) -> None:
    running = proxy.start()
    with backends("1.0") as (blue,):
        router = TraefikRouter(directory=proxy.routes, route="shop", rule="PathPrefix(`/`)", api_url=running.api_url)
        router.install(side(blue))
        ask(running.web_url, 5)
        time.sleep(0.1)
        page = get(running.metrics_url)[1].decode()
    assert 'service="shop.1.0@file"} 5' in page
    assert 'le="0.15"' in page


def test_a_port_that_is_taken_is_said_with_the_proxys_own_words(proxy: TraefikProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        other = TraefikProcess(proxy.home, port=taken.getsockname()[1])
        with pytest.raises(NotApplied, match="address already in use"):
            other.start()
        assert other.running() is None


def test_a_missing_program_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotApplied, match="no program"):
        TraefikProcess(tmp_path, program=str(tmp_path / "nothing")).start()


def test_it_is_given_a_certificate_so_that_no_change_waits_for_a_key(proxy: TraefikProcess) -> None:
    """Without one Traefik makes an RSA key at every change: 70 ms instead of 5, at the median."""
    running = proxy.start()
    until = time.monotonic() + 10  # it is counted a moment after the proxy is ready
    while not (kept := json.loads(get(f"{running.api_url}/api/overview")[1])["certificates"]["total"]):
        assert time.monotonic() < until, "no certificate is known to the proxy"
        time.sleep(0.05)
    assert kept == 1
    assert (proxy.home / "unused-key.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (proxy.routes / "tidegate-certificate.yaml").read_text()
