"""
A stand-in for a vendor's API on loopback: each request and each answer is held against the vendor's own description.

A test says what each operation answers; what is asked beyond that is a 404 and a fault. Without the descriptions it
answers all the same, and says that nothing was validated.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.vendor_contracts import contract


@dataclass(frozen=True)
class Asked:
    """One request: `names` are the parts of the path."""

    method: str
    path: str
    names: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


Says = Callable[[Asked], tuple[int, Any]]


@dataclass
class Double:
    """`says[("GET", "/repos/{owner}/{repo}")]` answers that operation; `trouble` are answers that come instead."""

    vendor: str
    prefix: str = ""  # before the paths of the description
    url: str = ""
    says: dict[tuple[str, str], Says] = field(default_factory=dict)
    beyond: dict[tuple[str, str], Says] = field(default_factory=dict)  # operations that the description lacks
    asked: list[Asked] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    trouble: list[tuple[int, dict[str, str], str]] = field(default_factory=list)

    def answer(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], str]:
        parts = urlsplit(target)
        path = parts.path.removeprefix(self.prefix)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        template, names = self._template(method, path)
        body = _body(headers, raw)
        one = Asked(method, path, names, query, headers, body)
        self.asked.append(one)
        if self.trouble:
            return self.trouble.pop(0)
        if (method, template) in self.beyond:
            status, answer = self.beyond[method, template](one)
            return status, {}, json.dumps(answer)
        told = contract(self.vendor)
        self.faults += told.faults(method, template or path, headers, body, query)
        if (method, template) not in self.says:
            self.faults.append(f"{method} {path} is answered by nothing here")
            return 404, {}, json.dumps({"message": "Not Found"})
        status, answer = self.says[(method, template)](one)
        self.faults += told.answer_faults(method, template, status, answer)
        return status, {}, "" if answer is None else json.dumps(answer)

    def _template(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """The operation of this path; an exact part wins over a name."""
        found = []
        for known_method, template in [*self.says, *self.beyond]:
            wanted, has = template.split("/"), path.split("/")
            if known_method != method or len(wanted) != len(has):
                continue
            names = {a[1:-1]: b for a, b in zip(wanted, has, strict=True) if a.startswith("{")}
            if all(a == b or a.startswith("{") for a, b in zip(wanted, has, strict=True)):
                found.append((len(names), template, names))
        return min(found)[1:] if found else ("", {})


def _body(headers: dict[str, str], raw: bytes) -> Any:
    if not raw:
        return None
    if "json" in headers.get("content-type", ""):
        return json.loads(raw)
    return {name: values[-1] for name, values in parse_qs(raw.decode()).items()}


@contextmanager
def double(vendor: str, prefix: str = "") -> Iterator[Double]:
    """A running one; at the end nothing may have been wrong."""
    made = Double(vendor, prefix)

    class Answers(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, text = made.answer(self.command, self.path, headers, raw)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(text.encode())),
                **more,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.url = f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
    if not contract(vendor).here:
        print(f"elsewhere: ran unvalidated, {vendor}'s description is not here")
    assert made.faults == [], made.faults
