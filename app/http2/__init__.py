"""HTTP/2 with bounds on what one connection can cost the others.

Hypercorn has no way to hand it another protocol; its version is pinned, and tests/test_http2.py
proves that this one is used.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from weakref import WeakSet

import hypercorn.protocol

from app.http2.protocol import Protocol

SWEEP = 0.5  # seconds


class Http2:
    """All HTTP/2 connections of this server; `send_timeout` in seconds."""

    def __init__(self, send_timeout: float) -> None:
        self._send_timeout = send_timeout
        self._connections: WeakSet[Protocol] = WeakSet()

    def install(self) -> None:
        """To be called before Hypercorn serves."""
        hypercorn.protocol.H2Protocol = partial(Protocol, self._connections)  # type: ignore[assignment, attr-defined]

    async def run(self) -> None:
        """Runs for as long as the server."""
        while True:
            await asyncio.sleep(SWEEP)
            since = time.monotonic() - self._send_timeout
            for connection in tuple(self._connections):
                connection.drop_stalled(since)
