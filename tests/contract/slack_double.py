"""A stand-in for Slack's Web API and its incoming webhooks, on loopback; it keeps messages, threads and changes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.contract.vendor_contracts import contract

TOKEN = "xoxb-made-up-token"
HOOK = "/services/T0/B0/made-up-hook"
CHANNELS = {"#releases": "C0RELEASES", "C0RELEASES": "C0RELEASES"}


@dataclass
class Slack:
    """What a person in the channel sees, and what went wrong on the way."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # of requests, by Slack's own description
    calls: list[str] = field(default_factory=list)
    trouble: list[tuple[int, dict[str, str], str]] = field(default_factory=list)  # the next answers instead
    slow: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def heads(self) -> list[dict[str, Any]]:
        return [one for one in self.messages if not one.get("thread_ts")]

    def replies(self, ts: str) -> list[dict[str, Any]]:
        return [one for one in self.messages if one.get("thread_ts") == ts]

    def remove(self, ts: str) -> None:
        self.messages = [one for one in self.messages if ts not in (one["ts"], one.get("thread_ts"))]

    def answer(self, path: str, headers: dict[str, str], body: Any) -> tuple[int, dict[str, str], str]:
        self.calls.append(path)
        if self.trouble:
            return self.trouble.pop(0)
        if path == HOOK:
            if not isinstance(body, dict) or not body.get("text"):
                return 400, {}, "no_text"
            self.messages.append({**body, "ts": "hook"})
            return 200, {}, "ok"
        if path.startswith("/services/"):
            return 404, {}, "no_service"
        self.faults += contract("slack").faults("POST", path.removeprefix("/api"), headers, body)
        return self._api(path.removeprefix("/api/"), headers, body)

    def _api(self, method: str, headers: dict[str, str], body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return _no("invalid_auth")
        channel = CHANNELS.get(body["channel"])
        if channel is None:
            return _no("channel_not_found")
        if method == "chat.update":
            if body["channel"] != channel:
                return _no("channel_not_found")  # a name will not do here
            found = next((one for one in self.messages if one["ts"] == body["ts"]), None)
            if found is None:
                return _no("message_not_found")
            found |= {"text": body["text"], "blocks": body["blocks"], "edited": found.get("edited", 0) + 1}
            return _yes(
                {"channel": channel, "ts": found["ts"], "text": found["text"], "message": {"text": found["text"]}}
            )
        if (ts := body.get("thread_ts")) and not any(one["ts"] == ts for one in self.messages):
            return _no("thread_not_found")
        made = {**body, "ts": f"{1_700_000_000 + len(self.calls)}.{len(self.messages):06}"}
        self.messages.append(made)
        return _yes({"channel": channel, "ts": made["ts"], "message": {"text": body["text"], "type": "message"}})


def _yes(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    return 200, {}, json.dumps({"ok": True, **body})


def _no(error: str) -> tuple[int, dict[str, str], str]:
    return 200, {}, json.dumps({"ok": False, "error": error})


@contextmanager
def slack() -> Iterator[Slack]:
    """A running one; `url` is its address without a path."""
    double = Slack()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            time.sleep(double.slow)
            with double.lock:
                status, more, text = double.answer(self.path, headers, json.loads(raw))
            self.send_response(status)
            kind = "application/json" if text.startswith("{") else "text/html"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(text.encode())), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(text.encode())
            except BrokenPipeError:
                pass  # whoever asked has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
