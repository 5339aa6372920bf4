"""Small real instances for the contract tests: each a web server of its own, which counts what reaches it."""

from __future__ import annotations

import asyncio
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tidegate.traffic import Side


@dataclass
class Backend:
    """
    One instance. `cuts` makes it read a request and hang up; `status` and `delay` are its answers' own.

    `metrics` is what /metrics says. Health checks are answered and not counted.
    """

    version: str
    url: str = ""
    status: int = 200
    delay: float = 0.0
    cuts: bool = False
    metrics: bytes = b""
    requests: Counter[str] = field(default_factory=Counter)
    _server: asyncio.Server | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def start(self) -> None:
        ready = threading.Event()

        async def serve() -> None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
            ready.set()

        def run() -> None:
            self._loop.create_task(serve())
            self._loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        assert ready.wait(5)

    def stop(self) -> None:
        """As a killed process: the port closes, and every connection with it."""
        if not self._loop.is_running():
            return

        def end() -> None:
            assert self._server is not None
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.call_later(0.01, self._loop.stop)

        self._loop.call_soon_threadsafe(end)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        sizes = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(sizes[0]) if sizes else 0)
        if path in {"/health", "/metrics"}:
            self._say(writer, 200, self.metrics)
            return True
        self.requests[method] += 1
        self.requests[f"{method} {body.decode()}"] += 1
        if self.cuts:
            return False
        if self.delay:
            await asyncio.sleep(self.delay)
        self._say(writer, self.status, self.version.encode())
        await writer.drain()
        return True

    def _say(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} X\r\nX-Version: {self.version}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)


@contextmanager
def backends(*versions: str) -> Iterator[list[Backend]]:
    made = [Backend(version) for version in versions]
    for backend in made:
        backend.start()
    try:
        yield made
    finally:
        for backend in made:
            backend.stop()


def side(*instances: Backend) -> Side:
    return Side(instances[0].version, tuple(instance.url for instance in instances))


def ask(url: str, times: int = 1, method: str = "GET", path: str = "/") -> Counter[str]:
    """Answers by version on one kept connection; an answer other than 200 counts under its status."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
    answers: Counter[str] = Counter()
    for number in range(times):
        connection.request(method, path, body=str(number) if method == "POST" else None)
        answer = connection.getresponse()
        answer.read()
        answers[answer.getheader("X-Version") or "nobody" if answer.status == 200 else str(answer.status)] += 1
    connection.close()
    return answers
