"""One Server-Sent Events response, streamed by itself once Quart has routed the request."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Protocol

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Response

from app import __version__
from app.stream.direct import transport_of
from app.stream.encoding import control
from app.stream.feed import Feed
from app.stream.hub import CHUNK, Wake
from app.stream.registry import Registry

NEVER_RUN = 60.0  # seconds
PROOF = 1.0  # seconds after HELLO: boxes that pass it and hold the rest are noticed by this

# Why these, box by box: docs/protocol.md.
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}


class EventStream:
    """``heartbeat`` and ``lifetime`` in seconds; the latter is spread by 15 % either way."""

    __slots__ = (
        "_client",
        "_ends_at",
        "_feed",
        "_heartbeat",
        "_made_at",
        "_proved",
        "_registry",
        "_send",
    )

    def __init__(
        self, feed: Feed, registry: Registry, client: str, heartbeat: float, lifetime: float
    ) -> None:
        self._feed = feed
        self._registry = registry
        self._client = client
        self._heartbeat = heartbeat
        self._made_at = time.monotonic()
        self._proved = False
        self._ends_at = self._made_at + lifetime * random.uniform(0.85, 1.15)
        self._send: ASGISendCallable
        registry.add(feed, client)
        registry.streams.add(self)

    def tick(self, now: float) -> None:
        """Called by the sweep; a stream that is busy sending needs nothing."""
        if self._feed.future is None:
            if not self._feed.sent_at and now - self._made_at > NEVER_RUN:
                self.discard()  # its request was cancelled before the hand-over
            return
        if now >= self._ends_at:
            self._feed.wake(Wake.CLOSE)
        elif now - self._feed.sent_at >= (self._heartbeat if self._proved else PROOF):
            self._proved = True
            self._feed.wake(Wake.BEAT)

    async def run(
        self, receive: ASGIReceiveCallable, send: ASGISendCallable, start: dict[str, Any]
    ) -> None:
        """Send ``start`` (the ASGI response start) and events until the stream is to end."""
        self._send = send
        leaving = asyncio.create_task(_watch(receive, self._feed))
        try:
            await send(start)  # type: ignore[arg-type]
            self._feed.transport = transport_of(send)
            await self._follow()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            pass  # it took no bytes for the send time-out, so the kernel closed the connection
        finally:
            leaving.cancel()
            self.discard()

    def discard(self) -> None:
        self._registry.streams.discard(self)
        self._registry.remove(self._feed, self._client)
        self._feed.close()

    async def _write(self, body: bytes) -> None:
        # What a client does not take is copied for it alone, so a large event goes in pieces.
        for start in range(0, len(body), CHUNK):
            piece = body[start : start + CHUNK] if len(body) > CHUNK else body
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self._feed.sent_at = time.monotonic()

    async def _follow(self) -> None:
        feed = self._feed
        await self._write(
            control(
                "HELLO",
                feed.id,
                retry=random.randint(1000, 3000),
                version=__version__,
                heartbeat=self._heartbeat,
            )
        )
        beat = False
        while True:
            if feed.closing is not None:
                return
            if feed.reset is not None:
                await self._write(control("RESET", feed.id, reason=feed.reset))
                feed.reset = None
            if feed.is_behind:
                chunk = await feed.replay()
                if chunk is None:
                    continue
            else:
                chunk = feed.live()
            if chunk is not None:
                beat = False
                await self._write(chunk)
                continue
            if feed.watches and await self._end_topics():
                return
            if beat:
                beat = False
                await self._write(control("HEARTBEAT", feed.id))
            if await feed.wait() is Wake.BEAT:
                beat = True
                feed.look()

    async def _end_topics(self) -> bool:
        """Say which topics are over; True when no other is left."""
        for topic in self._feed.take_ended():
            await self._write(control("END", self._feed.id, topic=topic))
        return not self._feed.topics


async def _watch(receive: ASGIReceiveCallable, feed: Feed) -> None:
    """A client's leaving arrives here at once, while sending to it stays silent."""
    while (await receive())["type"] != "http.disconnect":
        pass
    feed.wake(Wake.GONE)


class Streaming(Protocol):
    """What is handed over to; one of the two is called, once."""

    async def run(
        self, receive: ASGIReceiveCallable, send: ASGISendCallable, start: dict[str, Any]
    ) -> None: ...

    def discard(self) -> None: ...


class StreamResponse(Response):
    """What an SSE route returns: headers for Quart's hooks, and the stream to hand over to."""

    timeout = None

    def __init__(self, stream: Streaming) -> None:
        super().__init__(b"", headers=HEADERS)
        self.headers.pop("Content-Length", None)
        self.stream = stream
