"""A closed-loop HTTP load client: keep-alive connections, each with one request under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

MakeRequest = Callable[[int], bytes]  # from a number that counts up over all connections

WARM_UP = 0.3  # seconds


def request(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """A whole request."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        if (data := self._load.next()) is None:
            self._transport.close()
        else:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return
        fields = head.lower()
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._answer = b""
        if fields[9:12] not in (b"200", b"201"):
            self._load.finish(RuntimeError(f"{head[:100]!r}... {body[:300]!r}"))
            self._transport.close()
            return
        self._load.count(body)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._load.closed(error)


class Load:
    """Answers counted between the warm-up and the end."""

    def __init__(self, make: MakeRequest, connections: int, seconds: float) -> None:
        self._make = make
        self._connections = self._open = connections
        self._started = time.perf_counter() + WARM_UP
        self._ends = self._started + seconds
        self._sent = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers = 0
        self.last = b""

    async def run(self, port: int) -> float:
        """Answers a second. Raises RuntimeError at the first that is not 200 or 201."""
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
        await self._done
        return self.answers / (time.perf_counter() - self._started)

    def next(self) -> bytes | None:
        """The next request, None when the time is over."""
        if self._done.done() or time.perf_counter() >= self._ends:
            return None
        self._sent += 1
        return self._make(self._sent)

    def count(self, body: bytes) -> None:
        self.last = body
        if time.perf_counter() >= self._started:
            self.answers += 1

    def closed(self, error: Exception | None) -> None:
        self._open -= 1
        if error is not None or not self._open:
            self.finish(error)

    def finish(self, error: Exception | None) -> None:
        if not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)
