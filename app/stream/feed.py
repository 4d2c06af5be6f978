"""A cursor over the event log for some topics: from the store until it is in the window, then live.

SSE and long-polling both read this one feed, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from app.catalogue import Text
from app.errors import FieldError, NotFound
from app.event import Event
from app.store.database import Database
from app.store.events import head_of, live_tasks, read_slice
from app.stream.encoding import sse_of
from app.stream.hub import Hub, Subscriber, Wake
from app.stream.skipping import without_lines
from app.stream.topics import channels_of, task_of

REPLAYED_LINES = 1000  # log lines in one replay, beyond which one that skips gets ranges


class Feed(Subscriber):
    """Use ``async with await Feed.open(...)``; then read, and when there is nothing, wait."""

    __slots__ = ("_database", "_hub", "reset", "topics")

    def __init__(self, hub: Hub, database: Database, topics: list[str], skips: bool) -> None:
        super().__init__(channels_of(topics), hub.head, hub.head)
        self.skips = skips
        self._hub = hub
        self._database = database
        self.topics = topics
        self.reset: str | None = None  # why the cursor asked for could not be honoured

    @classmethod
    async def open(
        cls,
        hub: Hub,
        database: Database,
        topics: list[str],
        after: str | None,
        *,
        skips: bool = False,
    ) -> Feed:
        """Start after cursor ``after`` (None: from now); ``reset`` says if that was refused.

        ``skips``: log lines may come as ranges, see app.stream.skipping.

        Raises NotFound for a task that does not exist.
        """
        feed = cls(hub, database, topics, skips)
        try:
            await feed._watch_tasks()
            if after is not None:
                await feed._seek(after)
        except BaseException:
            feed.close()
            raise
        return feed

    async def _watch_tasks(self) -> None:
        tasks = [id for topic in self.topics if (id := task_of(topic)) is not None]
        if not tasks:
            return
        for id in tasks:
            self._hub.watch(id)
            self.watched.append(id)
        states, seq = await self._database.read(lambda c: (live_tasks(c, tasks), head_of(c)))
        # Named one by one: a stream that several pages share goes on without them.
        if missing := [
            FieldError(f"task:{id}", Text("problem.no_task", id=id))
            for id in tasks
            if id not in states
        ]:
            raise NotFound("problem.no_task", **missing[0].message.values, errors=missing)
        for id in tasks:
            self._hub.learn(id, not states[id], seq)

    async def _seek(self, after: str) -> None:
        position = self._database.epochs.position(after)
        # A snapshot may be read just before its events are announced, so ask the file too.
        if (
            isinstance(position, int)
            and position > self._database.head
            and position > await self._database.read(head_of)
        ):
            position = "future"
        if isinstance(position, int) and position < self._database.floor:
            position = "expired"
        if isinstance(position, str):
            self.reset = position
        else:
            self.cursor = position
        self.upto = self._hub.head

    @property
    def watches(self) -> bool:
        """Whether any of its topics can end."""
        return bool(self.watched)

    @property
    def id(self) -> str:
        """Its cursor as clients see it."""
        return self._database.epochs.cursor(self.cursor)

    @property
    def is_behind(self) -> bool:
        return self._hub.is_behind(self)

    def live(self) -> bytes | None:
        """Joined SSE frames from the window, at most about 64 KiB; None: it has all for now."""
        return self._hub.chunk(self)

    async def replay(self) -> bytes | None:
        """The same from the store, at most about 64 KiB; None: look again, or ``reset`` is set."""
        return b"".join(map(sse_of, await self._replay())) or None

    async def events(self, limit: int) -> list[Event]:
        """The same as at most ``limit`` events."""
        while self.is_behind:
            events = (await self._replay())[:limit]
            if events:
                self.cursor = events[-1].seq if len(events) == limit else self.cursor
                return events
            if self.reset:
                return []
        events = self._hub.events(self.channels, self.cursor, self.upto, self.skips)
        self.cursor = max(self.cursor, self.upto)
        if len(events) > limit:
            del events[limit:]
            self.cursor = events[-1].seq
        return events

    async def _replay(self) -> list[Event]:
        part = await self._database.read(
            lambda connection: read_slice(
                connection,
                self._database.epochs,
                self.channels,
                self.cursor,
                REPLAYED_LINES if self.skips else None,
            )
        )
        if part.expired:
            self.reset = "expired"
            self.cursor = self.upto = self._hub.head
        else:
            self.cursor = part.upto
            self.upto = max(self.upto, self._hub.head)
        return part.events if part.with_lines else without_lines(part.events)

    def look(self) -> None:
        """Let the next read go as far as the head."""
        self.upto = max(self.upto, self._hub.head)

    def wait(self) -> Coroutine[Any, Any, Wake]:
        """Sleep until there is something to do; not a coroutine itself, as each open one counts."""
        return self._hub.wait(self)

    def take_ended(self) -> list[str]:
        """Topics that have said their last and were told in full; they leave the feed."""
        ended = [
            topic
            for topic in self.topics
            if (id := task_of(topic)) is not None and self._hub.has_ended(id, self.cursor)
        ]
        if ended:
            self.topics = [topic for topic in self.topics if topic not in ended]
            self.channels = channels_of(self.topics)
        return ended

    def close(self) -> None:
        while self.watched:
            self._hub.unwatch(self.watched.pop())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
