"""What a work function of the writer gets, and what the writer remembers from one to the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from app.event import Event, LogLine, Span
from app.store import clock
from app.store.sql import Queries

_sql = Queries("logs")

KNOWN = 2000  # tasks whose rows are remembered, and logs whose ends are
_encode = msgspec.json.Encoder().encode


class Known:
    """What the writer remembers between transactions, forgotten whenever one is undone.

    ``tasks``: rows as app.store.tasks last saw them; ``log_ends``: of logs, for app.store.logs;
    ``newest_line``: no line has a later time (which stays true).
    """

    __slots__ = ("log_ends", "newest_line", "tasks")

    def __init__(self) -> None:
        self.tasks: dict[int, Any] = {}
        self.log_ends: dict[int, Any] = {}
        self.newest_line = ""

    def clear(self) -> None:
        self.tasks.clear()
        self.log_ends.clear()

    def shorten(self) -> None:
        """Keep it small: it fills up again with what is used."""
        for known in (self.tasks, self.log_ends):
            if len(known) > KNOWN:
                known.clear()


class Transaction:
    """What a work function gets: it runs on the database thread, inside its own savepoint.

    ``clock`` (unix seconds) and ``now`` (RFC 3339) are the time of the whole batch. ``known`` is
    what this writer, the only one of the file, remembers of it.
    """

    __slots__ = (
        "_epoch",
        "_first",
        "_line_time",
        "clock",
        "connection",
        "events",
        "known",
        "now",
        "rows",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        epoch: str,
        first: int,
        known: Known | None = None,
    ) -> None:
        self.connection = connection
        self.known = Known() if known is None else known
        self.clock, self.now = clock.now()
        self.events: list[Event] = []
        self.rows: list[tuple[Any, ...]] = []  # of the events table
        self._epoch = epoch
        self._first = first
        self._line_time = ""

    @property
    def line_time(self) -> str:
        """The time of the lines stored in this transaction: later than that of any line before.

        So all logs are in the order in which they were committed, and nobody who reads on from
        the newest line there is can miss one.
        """
        if not self._line_time:
            newest = self.known.newest_line
            if not newest:
                newest = self.connection.execute(_sql.newest_time).fetchone()[0] or ""
            self._line_time = self.known.newest_line = clock.later_than(newest)
        return self._line_time

    def emit(
        self,
        type: str,
        message: str,
        data: dict[str, Any],
        *,
        task_id: int | None = None,
        queue: str | None = None,
        lifecycle: bool | None = None,
    ) -> None:
        """Add an event to this transaction; ``lifecycle`` as in app.event.Event."""
        encoded = _encode(data)
        self._append(type, message, encoded, encoded, task_id, queue, lifecycle)

    def emit_log(self, task_id: int, attempt: int, lines: Sequence[LogLine]) -> None:
        """Announce lines just stored: one contiguous ascending range, at most 64 KiB of text."""
        shown = _encode({"task_id": task_id, "attempt": attempt, "lines": lines})
        span = Span(attempt, lines[0].n, lines[-1].n)
        count = len(lines)
        text = f"Task #{task_id}: {count} log line{'s' if count != 1 else ''}"
        self._append("LOG", text, shown, _encode(span), task_id, None, None, span)

    def _append(
        self,
        type: str,
        message: str,
        shown: bytes,
        stored: bytes,
        task_id: int | None,
        queue: str | None,
        lifecycle: bool | None,
        span: Span | None = None,
    ) -> None:
        seq = self._first + len(self.events)
        id = f"{self._epoch}-{seq}"
        self.events.append(
            Event(seq, id, type, self.now, message, shown, task_id, queue, lifecycle, span)
        )
        self.rows.append((seq, type, task_id, queue, self.now, message, stored.decode()))

    def undo(self, mark: int) -> None:
        """Forget the events emitted since there were ``mark`` of them."""
        del self.events[mark:]
        del self.rows[mark:]
