"""The processes of the zero-loss run: `serve VERSION SLOW` is an instance, `ask URL` are the customers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

# Customers by kind: how many connections, what they ask, and whether each request gets a connection of its own.
KINDS = {
    "kept GET": (10, "GET", "/", False),
    "kept POST": (4, "POST", "/", False),
    "fresh GET": (4, "GET", "/", True),
    "fresh POST": (2, "POST", "/", True),
    "long": (3, "GET", "/slow", False),
}


class Instance(asyncio.Protocol):
    """One connection to an instance; POSTs carry a number and are counted by it."""

    posts: ClassVar[Counter[bytes]] = Counter()
    version: ClassVar[bytes] = b""
    slow: ClassVar[float] = 10.0

    def __init__(self) -> None:
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.unread += data
        head, found, body = self.unread.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0] or 0) if found else 0
        if not found or len(body) < length:
            return
        self.unread = body[length:]
        if head.startswith(b"POST"):
            self.posts[body[:length]] += 1
        path = head.split(b" ", 2)[1]
        if path == b"/posts":
            doubled = sum(times - 1 for times in self.posts.values())
            self.say(json.dumps({"received": len(self.posts), "doubled": doubled}).encode())
        elif path == b"/slow":
            asyncio.get_running_loop().call_later(self.slow, self.say, b"at last")
        else:
            self.say(b"hello")

    def say(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nX-Version: %s\r\nContent-Length: %d\r\n\r\n" % (self.version, len(body))
        self.transport.write(head + body)


async def serve(version: str, slow: float) -> None:
    Instance.version, Instance.slow = version.encode(), slow
    server = await asyncio.get_running_loop().create_server(Instance, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


@dataclass
class Tally:
    """What the customers saw."""

    answered: int = 0
    failed: int = 0
    posts: int = 0
    green_asked_at: float = 0.0  # when the last request that green answered was sent
    by_kind: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    ending: bool = False

    def fail(self, why: str) -> None:
        self.failed += 1
        if len(self.failures) < 20:
            self.failures.append(f"{time.monotonic():.3f} {why}")


class Customer:
    """One connection after the other, or one for ever; each request is answered whole or has failed."""

    def __init__(self, url: str, kind: str, tally: Tally) -> None:
        at = urlsplit(url)
        self.host, self.port = at.hostname or "", at.port
        self.kind, self.tally = kind, tally
        _, self.method, self.path, self.fresh = KINDS[kind]

    async def live(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.tally.ending:
            number = self.tally.posts
            self.tally.posts += self.method == "POST"
            try:
                async with asyncio.timeout(60):
                    connection = connection or await asyncio.open_connection(self.host, self.port)
                    await self.ask(*connection, number)
            except (OSError, ValueError, LookupError, asyncio.IncompleteReadError, TimeoutError) as lost:
                self.tally.fail(f"{self.kind}: {type(lost).__name__} {lost}")
            else:
                self.tally.answered += 1
                self.tally.by_kind[self.kind] += 1
                if not self.fresh:
                    continue
            if connection:
                connection[1].close()
            connection = None

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        body = f"{number}" if self.method == "POST" else ""
        close = "Connection: close\r\n" if self.fresh else ""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        asked_at = time.monotonic()
        writer.write(f"{self.method} {self.path} HTTP/1.1\r\nHost: bench\r\n{close}{length}\r\n{body}".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        told = await reader.readexactly(int(headers[b"Content-Length"]))
        if not head.startswith(b"HTTP/1.1 200 ") or told not in {b"hello", b"at last"}:
            raise ValueError(head.split(b"\r\n", 1)[0] + b" " + told[:60])
        if headers[b"X-Version"] == b"2.0":
            self.tally.green_asked_at = max(self.tally.green_asked_at, asked_at)


async def ask(url: str) -> None:
    """Ask until told to end; every line on standard input is answered by what was seen so far."""
    tally = Tally()
    living = [
        asyncio.create_task(Customer(url, kind, tally).live())
        for kind, (connections, *_) in KINDS.items()
        for _ in range(connections)
    ]
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        word, wait = line.split()
        if word == "end":
            tally.ending = True
            _, late = await asyncio.wait(living, timeout=float(wait))
            for _ in late:
                tally.fail("no answer at the end")
        print(json.dumps({name: value for name, value in vars(tally).items() if name != "ending"}), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", version, slow]:
            asyncio.run(serve(version, float(slow)))
        case ["ask", url]:
            asyncio.run(ask(url))
