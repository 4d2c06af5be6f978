"""Holds the newest committed events and wakes subscribers; nothing is queued for any of them.

A subscriber is a cursor and a future. Events become visible in waves: an idle channel wakes its
subscribers at once, a busy one at most once per pause, and what arrives meanwhile joins the next
wave. All subscribers of a wave read up to the same seq, so those at the same cursor share one
joined chunk of bytes. It is written at once to those whose connection is known and has room; only
the others are woken.
"""

from __future__ import annotations

import asyncio
import enum
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from operator import attrgetter

from app.event import Event
from app.stream.direct import framed
from app.stream.encoding import sse_of
from app.stream.skipping import NEWEST, WAITING, lag, without_lines
from app.stream.topics import channels_with

CHUNK = 64 * 1024  # bytes in one send
_SHARED = 256  # chunks remembered within a wave
_seq = attrgetter("seq")


class Wake(enum.Enum):
    """Why a waiting subscriber was woken."""

    WAVE = enum.auto()  # there may be events
    BEAT = enum.auto()  # it was quiet for a heartbeat interval, or a poll's wait is over
    GONE = enum.auto()  # its client left
    CLOSE = enum.auto()  # it is to end now


class Subscriber:
    """``cursor``: seq of the last event it has; ``upto``: how far its last wave goes.

    ``skips``: it wants ranges instead of log lines when it has fallen behind.

    ``transport``: where waves may be written while it waits; ``sent_at``: when it was last sent
    something; ``watched``: tasks whose end it is to be told.
    """

    __slots__ = (
        "channels",
        "closing",
        "cursor",
        "future",
        "sent_at",
        "skips",
        "transport",
        "upto",
        "watched",
    )

    def __init__(self, channels: tuple[str, ...], cursor: int, upto: int) -> None:
        self.channels = channels
        self.cursor = cursor
        self.upto = upto
        self.skips = False
        self.future: asyncio.Future[Wake] | None = None
        self.closing: Wake | None = None
        self.transport: asyncio.Transport | None = None
        self.sent_at = 0.0
        self.watched: list[int] = []

    def wake(self, reason: Wake) -> None:
        """Wake it if it waits; CLOSE and GONE are remembered if it does not."""
        if reason is Wake.CLOSE or reason is Wake.GONE:
            self.closing = reason
        if self.future is not None and not self.future.done():
            self.future.set_result(reason)


class _Chunk:
    """Joined frames up to ``upto``, shared by all that are at the same place."""

    __slots__ = ("body", "framed", "upto")

    def __init__(self, body: bytes, upto: int) -> None:
        self.body = body
        self.upto = upto
        self.framed: bytes | None = None  # filled on first use


class _Channel:
    """``floor``: an event of this channel up to that seq may have left the window."""

    __slots__ = ("events", "floor", "last_wave", "timer", "waiters")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.events: deque[Event] = deque()
        self.waiters: dict[Subscriber, None] = {}
        self.timer: asyncio.Handle | None = None
        self.last_wave = 0.0


class _TaskLife:
    """Whether a watched task has ended, and at which seq that was known."""

    __slots__ = ("ended", "seq", "watchers")

    def __init__(self) -> None:
        self.watchers = 0
        self.ended: bool | None = None
        self.seq = 0


class Hub:
    """``pause`` in seconds; the window is bounded by ``max_events`` and ``max_bytes``."""

    def __init__(self, head: int, pause: float, max_events: int, max_bytes: int) -> None:
        self.head = head
        self.floor = head  # seq before the first event of the window
        self.pause = pause
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._window: deque[tuple[Event, tuple[str, ...]]] = deque()
        self._bytes = 0
        self._channels: dict[str, _Channel] = {}
        self._chunks: dict[tuple[tuple[str, ...], int, int, bool], _Chunk] = {}
        self._lives: dict[int, _TaskLife] = {}
        self._loop = asyncio.get_running_loop()

    # Publishing

    def announce(self, events: Sequence[Event]) -> None:
        """Take in committed events, ascending, and schedule their waves."""
        touched: dict[str, _Channel] = {}
        for event in events:
            names = channels_with(event)
            self._window.append((event, names))
            self._bytes += event.size
            for name in names:
                channel = self._channels.get(name)
                if channel is None:
                    channel = self._channels[name] = _Channel(self.floor)
                channel.events.append(event)
                touched[name] = channel
            if event.lifecycle is not None and event.task_id in self._lives:
                life = self._lives[event.task_id]
                life.ended, life.seq = event.lifecycle, event.seq
        self.head = events[-1].seq
        for channel in touched.values():
            if channel.waiters:
                self._schedule(channel)
        self._evict()

    def _evict(self) -> None:
        window = self._window
        while len(window) > self._max_events or (self._bytes > self._max_bytes and window):
            event, names = window.popleft()
            self._bytes -= event.size
            self.floor = event.seq
            for name in names:
                channel = self._channels[name]
                channel.events.popleft()
                channel.floor = event.seq
                self._drop_if_idle(name, channel)

    def _drop_if_idle(self, name: str, channel: _Channel) -> None:
        if not channel.events and not channel.waiters and channel.timer is None:
            self._channels.pop(name, None)

    def _schedule(self, channel: _Channel) -> None:
        if channel.timer is not None:
            return
        due = channel.last_wave + self.pause
        if due > self._loop.time():
            channel.timer = self._loop.call_at(due, self._wave, channel)
        else:
            channel.timer = self._loop.call_soon(self._wave, channel)

    def _wave(self, channel: _Channel) -> None:
        channel.timer = None
        channel.last_wave = self._loop.time()
        self._chunks.clear()
        now = time.monotonic()
        waiters, channel.waiters = channel.waiters, {}
        for subscriber in waiters:
            future = subscriber.future
            if future is not None and not future.done():
                subscriber.upto = self.head
                if self._push(subscriber, now):
                    channel.waiters[subscriber] = None
                else:
                    future.set_result(Wake.WAVE)

    def _push(self, subscriber: Subscriber, now: float) -> bool:
        """Write its part of the wave; False when it must do that, or something more, itself.

        Nothing is written to a client that has not taken what came before, and nothing large, so
        that no more than one chunk is held for it here.
        """
        transport = subscriber.transport
        if transport is None or transport.get_write_buffer_size() or transport.is_closing():
            return False
        if self.is_behind(subscriber):
            return False
        chunk = self._peek(subscriber)
        if chunk is not None:
            if len(chunk.body) > CHUNK:
                return False
            if chunk.body:
                if chunk.framed is None:
                    chunk.framed = framed(chunk.body)
                transport.write(chunk.framed)
                subscriber.sent_at = now
            subscriber.cursor = chunk.upto
        if subscriber.cursor < subscriber.upto:
            return False
        return not any(self.has_ended(id, subscriber.cursor) for id in subscriber.watched)

    # Subscribing

    def is_behind(self, subscriber: Subscriber) -> bool:
        """Whether events it still needs may have left the window, so that only the store has them.

        One that waited is not: each event of its channels would have woken it.
        """
        cursor = subscriber.cursor
        if cursor >= self.floor:
            return False
        channels = map(self._channels.get, subscriber.channels)
        return any(channel is None or channel.floor > cursor for channel in channels)

    def chunk(self, subscriber: Subscriber) -> bytes | None:
        """The next joined frames of its wave, at most about 64 KiB, moving its cursor.

        None when it has all up to ``upto``. It must not be behind the window.
        """
        chunk = self._peek(subscriber)
        if chunk is None:
            return None
        subscriber.cursor = chunk.upto
        return chunk.body or None

    def _peek(self, subscriber: Subscriber) -> _Chunk | None:
        """The next chunk of its wave, None when it has all."""
        cursor, upto = subscriber.cursor, subscriber.upto
        if cursor >= upto:
            return None
        key = (subscriber.channels, cursor, upto, subscriber.skips)
        chunk = self._chunks.get(key)
        if chunk is None:
            if len(self._chunks) >= _SHARED:
                self._chunks.clear()
            chunk = self._chunks[key] = self._join(*key)
        return chunk

    def _join(self, channels: tuple[str, ...], cursor: int, upto: int, skips: bool) -> _Chunk:
        frames: list[bytes] = []
        size, last = 0, cursor
        for event in self.events(channels, cursor, upto, skips):
            frame = sse_of(event)
            if frames and size + len(frame) > CHUNK:
                return _Chunk(b"".join(frames), last)
            frames.append(frame)
            size += len(frame)
            last = event.seq
        return _Chunk(b"".join(frames), upto)

    def events(
        self, channels: tuple[str, ...], cursor: int, upto: int, skips: bool = False
    ) -> list[Event]:
        """Events of the window in (cursor, upto], ascending, each once.

        With ``skips``, LOG events of more than `WAITING` bytes are ranges but for the newest.
        """
        events = self._events(channels, cursor, upto)
        if skips and len(events) > 1 and lag(events) > WAITING:
            return without_lines(events, NEWEST)
        return events

    def _events(self, channels: tuple[str, ...], cursor: int, upto: int) -> list[Event]:
        found = [
            newer
            for name in channels
            if (channel := self._channels.get(name))
            and (newer := _between(channel.events, cursor, upto))
        ]
        if len(found) <= 1:
            return found[0] if found else []
        return sorted({event.seq: event for newer in found for event in newer}.values(), key=_seq)

    async def wait(self, subscriber: Subscriber) -> Wake:
        """Sleep until there is something to do; whoever is woken reads, then waits again."""
        if subscriber.closing is not None:
            return subscriber.closing
        future: asyncio.Future[Wake] = self._loop.create_future()
        subscriber.future = future
        for name in subscriber.channels:
            channel = self._channels.get(name)
            if channel is None:
                channel = self._channels[name] = _Channel(self.floor)
            channel.waiters[subscriber] = None
            if channel.events and channel.events[-1].seq > subscriber.cursor:
                self._schedule(channel)
        try:
            return await future
        finally:
            subscriber.future = None
            for name in subscriber.channels:
                if channel := self._channels.get(name):
                    channel.waiters.pop(subscriber, None)
                    self._drop_if_idle(name, channel)

    # Task topics that have said their last

    def watch(self, task_id: int) -> None:
        """Follow whether a task lives; to be called before its state is read from the store."""
        life = self._lives.setdefault(task_id, _TaskLife())
        life.watchers += 1

    def unwatch(self, task_id: int) -> None:
        life = self._lives[task_id]
        life.watchers -= 1
        if not life.watchers:
            del self._lives[task_id]

    def learn(self, task_id: int, ended: bool, seq: int) -> None:
        """What the store said of a watched task, in a snapshot at ``seq``."""
        life = self._lives[task_id]
        if life.seq <= seq:
            life.ended, life.seq = ended, seq

    def has_ended(self, task_id: int, cursor: int) -> bool:
        """Whether a subscriber at ``cursor`` has been told all of the task."""
        life = self._lives[task_id]
        return bool(life.ended) and life.seq <= cursor


def _between(events: deque[Event], cursor: int, upto: int) -> list[Event]:
    """Nearly always the newest few, so look from the right; bisect when it is more."""
    newer: list[Event] = []
    for event in reversed(events):
        if event.seq <= cursor:
            newer.reverse()
            return newer
        if event.seq <= upto:
            newer.append(event)
        if len(newer) > 64:
            listed = list(events)
            low = bisect_right(listed, cursor, key=_seq)
            return listed[low : bisect_right(listed, upto, key=_seq)]
    newer.reverse()
    return newer
