"""The shop's customers by themselves: do they count right, against stubs whose answers are known?"""

import http.server
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CUSTOMERS = Path(__file__).parents[2] / "examples" / "shop" / "customers.py"


class Stub(http.server.ThreadingHTTPServer):
    """A shop that fails every fifth answer, of a version of its own, and counts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StubAnswer)
        self.lock = threading.Lock()
        self.answered = self.failed = self.ordered = 0
        self.connections: set[int] = set()


class StubAnswer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.answered += 1
            fails = self.server.answered % 5 == 0
            version = "new" if self.server.answered % 4 < 2 else "old"
            self.server.failed += fails
            self.server.ordered += self.command == "POST" and not fails
            self.server.connections.add(self.client_address[1])
        absent = self.path == "/api/products/9999"
        self.send_response(503 if fails else 404 if absent else 201 if self.command == "POST" else 200)
        self.send_header("X-Version", version)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        pass


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def silent() -> Iterator[str]:
    """A shop that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def customers(out: Path, shop: str, **options: object) -> subprocess.Popen[bytes]:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return subprocess.Popen([sys.executable, CUSTOMERS, shop, "--out", out, *words])


def account(out: Path, shop: str, **options: object) -> dict[str, Any]:
    """What the customers said at their end."""
    assert customers(out, shop, **options).wait(timeout=20) == 0
    said = json.loads(out.read_text())
    assert isinstance(said, dict)
    return said


def test_customers_count_every_failure_of_a_shop_that_fails_each_fifth_answer(stub: Stub, tmp_path: Path) -> None:
    shop = f"http://127.0.0.1:{stub.server_port}"
    said = account(tmp_path / "out.json", shop, rate=150, seconds=2, orders=0.2, fresh=0.1)
    assert said["requests"] == said["sent"] == stub.answered == 300
    assert said["failed"] == said["outcomes"]["5xx"] == stub.failed == 60
    assert said["outcomes"]["2xx"] + said["outcomes"]["expected 404"] == 240
    assert said["orders"] == {"confirmed": stub.ordered, "uncertain": 0}
    assert stub.ordered > 5
    assert 20 < len(stub.connections) < 100  # some on their own, most on kept connections
    lines = [line for component in said["components"].values() for line in component.values()]
    assert sum(line["answers"] for line in lines) == 300
    assert sum(line["failed"] for line in lines) == 60
    assert {version for component in said["components"].values() for version in component} == {"old", "new"}


def test_customers_tell_each_second_and_each_versions_share(stub: Stub, tmp_path: Path) -> None:
    shop = f"http://127.0.0.1:{stub.server_port}"
    said = account(tmp_path / "out.json", shop, rate=50, seconds=2)
    assert sum(second["sent"] for second in said["seconds"]) == 100
    assert sum(second["failed"] for second in said["seconds"]) == 20
    whole = [second for second in said["seconds"] if second["sent"] == 50]
    assert whole
    for component in ("api", "frontend"):
        assert sum(whole[0]["answers"][component].values()) == 25
        assert sum(whole[0]["share"][component].values()) == pytest.approx(1, abs=0.001)
        assert 0 < said["components"][component]["old"]["latency_ms"]["p50"] < 1000


def test_customers_whom_nobody_hears_count_connection_errors(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    said = account(tmp_path / "out.json", f"http://127.0.0.1:{port}", rate=50, seconds=1)
    assert said["failed"] == said["outcomes"]["connection error"] == 50
    assert set(said["components"]["api"]) == {"unknown"}


def test_customers_wait_no_longer_than_their_deadline_and_say_what_they_could_not_send(
    silent: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    said = account(out, silent, rate=50, seconds=1, deadline=0.4, most_open=10, orders=1)
    assert said["failed"] == 50
    assert said["outcomes"]["timeout"] + said["outcomes"]["not sent"] == 50
    assert said["outcomes"]["timeout"] == said["sent"] >= 10
    assert said["not_sent"] > 10
    assert said["orders"]["confirmed"] == 0
    assert said["orders"]["uncertain"] > 0
    assert 400 <= said["components"]["frontend"]["unknown"]["latency_ms"]["p50"] < 800


def test_a_stop_ends_the_customers_within_a_second_with_a_final_account(silent: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    process = customers(out, silent, rate=50, seconds=60, deadline=30)
    for _ in range(500):
        if out.exists() and json.loads(out.read_text())["sent"] > 20:
            break
        time.sleep(0.02)
    before = json.loads(out.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=1.5) == 0
    said = json.loads(out.read_text())
    assert said["at"] > before["at"]
    assert said["open"] == said["failed"] == 0
    assert said["cut_off"] == said["sent"] >= before["sent"] > 20
