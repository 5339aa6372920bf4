"""
AWS on loopback: moto's own server, with faults on the way to it.

What is asked of it by a client of ours (its User-Agent says `tidegate`) is counted, and can be made to fail: refused,
throttled, answered with 500, never answered, or carried out without an answer. A test's own calls, by `client()`, are
neither. moto is used for names, shapes and errors of AWS; what happens over time it does not know (`Script`).
"""

from __future__ import annotations

import io
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.client import BaseClient
from botocore.validate import validate_parameters
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from blocks import aws_clients

REGION, ACCOUNT = "us-east-1", "123456789012"
Environment = dict[str, Any]
Application = Callable[[Environment, Any], Any]
# Services whose operation stands in the path; method and end of the path say which it is.
BY_PATH = {
    ("POST", "/invalidation"): "CreateInvalidation",
    ("GET", "/invalidation"): "ListInvalidations",
    ("GET", "/distribution"): "ListDistributions",
}
CODES = {"throttled": "ThrottlingException", "denied": "AccessDeniedException", "expired": "ExpiredTokenException"}


@dataclass
class AwsOnLoopback:
    """A running one. `calls` counts operations as our clients asked for them, each attempt of botocore for itself."""

    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)
    hangs: float = 2.0  # seconds
    lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, region: str = REGION) -> Any:
        """For what a test sets up and looks at: not counted, never made to fail."""
        return boto3.client(service, region_name=region, endpoint_url=self.url)

    def fails(self, operation: str, *kinds: str) -> None:
        """
        The next answers to this operation: throttled, denied, expired, 500, hangs, or lost (done, and no answer);
        `ok` lets one through.
        """
        self.faults.setdefault(operation, []).extend(kinds)

    def _next(self, operation: str) -> str:
        with self.lock:
            self.calls[operation] += 1
            waiting = self.faults.get(operation) or [""]
            return waiting.pop(0)

    def around(self, app: Application) -> Application:
        def answer(environ: Environment, start: Any) -> Any:
            if "tidegate" not in environ.get("HTTP_USER_AGENT", ""):
                return app(environ, start)
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            kind = self._next(_operation(environ, body))
            if kind in ("", "ok"):
                return app(environ, start)
            if kind == "hangs":
                threading.Event().wait(self.hangs)
            if kind in {"hangs", "lost"}:
                if kind == "lost":
                    b"".join(app(environ, lambda *_: None))
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                return []
            status, code = ("500 X", "InternalFailure") if kind == "500" else ("400 X", CODES[kind])
            said = _error(environ, code)
            start(
                status, [("Content-Type", said[0]), ("Content-Length", str(len(said[1]))), ("x-amzn-errortype", code)]
            )
            return [said[1]]

        return answer


def _operation(environ: Environment, body: bytes) -> str:
    """AWS's own name of what is asked, in any of its protocols."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    path = str(environ["PATH_INFO"])
    if found := re.search(r"/operation/(\w+)$", path):
        return found[1]
    if action := parse_qs(body.decode("latin-1")).get("Action"):
        return action[0]
    for (method, end), name in BY_PATH.items():
        if environ["REQUEST_METHOD"] == method and path.endswith(end):
            return name
    return f"{environ['REQUEST_METHOD']} {path}"


def _error(environ: Environment, code: str) -> tuple[str, bytes]:
    kind = str(environ.get("CONTENT_TYPE", ""))
    if "json" in kind:
        return kind, f'{{"__type":"{code}","message":"made up"}}'.encode()
    said = f"<ErrorResponse><Error><Code>{code}</Code><Message>made up</Message></Error></ErrorResponse>"
    return "text/xml", said.encode()


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Requests are counted, not written on the terminal."""


@contextmanager
def serving(double: AwsOnLoopback) -> Iterator[BaseWSGIServer]:
    app = double.around(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def enter_aws(double: AwsOnLoopback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up credentials, this address for every service, nothing of the machine's own; moto is empty."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "made-up-secret-77",
        "AWS_ENDPOINT_URL": double.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    moto_api_backend.reset()
    aws_clients._client.cache_clear()  # clients of another test's address
    double.calls.clear()
    double.faults.clear()


@dataclass
class Script:
    """
    Answers of AWS that moto cannot give, each validated against the service's own model before it is handed out.

    `says[operation]` is asked with the parameters of each call of our clients; None lets moto answer.
    """

    says: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    services: list[str] = field(default_factory=list)  # beside `asked`: the name by which each call was signed

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = BaseClient._make_api_call  # where every operation of every client passes
        script = self

        def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            if client.meta.config.user_agent_extra != aws_clients.AGENT:
                return real(client, operation, parameters)
            script.asked.append((operation, parameters))
            script.services.append(str(client.meta.service_model.signing_name))
            if (say := script.says.get(operation)) and (answer := say(parameters)) is not None:
                model = client.meta.service_model.operation_model(operation)
                validate_parameters(parameters, model.input_shape)
                validate_parameters(answer, model.output_shape)
                return answer
            return real(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)
