"""One Server-Sent Events response, streamed by itself once Quart has routed the request."""

from __future__ import annotations

import random
import time

from hypercorn.typing import ASGISendCallable

from app import __version__
from app.stream.encoding import control
from app.stream.feed import Feed
from app.stream.hub import CHUNK, Wake
from app.stream.registry import Registry
from app.stream.streaming import Streaming

PROOF = 1.0  # seconds after HELLO: boxes that pass it and hold the rest are noticed by this


class EventStream(Streaming[Feed]):
    """``heartbeat`` and ``lifetime`` in seconds; the latter is spread by 15 % either way."""

    __slots__ = ("_ends_at", "_heartbeat", "_proved", "_send")

    def __init__(
        self, feed: Feed, registry: Registry, client: str, heartbeat: float, lifetime: float
    ) -> None:
        super().__init__(feed, registry, client)
        self._heartbeat = heartbeat
        self._proved = False
        self._ends_at = time.monotonic() + lifetime * random.uniform(0.85, 1.15)
        self._send: ASGISendCallable

    def tick(self, now: float) -> None:
        super().tick(now)
        feed = self._place
        if feed.future is None:
            return  # it is busy sending
        if now >= self._ends_at:
            feed.wake(Wake.CLOSE)
        elif now - feed.sent_at >= (self._heartbeat if self._proved else PROOF):
            self._proved = True
            feed.wake(Wake.BEAT)

    def discard(self) -> None:
        super().discard()
        self._place.close()

    async def _write(self, body: bytes) -> None:
        # What a client does not take is copied for it alone, so a large event goes in pieces.
        for start in range(0, len(body), CHUNK):
            piece = body[start : start + CHUNK] if len(body) > CHUNK else body
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        self._place.sent_at = time.monotonic()

    async def stream(self, send: ASGISendCallable) -> None:
        self._send = send
        feed = self._place
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
        for topic in self._place.take_ended():
            await self._write(control("END", self._place.id, topic=topic))
        return not self._place.topics
