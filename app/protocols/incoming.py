"""What a request has sent and the app has not taken yet.

Hypercorn reads no further, for any stream of the connection, while an app lets one body wait. Here
each stream has its own window, which opens again as the app takes what has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.asyncio.task_group import TaskGroup

Taken = Callable[[int], Awaitable[None]]


class Intake:
    """Runs the app for one request; takes the place of Hypercorn's TaskGroup in its stream.

    `taken` is told how much of the stream's window is free again, `ended` when the app has ended.
    """

    def __init__(self, group: TaskGroup, taken: Taken, ended: Taken) -> None:
        self._group = group
        self._taken = taken
        self._ended = ended
        self._data = bytearray()
        self._size = 0  # of the window
        self._whole = self._told = self._gone = False
        self._news = asyncio.Event()

    async def spawn_app(self, app: Any, config: Any, scope: Any, send: Any) -> Callable[..., Any]:
        async def run(scope: Any, receive: Any, send: Any, *others: Any) -> None:
            try:
                await app(scope, self.receive, send, *others)
            finally:
                size, self._size = self._size, 0
                await self._ended(size)

        await self._group.spawn_app(run, config, scope, send)  # type: ignore[arg-type]
        return self.put

    def add(self, data: bytes, size: int) -> None:
        """Some of the body, which took `size` of the stream's window."""
        self._data += data
        self._size += size
        self._news.set()

    async def put(self, message: Any) -> None:
        """The end of the body, or of the stream."""
        if message["type"] == "http.disconnect":
            self._gone = True
        else:
            self._whole = True
        self._news.set()

    async def receive(self) -> Any:
        """For the app, as ASGI has it."""
        while not self._data and self._told == self._whole:
            if self._gone:
                return {"type": "http.disconnect"}
            self._news.clear()
            await self._news.wait()
        data = bytes(self._data)
        self._data.clear()
        self._told = self._whole
        size, self._size = self._size, 0
        await self._taken(size)
        return {"type": "http.request", "body": data, "more_body": not self._whole}
