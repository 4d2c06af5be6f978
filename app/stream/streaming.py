"""A response that streams by itself once Quart has routed its request (connection.py)."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any, Generic, TypeVar

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Response

from app.stream.direct import transport_of
from app.stream.hub import Subscriber, Wake
from app.stream.registry import Registry

NEVER_RUN = 60.0  # seconds

# Why these, box by box: docs/protocol.md.
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}

P = TypeVar("P", bound=Subscriber)


class Streaming(Generic[P]):
    """One such response, and its ``place`` among all that are open.

    Handed over, it is run or discarded, once.
    """

    __slots__ = ("_client", "_place", "_registry", "_waits_until")

    def __init__(self, place: P, registry: Registry, client: str) -> None:
        """Raises Busy or TooManyRequests when there is no place for it."""
        self._place = place
        self._registry = registry
        self._client = client
        self._waits_until = time.monotonic() + NEVER_RUN
        registry.add(place, client)
        registry.streams.add(self)

    def tick(self, now: float) -> None:
        """Called by the registry's sweep."""
        if now > self._waits_until:
            self.discard()  # its request was cancelled before the hand-over

    async def run(
        self, receive: ASGIReceiveCallable, send: ASGISendCallable, start: dict[str, Any]
    ) -> None:
        """Send ``start`` (the ASGI response start), then what there is until it is to end."""
        self._waits_until = math.inf
        leaving = asyncio.create_task(_watch(receive, self._place))
        try:
            await send(start)  # type: ignore[arg-type]
            self._place.transport = transport_of(send)
            await self.stream(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            pass  # it took no bytes for the send time-out, so the kernel closed the connection
        finally:
            leaving.cancel()
            self.discard()

    async def stream(self, send: ASGISendCallable) -> None:
        """Send the body, but for its end."""
        raise NotImplementedError

    def discard(self) -> None:
        self._registry.streams.discard(self)
        self._registry.remove(self._place, self._client)


async def _watch(receive: ASGIReceiveCallable, place: Subscriber) -> None:
    """A client's leaving arrives here at once, while sending to it stays silent."""
    while (await receive())["type"] != "http.disconnect":
        pass
    place.wake(Wake.GONE)


class StreamResponse(Response):
    """What such a route returns: headers for Quart's hooks, and the stream to hand over to."""

    timeout = None

    def __init__(self, stream: Streaming[Any]) -> None:
        super().__init__(b"", headers=HEADERS)
        self.headers.pop("Content-Length", None)
        self.stream = stream
