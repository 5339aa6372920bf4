"""
The ASGI shell around a component: headers, counting, and the paths for whoever looks after it.

`/health`, `/version` and `/metrics` are answered here and not counted: the metrics speak of customers only.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from shop.measures import Measures
from shop.release import Release
from shop.trouble import Trouble

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

LOG = logging.getLogger("shop")
BODY_LIMIT = 64 * 1024  # bytes; an order has a few hundred


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response; nothing here is streamed."""

    status: int
    body: bytes
    headers: Headers = ((b"content-type", b"application/json"),)


def as_json(status: int, value: object, *extra: tuple[bytes, bytes]) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value).encode(), ((b"content-type", b"application/json"), *extra))


class Refused(Exception):
    """A request that cannot be served, for the reason told to the customer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What a component needs to know of a request."""

    method: str
    path: str
    receive: Receive

    async def json(self) -> object:
        """The body, as JSON; Refused when it is none or too large."""
        body = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The connection ended before the body did.")
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > BODY_LIMIT:
                raise Refused(413, f"The body has more than {BODY_LIMIT} bytes.")
        try:
            return json.loads(body)
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None


class Site(Protocol):
    """What a component is to its shell."""

    async def answer(self, request: Request) -> Answer:
        """Serve a customer."""

    def checks(self) -> dict[str, str]:
        """What was looked at just now, each "ok" or the reason why not."""

    def close(self) -> None:
        """Let go of what was opened; no request is in flight any more."""


class Shell:
    """The ASGI application."""

    def __init__(self, site: Site, release: Release, trouble: Trouble) -> None:
        self.site, self.release, self.trouble = site, release, trouble
        self.measures = Measures(release)
        self.identity: Headers = (
            (b"x-version", release.version.encode()),
            (b"x-instance", release.instance.encode()),
        )
        self.own = {"/health": self.health, "/version": self.version, "/metrics": self.metrics}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        own = self.own.get(scope["path"])
        if own:
            await self.send(own(), send)
            return
        started = time.perf_counter()
        method = "GET" if scope["method"] == "HEAD" else scope["method"]  # the server leaves out the body
        answer = await self.serve(Request(method, scope["path"], receive), started)
        self.measures.count(answer.status, time.perf_counter() - started)
        await self.send(answer, send)

    async def serve(self, request: Request, at: float) -> Answer:
        """Let the component answer; whatever goes wrong becomes an answer, too."""
        try:
            failure = await self.trouble.meet(at)
            return as_json(500, {"error": failure}) if failure else await self.site.answer(request)
        except Refused as refused:
            return as_json(refused.status, {"error": str(refused)})
        except Exception:  # the last place where a customer can still be given an answer
            LOG.exception("%s %s failed", request.method, request.path)
            return as_json(500, {"error": "Something went wrong here; it has been noted."})

    async def send(self, answer: Answer, send: Send) -> None:
        """Put the answer on the wire, with our name on it."""
        length = (b"content-length", str(len(answer.body)).encode())
        headers = (*answer.headers, length, *self.identity)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def health(self) -> Answer:
        """Are we fit to serve? 503 when a check says no."""
        checks = self.site.checks()
        well = all(result == "ok" for result in checks.values())
        status = {"status": "ok" if well else "failing"}
        return as_json(200 if well else 503, status | self.names() | {"checks": checks})

    def version(self) -> Answer:
        """What runs here?"""
        return as_json(200, self.names())

    def metrics(self) -> Answer:
        """The counters, in Prometheus' text format."""
        if self.trouble.hides_metrics:
            return as_json(404, {"error": "There is nothing at /metrics."})
        return Answer(200, self.measures.text(), ((b"content-type", b"text/plain; version=0.0.4"),))

    def names(self) -> dict[str, str | None]:
        """Who is speaking."""
        return {
            "version": self.release.version,
            "digest": self.release.digest,
            "component": self.release.component,
            "instance": self.release.instance,
        }
