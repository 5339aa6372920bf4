"""
Tells any program of yours: JSON by HTTP POST, signed so that it can be trusted and cannot be played again.

The header is `Tidegate-Signature: t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 with the signing key over the bytes of
`SECONDS.` and the body. A receiver works it out over the body as it came, compares in constant time, refuses what is
older or newer than WINDOW seconds, and remembers every `Tidegate-Notice-Id` for that long: docs/messages.md shows how.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import httpx
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from blocks.connector import Connector, machine_troubles
from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable
from tidegate.ports import Notice
from tidegate.quantities import Duration

SCHEMA = "tidegate.notice/1"
SIGNATURE, NOTICE_ID = "Tidegate-Signature", "Tidegate-Notice-Id"
WINDOW = 300  # seconds in which a signature counts, before and after
SHORTEST = 16  # characters of a signing key


class WebhookNotifier(Connector):
    """Signed JSON to an address of yours."""

    _block_type_name = "Messages to a webhook"
    _block_type_slug = "webhook-notifier"
    _description = "JSON by POST, signed with HMAC-SHA256 over time and body."

    url: str = Field(
        title="URL", description="http or https; 2xx means taken.", examples=["https://hooks.example.com/x"]
    )
    signing_key: SecretStr = Field(
        title="Signing key",
        description=f"Shared with the receiver, {SHORTEST} characters or more; never shown or sent.",
    )
    token: SecretStr | None = Field(
        None, title="Token", description="Sent as a bearer token besides, over https only; never shown."
    )
    timeout: Duration = Field(timedelta(seconds=5), title="Time-out", description="To connect, and for each read.")
    ca_file: Path | None = Field(
        None, title="CA file", description="Trust this certificate authority instead of the system's."
    )

    _now: Callable[[], float] = PrivateAttr(default=time.time)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            url = httpx.URL(self.url)
        except (httpx.InvalidURL, TypeError):
            raise ValueError(f"{self.url!r} is no address") from None
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise ValueError(f"{url.host or self.url!r}: an address is http(s)://HOST/..., without a user in it")
        if len(self.signing_key.get_secret_value()) < SHORTEST:
            raise ValueError(f"a signing key has {SHORTEST} characters or more; `openssl rand -hex 32` makes one")
        if self.token is not None and url.scheme == "http" and not _loopback(url.host):
            raise ValueError("a token is sent over https only")
        return self

    def tell(self, notice: Notice) -> None:
        """Post the notice; 2xx is told. Never sent twice by this: an answer that was lost is Unreachable."""
        at, told_id = self._now(), str(uuid.uuid4())
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        told = {"schema": SCHEMA, "id": told_id, "at": when, **asdict(notice)}
        body = json.dumps(told, ensure_ascii=True).encode()  # ASCII: half a character of somebody's text breaks nothing
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "tidegate",
            NOTICE_ID: told_id,
            SIGNATURE: signature(self.signing_key.get_secret_value(), int(at), body),
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        _judge(self._post(body, headers))

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The answer's status; its body is not read, a redirect is not followed: it would take the token along."""
        with machine_troubles(f"ca_file {self.ca_file}"):
            trust = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        try:
            with (
                httpx.Client(verify=trust, timeout=self.timeout.total_seconds(), follow_redirects=False) as client,
                client.stream("POST", self.url, content=body, headers=headers) as answer,
            ):
                return answer.status_code
        except httpx.TransportError as why:
            raise Unreachable(f"the webhook does not answer ({type(why).__name__})") from None


def signature(key: str, at: int, body: bytes) -> str:
    """The header's value; `at` is in seconds since 1970."""
    made = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={made.hexdigest()}"


def _judge(status: int) -> None:
    if status // 100 == 2:
        return
    if status in (408, 425, 429) or status >= 500:
        raise NotApplied(f"the webhook did not take it: HTTP {status}")
    if status // 100 == 4:
        raise Denied(f"the webhook refuses it: HTTP {status}")
    raise NotUnderstood(f"the webhook answers HTTP {status}; 2xx means taken, redirects are not followed")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
