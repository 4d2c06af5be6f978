"""HTTP/2 with bounds on what a client does not take.

Hypercorn lets an answer run on while its client's window is shut: looking for what may be sent
counts as having sent it, so all of a large answer ends up in memory. The kernel's send time-out
does not see such a client, which acknowledges every segment. And what a client resets, or an
answer leaves undone, stays with its connection for good. So here are a buffer that holds an answer
back, an end for streams that have not moved for the send time-out, and one for those that are over.

Hypercorn has no way to hand it another protocol; its version is pinned, and tests/test_http2.py
proves that this one is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import partial
from typing import Any
from weakref import WeakSet

import h2.errors
import h2.events
import h2.exceptions
import hypercorn.protocol
import hypercorn.protocol.h2
from hypercorn.events import Closed, Event
from hypercorn.protocol.h2 import (
    BUFFER_HIGH_WATER,
    BUFFER_LOW_WATER,
    BufferCompleteError,
    H2Protocol,
    StreamBuffer,
)

SWEEP = 0.5  # seconds


class Buffer(StreamBuffer):
    """What one answer has not sent yet. Whoever adds to it waits until there is room."""

    shut_since: float | None = None  # there is something to send, but the client's window is shut

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        while len(self.buffer) >= BUFFER_HIGH_WATER and not self._complete:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        data = bytes(self.buffer[:max_length])
        del self.buffer[: len(data)]
        if data or not self.buffer:
            self.shut_since = None
        elif self.shut_since is None:
            self.shut_since = time.monotonic()
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data

    @property
    def finished(self) -> bool:
        """Whether the answer is whole, sent or not."""
        return self._complete


class _Over:
    """In the place of streams that have ended: what still arrives for them is dropped."""

    idle = True

    async def handle(self, event: object) -> None:
        pass


class _Streams(dict[int, Any]):
    def __missing__(self, stream_id: int) -> _Over:
        return _Over()


class Protocol(H2Protocol):
    stream_buffers: dict[int, Buffer]  # type: ignore[assignment]

    def __init__(self, connections: WeakSet[Protocol], *arguments: Any) -> None:
        super().__init__(*arguments)
        self.streams = _Streams()
        connections.add(self)

    async def handle(self, event: Event) -> None:
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in tuple(self.stream_buffers.values()):
                await buffer.close()  # whoever waits for room or for the end
            self.stream_buffers.clear()

    def drop_stalled(self, since: float) -> None:
        """Reset the streams whose client has not opened its window since then.

        A connection that takes no bytes at all is the kernel's to end.
        """
        if self.closed:
            return
        for stream_id, buffer in tuple(self.stream_buffers.items()):
            if buffer.shut_since is not None and buffer.shut_since < since:
                buffer.shut_since = None  # once is enough
                self.task_group.spawn(self._drop, stream_id)

    async def _window_updated(self, stream_id: int | None) -> None:
        for buffer in (
            (self.stream_buffers.get(stream_id),) if stream_id else self.stream_buffers.values()
        ):
            if buffer is not None:
                buffer.shut_since = None  # until the next look
        await super()._window_updated(stream_id)

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        fields = dict(request.headers or ())
        if not fields.get(b":path", b"").isascii() or b":path" not in fields:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self.connection.reset_stream(request.stream_id, h2.errors.ErrorCodes.PROTOCOL_ERROR)
            return
        await super()._create_stream(request)

    async def _send_data(self, stream_id: int) -> None:
        buffer = self.stream_buffers.get(stream_id)
        if buffer is None:
            self.priority.block(stream_id)
            return
        try:
            room = min(
                self.connection.local_flow_control_window(stream_id),
                self.connection.max_outbound_frame_size,
            )
            if data := await buffer.pop(max(0, room)):
                self.connection.send_data(stream_id, data)
                await self._flush()
            elif stream_id in self.stream_buffers:
                self.priority.block(stream_id)
            if buffer.complete and stream_id in self.stream_buffers:
                self.connection.end_stream(stream_id)
                self._forget(stream_id)
                await self._flush()
        except h2.exceptions.ProtocolError:  # it was closed while it waited
            self._forget(stream_id)
            await buffer.close()

    async def _close_stream(self, stream_id: int) -> None:
        await super()._close_stream(stream_id)
        buffer = self.stream_buffers.get(stream_id)
        if buffer is not None and not buffer.finished:
            await self._drop(stream_id)

    async def _drop(self, stream_id: int) -> None:
        """End it unfinished, for the client and for the app."""
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self.connection.reset_stream(stream_id, h2.errors.ErrorCodes.CANCEL)
        buffer = self.stream_buffers.get(stream_id)
        self._forget(stream_id)
        if buffer is not None:
            await buffer.close()
        await self._close_stream(stream_id)
        if not self.closed:
            await self._flush()

    def _forget(self, stream_id: int) -> None:
        if self.stream_buffers.pop(stream_id, None) is not None:
            self.priority.remove_stream(stream_id)


class Http2:
    """All HTTP/2 connections of this server; `send_timeout` in seconds."""

    def __init__(self, send_timeout: float) -> None:
        self._send_timeout = send_timeout
        self._connections: WeakSet[Protocol] = WeakSet()

    def install(self) -> None:
        """To be called before Hypercorn serves."""
        hypercorn.protocol.H2Protocol = partial(Protocol, self._connections)  # type: ignore[assignment, attr-defined]
        hypercorn.protocol.h2.StreamBuffer = Buffer  # type: ignore[misc]

    async def run(self) -> None:
        """Runs for as long as the server."""
        while True:
            await asyncio.sleep(SWEEP)
            since = time.monotonic() - self._send_timeout
            for connection in tuple(self._connections):
                connection.drop_stalled(since)
