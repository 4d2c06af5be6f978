"""Streams and waits that measure the way to the client, by the machinery of the real ones.

They take a place among the streams, end when the server stops, and no time-out of ours cuts them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable

from app.stream.direct import transport_of
from app.stream.encoding import control
from app.stream.hub import Subscriber, Wake
from app.stream.registry import Registry

LONGEST = 75.0  # seconds a probe may last
NEVER_RUN = 60.0  # seconds
FILLER = "a line of a log, as tasks write them; "


class Probe:
    """``count`` numbered events, ``pause`` seconds apart; every second one has ``size`` bytes.

    Each says when it was sent, in seconds since the first, and whether it is the last.
    """

    def __init__(
        self, registry: Registry, client: str, count: int, pause: float, size: int
    ) -> None:
        self._registry = registry
        self._client = client
        self._count = count
        self._pause = pause
        self._filler = (FILLER * (size // len(FILLER) + 1))[:size]
        self._made_at = time.monotonic()
        self._begun = False
        self._place = Subscriber((), 0, 0)
        registry.add(self._place, client)
        registry.streams.add(self)

    def tick(self, now: float) -> None:
        if not self._begun and now - self._made_at > NEVER_RUN:
            self.discard()  # its request was cancelled before the hand-over

    async def run(
        self, receive: ASGIReceiveCallable, send: ASGISendCallable, start: dict[str, Any]
    ) -> None:
        self._begun = True
        leaving = asyncio.create_task(self._watch(receive))
        try:
            await send(start)  # type: ignore[arg-type]
            self._place.transport = transport_of(send)
            async for body in self._events():
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            pass  # it took no bytes for the send time-out, so the kernel closed the connection
        finally:
            leaving.cancel()
            self.discard()

    async def _events(self) -> AsyncIterator[bytes]:
        begun = time.monotonic()
        for number in range(self._count):
            due = begun + number * self._pause
            if number and not await rest(self._place, due - time.monotonic()):
                yield control("PROBE", None, stopping=True)
                return
            yield control(
                "PROBE",
                None,
                n=number + 1,
                at=round(time.monotonic() - begun, 3),
                last=number + 1 == self._count,
                filler=self._filler if number % 2 else "",
            )

    def discard(self) -> None:
        self._registry.streams.discard(self)
        self._registry.remove(self._place, self._client)

    async def _watch(self, receive: ASGIReceiveCallable) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._place.wake(Wake.GONE)


async def hold(registry: Registry, client: str, seconds: float) -> bool:
    """Wait as a long-poll does; False when the server stops meanwhile."""
    place = Subscriber((), 0, 0)
    registry.add(place, client)
    try:
        return await rest(place, seconds)
    finally:
        registry.remove(place, client)


async def rest(place: Subscriber, seconds: float) -> bool:
    """Wait; False at once when ``place`` is to end."""
    if place.closing is None and seconds > 0:
        place.future = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(place.future, seconds)
        except TimeoutError:
            pass
        finally:
            place.future = None
    return place.closing is None
