"""Requests as browsers send them: once more where a connection that was kept had been closed."""

from __future__ import annotations

import time

import httpx

_TRIES = 5  # more than connections are kept, each of which may be such a one
_AT_ONCE = 1.0  # seconds; what fails later was cut while it waited, which is to be measured


class Transport(httpx.AsyncHTTPTransport):
    """For requests that may be repeated, as all of `livequeue check` may.

    A proxy such as tinyproxy closes a connection after its answer, without having said so.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        begun = time.monotonic()
        for _ in range(_TRIES - 1):
            try:
                return await super().handle_async_request(request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                if time.monotonic() - begun > _AT_ONCE:
                    raise
        return await super().handle_async_request(request)
