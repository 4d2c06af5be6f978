"""All open streams and polls: how many there may be, one heartbeat sweep, one end for all.

That end is also one for the requests that have not arrived to their end by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Protocol

from app.errors import Busy
from app.stream.hub import Subscriber, Wake
from app.stream.limits import StreamLimits

SWEEP = 0.5  # seconds; heartbeats are late by at most this


class Ticking(Protocol):
    def tick(self, now: float) -> None: ...


class Arriving(Protocol):
    def stop(self) -> None: ...


class Registry:
    def __init__(self, limits: StreamLimits) -> None:
        self.streams: set[Ticking] = set()
        self.arriving: set[Arriving] = set()
        self._limits = limits
        self._open: set[Subscriber] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, subscriber: Subscriber, client: str) -> None:
        """Raises Busy or TooManyRequests when there is no place for it."""
        if self._closed:
            raise Busy("problem.stopping")
        self._limits.acquire(client)
        self._open.add(subscriber)
        self._empty.clear()

    def remove(self, subscriber: Subscriber, client: str) -> None:
        if subscriber in self._open:
            self._limits.release(client)
            self._open.discard(subscriber)
            if not self._open:
                self._empty.set()

    def expect(self, request: Arriving) -> None:
        """Its body has not arrived yet; it is in ``arriving`` until it has."""
        self.arriving.add(request)
        if self._closed:
            request.stop()

    async def run(self) -> None:
        """Runs for as long as the server: heartbeats and the planned end of streams."""
        while True:
            await asyncio.sleep(SWEEP)
            now = time.monotonic()
            for stream in tuple(self.streams):
                stream.tick(now)

    async def close(self, grace: float) -> None:
        """End every stream and answer every poll; those that are not done in ``grace`` s are cut.

        Those take no bytes. Left alone, they would hold up the end of the whole server.
        """
        self._closed = True
        for request in tuple(self.arriving):
            request.stop()
        for subscriber in tuple(self._open):
            subscriber.wake(Wake.CLOSE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace)
        for subscriber in tuple(self._open):
            if subscriber.transport is not None:
                subscriber.transport.abort()
