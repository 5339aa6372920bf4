"""The webhook notifier against a real HTTP server that verifies what it gets, as docs/messages.md tells."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from blocks.connect import connector
from blocks.webhook_notifier import WINDOW, WebhookNotifier
from tests.contract.mail_double import certified
from tests.contract.test_notifier import HOSTILE, NOTICE
from tidegate.errors import ConnectorError, Denied, NotApplied, NotUnderstood, SpecError, Unreachable
from tidegate.ports import Notice
from tidegate.spec import Use

KEY = "made-up-signing-key-0123456789"


@dataclass
class Receiver:
    """Takes what is signed by its key, not too old and not there before; else 401."""

    url: str = ""
    key: str = KEY
    now: float | None = None
    taken: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 0  # instead
    slow: float = 0.0

    def judge(self, headers: dict[str, str], body: bytes) -> int:
        self.sent.append((headers, body))
        if self.status:
            return self.status
        parts = dict(one.split("=", 1) for one in headers["tidegate-signature"].split(","))
        made = hmac.new(self.key.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made, parts["v1"]):
            return 401
        if abs((self.now or time.time()) - int(parts["t"])) > WINDOW:
            return 401
        told = json.loads(body)
        if told["id"] != headers["tidegate-notice-id"] or any(one["id"] == told["id"] for one in self.taken):
            return 401
        self.taken.append(told)
        return 204


def served(receiver: Receiver, trust: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(receiver.slow)
            self.send_response(receiver.judge({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'https' if trust else 'http'}://127.0.0.1:{server.server_address[1]}/hook"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from served(Receiver())


def notifier(receiver: Receiver, **changes: Any) -> WebhookNotifier:
    return WebhookNotifier(**{"url": receiver.url, "signing_key": SecretStr(KEY), **changes})


@pytest.mark.proves("not.channels")
def test_a_receiver_can_trust_what_it_gets(receiver: Receiver) -> None:
    notifier(receiver).tell(NOTICE)
    (told,) = receiver.taken
    assert told["schema"] == "tidegate.notice/1"
    assert (told["event"], told["severity"], told["release"]) == ("gate-failed", "critical", "shop/2.1.0/1")
    assert told["text"]["ko"] == "오류율 4.2 %, 한도 1 %"
    assert told["links"] == {"page": "http://127.0.0.1:4200/x"}
    assert told["at"].endswith("Z")
    assert receiver.sent[0][0]["content-type"] == "application/json"


def test_another_key_a_changed_body_an_old_one_and_a_second_time_are_refused(receiver: Receiver) -> None:
    with pytest.raises(Denied, match="HTTP 401"):
        notifier(receiver, signing_key=SecretStr("another-made-up-key")).tell(NOTICE)
    old = notifier(receiver)
    old._now = lambda: time.time() - WINDOW - 5
    with pytest.raises(Denied, match="HTTP 401"):
        old.tell(NOTICE)
    notifier(receiver).tell(NOTICE)
    headers, body = receiver.sent[-1]
    assert receiver.judge(headers, body) == 401, "played again"
    assert receiver.judge(headers, body.replace(b"critical", b"harmless")) == 401
    later = headers | {"tidegate-signature": headers["tidegate-signature"].replace("t=1", "t=2")}
    assert receiver.judge(later, body) == 401, "the time is signed, too"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, NotApplied), (429, NotApplied), (403, Denied), (410, Denied), (302, NotUnderstood), (307, NotUnderstood)],
)
def test_what_the_other_side_says_decides(receiver: Receiver, status: int, kind: type[ConnectorError]) -> None:
    receiver.status = status
    with pytest.raises(kind, match=f"HTTP {status}"):
        notifier(receiver, token=SecretStr("made-up-token")).tell(NOTICE)
    assert len(receiver.sent) == 1, "no redirect is followed, nothing is sent twice"
    assert receiver.sent[0][0]["authorization"] == "Bearer made-up-token"


def test_nobody_there_and_nobody_answering_are_unreachable_in_time(receiver: Receiver) -> None:
    receiver.slow = 2.0
    began = time.monotonic()
    with pytest.raises(Unreachable, match="ReadTimeout"):
        notifier(receiver, timeout="200ms").tell(NOTICE)
    assert time.monotonic() - began < 1.9
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    with pytest.raises(Unreachable, match="ConnectError"):
        notifier(receiver, url=url).tell(NOTICE)


def test_a_certificate_has_to_hold(tmp_path: Path) -> None:
    key, certificate = certified(tmp_path)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate, key)
    for receiver in served(Receiver(), trust):
        with pytest.raises(Unreachable):
            notifier(receiver).tell(NOTICE)
        notifier(receiver, ca_file=certificate, token=SecretStr("made-up-token")).tell(NOTICE)
        assert len(receiver.taken) == 1


def test_any_notice_is_json(receiver: Receiver) -> None:
    notifier(receiver).tell(Notice(HOSTILE, HOSTILE, HOSTILE, {"en": HOSTILE}, {"fr": HOSTILE}, {HOSTILE: HOSTILE}))
    notifier(receiver).tell(Notice("x", "info", "", {}, {}))
    assert [one["event"] for one in receiver.taken] == [HOSTILE, "x"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "ftp://x/"}, "an address is http"),
        ({"url": "https://u:p@x.example/"}, "without a user"),
        ({"signing_key": "short"}, "16 characters or more"),
        ({"url": "http://x.example/", "token": "made-up-token"}, "over https only"),
        ({"token_secret": "X"}, "Extra inputs"),
    ],
)
@pytest.mark.proves("I24")
def test_fields_that_do_not_fit_are_refused_and_no_secret_is_shown(changes: dict[str, Any], said: str) -> None:
    settings = {"url": "https://x.example/", "signing_key": KEY, **changes}
    with pytest.raises(ValidationError, match=said):
        WebhookNotifier(**settings)
    with pytest.raises(SpecError) as told:
        connector(Use(use="webhook-notifier", **settings), "channels.x.to", {})
    assert KEY not in str(told.value)
    assert "made-up-token" not in str(told.value)
    assert KEY not in repr(WebhookNotifier(url="https://x.example/", signing_key=SecretStr(KEY)))
