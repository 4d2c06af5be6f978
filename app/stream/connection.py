"""Hands an event stream from Quart to itself.

Quart routes, authenticates and adds headers as for any route; then its request and response are
dropped, and the stream runs without a generator, Quart's time-outs or their memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Request
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers

from app.incoming import paced
from app.stream.sse import EventStream, StreamResponse


class _HandOver(NamedTuple):
    stream: EventStream
    start: dict[str, Any]  # the ASGI response start


class Connection(ASGIHTTPConnection):
    """Set as ``app.asgi_http_class``."""

    _hand_over: _HandOver | None = None
    _gone = False

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
        await super().handle_messages(request, paced(request, receive))
        self._gone = True

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        if not isinstance(response, StreamResponse):
            await super()._send_response(send, response)
            return
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": encode_headers(response.headers),
        }
        self._hand_over = _HandOver(response.stream, start)
