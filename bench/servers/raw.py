"""The most that Python can do: bare asyncio, all events of one read joined into one write.

No routing, no store, no limits, no cursor: an upper bound, not an alternative.
"""

from __future__ import annotations

import asyncio
from typing import cast

from bench.servers.ready import has_uvloop, listen_for_lines, port_of, run, tell

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n4\r\n:hi\n\r\n"
)
subscribers: set[asyncio.Transport] = set()


class Subscriber(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\r\n\r\n"):
            self._transport.write(HEAD)
            subscribers.add(self._transport)

    def connection_lost(self, error: Exception | None) -> None:
        subscribers.discard(self._transport)


def publish(lines: list[bytes]) -> None:
    frames = b"".join([b"data: %b\n\n" % line for line in lines])
    chunk = b"%x\r\n%b\r\n" % (len(frames), frames)
    for transport in subscribers:
        transport.write(chunk)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Subscriber, "127.0.0.1", 0, backlog=1024)
    tell(port_of(server), await listen_for_lines(publish))
    await server.serve_forever()


if __name__ == "__main__":
    run(serve(), uvloop=has_uvloop())
