"""Hands an event stream from Quart to itself.

Quart routes, authenticates and adds headers as for any route; then its request and response are
dropped, and the stream runs without a generator, Quart's time-outs or their memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, NamedTuple

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
)
from quart import Request
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers

from app.incoming import paced
from app.stream.streaming import Streaming, StreamResponse

LINGER = 2.0  # seconds


class _HandOver(NamedTuple):
    stream: Streaming[Any]
    start: dict[str, Any]  # the ASGI response start


class Connection(ASGIHTTPConnection):
    """Set as ``app.asgi_http_class``."""

    _hand_over: _HandOver | None = None
    _gone = False
    _received = False  # the request to its end
    _lingering: asyncio.Future[None] | None = None

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await super().__call__(receive, send)
        if self._hand_over is None:
            return
        stream, start = self._hand_over
        self._hand_over = None
        if self._gone:  # the message that says so is used up: the stream would never hear of it
            stream.discard()
        else:
            await stream.run(receive, send, start)

    async def handle_messages(self, request: Request, receive: ASGIReceiveCallable) -> None:
        receive = paced(request, receive)

        async def receive_and_note() -> ASGIReceiveEvent:
            message: ASGIReceiveEvent = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                self._received = True
                if self._lingering is not None and not self._lingering.done():
                    self._lingering.set_result(None)
            return message

        await super().handle_messages(request, receive_and_note)
        self._gone = True

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        if not isinstance(response, StreamResponse):
            if response.status_code >= 400:
                await self._linger()
            await super()._send_response(send, response)
            return
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": encode_headers(response.headers),
        }
        self._hand_over = _HandOver(response.stream, start)

    async def _linger(self) -> None:
        """Let the rest of a refused body come in, and drop it.

        Answered before, the connection would be closed under a client that still writes, which
        then sees a reset instead of the answer (RFC 9112, section 9.6).
        """
        if self._received:
            return
        self._lingering = asyncio.get_running_loop().create_future()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._lingering, LINGER)
