"""Redis' own protocol (RESP2), as much as emptying a cache needs: one connection, bounded in time and size."""

from __future__ import annotations

import socket
import ssl
import time
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from tidegate.errors import Denied, NotApplied, NotUnderstood, Unreachable

MOST_BYTES = 16 * 1024 * 1024  # of one answer
Reply = str | int | None | list["Reply"]


class Redis:
    """One connection; `url` is redis://[user:password@]host[:port][/db], rediss:// over TLS."""

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
            raise Denied("the address of Redis is written redis://HOST:PORT/DB, or rediss:// over TLS")
        self.host, self.name = parts.hostname, f"Redis at {parts.hostname}:{parts.port or 6379}"
        self.port, self.secure = parts.port or 6379, parts.scheme == "rediss"
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.db, self.until = parts.path.strip("/") or "0", time.monotonic() + seconds
        self._buffer = b""

    def __enter__(self) -> Self:
        try:
            plain = socket.create_connection((self.host, self.port), timeout=self._left())
            self._socket = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self.secure else plain
            )
        except OSError as why:
            raise Unreachable(f"{self.name} does not answer: {type(why).__name__}") from None
        if self.password:
            self.ask("AUTH", *([self.user] if self.user else []), self.password)
        if self.db != "0":
            self.ask("SELECT", self.db)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, what: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, *words: str) -> Reply:
        """Denied where Redis refuses; NotApplied where it is loading or has lost its primary."""
        told = b"".join(
            b"$%d\r\n%s\r\n" % (len(raw), raw) for raw in (word.encode("utf-8", "surrogateescape") for word in words)
        )
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(b"*%d\r\n%s" % (len(words), told))
            return self._reply()
        except OSError as why:
            raise Unreachable(f"{self.name} did not answer {words[0]}: {type(why).__name__}") from None

    def _reply(self) -> Reply:
        line = self._line()
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return rest.decode("utf-8", "replace")
            case b"-":
                said = rest.decode("utf-8", "replace")[:200]
                again = said.startswith(("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "READONLY"))
                raise (NotApplied if again else Denied)(f"{self.name}: {said}")
            case b":":
                return int(rest)
            case b"$":
                return None if rest == b"-1" else self._bytes(int(rest)).decode("utf-8", "surrogateescape")
            case b"*":
                return [self._reply() for _ in range(int(rest))]
        raise NotUnderstood(f"{self.name} answers something that is not its protocol")

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _bytes(self, size: int) -> bytes:
        if not 0 <= size <= MOST_BYTES:
            raise NotUnderstood(f"{self.name} answers with {size:,} bytes")
        while len(self._buffer) < size + 2:
            self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
        return found

    def _more(self) -> None:
        self._socket.settimeout(self._left())
        piece = self._socket.recv(65536)
        if not piece or len(self._buffer) > MOST_BYTES:
            raise Unreachable(f"{self.name} hung up")
        self._buffer += piece

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise Unreachable(f"{self.name} did not come to an end in time")
        return left
