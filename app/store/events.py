"""Reads the event log: cursors, epochs, and replay in slices."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from app.event import Event
from app.store.log_chunks import read_range
from app.store.sql import Queries

_sql = Queries("events")

SLICE = 5000  # seqs looked at in one read
SLICE_EVENTS = 500
SLICE_BYTES = 64 * 1024  # a client that stalls in the middle of a replay holds that much


class Epochs:
    """The random names of all server starts, each with its first seq.

    A cursor ``e-s`` is honoured iff e is known and ``first(e)-1 <= s <= last(e)``; so a file that
    was restored from an older copy, whose newer epochs are unknown, is noticed by itself.
    """

    def __init__(self, rows: Sequence[tuple[str, int]]) -> None:
        self._rows = list(rows)
        self._place = {epoch: index for index, (epoch, _) in enumerate(rows)}

    @property
    def current(self) -> str:
        return self._rows[-1][0]

    def cursor(self, seq: int) -> str:
        """The cursor after event ``seq``, under the newest epoch that holds it."""
        for epoch, first in reversed(self._rows):
            if first <= seq:
                return f"{epoch}-{seq}"
        return f"{self._rows[0][0]}-{seq}"

    def position(self, cursor: str) -> int | str:
        """The seq a cursor stands at, or why it cannot be honoured.

        Reasons: malformed, unknown-epoch, future. Of the current epoch any seq is taken here:
        the caller compares it with the head.
        """
        epoch, dash, digits = cursor.partition("-")
        if not dash or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
            return "malformed"
        place = self._place.get(epoch)
        if place is None:
            return "unknown-epoch"
        seq = int(digits)
        if seq < self._rows[place][1] - 1:
            return "malformed"
        if place + 1 < len(self._rows) and seq >= self._rows[place + 1][1]:
            return "future"
        return seq


def head_of(connection: sqlite3.Connection) -> int:
    """Seq of the newest event this snapshot knows to have existed."""
    (seq,) = connection.execute(_sql.head).fetchone()
    return int(seq)


def floor_of(connection: sqlite3.Connection) -> int:
    """Events up to this seq may be gone."""
    return int(connection.execute(_sql.floor).fetchone()[0])


def cursor_of(connection: sqlite3.Connection) -> str:
    """The cursor of this snapshot: what was read with it holds every event up to it."""
    (epoch,) = connection.execute(_sql.newest_epoch).fetchone()
    return f"{epoch}-{head_of(connection)}"


def live_tasks(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bool]:
    """For each of the tasks that exist: whether it has not ended."""
    listed = msgspec.json.encode(ids).decode()
    return {id: bool(active) for id, active in connection.execute(_sql.live_tasks, (listed,))}


class Slice(NamedTuple):
    """Events of some channels in (after, upto]; ``expired``: some of them are gone."""

    events: list[Event]
    upto: int
    expired: bool


def _condition(channels: Iterable[str]) -> tuple[str, list[int | str]]:
    parts: list[str] = []
    values: list[int | str] = []
    for channel in channels:
        kind, _, name = channel.partition(":")
        match kind:
            case "system":
                parts.append("type <> 'LOG'")
            case "logs":
                parts.append("type = 'LOG'")
            case "task":
                parts.append("(task_id = ? AND type <> 'LOG')")
                values.append(int(name))
            case "log":
                parts.append("(task_id = ? AND type = 'LOG')")
                values.append(int(name))
            case "queue":
                parts.append("(queue = ? AND type <> 'LOG')")
                values.append(name)
    return " OR ".join(parts), values


def read_slice(
    connection: sqlite3.Connection, epochs: Epochs, channels: Iterable[str], after: int
) -> Slice:
    """The next events of ``channels`` after ``after``, bounded in seqs, events and bytes."""
    if after < floor_of(connection):
        return Slice([], after, True)
    upto = min(after + SLICE, head_of(connection))
    condition, values = _condition(channels)
    statement = _sql.slice.replace("/* channels */", condition)
    events: list[Event] = []
    size = 0
    # Row by row, since a few large events may be all that is wanted of many.
    with closing(connection.execute(statement, [after, upto, *values, SLICE_EVENTS])) as rows:
        for seq, type, task_id, queue, timestamp, message, stored in rows:
            data = stored.encode()
            if type == "LOG":
                data = _join_lines(connection, task_id, data)
            size += len(data)
            if events and size > SLICE_BYTES:
                return Slice(events, events[-1].seq, False)
            id = epochs.cursor(seq)
            events.append(Event(seq, id, type, timestamp, message, data, task_id, queue))
    if len(events) == SLICE_EVENTS:
        upto = events[-1].seq
    return Slice(events, max(upto, after), False)


class _Range(msgspec.Struct):
    attempt: int
    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")


_decode_range = msgspec.json.Decoder(_Range).decode


def _join_lines(connection: sqlite3.Connection, task_id: int, stored: bytes) -> bytes:
    """A stored LOG event holds a range; its lines are read as they are now."""
    span = _decode_range(stored)
    lines = read_range(connection, task_id, span.first, span.last)
    return msgspec.json.encode({"task_id": task_id, "attempt": span.attempt, "lines": lines})
