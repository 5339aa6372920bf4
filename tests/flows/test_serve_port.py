"""Two installations that start at once may both find one port free: the later one must not use the other's server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blocks.prefect_runs import PrefectRuns
from deployments.serve import Serving


class Stranger(BaseHTTPRequestHandler):
    """A Prefect server of somebody else's, as far as anybody asks."""

    def do_GET(self) -> None:
        told = json.dumps({"home": "/somebody/else"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def taken() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


class Racing(Serving):
    """The port was free when it was looked at, and is not when the server starts."""

    lost: int

    def _port(self) -> int:
        if not self.notes:
            self.notes.append(f"port {self.lost} seemed free")
            return self.lost
        return super()._port()


@pytest.mark.timeout(240)
@pytest.mark.proves("E3")
def test_a_strangers_server_on_our_port_is_left_alone_and_another_port_is_taken(taken: int, tmp_path: Path) -> None:
    serving = Racing(tmp_path)
    serving.lost = taken
    try:
        url = serving._start_server(tmp_path)
        assert f":{taken}/" not in url
        assert {child.env["PREFECT_API_URL"] for child in serving.children} == {url}
        assert PrefectRuns(url, timeout=10).healthy()
    finally:
        serving.stop()
