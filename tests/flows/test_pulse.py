"""A server that hangs is noticed by what it no longer writes, and started again; one that is slow is left alone."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployments.child import Child
from deployments.pulse import Pulse

SOON = 10.0


class Server(BaseHTTPRequestHandler):
    """Writes until it hangs."""

    hangs = False
    status = 200

    def do_GET(self) -> None:
        self._answer(b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if Server.hangs:
            time.sleep(5)  # longer than anybody waits here
        self._answer(b"{}")

    def _answer(self, told: bytes) -> None:
        self.send_response(Server.status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def url() -> Iterator[str]:
    Server.hangs, Server.status = False, 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()


def until(what: Callable[[], bool], within: float = SOON) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.02)
    return False


def kept_alive(child: Child, other_than: int) -> bool:
    child.keep()
    return child.process is not None and child.process.pid != other_than


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_server_that_answers_is_not_silent_whatever_it_says(url: str, status: int) -> None:
    Server.status = status
    pulse = Pulse(url, every=0.02, waits=0.3)
    pulse.start()
    assert until(lambda: pulse.written > 0)


def test_a_server_that_takes_a_write_and_never_answers_falls_silent(url: str) -> None:
    pulse = Pulse(url, every=0.02, waits=0.1)
    pulse.start()
    assert until(lambda: pulse.written > 0)
    Server.hangs = True
    assert until(lambda: pulse.silent_for(0.0) > 0.5), "its reads do not count"
    Server.hangs = False
    assert until(lambda: pulse.silent_for(0.0) < 0.3), "slow for a while is no death"


def test_silence_counts_from_the_start_of_a_server_that_has_not_written_yet() -> None:
    pulse = Pulse("http://127.0.0.1:9/api")
    assert pulse.silent_for(time.monotonic()) < 1.0


def test_a_child_that_hangs_is_ended_told_in_its_log_and_started_again(tmp_path: Path) -> None:
    child = Child("server", [sys.executable, "-c", "import time; time.sleep(60)"], {}, tmp_path / "server.log")
    child.start()
    assert child.process is not None
    first = child.process.pid
    child.hangs("did not write for 60 s")
    try:
        assert until(lambda: kept_alive(child, first))
        assert "server did not write for 60 s; it is ended and started again" in child.log.read_text()
    finally:
        child.stop()
