"""Request bodies that may be endless: log streams are read as they come, and no faster.

Quart takes in a body as fast as it arrives, up to its limit. A log stream has no limit, so it is
held back instead, through the connection's flow control, while too much of it is unread.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from hypercorn.typing import ASGIReceiveCallable, ASGIReceiveEvent
from quart import Request
from quart.wrappers.request import Body

UNREAD = 256 * 1024  # bytes of a stream held in memory
STREAM_TYPES = frozenset({"text/plain", "application/x-ndjson"})

_STREAM_PATH = re.compile(r"/api/tasks/\d+/logs\Z")


class PacedBody(Body):
    """A body whose sender waits while more than `UNREAD` bytes are unread, if it streams."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self._discards = False
        self._room: asyncio.Event | None = None
        if max_content_length is None:
            self._room = asyncio.Event()
            self._room.set()

    async def room(self) -> None:
        """Return when more may be received."""
        if self._room is not None:
            await self._room.wait()

    def discard(self) -> None:
        """Nobody reads it any more: what still comes is received, and dropped."""
        self._discards = True
        self.clear()
        if self._room is not None:
            self._room.set()

    def refuse(self, error: Exception) -> None:
        """Whoever reads it meets `error` instead of the rest."""
        self._must_raise = error
        self.set_complete()
        if self._room is not None:
            self._room.set()

    def append(self, data: bytes) -> None:
        if self._discards:
            return
        super().append(data)
        if self._room is not None and len(self._data) > UNREAD:
            self._room.clear()

    async def __anext__(self) -> bytes:
        try:
            data = await super().__anext__()
        except StopAsyncIteration:
            if self._must_raise is not None:  # meanwhile
                raise self._must_raise from None
            raise
        if self._room is not None:
            self._room.set()
        return data


class StreamRequest(Request):
    """Set as `app.request_class`: exempts log streams from the limit on bodies."""

    body_class = PacedBody

    def __init__(
        self,
        method: str,
        scheme: str,
        path: str,
        query_string: bytes,
        headers: Any,
        *arguments: Any,
        max_content_length: int | None = None,
        **options: Any,
    ) -> None:
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind in STREAM_TYPES and _STREAM_PATH.search(path):
            max_content_length = None
        super().__init__(
            method,
            scheme,
            path,
            query_string,
            headers,
            *arguments,
            max_content_length=max_content_length,
            **options,
        )


def paced(request: Request, receive: ASGIReceiveCallable) -> Callable[..., Any]:
    """`receive`, waiting for room in the request's body first."""
    body = request.body

    async def receive_when_room() -> ASGIReceiveEvent:
        if isinstance(body, PacedBody):
            await body.room()
        return await receive()

    return receive_when_room
