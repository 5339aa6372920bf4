"""
AWS's API on loopback: moto's own server behind a gate that counts each call and can be told to go wrong.

moto answers with the shapes of AWS's published models, and keeps what it is told in this process' memory. What it does
not do by itself (tasks, targets, health, measurements) is `world.py`'s part.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from blocks.aws_clients import AGENT, Access

REGION = "us-east-1"
ACCOUNT = "123456789012"
CREDENTIALS = {  # whatever is said here, moto takes it; nothing of the machine's own is used
    "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip
Answer = Iterable[bytes]
Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in: when (elapsed), which service's which operation, and whether Tidegate asked."""

    at: float
    service: str
    operation: str
    ours: bool

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass(slots=True)
class Fault:
    """
    What happens to the next `times` calls of an operation ("" of any): an error by code, a pause, a lost answer.

    `loses`: the work is done and the answer is not sent. `runs` is called before the work (a kill, another writer).
    """

    operation: str = ""
    times: int = 1
    code: str = ""
    status: int = 400
    pause: float = 0.0
    loses: bool = False
    runs: Callable[[Call], None] | None = None
    ours: bool = True  # only Tidegate's calls


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # kept connections, as AWS keeps them

    def log(self, *_: object) -> None: ...


@dataclass(slots=True)
class AwsDouble:
    """Started once a process; `reset` forgets everything."""

    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _server: BaseWSGIServer | None = None
    _app: App | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, port: int = 0) -> AwsDouble:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", port, self._serve, threaded=True, request_handler=Quiet)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        assert self._server is not None, "start it first"
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def access(self) -> Access:
        return Access(REGION, endpoint_url=self.url)

    def reset(self) -> None:
        """Every service forgets; calls and faults, too."""
        assert DEFAULT_ACCOUNT_ID == ACCOUNT
        moto_api_backend.reset()
        self.calls.clear()
        self.faults.clear()

    def counted(self, *, ours: bool = True, since: float = 0.0) -> Counter[str]:
        """Calls by `service:operation`; botocore's repetitions count, as AWS counts them."""
        return Counter(str(call) for call in list(self.calls) if call.ours is ours and call.at >= since)

    def _serve(self, environ: dict[str, Any], start: Start) -> Answer:
        call = _call_of(environ)
        with self._lock:
            self.calls.append(call)
            fault = next((one for one in self.faults if _meets(one, call)), None)
            if fault is not None:
                fault.times -= 1
                self.faults = [one for one in self.faults if one.times > 0]
        assert self._app is not None
        if fault is None:
            return self._app(environ, start)
        if fault.runs is not None:
            fault.runs(call)
        if fault.loses:
            list(self._app(environ, lambda *_, **__: lambda _: None))
        time.sleep(fault.pause)
        if fault.loses:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)  # the connection ends without a word
            raise ConnectionError("the answer is lost")
        if fault.code:
            return _refused(call, fault, start)
        return self._app(environ, start)


def _meets(fault: Fault, call: Call) -> bool:
    return fault.operation in ("", call.operation) and (call.ours or not fault.ours)


def _call_of(environ: dict[str, Any]) -> Call:
    """Which operation this is: JSON services say it in a header, query services in the body or the address."""
    service = _service_of(str(environ.get("HTTP_AUTHORIZATION", "")))
    ours = f" {AGENT}" in f" {environ.get('HTTP_USER_AGENT', '')}"
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    operation = target.rpartition(".")[2]
    if not operation and "form-urlencoded" in str(environ.get("CONTENT_TYPE", "")):
        operation = parse_qs(_body_of(environ).decode("utf-8", "replace")).get("Action", [""])[0]
    if not operation:
        operation = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}"
    return Call(time.monotonic(), service, operation, ours)


def _service_of(authorization: str) -> str:
    """`Credential=KEY/20260101/us-east-1/ecs/aws4_request` -> ecs."""
    parts = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return parts[3] if len(parts) > 3 else "?"


def _body_of(environ: dict[str, Any]) -> bytes:
    """The body, left in place for whoever reads it next."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _refused(call: Call, fault: Fault, start: Start) -> Answer:
    """An error of AWS, in the form of the service's protocol."""
    said = f"{fault.code} as this test asked for"
    if call.service in ("ecs", "ecr", "secretsmanager", "logs"):
        start(f"{fault.status} X", [("Content-Type", "application/x-amz-json-1.1")])
        return [f'{{"__type": "{fault.code}", "message": "{said}"}}'.encode()]
    start(f"{fault.status} X", [("Content-Type", "text/xml")])
    error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{said}</Message></Error>"
    return [f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()]
