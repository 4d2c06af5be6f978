"""One HTTP/2 connection.

The kernel's send time-out does not see a client that leaves its window shut, for that one
acknowledges every segment. And what a client resets, or an answer leaves undone, stays with its
connection for good, as Hypercorn has it. So here is an end for streams that have not moved for the
send time-out, one for those that are over, and one for connections that only make work.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import Any
from weakref import WeakSet

import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import EndBody, Request
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.utils import filter_pseudo_headers
from priority.priority import DeadlockError

from app.protocols.frames import EARNED, Budget, Frames
from app.protocols.incoming import Intake
from app.protocols.outgoing import Buffer

log = logging.getLogger("livequeue")

LEFT = 4  # requests whose stream is gone, but not yet their work; then nothing more is read
SOON = 1.0  # seconds after which a client that resets a stream has waited for it
# Of the connection: twice what all its streams may have sent that no app has taken, so that none of
# them waits for another.
WINDOW = 2 * 100 * 65535


class _Over:
    """In the place of streams that have ended: what still arrives for them is dropped."""

    idle = True

    async def handle(self, event: object) -> None:
        pass


class _Streams(dict[int, Any]):
    def __missing__(self, stream_id: int) -> _Over:
        return _Over()


class Http2(H2Protocol):
    stream_buffers: dict[int, Buffer]  # type: ignore[assignment]

    def __init__(self, connections: WeakSet[Http2], *arguments: Any) -> None:
        super().__init__(*arguments)
        self.streams = _Streams()
        self._frames = Frames()
        self._budget = Budget()
        self._running: dict[int, Intake] = {}
        self._one_ended = asyncio.Event()
        connections.add(self)

    async def initiate(self, *arguments: Any) -> None:
        await super().initiate(*arguments)
        self.connection.increment_flow_control_window(WINDOW - 65535)
        await self._flush()

    async def handle(self, event: Event) -> None:
        if isinstance(event, RawData):
            for portion, idle in self._frames.portions(event.data):
                if self.closed:
                    return
                await self._receive(portion, idle)
                await asyncio.sleep(0)  # the reader itself lets nobody else run while there is more
        elif isinstance(event, Closed):
            await super().handle(event)
            for buffer in tuple(self.stream_buffers.values()):
                await buffer.close()  # whoever waits for room or for the end
            self.stream_buffers.clear()
            await self.send(Updated(idle=False))  # or it keeps its file until it counts as idle

    async def _receive(self, portion: bytes, idle: int) -> None:
        if not self._budget.spend(idle):
            log.warning("an HTTP/2 connection from %s was ended: it only makes work", self._peer)
            self.connection.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            await self._end()
            return
        try:
            events = self.connection.receive_data(portion)
        except h2.exceptions.ProtocolError:  # h2 has taken leave
            await self._end()
            return
        await self._handle_events(events)
        while len(self._running) - len(self.streams) > LEFT:
            self._one_ended.clear()
            await self._one_ended.wait()

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else "-"

    async def _end(self) -> None:
        await self.handle(Closed())
        await self._flush()
        await self.send(Closed())

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        for event in events:
            match event:
                case h2.events.RequestReceived():
                    await self._create_stream(event)
                case h2.events.DataReceived():
                    await self._take_in(event)
                case h2.events.StreamEnded(stream_id=int(stream_id)):
                    await self.streams[stream_id].handle(EndBody(stream_id=stream_id))
                case h2.events.StreamReset():
                    await self._reset(event)
                case h2.events.WindowUpdated():
                    await self._window_updated(event.stream_id)
                case h2.events.RemoteSettingsChanged():
                    if h2.settings.SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings:
                        await self._window_updated(None)
                case h2.events.ConnectionTerminated():
                    await self.send(Closed())
        await self._flush()

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        stream_id = request.stream_id
        fields = dict(request.headers or ())
        method, path = fields.get(b":method", b""), fields.get(b":path")
        refusal = None
        if self.context.terminated.is_set():
            refusal = h2.errors.ErrorCodes.REFUSED_STREAM  # to be asked again, elsewhere or later
        elif path is None or not path.isascii() or not method.isascii():
            refusal = h2.errors.ErrorCodes.PROTOCOL_ERROR
        if refusal is not None:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self.connection.reset_stream(stream_id, refusal)
            return
        intake = Intake(
            self.task_group,  # type: ignore[arg-type]
            partial(self._taken, stream_id),
            partial(self._ended, stream_id),
        )
        stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            intake,  # type: ignore[arg-type]
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            stream_id,
        )
        self.streams[stream_id] = stream
        self.stream_buffers[stream_id] = Buffer(self.context.event_class)
        self._running[stream_id] = intake
        self.priority.insert_stream(stream_id)
        self.priority.block(stream_id)
        await stream.handle(
            Request(
                stream_id=stream_id,
                headers=filter_pseudo_headers(request.headers or []),
                http_version="2",
                method=method.decode().upper(),
                raw_path=path or b"",
                state=self.connection_state,
            )
        )
        await self.send(Updated(idle=False))

    async def _take_in(self, event: h2.events.DataReceived) -> None:
        intake = self._running.get(event.stream_id)
        if intake is None or event.stream_id not in self.streams or not event.data:
            await self._taken(event.stream_id, event.flow_controlled_length)
        else:
            intake.add(event.data, event.flow_controlled_length)

    async def _taken(self, stream_id: int, size: int) -> None:
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self.connection.acknowledge_received_data(size, stream_id)
        await self.has_data.set()

    async def _ended(self, stream_id: int, size: int) -> None:
        del self._running[stream_id]
        self._one_ended.set()
        await self._taken(stream_id, size)

    async def _reset(self, event: h2.events.StreamReset) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is not None and event.remote_reset and time.time() - stream.start_time > SOON:
            self._budget.earn(1)
        await self._close_stream(event.stream_id)
        await self._window_updated(event.stream_id)

    async def send_task(self) -> None:
        while not self.closed:
            try:
                stream_id = next(self.priority)
            except DeadlockError:
                await self._flush()  # windows that were opened
                await self.has_data.wait()
                await self.has_data.clear()
            else:
                await self._send_data(stream_id)

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
                self._budget.earn(EARNED)
                await self._flush()
            elif stream_id in self.stream_buffers:
                self.priority.block(stream_id)
            if buffer.complete and stream_id in self.stream_buffers:
                self.connection.end_stream(stream_id)
                self._budget.earn(EARNED)
                self._forget(stream_id)
                await self._flush()
        except h2.exceptions.ProtocolError:  # it was closed while it waited
            self._forget(stream_id)
            await buffer.close()

    async def _window_updated(self, stream_id: int | None) -> None:
        for buffer in (
            (self.stream_buffers.get(stream_id),) if stream_id else self.stream_buffers.values()
        ):
            if buffer is not None:
                buffer.shut_since = None  # until the next look
        await super()._window_updated(stream_id)

    async def _close_stream(self, stream_id: int) -> None:
        await super()._close_stream(stream_id)
        buffer = self.stream_buffers.get(stream_id)
        if buffer is not None and not buffer.finished:
            await self._drop(stream_id)

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
