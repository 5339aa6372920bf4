"""What an HTTP check asks, expects and reports, against a real server on this machine."""

from __future__ import annotations

import asyncio
import http.server
import json
import resource
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from blocks.http_check import HttpCheck
from tidegate.ports import CheckResult, Verdict

FACTS = {"release": "shop/2.1.0/1", "system": "shop", "version": "2.1.0", "component": "api", "digest": "sha256:ab"}
Behaviour = Callable[["Answers"], None]


class Answers(http.server.BaseHTTPRequestHandler):
    """Does what its server was told for this path."""

    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        self.server.behaviour(self.path)(self)

    do_HEAD = do_POST = do_GET

    def send(self, status: int = 200, body: bytes = b"ok", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Site(http.server.ThreadingHTTPServer):
    """A server whose answers a test chooses, and that remembers who asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.ways: dict[str, Behaviour] = {}
        self.otherwise: Behaviour = Answers.send
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def behaviour(self, path: str) -> Behaviour:
        return self.ways.get(path, self.otherwise)

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def check(url: str, **fields: Any) -> HttpCheck:
    return HttpCheck(url=url, **{"pause": "10ms", "timeout": "20s", **fields})


def answers(site: Site, **told: Any) -> None:
    site.ways["/"] = lambda answer: answer.send(**told)


@pytest.mark.proves("ver.http")
def test_an_answer_as_expected_passes(site: Site) -> None:
    body = {"version": "2.1.0", "database": {"nodes": [{"up": True, "lag": 0.5}]}, "note": None}
    answers(site, body=json.dumps(body).encode(), Content_Type="application/json; charset=utf-8")
    told = check(
        site.url,
        json_equals={"version": "{version}", "database.nodes.0.up": True, "database.nodes.0.lag": 0.5, "note": None},
        answer_headers={"content-type": "Application/JSON"},
        contains='"version": "{version}"',
        within="20s",
    ).run(FACTS)
    assert told.verdict is Verdict.PASS, told.evidence
    assert "as expected in" in told.evidence
    assert 0 < told.figures["slowest"] < 20


@pytest.mark.proves("ver.http", "E29")
@pytest.mark.parametrize(
    ("fields", "answer", "said"),
    [
        ({}, {"status": 503}, "status 503, expected 200"),
        ({"status": [200, 204]}, {"status": 302}, "status 302, expected 200 or 204"),
        ({"json_equals": {"a.b": 1}}, {"body": b'{"a": {"b": 2}}'}, "a.b is 2, expected 1"),
        ({"json_equals": {"a": 1}}, {"body": b'{"a": true}'}, "a is true, expected 1"),
        ({"json_equals": {"a": True}}, {"body": b'{"a": 1}'}, "a is 1, expected true"),
        ({"json_equals": {"a.c": 1}}, {"body": b'{"a": {"b": 2}}'}, "the JSON has no a.c"),
        ({"json_equals": {"a.7": 1}}, {"body": b'{"a": []}'}, "the JSON has no a.7"),
        ({"json_equals": {"a": 1}}, {"body": b"<html>"}, "no JSON, but b'<html>'"),
        ({"json_equals": {"a": 1}}, {"body": b"[" * 100_000}, "no JSON, but"),
        ({"json_equals": {"a": 1}}, {"body": b'{"a": ' + b"9" * 5000 + b"}"}, "no JSON, but"),
        ({"contains": "v{version}"}, {"body": b"v2.0.0"}, "the answer's 6 bytes do not hold 'v2.1.0'"),
        ({"answer_headers": {"X-A": "b"}}, {"X_A": "c"}, "header X-A is 'c', expected 'b' in it"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_as_expected_is_said(site: Site, fields: dict[str, Any], answer: dict[str, Any], said: str) -> None:
    answers(site, **answer)
    told = check(site.url, attempts=2, **fields).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert said in told.evidence
    assert "(0 of 1 passes in 2 attempts)" in told.evidence
    assert len(site.asked) == 2


def test_a_slow_answer_fails_its_limit(site: Site) -> None:
    def slow(answer: Answers) -> None:
        time.sleep(0.15)
        answer.send()

    site.ways["/"] = slow
    told = check(site.url, within="100ms", attempts=1).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert "ms, limit 0.1s" in told.evidence
    assert check(site.url, within="20s", attempts=1).run(FACTS).verdict is Verdict.PASS


def test_passes_have_to_come_in_a_row(site: Site) -> None:
    statuses = iter([200, 500, 200, 200, 200])
    site.ways["/"] = lambda answer: answer.send(next(statuses))
    told = check(site.url, passes=3, attempts=5).run(FACTS)
    assert told.verdict is Verdict.PASS
    assert "3 times in a row" in told.evidence
    flapping = iter([200, 500] * 5)
    site.ways["/"] = lambda answer: answer.send(next(flapping))
    told = check(site.url, passes=2, attempts=10).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert "of 2 passes in 10 attempts" in told.evidence


def test_every_instance_is_asked_and_each_has_to_pass(site: Site) -> None:
    other = Site()
    threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True).start()
    facts = {**FACTS, "url": site.url, "urls": f"{site.url} {other.url}"}
    everyone = check("{url}/api/products", attempts=1)
    told = everyone.run(facts)
    assert told.verdict is Verdict.PASS
    assert told.evidence.splitlines()[1].startswith(f"{other.url}/api/products: as expected")
    other.ways["/api/products"] = lambda answer: answer.send(500)
    told = everyone.run(facts)
    assert told.verdict is Verdict.FAIL
    assert f"{other.url}/api/products: status 500" in told.evidence
    assert [path for path, _ in site.asked] == ["/api/products"] * 2
    other.shutdown()
    other.server_close()
    told = everyone.run(facts)
    assert told.verdict is Verdict.FAIL
    assert f"{other.url}/api/products: no connection: Connect" in told.evidence


def test_no_answer_is_a_fail_and_an_unknown_name_is_no_verdict(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        told = check(f"http://127.0.0.1:{deaf.getsockname()[1]}", attempts=1, timeout="300ms").run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert "no whole answer within 0.3 s" in told.evidence
    told = check("http://no-such-host.invalid/", attempts=1).run(FACTS)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert "no-such-host.invalid is not known to DNS" in told.evidence
    site.ways["/"] = lambda answer: answer.wfile.write(b"SSH-2.0-OpenSSH\r\n")  # type: ignore[assignment]
    told = check(site.url, attempts=1).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert "no answer that is HTTP" in told.evidence


def test_a_value_is_no_part_of_an_addresss_structure(site: Site) -> None:
    check(f"{site.url}/{{version}}?q={{release}}").run({**FACTS, "version": "../a?b#c@d"})
    assert site.asked[0][0] == "/..%2Fa%3Fb%23c@d?q=shop/2.1.0/1"
    for bad in ({}, {"url": "-x"}, {"url": "file:///etc/passwd"}, {"url": f"{site.url}\n"}):
        told = check("{url}/x").run({**FACTS, **bad})
        assert told.verdict is Verdict.ERROR
        assert "nothing was asked" in told.evidence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "{urls}/x"}, "{urls} is not known here"),
        ({"url": "http://a/{url}"}, "can only stand first"),
        ({"url": "ftp://a/"}, "is not of http or https"),
        ({"url": "file:///etc/passwd"}, "is not of http or https"),
        ({"url": "http://user:pw@a/"}, "carries a name or password"),
        ({"url": "http://a/", "contains": "{versoin}"}, "{versoin} is not known here"),
        ({"url": "http://a/", "json_equals": {"a": "{x}"}}, "{x} is not known here"),
        ({"url": "http://a/", "passes": 3, "attempts": 2}, "3 passes need as many attempts"),
        ({"url": "http://a/", "verify": False}, "Extra inputs"),
        ({"url": "http://a/", "within": 2}, "is no duration"),
    ],
)
def test_a_mistake_in_the_fields_is_named(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        HttpCheck(**fields)
    assert said in str(caught.value)


def drip(answer: Answers) -> None:
    answer.send_response(200)
    answer.end_headers()
    for _ in range(200):
        answer.wfile.write(b"x")
        answer.wfile.flush()
        time.sleep(0.05)


def drip_headers(answer: Answers) -> None:
    answer.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        answer.wfile.write(f"X-{number}: x\r\n".encode())
        answer.wfile.flush()
        time.sleep(0.05)


def flood(answer: Answers) -> None:
    answer.send_response(200)
    answer.end_headers()
    for _ in range(1024):
        answer.wfile.write(b"x" * 1024 * 1024)


def bomb(answer: Answers) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(150)) + packer.flush()
    answer.send(body=packed, Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (drip, "no whole answer within 0.5 s"),
        (drip_headers, "no whole answer within 0.5 s"),
        (flood, "an answer of more than 1,048,576 bytes"),
        (bomb, "no JSON"),
    ],
    ids=["drip", "dripping headers", "1 GB", "compressed bomb"],
)
def test_an_answer_without_end_costs_little(site: Site, way: Behaviour, said: str) -> None:
    site.ways["/"] = way
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    told = check(site.url, timeout="500ms" if "drip" in way.__name__ else "30s", attempts=1, json_equals={"a": 1}).run(
        {}
    )
    assert told.verdict is Verdict.FAIL
    assert said in told.evidence
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


@pytest.mark.proves("I24")
def test_a_secret_header_is_sent_and_never_shown(site: Site) -> None:
    site.ways["/"] = lambda answer: answer.send(body=json.dumps({"echo": answer.headers["Authorization"]}).encode())
    asking = check(
        site.url,
        headers={"X-Version": "{version}"},
        secret_headers={"Authorization": SecretStr("Bearer planted-77")},
        json_equals={"echo": "x"},
        attempts=1,
    )
    told = asking.run(FACTS)
    assert site.asked[0][1]["Authorization"] == "Bearer planted-77"
    assert site.asked[0][1]["X-Version"] == "2.1.0"
    assert 'echo is "***", expected "x"' in told.evidence
    assert "planted-77" not in told.evidence + repr(asking)


def test_it_may_be_asked_where_a_loop_runs(site: Site) -> None:
    async def inside() -> CheckResult:
        return check(site.url).run(FACTS)

    assert asyncio.run(inside()).verdict is Verdict.PASS


def test_a_certificate_has_to_hold_unless_its_authority_is_named(site: Site, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("machine: no openssl (on Debian: apt-get install openssl)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    address = site.url.replace("http:", "https:")
    told = check(address, attempts=1).run(FACTS)
    assert told.verdict is Verdict.FAIL
    assert "the certificate does not hold" in told.evidence
    assert check(address, attempts=1, ca_file=certificate).run(FACTS).verdict is Verdict.PASS
