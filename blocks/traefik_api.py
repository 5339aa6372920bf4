"""
What Traefik itself shows of a route, by its read-only API.

The file says what was asked; this says what the proxy does with it. Between the two lie 10 to 250 ms, or
somebody else's broken file in the same folder. Part of the lowering half: standard library only.
"""

from __future__ import annotations

import time
from urllib.parse import quote, urlsplit

from blocks.traefik_document import UNEXPECTED, Document, difference, document_of, services_of, shares
from tidegate.errors import ConnectorError, NotUnderstood, Unreachable
from tidegate.traffic import Split

LARGEST = 256 * 1024  # bytes of an answer


class TraefikApi:
    """The API at this address, e.g. http://127.0.0.1:8081; every question has a time-out in seconds."""

    def __init__(self, url: str) -> None:
        self.url = url

    def shares(self, route: str, timeout: float = 1.0) -> list[tuple[str, int]]:
        """Names and weights of the route's sides as they are in force; NotUnderstood without such a route."""
        told = self.ask(f"services/{route}@file", timeout)
        try:
            return shares(told)
        except UNEXPECTED:
            raise NotUnderstood(f"Traefik has no weighted service {route!r}: {told}") from None

    def confirm(self, route: str, split: Split, timeout: float) -> str:
        """Ask until this split is in force or the time is over; "" or what is shown instead."""
        until = time.monotonic() + timeout
        pause = 0.004
        while True:
            doubt = self._doubt(route, split, max(0.05, until - time.monotonic()))
            if not doubt or time.monotonic() + pause > until:
                return doubt
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def _doubt(self, route: str, split: Split, timeout: float) -> str:
        try:
            for name, wanted in services_of(route, split, {}, None).items():
                if doubt := difference(name, wanted, self.ask(f"services/{name}@file", timeout)):
                    return doubt
            router = self.ask(f"routers/{route}@file", timeout)
        except ConnectorError as unanswered:
            return str(unanswered)
        if router.get("status") != "enabled":
            return f"Traefik has the route {route!r} {router.get('status')} {router.get('error', '')}".rstrip()
        return ""

    def ask(self, what: str, timeout: float) -> Document:
        """One GET below /api/http/; the environment's proxies and redirects are not followed."""
        import http.client  # noqa: PLC0415  # a third of this half's start: a lowering writes first, then asks

        try:
            url = urlsplit(self.url)
            kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
            connection = kind(url.hostname or "", url.port, timeout=timeout)
        except ValueError as wrong:
            raise NotUnderstood(f"{self.url!r} is no address of Traefik's API ({wrong})") from None
        try:
            connection.request("GET", f"{url.path.rstrip('/')}/api/http/{quote(what, safe='/@')}")
            answer = connection.getresponse()
            body = answer.read(LARGEST)
        except (OSError, ValueError, http.client.HTTPException) as failed:
            raise Unreachable(f"Traefik's API at {self.url or '(no address)'} does not answer ({failed})") from None
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            return {"status": f"not there (HTTP {answer.status})"}
        told = document_of(body.decode("utf-8", "replace"))
        if told is None:
            raise NotUnderstood(f"Traefik's API at {self.url} answers something that is not its JSON")
        return told
