"""Streams and waits that measure the way to the client, by the machinery of the real ones.

They take a place among the streams, end when the server stops, and no time-out of ours cuts them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from hypercorn.typing import ASGISendCallable

from app.stream.encoding import control
from app.stream.hub import Subscriber
from app.stream.registry import Registry
from app.stream.streaming import Streaming

LONGEST = 75.0  # seconds a probe may last
FILLER = "a line of a log, as tasks write them; "


class Probe(Streaming[Subscriber]):
    """``count`` numbered events, ``pause`` seconds apart; every second one has ``size`` bytes.

    Each says when it was sent, in seconds since the first, and whether it is the last.
    """

    def __init__(
        self, registry: Registry, client: str, count: int, pause: float, size: int
    ) -> None:
        super().__init__(Subscriber((), 0, 0), registry, client)
        self._count = count
        self._pause = pause
        self._filler = (FILLER * (size // len(FILLER) + 1))[:size]

    async def stream(self, send: ASGISendCallable) -> None:
        async for body in self._events():
            await send({"type": "http.response.body", "body": body, "more_body": True})

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
