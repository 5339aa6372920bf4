"""
What every part of an infrastructure check shares: one thing that was found, and how it is told.

A part (a database, a firewall, ...) is a section of fields; each field that is given is one assertion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from blocks.aws_clients import Access, client
from tidegate.language.limits import Limit

DAY = 86400.0  # seconds
_SIZES = ("nano", "micro", "small", "medium", "large", "xlarge")
_CLASS = re.compile(r"(?:db|cache)\.([a-z]+)(\d+)[a-z-]*\.(?:(\d+)?(xlarge)|(nano|micro|small|medium|large))(?:\..*)?")


class Absent(Exception):
    """What is asserted of is not there at all; the message says what."""


class Finding(NamedTuple):
    """One assertion: what it is about, what AWS shows, what is wanted, whether that is so."""

    what: str
    found: str
    wanted: str
    holds: bool

    def __str__(self) -> str:
        return f"{self.what} is {self.found}" + ("" if self.holds else f", wanted: {self.wanted}")


@dataclass(frozen=True, slots=True)
class Aws:
    """Clients of one account, and what the spec says of the environment at hand."""

    access: Access
    variables: Mapping[str, str] = field(default_factory=dict)

    def ask(self, service: str) -> Any:
        return client(service, self.access)

    def ask_globally(self, service: str) -> Any:
        """CloudFront, Shield and CloudFront's firewalls are asked in one region only, whichever one's own is."""
        return client(service, Access("us-east-1", *_rest(self.access)))


def _rest(access: Access) -> tuple[str, str, str]:
    return access.profile, access.role_arn, access.endpoint_url


class Section(BaseModel):
    """The fields of one part; a misspelt one is an error, and one without an assertion, too."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def look(self, aws: Aws) -> Iterator[Finding]:
        """Every assertion that is made; a ConnectorError when AWS cannot be asked."""
        raise NotImplementedError


def same(what: str, found: Any, wanted: Any) -> Finding:
    return Finding(what, said(found), said(wanted), found == wanted)


def within(what: str, found: float | None, wanted: Limit, text: str = "") -> Finding:
    """A number against its limit; one that AWS does not tell never holds."""
    if found is None:
        return Finding(what, "not told", wanted.said, holds=False)
    return Finding(what, text or f"{found:g}", wanted.said, wanted.holds(found))


def at_least_class(what: str, found: str, wanted: str) -> Finding:
    """`db.t3.small` or larger; the same kind of machine of an older generation is not enough."""
    return Finding(
        what, found or "not told", f"at least {wanted}", _rank(found) >= _rank(wanted) and _newer(found, wanted)
    )


def _rank(name: str) -> int:
    """From nano to xlarge, 2xlarge and up; -1 for what is no class."""
    if not (parts := _CLASS.fullmatch(name)):
        return -1
    return _SIZES.index("xlarge") + int(parts[3] or 1) - 1 if parts[4] else _SIZES.index(parts[5])


def _newer(found: str, wanted: str) -> bool:
    has, needs = _CLASS.fullmatch(found), _CLASS.fullmatch(wanted)
    return bool(has and needs) and (has[1] != needs[1] or int(has[2]) >= int(needs[2]))  # type: ignore[index]


def known_class(name: str) -> str:
    """Itself; ValueError when its size is not known, so that a misspelt one never passes."""
    if _rank(name) < 0:
        raise ValueError(f"{name!r} is no class known here; write e.g. db.t3.small or cache.r6g.2xlarge")
    return name


def said(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value not in (None, "") else "not told"


def only(what: str, found: list[Any]) -> Any:
    """The one that was asked for; Absent when AWS shows none."""
    if not found:
        raise Absent(what)
    return found[0]
