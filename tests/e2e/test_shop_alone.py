"""The example shop by itself: real processes of built versions on free ports, no proxy, no tidegate."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

SHOP = Path(__file__).parents[2] / "examples" / "shop"
VERSIONS = ("1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7")
GOOD = ("1.0", "2.0", "2.7")
EXPECTED = {"SHOP_EXPECTED_RATE": "100"}  # so 0.12 of it is 12 requests a second

Start = Callable[..., "Instance"]


@dataclass(frozen=True)
class Instance:
    """One running component."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def burst(self, count: int, path: str = "/api/products/1") -> list[int]:
        """So many requests, one right after the other: their status codes."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5) as client:
            return [client.get(path).status_code for _ in range(count)]

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=10)

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(name))


def build(out: Path, *versions: str) -> None:
    subprocess.run([sys.executable, SHOP / "build.py", *versions, "--out", out], check=True, timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every version's artifacts."""
    out = tmp_path_factory.mktemp("artifacts")
    build(out, *VERSIONS)
    return out


@pytest.fixture
def start(built: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a component of a version; `trouble` changes what is wrong with it, say to be quicker."""
    running: list[Instance] = []

    def begin(version: str, component: str = "api", *, trouble: dict[str, Any] | None = None, **env: str) -> Instance:
        folder = built / version / component
        if trouble:
            folder = shutil.copytree(folder, tmp_path / f"{version}-{len(running)}")
            said = json.loads((folder / "version.json").read_text())
            said["trouble"] |= trouble
            (folder / "version.json").write_text(json.dumps(said))
        port = free_port()
        env = {"PORT": str(port), "SHOP_DATABASE": str(tmp_path / "shop.db"), **EXPECTED, **env}
        process = subprocess.Popen([sys.executable, "serve.py", component], cwd=folder, env=env)
        running.append(Instance(process, port, folder))
        return running[-1]

    def begin_and_wait(*what: Any, **how: Any) -> Instance:
        instance = begin(*what, **how)
        wait_for_port(instance)
        return instance

    yield begin_and_wait
    for instance in running:
        instance.process.kill()
        instance.process.wait(timeout=5)


def wait_for_port(instance: Instance) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", instance.port)) == 0:
                return
        assert instance.process.poll() is None, "it ended before it listened"
        time.sleep(0.02)
    pytest.fail("it did not listen within 10 s")


def test_every_answer_names_its_version_and_instance(start: Start) -> None:
    api = start("2.0")
    for path, status in (
        ("/api/products", 200),
        ("/api/products/99", 404),
        ("/health", 200),
        ("/nowhere", 404),
    ):
        answer = api.get(path)
        assert answer.status_code == status
        assert answer.headers["X-Version"] == "2.0"
        assert answer.headers["X-Instance"] == str(api.process.pid)


def test_health_and_version_report_the_digest_that_was_started(start: Start) -> None:
    api = start("1.0", TIDEGATE_DIGEST="sha256:abc")
    names = {"version": "1.0", "digest": "sha256:abc", "component": "api", "instance": str(api.process.pid)}
    assert api.get("/version").json() == names
    assert api.get("/health").json() == {"status": "ok", **names, "checks": {"database": "ok"}}


def test_an_api_whose_database_was_taken_away_is_not_healthy(start: Start, tmp_path: Path) -> None:
    api = start("1.0")
    (tmp_path / "shop.db").rename(tmp_path / "elsewhere.db")
    answer = api.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    assert "cannot be read" in answer.json()["checks"]["database"]


def test_metrics_count_the_customers_requests_and_nothing_else(start: Start) -> None:
    api = start("1.0")
    api.burst(7)
    api.burst(2, "/api/products/99")
    api.get("/health")
    assert api.metric('shop_requests_total{code="200"}') == 7
    assert api.metric('shop_requests_total{code="404"}') == 2
    assert api.metric('shop_request_duration_seconds_bucket{le="+Inf"}') == 9
    assert 10e6 < api.metric("process_resident_memory_bytes") < 100e6


def test_an_order_is_kept_and_a_wrong_one_is_refused_with_a_reason(start: Start) -> None:
    api = start("1.0")
    orders = f"http://127.0.0.1:{api.port}/api/orders"
    placed = httpx.post(orders, json={"product": 3, "quantity": 2}, timeout=5)
    assert placed.status_code == 201
    assert placed.json()["cents"] == 2 * 6400
    assert api.get(placed.headers["Location"]).json() == placed.json()
    for wrong in ({"product": 3}, {"product": 99, "quantity": 1}, {"product": 3, "quantity": 0}, "three"):
        refused = httpx.post(orders, json=wrong, timeout=5)
        assert refused.status_code == 400
        assert refused.json()["error"]
    assert httpx.post(orders, content=b"x" * 70_000, timeout=5).status_code == 413
    assert httpx.delete(orders, timeout=5).status_code == 405


def test_the_new_page_differs_visibly_and_names_its_language(start: Start) -> None:
    old, new = start("1.0", "frontend").get("/"), start("2.0", "frontend").get("/")
    assert '<html lang="en">' in old.text
    assert 'data-reviews="hidden"' in old.text
    assert 'data-reviews="shown"' in new.text
    assert "#0b6e99" in old.text.split("<style>")[1]
    assert "#0b6e99" not in new.text.split("<style>")[1]


def test_a_product_page_has_a_label_for_its_field(start: Start) -> None:
    frontend = start("1.0", "frontend")
    page = frontend.get("/product/3")
    assert page.status_code == 200
    assert '<label for="quantity">' in page.text
    assert frontend.get("/product/three").status_code == 404
    assert frontend.get("/health").json()["checks"] == {"pages": "ok"}


def test_the_old_version_goes_on_working_on_a_database_that_the_new_one_migrated(
    start: Start, built: Path, tmp_path: Path
) -> None:
    old = start("1.0")
    for said in ("migrated: 002_reviews.sql", "nothing to migrate"):
        done = subprocess.run(
            [sys.executable, "serve.py", "migrate"],
            cwd=built / "2.0" / "api",
            env={"SHOP_DATABASE": str(tmp_path / "shop.db")},
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        assert done.stdout.strip() == said
    new = start("2.0")
    order = {"product": 1, "quantity": 1}
    for api in (old, new):
        assert httpx.post(f"http://127.0.0.1:{api.port}/api/orders", json=order, timeout=5).status_code == 201
    assert "reviews" not in old.get("/api/products/1").json()
    assert new.get("/api/products/1").json()["reviews"] == 3
    assert start("1.0").get("/api/orders/2").json()["id"] == 2


def test_instances_that_start_at_once_share_a_new_database(start: Start) -> None:
    with ThreadPoolExecutor(4) as threads:
        apis = list(threads.map(start, ("1.0", "2.0", "1.0", "2.0")))
    assert {len(api.get("/api/products").json()["products"]) for api in apis} == {12}


def test_an_api_waits_for_another_that_is_just_setting_up_the_database(start: Start, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.8, other.rollback).start()
    assert start("1.0").get("/health").status_code == 200
    other.close()


@pytest.mark.parametrize("component", ["api", "frontend"])
def test_a_stop_ends_an_idle_component_with_exit_code_0(start: Start, component: str) -> None:
    assert start("1.0", component).stop() == 0


def test_a_stop_lets_the_request_in_flight_finish(start: Start) -> None:
    api = start("2.2", trouble={"slow_share": 1, "seconds": 1.0})
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as customer:
        customer.sendall(b"GET /api/products/1 HTTP/1.1\r\nHost: shop\r\n\r\n")
        api.get("/version")  # answered after the first request has been read
        assert api.stop() == 0
        assert customer.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_component_that_cannot_start_says_why_in_one_sentence(built: Path) -> None:
    for folder, word, reason in (
        ("1.0/api", "api", "SHOP_DATABASE is not set"),
        ("1.0/frontend", "api", "This folder holds the frontend 1.0"),
        ("1.0/frontend", "frontend", "PORT is ''"),
    ):
        command = [sys.executable, "serve.py", word]
        done = subprocess.run(
            command, cwd=built / folder, env={}, capture_output=True, text=True, timeout=10, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith(f"shop: {reason}")
        assert done.stderr.count("\n") == 1


def content(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_version_is_built_to_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build(tmp_path, "2.1")
    assert content(tmp_path / "2.1") == content(built / "2.1")
    build(tmp_path, "2.1")
    assert content(tmp_path / "2.1") == content(built / "2.1")
    assert content(tmp_path / "2.1") != content(built / "2.0")


def test_a_version_that_does_not_exist_is_refused_and_the_known_ones_are_named(tmp_path: Path) -> None:
    command = [sys.executable, str(SHOP / "build.py"), "1.0", "9.9", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode != 0
    assert "no version 9.9" in done.stderr
    assert "2.7" in done.stderr
    assert not list(tmp_path.iterdir())


def test_running_an_artifact_leaves_it_as_it_was(start: Start, built: Path) -> None:
    before = content(built / "2.0" / "api")
    start("2.0").stop()
    assert content(built / "2.0" / "api") == before


def test_each_demo_release_names_a_version_and_an_end() -> None:
    told = json.loads((SHOP / "releases.json").read_text())
    ends = {name: (release["version"], release["ends"]) for name, release in told["releases"].items()}
    assert told["stable"] == "1.0"
    assert {version for version, _ in ends.values()} == set(VERSIONS) - {"1.0"}
    assert ends["good"] == ("2.0", "promoted")
    assert ends["rejected"] == ("2.7", "aborted")
    assert ends["crash-late"] == ("2.5", "rolled back late")
    assert {end for name, (_, end) in ends.items() if name in {"bad", "slow", "leak", "crash", "blind"}} == {
        "rolled back"
    }


@pytest.mark.parametrize("version", GOOD)
def test_a_good_version_serves_any_load_and_stays_small(start: Start, version: str) -> None:
    api = start(version)
    before = api.metric("process_resident_memory_bytes")
    began = time.monotonic()
    assert set(api.burst(250)) == {200}
    assert api.metric("shop_request_duration_seconds_sum") < time.monotonic() - began
    assert api.metric('shop_request_duration_seconds_bucket{le="0.5"}') == 250
    assert api.metric("process_resident_memory_bytes") - before < 10e6


def test_the_bad_version_fails_a_fifth_of_its_requests_but_only_above_a_small_share(start: Start) -> None:
    api = start("2.1")
    assert set(api.burst(12)) == {200}
    time.sleep(1.05)  # its sliding second
    codes = api.burst(12 + 50)
    assert codes[:12] == [200] * 12
    assert codes.count(500) == 10
    assert api.metric('shop_requests_total{code="500"}') == 10


def test_two_instances_share_the_load_that_a_bad_version_bears(start: Start) -> None:
    assert start("2.1", SHOP_INSTANCES="2").burst(6 + 50).count(500) == 10


def test_the_slow_version_keeps_a_third_of_its_customers_waiting(start: Start) -> None:
    api = start("2.2")
    assert set(api.burst(6)) == {200}
    assert api.metric('shop_request_duration_seconds_bucket{le="0.5"}') == 4
    assert 1.4 <= api.metric("shop_request_duration_seconds_sum") < 2


def test_the_leaking_version_grows_with_every_request_up_to_its_cap(start: Start) -> None:
    api = start("2.3", trouble={"cap_bytes": 40e6})
    before = api.metric("process_resident_memory_bytes")
    api.burst(100)
    assert 18e6 < api.metric("process_resident_memory_bytes") - before < 30e6
    api.burst(200)
    assert 36e6 < api.metric("process_resident_memory_bytes") - before < 50e6


@pytest.mark.parametrize(("version", "most"), [("2.4", 24), ("2.5", 180)])
def test_a_crashing_version_ends_itself_a_while_after_its_load_was_exceeded(
    start: Start, version: str, most: int
) -> None:
    api = start(version, trouble={"after_seconds": 0.3})
    api.burst(most)  # within its two seconds: not above
    time.sleep(0.4)
    assert api.process.poll() is None
    api.burst(most + 1 - most // 2)
    time.sleep(0.4)
    with pytest.raises(httpx.TransportError):
        api.burst(1)
    assert api.process.wait(timeout=5) == 1


def test_the_blind_version_loses_its_metrics_and_serves_on(start: Start) -> None:
    api = start("2.6", trouble={"after_seconds": 0.3})
    api.burst(24)
    time.sleep(0.4)
    api.burst(1)
    time.sleep(0.4)
    assert set(api.burst(1)) == {200}
    assert api.get("/metrics").status_code == 404
    assert api.get("/health").status_code == 200
    assert set(api.burst(30)) == {200}


def test_customers_of_the_real_shop_are_all_served(start: Start, tmp_path: Path) -> None:
    frontend, api = start("2.0", "frontend"), start("2.0")
    urls = [f"http://127.0.0.1:{instance.port}" for instance in (frontend, api)]
    out = tmp_path / "account.json"
    words = [urls[0], "--api", urls[1], "--rate=200", "--seconds=2", "--orders=0.1", "--out", str(out)]
    subprocess.run([sys.executable, SHOP / "customers.py", *words], check=True, timeout=20)
    said = json.loads(out.read_text())
    assert said["failed"] == said["cut_off"] == 0
    assert frontend.metric('shop_requests_total{code="200"}') == 200
    assert api.metric("shop_request_duration_seconds_count") == 200
    assert api.metric('shop_requests_total{code="201"}') == said["orders"]["confirmed"] > 0
    assert api.get(f"/api/orders/{said['orders']['confirmed']}").status_code == 200
    assert api.get(f"/api/orders/{said['orders']['confirmed'] + 1}").status_code == 404
