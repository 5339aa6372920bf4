"""
Which addresses a check may connect to (server-side request forgery, reliability.md C18).

The host of an address that the spec or the platform wrote may be private when it is written as a number or as
`localhost`: then nobody else decides where it leads. A name decides by DNS, and a redirect by the other side; both
lead to private addresses only where the spec lists them. Link-local and metadata addresses are never asked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds give a machine's credentials to whoever asks from it: AWS, Google, Azure; Alibaba; Oracle; Azure's agent.
METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
)
# 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some programs and names to others.
ODD_NUMBER = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)
EMBEDS_IPV4 = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """An address that must not be asked; the message says why and what would allow it."""


def checked(text: str) -> URL:
    """A URL that means the same to everybody; Forbidden for every other."""
    if not text.isprintable() or "\\" in text or text != text.strip() or " " in text:
        raise Forbidden(f"{text[:100]!a} holds characters that no URL has")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError as why:
        raise Forbidden(f"{text[:100]!a} is no URL: {why}") from None
    if url.scheme not in {"http", "https"} or not host or not port:
        raise Forbidden(f"{text[:100]!a} is not of http or https; only those are asked")
    if "@" in re.split(r"[/?#]", text.partition("://")[2])[0]:
        raise Forbidden(f"{host}: the URL carries a name or password before the host; give them as a header")
    if ODD_NUMBER.fullmatch(host) and as_number(host) is None:
        raise Forbidden(f"{host[:100]} is a number, but no address as it is usually written")
    return url.with_fragment(None)


def must_be_allowed(host: str, address: Address, private: Collection[str], *, ours: bool) -> None:
    """Raise Forbidden unless `host`, which leads to `address`, may be asked; `ours`: not from a redirect."""
    inner = _inner(address)
    if inner in METADATA or inner.is_link_local or inner.is_multicast or inner.is_unspecified or _nowhere(inner):
        raise Forbidden(f"{host} leads to {address}, which is never asked (link-local, metadata or reserved)")
    if inner.is_global or host in private or (ours and (host == "localhost" or _is_number(host))):
        return
    way = "a redirect" if not ours else "its name"
    raise Forbidden(
        f"{host} leads by {way} to the private address {address}; list {host} in `private_hosts` to allow it"
    )


class Resolver(AbstractResolver):
    """Resolves once, checks every address, and lets the connection go to those only (no second answer of the DNS)."""

    def __init__(self, private: Collection[str], *, ours: bool) -> None:
        self._private, self._ours = private, ours

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for kind, _, proto, _, place in found:
            must_be_allowed(host, ipaddress.ip_address(str(place[0])), self._private, ours=self._ours)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(place[0]),
                    port=port,
                    family=kind,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is kept."""


def as_number(host: str) -> Address | None:
    """The address, when the host is written as one in the one usual way."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_number(host: str) -> bool:
    return as_number(host) is not None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in EMBEDS_IPV4:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _nowhere(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.ip_network("0.0.0.0/8") or address in ipaddress.ip_network("240.0.0.0/4")
    return False
