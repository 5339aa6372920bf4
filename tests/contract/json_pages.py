"""A web server of the tests that says what it is told to say, slowly if need be, and keeps what it was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, str]


@dataclass
class Pages:
    """`answers` by path; `answer` decides where one is given: path, query, headers -> status and body."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    answer: Callable[[str, dict[str, list[str]], dict[str, str]], Answer] | None = None
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def say(self, body: str, status: int = 200, path: str = "/") -> None:
        self.answers[path] = (status, body)

    def reply(self, target: str, headers: dict[str, str]) -> Answer:
        self.asked.append(target)
        self.headers.append(headers)
        time.sleep(self.slow)
        parts = urlsplit(target)
        if self.answer is not None:
            return self.answer(parts.path, parse_qs(parts.query, keep_blank_values=True), headers)
        return self.answers.get(parts.path, (404, "nothing here"))


@contextmanager
def pages() -> Iterator[Pages]:
    made = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.reply(self.path, {name.lower(): value for name, value in self.headers.items()})
            raw = body.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)
            except OSError:
                return  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
