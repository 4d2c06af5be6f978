"""Reads the event log: cursors, epochs, and replay in slices."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from app.event import Event, Span
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
    return f"{epoch_of(connection)}-{head_of(connection)}"


def epoch_of(connection: sqlite3.Connection) -> str:
    """Which life of which database this is."""
    (epoch,) = connection.execute(_sql.newest_epoch).fetchone()
    return str(epoch)


def live_tasks(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, bool]:
    """For each of the tasks that exist: whether it has not ended."""
    listed = msgspec.json.encode(ids).decode()
    return {id: bool(active) for id, active in connection.execute(_sql.live_tasks, (listed,))}


class Slice(NamedTuple):
    """Events of some channels in (after, upto]; ``expired``: some of them are gone.

    Not ``with_lines``: the data of LOG events was left out.
    """

    events: list[Event]
    upto: int
    expired: bool = False
    with_lines: bool = True


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
    connection: sqlite3.Connection,
    epochs: Epochs,
    channels: Iterable[str],
    after: int,
    most_lines: int | None = None,
) -> Slice:
    """The next events of ``channels`` after ``after``, bounded in seqs, events and bytes.

    When there are more than ``most_lines`` log lines in them, LOG events come without.
    """
    if after < floor_of(connection):
        return Slice([], after, expired=True)
    upto = min(after + SLICE, head_of(connection))
    condition, values = _condition(channels)
    statement = _sql.slice.replace("/* channels */", condition)
    bounds = [after, upto, *values, SLICE_EVENTS]
    with_lines = most_lines is None or _lines_in(connection, statement, bounds) <= most_lines
    events: list[Event] = []
    size = 0
    # Row by row, since a few large events may be all that is wanted of many.
    with closing(connection.execute(statement, bounds)) as rows:
        for seq, type, task_id, queue, timestamp, message, stored in rows:
            data, span = stored.encode(), None
            if type == "LOG":
                span = _decode_span(data)
                data = _log_data(connection, task_id, span) if with_lines else b""
            size += len(data)
            if events and size > SLICE_BYTES:
                return Slice(events, events[-1].seq, with_lines=with_lines)
            id = epochs.cursor(seq)
            event = Event(seq, id, type, timestamp, message, data, task_id, queue, span=span)
            events.append(event)
    if len(events) == SLICE_EVENTS:
        upto = events[-1].seq
    return Slice(events, max(upto, after), with_lines=with_lines)


_decode_span = msgspec.json.Decoder(Span).decode


def _lines_in(connection: sqlite3.Connection, statement: str, bounds: list[int | str]) -> int:
    rows = connection.execute(statement, bounds).fetchall()
    spans = [_decode_span(stored) for _, type, *_, stored in rows if type == "LOG"]
    return sum(span.last - span.first + 1 for span in spans)


def _log_data(connection: sqlite3.Connection, task_id: int, span: Span) -> bytes:
    """A stored LOG event holds a range; its lines are read as they are now."""
    lines = read_range(connection, task_id, span.first, span.last)
    return msgspec.json.encode({"task_id": task_id, "attempt": span.attempt, "lines": lines})
