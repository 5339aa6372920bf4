"""
What all blocks are: Prefect Blocks that refuse a misspelt field.

With the other `connector_*` files the only one of this folder that the others may import. A block is configuration (a
form in Prefect's UI, or the `use:` of a release spec); `connect()` or its port's own verbs do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from json import loads
from os import environ
from time import monotonic
from typing import Any, Self

import httpx
from prefect.blocks.core import Block
from pydantic import ConfigDict

from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable
from tidegate.language.judging import Metric
from tidegate.ledger import Push
from tidegate.spec import Spec
from tidegate.traffic import Side
from tidegate.world import World


@dataclass(frozen=True, slots=True)
class Measuring:
    """What a source of measurements knows of the release: the spec's word on its metric, and facts of a side."""

    metric: Metric | None = None  # None: the connector of a component, asked for whatever its gates name
    facts: Callable[[Side], Mapping[str, str]] = lambda side: {"side": side.name}
    pushes: Callable[[timedelta], Sequence[Push]] | None = None  # what was told of the system within so long


class Connector(Block):
    """A connection to one product; unknown fields are an error (Prefect itself would take them in silence)."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    def told_of(self, spec: Spec) -> Self:
        """Itself, knowing what it takes from elsewhere in its spec, e.g. an environment that it names."""
        return self

    def meets(self, world: World) -> None:
        """Is shown the world that it is part of: some checks look at their own release's channels and routes."""

    def measuring(self, how: Measuring) -> Self:
        """Itself, knowing which metric it measures and of which release; what measures nothing needs none of it."""
        return self


MOST_BYTES = 2 * 1024 * 1024


def json_at(
    url: str, query: Mapping[str, str | list[str]] | None = None, *, token: str = "", timeout: timedelta,
    headers: Mapping[str, str] | None = None,
) -> Any:  # fmt: skip
    """
    The JSON that a measuring service answers within `timeout`; Denied, NotUnderstood or Unreachable, with the address.

    Redirects are not followed: where a token goes stands in the spec. The token is never part of a message.
    """
    place, seconds = url.partition("?")[0], timeout.total_seconds()
    sent = {"Accept": "application/json", "User-Agent": "tidegate", **(headers or {})}
    sent |= {"Authorization": f"Bearer {token}"} if token else {}
    until, body = monotonic() + seconds, bytearray()
    try:
        with httpx.stream("GET", url, params=query, headers=sent, timeout=seconds) as answer:
            for part in answer.iter_bytes():
                body += part
                if monotonic() > until:
                    raise Unreachable(f"{place}: no whole answer within {seconds:g} s")
                if len(body) > MOST_BYTES:
                    raise NotUnderstood(f"{place}: an answer of more than {MOST_BYTES:,} bytes")
    except httpx.TimeoutException:
        raise Unreachable(f"{place}: no answer within {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as why:
        raise Unreachable(f"{place}: {type(why).__name__} {str(why)[:200]}".strip()) from None
    _must_be_well(answer.status_code, bytes(body), place)
    try:
        return loads(body)
    except ValueError:
        raise NotUnderstood(f"{place}: the answer is no JSON: {bytes(body[:60])!r}") from None


def _must_be_well(status: int, body: bytes, place: str) -> None:
    said = f"{place}: answered {status} {body[:200].decode('utf-8', 'replace')}".strip()
    if status in (401, 403):
        raise Denied(said)
    if status in (408, 425, 429) or status >= 500:
        raise Unreachable(said)
    if not 200 <= status < 300:
        raise NotUnderstood(said)


def own_variable(name: str) -> str:
    """The value of one of our own variables, which holds a secret; Denied when it is not set."""
    if name and not environ.get(name):
        raise Denied(f"the variable {name} is not set here; it holds the token of this source")
    return environ[name] if name else ""


@contextmanager
def machine_troubles(what: str) -> Iterator[None]:
    """A full disk, too many processes, a file that is not ours: told as a connector's errors."""
    try:
        yield
    except PermissionError as why:
        raise Denied(f"{what}: {why.filename or 'this machine'}: {why.strerror}") from None
    except OSError as why:
        raise NotApplied(f"{what}: {why.filename or 'this machine'}: {why.strerror or why}") from None
