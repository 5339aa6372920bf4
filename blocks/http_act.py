"""
An HTTP request that carries out an act: a flag's switch, a deployment hook, a banner; its status says if it is done.

It is sent once, unless the spec says by `attempts` that sending it again does no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, Self

import httpx
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from blocks.connector import Connector
from blocks.connector_addresses import Forbidden, checked
from blocks.connector_api import secret
from tidegate import facts as known
from tidegate.errors import ConnectorError, Denied, NotApplied, Unreachable
from tidegate.quantities import Duration

AGAIN = {408, 425, 429}


class HttpAct(Connector):
    """An HTTP request whose status says that it is done."""

    _block_type_name = "HTTP act"
    _block_type_slug = "http-act"
    _description = (
        "Sends a request with JSON; its status, and a second look where one is asked for, say that it is done."
    )

    url: str = Field(title="URL", description="http or https; facts of the release are filled in.")
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field("POST", title="Method")
    body: Any = Field(None, title="Body", description="Sent as JSON; facts are filled in, in its texts.")
    headers: dict[str, str] = Field(default_factory=dict, title="Headers")
    secret_headers: dict[str, SecretStr] = Field(
        default_factory=dict, title="Secret headers", description="Sent as well, never shown."
    )
    bearer_secret: str = Field("", title="Token", description="Name of our own variable with a bearer token.")
    status: int | list[int] = Field(200, title="Status", description="The one, or those, that mean done.")
    attempts: int = Field(1, ge=1, le=10, title="Attempts", description="More than 1: sending it again does no harm.")
    done_url: str = Field(
        "", title="Done URL", description="Asked by GET before and after; its JSON shows that it is done."
    )
    done_equals: dict[str, str | int | float | bool] = Field(
        default_factory=dict, title="Done equals", description="A dotted path into that JSON, and the value there."
    )
    timeout: Duration = Field(timedelta(seconds=10), title="Time-out", description="Of one answer.")

    _sleep: Callable[[float], None] = PrivateAttr(default=time.sleep)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        known.named(self.url)
        if bool(self.done_url) != bool(self.done_equals):
            raise ValueError("done_url and done_equals belong together")
        return self

    def done(self, release: str, facts: Mapping[str, str]) -> str:
        """What the second look shows; "" without one, or while it shows something else."""
        if not self.done_url:
            return ""
        answer = self._send("GET", self.done_url, None, facts)
        if answer.status_code != 200:
            return ""
        try:
            told = answer.json()
        except ValueError:
            return ""
        wrong = [path for path, value in self.done_equals.items() if _at(told, path) != value]
        return "" if wrong else f"{self.done_url} shows {', '.join(f'{k}={v}' for k, v in self.done_equals.items())}"

    def do(self, release: str, facts: Mapping[str, str]) -> str:
        """Denied when the other side says no; NotApplied or Unreachable when it may be asked again."""
        wanted = self.status if isinstance(self.status, list) else [self.status]
        place = self._place(facts)
        trouble: ConnectorError = Unreachable("nothing was sent")
        for attempt in range(self.attempts):
            if attempt:
                self._sleep(min(2.0 ** (attempt - 1), 8.0))
            try:
                status = self._send(self.method, self.url, self._filled(self.body, facts), facts).status_code
            except httpx.TransportError as why:
                trouble = Unreachable(
                    f"{self.method} {place}: {type(why).__name__}",
                    "Whether it was done is not known; look before it is sent again.",
                )
                continue
            if status in wanted:
                return self._looked_at(release, facts, f"{self.method} {place}: HTTP {status}")
            said = f"{self.method} {place} answers HTTP {status}, wanted: {', '.join(map(str, wanted))}"
            if status not in AGAIN and status < 500:
                raise Denied(said)
            trouble = NotApplied(said)
        raise trouble

    def _looked_at(self, release: str, facts: Mapping[str, str], said: str) -> str:
        if self.done_url and not self.done(release, facts):
            raise NotApplied(f"{said}, and {self.done_url} does not show it")
        return said

    def _send(self, method: str, url: str, body: Any, facts: Mapping[str, str]) -> httpx.Response:
        headers = {name: known.filled(value, facts) for name, value in self.headers.items()}
        headers |= {name: value.get_secret_value() for name, value in self.secret_headers.items()}
        if self.bearer_secret:
            headers["Authorization"] = f"Bearer {secret(self.bearer_secret, self._place(facts))}"
        try:
            there = str(checked(known.filled(url, facts)))
        except Forbidden as why:
            raise Denied(str(why)) from None
        with httpx.Client(timeout=self.timeout.total_seconds(), trust_env=False, follow_redirects=False) as client:
            return client.request(method, there, json=body, headers=headers)

    def _place(self, facts: Mapping[str, str]) -> str:
        """Without a query: secrets may stand there."""
        return known.filled(self.url, facts).partition("?")[0]

    def _filled(self, body: Any, facts: Mapping[str, str]) -> Any:
        if isinstance(body, str):
            return known.filled(body, facts)
        if isinstance(body, list):
            return [self._filled(one, facts) for one in body]
        if isinstance(body, dict):
            return {name: self._filled(one, facts) for name, one in body.items()}
        return body


def _at(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
