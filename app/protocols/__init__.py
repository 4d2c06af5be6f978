"""Hypercorn's HTTP/1.1 and HTTP/2, with bounds on what one connection can cost the others.

Hypercorn has no way to hand it other protocols; its version is pinned, and tests/test_http1.py and
tests/test_http2.py prove that these are used.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from weakref import WeakSet

import hypercorn.protocol

from app.protocols.http1 import Http1
from app.protocols.http2 import Http2

SWEEP = 0.5  # seconds


class Protocols:
    """Those of all connections of this server; `send_timeout` in seconds."""

    def __init__(self, send_timeout: float) -> None:
        self._send_timeout = send_timeout
        self._connections: WeakSet[Http2] = WeakSet()

    def install(self) -> None:
        """To be called before Hypercorn serves."""
        hypercorn.protocol.H11Protocol = Http1  # type: ignore[attr-defined]
        hypercorn.protocol.H2Protocol = partial(Http2, self._connections)  # type: ignore[assignment, attr-defined]

    async def run(self) -> None:
        """Runs for as long as the server."""
        while True:
            await asyncio.sleep(SWEEP)
            since = time.monotonic() - self._send_timeout
            for connection in tuple(self._connections):
                connection.drop_stalled(since)
