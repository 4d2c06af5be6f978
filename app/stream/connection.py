"""Hands an event stream from Quart to itself.

Quart routes, authenticates and adds headers as for any route; then its request and response are
dropped, and the stream runs without a generator, Quart's time-outs or their memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any, NamedTuple

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
)
from quart import Quart, Request
from quart.asgi import ASGIHTTPConnection
from quart.typing import ResponseTypes
from quart.utils import encode_headers
from quart.wrappers.request import Body

from app.errors import Busy
from app.incoming import PacedBody, paced
from app.stream.patience import SlowResponse, patience
from app.stream.registry import Registry
from app.stream.streaming import Streaming, StreamResponse

LINGER = 2.0  # seconds for which a body that nobody reads any more may be silent
LINGER_MOST = 30.0  # seconds for which it may go on
LINGER_STOPPING = 0.3  # seconds, when the server stops


class _HandOver(NamedTuple):
    stream: Streaming[Any]
    start: dict[str, Any]  # the ASGI response start


class Connection(ASGIHTTPConnection):
    """Set as ``app.asgi_http_class``, with the registry filled in."""

    _hand_over: _HandOver | None = None
    _gone = False
    _received = False  # the request to its end
    _body: Body | None = None
    _arrived: asyncio.Event | None = None  # something more of the request, while we linger
    _stopping = False

    def __init__(self, registry: Registry, app: Quart, scope: HTTPScope) -> None:
        super().__init__(app, scope)
        self._registry = registry

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        try:
            await super().__call__(receive, send)
        finally:
            self._registry.arriving.discard(self)
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
        self._body = request.body
        self._registry.expect(self)

        async def receive_and_note() -> ASGIReceiveEvent:
            message: ASGIReceiveEvent = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                self._received = True
                self._registry.arriving.discard(self)
            if self._arrived is not None:
                self._arrived.set()
            return message

        await super().handle_messages(request, receive_and_note)
        self._gone = True

    def stop(self) -> None:
        """The server ends before the request has arrived: nobody waits for the rest of it."""
        self._stopping = True
        if isinstance(self._body, PacedBody):
            self._body.refuse(Busy("problem.stopping"))

    async def _send_response(self, send: ASGISendCallable, response: ResponseTypes) -> None:
        if not isinstance(response, StreamResponse):
            slow = isinstance(response, SlowResponse)
            with patience(send) if slow else contextlib.nullcontext():
                await super()._send_response(partial(self._send_and_linger, send), response)
            return
        start = {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": encode_headers(response.headers),
        }
        self._hand_over = _HandOver(response.stream, start)

    async def _send_and_linger(self, send: ASGISendCallable, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._linger()
        await send(message)

    async def _linger(self) -> None:
        """Before the answer ends, let the rest of the request come in, and drop it.

        Otherwise the connection would be closed under a client that still writes, which then sees
        a reset instead of the answer (RFC 9112, section 9.6); or would be kept, with the rest of a
        body in it that nobody takes out.
        """
        if self._received:
            return
        if isinstance(self._body, PacedBody):
            self._body.discard()
        self._arrived = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_STOPPING if self._stopping else LINGER_MOST):
                while not self._received:
                    await asyncio.wait_for(self._arrived.wait(), LINGER)
                    self._arrived.clear()
