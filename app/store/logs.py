"""Log lines in the database: append once and in order, rewrite in place, read, filter."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.errors import Refused
from app.event import LogLine
from app.models import LogAppend, LogLineIn, encode_fields, rfc3339
from app.rules.lifecycle import decide_output
from app.rules.lines import Numbering, single, split
from app.rules.task import Task
from app.store import tasks
from app.store.log_block import End, Stored, size_of
from app.store.log_chunks import (
    CHUNK_LINES,
    Place,
    colours_before,
    is_due,
    place_of,
    seal,
    sealed_lines,
)
from app.store.log_producers import ALL, Delivered
from app.store.sql import Queries
from app.store.transaction import Transaction

_sql = Queries("logs")

EVENT_BYTES = 64 * 1024  # of one LOG event, about
LINE_COST = 100  # bytes a line takes besides its text


class Stream:
    """One streamed append, committed in pieces; its lines are numbered by the request itself.

    With `producer` and `batch` its numbering is stored, so that the same stream sent again after
    it was cut goes on where it was. The server may not know yet that it was cut, and still have
    pieces of it: whoever began last has its `turn`, and the others are refused.
    """

    def __init__(
        self,
        producer: str | None,
        batch: int | None,
        attempt: int | UnsetType = UNSET,
        *,
        by_key: bool = False,
    ) -> None:
        """`by_key`: an Idempotency-Key is the producer, whatever attempt its task is at."""
        self.producer = producer
        self.batch = batch
        self.attempt = attempt
        self.by_key = by_key
        self.numbering: Numbering | None = None
        self.turn = 0  # how often it was begun; stored in place of a batch number

    @property
    def place(self) -> str:
        """Where its numbering is stored while it runs; no producer's name has a line end."""
        return f"{self.producer}\n{self.batch}"


def append(tx: Transaction, task_id: int, command: LogAppend) -> dict[str, Any]:
    """Store a batch of lines. Raises NotFound, Refused (another attempt, or which is not clear).

    A batch number that is not above the producer's last one is answered and not stored.
    """
    task = tasks.get(tx.connection, task_id)
    lines, attempt = command.lines, command.attempt
    if command.producer is None:
        return _answer(_store(tx, task, lines, attempt, Numbering()), len(lines))
    delivered = Delivered(tx.connection, task, command.producer, attempt)
    if delivered.has(command.batch):
        return _answer(task, 0, duplicate=True)
    delivered.check(lines)
    task = _store(tx, task, lines, attempt, delivered.numbering)
    delivered.store(command.batch)
    return _answer(task, len(lines))


def append_piece(
    tx: Transaction, task_id: int, stream: Stream, lines: Sequence[LogLineIn], *, last: bool
) -> dict[str, Any]:
    """Store the next piece of a stream, the last one with its batch number; as `append`.

    A stream is of the attempt in which it began. Raises Refused too when the same stream was begun
    anew by another request.
    `accepted` counts new lines: how often one was rewritten depends on how the stream arrived.
    """
    task = tasks.get(tx.connection, task_id)
    delivered = begun = None
    if stream.producer is not None and stream.batch is not None:
        attempt = ALL if stream.by_key else stream.attempt
        delivered = Delivered(tx.connection, task, stream.producer, attempt)
        if delivered.has(stream.batch):
            return _answer(task, 0, duplicate=True)
        begun = Delivered(tx.connection, task, stream.place, attempt)
    if stream.numbering is None:
        if begun is not None:
            stream.turn = begun.next_turn()
        stream.numbering = Numbering() if begun is None else begun.numbering
        if stream.attempt is UNSET:
            stream.attempt = task.attempt
    elif begun is not None and begun.batch != stream.turn:
        raise Refused("problem.batch_taken_over")
    before = task.last_line
    task = _store(tx, task, lines, stream.attempt, stream.numbering)
    stream.numbering.trim()
    if delivered is None or begun is None:
        pass  # nobody can send it again
    elif last:
        delivered.store(stream.batch)
        begun.forget()
    else:
        begun.numbering = stream.numbering
        begun.store(stream.turn)
    return _answer(task, task.last_line - before)


def _store(
    tx: Transaction,
    task: Task,
    lines: Sequence[LogLineIn],
    attempt: int | UnsetType,
    numbering: Numbering,
) -> Task:
    """Give the lines their numbers, write and announce them, and let the task know."""
    decision = decide_output(task, attempt, tx.now, tx.clock)
    last = task.last_line
    now = tx.line_time
    rows: dict[int, Stored] = {}

    def put(n: int, line: LogLineIn, text: str) -> None:
        sent_at = None if line.time is None else rfc3339(line.time)
        fields = None if line.fields is None else encode_fields(line.fields)
        rows[n] = Stored(n, task.attempt, now, sent_at, line.level, line.stream, text, fields)

    for line in lines:
        if line.line is None:
            for text in split(line.text):
                last += 1
                put(last, line, text)
            continue
        n = numbering.place(line.line)
        if n is None:
            n = last = last + 1
            numbering.add(line.line, n)
        if n:
            put(n, line, single(line.text))
    if not rows:
        return tasks.apply(tx, decision)
    before = task.last_line
    changed = [row for n, row in sorted(rows.items()) if n <= before]
    again, sealed = _rewrite(tx.connection, task.id, changed)
    new = [row for n, row in rows.items() if n > before]
    fresh = [(task.id, *row) for row in new]
    tx.connection.executemany(_sql.insert_row, fresh)
    if last != before:
        decision.changes["last_line"] = decision.task.last_line = last
    task = tasks.apply(tx, decision)
    stored = [*again, *new]
    _announce(tx, task, _coloured(tx, task.id, before, stored, sealed))
    size = sum(size_of(row) + LINE_COST for row in stored)
    place = Place(*tx.connection.execute(_sql.grow, (task.id, size, now)).fetchone())
    if is_due(place, last):
        # Some more than came: what an older version left unsealed is caught up with.
        seal(tx.connection, task.id, last, chunks=2 + len(fresh) // CHUNK_LINES)
    return task


def _rewrite(
    connection: sqlite3.Connection, task_id: int, changed: Sequence[Stored]
) -> tuple[list[Stored], dict[int, LogLine]]:
    """Replace lines, ascending; those that are in chunks become rows again. Time and attempt stay.

    Returns the rows, without those that retention has removed, and the lines of chunks as they were
    sealed.
    """
    if not changed:
        return [], {}
    upto = place_of(connection, task_id).sealed
    sealed = sealed_lines(connection, task_id, [row.n for row in changed if row.n <= upto])
    stored: list[Stored] = []
    for row in changed:
        values = (row.sent_at, row.level, row.stream, row.text, row.fields, task_id, row.n)
        if found := connection.execute(_sql.rewrite_row, values).fetchall():
            stored.append(row._replace(time=found[0][0], attempt=found[0][1]))
        elif line := sealed.get(row.n):
            stored.append(row._replace(time=line.time, attempt=line.attempt))
            connection.execute(_sql.insert_row, (task_id, *stored[-1]))
    return stored, sealed


def _coloured(
    tx: Transaction,
    task_id: int,
    before: int,
    stored: Sequence[Stored],
    sealed: Mapping[int, LogLine],
) -> list[LogLine]:
    """Lines just stored, ascending, with the colours in force where each starts.

    `sealed`: those of them that are in chunks, as they are there.
    """
    end: End | None = tx.known.log_ends.pop(task_id, None)
    if end is not None and end.last != before:
        end = None
    lines: list[LogLine] = []
    for row in stored:
        if row.n in sealed:  # opening its chunk for each change of the line would be slow
            lines.append(_line(row))
            lines[-1].sgr = sealed[row.n].sgr
            continue
        if end is None:
            end = End(row.n - 1, colours_before(tx.connection, task_id, row.n))
        line = _line(row)
        start = end.start(row)
        if start is None:  # further up: what it changes below is seen when that is read
            colours = colours_before(tx.connection, task_id, row.n)
            start = colours.pass_line(row.attempt, row.stream, row.text)
            end = None
        line.sgr = start
        lines.append(line)
    if end is not None:
        tx.known.log_ends[task_id] = end
    return lines


def _line(row: Stored) -> LogLine:
    n, attempt, time, sent_at, level, stream, text, fields = row
    line = LogLine(n, time, level, stream, text, attempt, sent_at)
    if fields is not None:
        line.fields = msgspec.Raw(fields)
    return line


def _announce(tx: Transaction, task: Task, lines: list[LogLine]) -> None:
    """One event for every contiguous range of at most `EVENT_BYTES`."""
    start = size = 0
    for index, line in enumerate(lines):
        bytes_of = len(line.text.encode()) + LINE_COST + len(bytes(line.fields or b""))
        if index > start and (lines[index - 1].n + 1 != line.n or size + bytes_of > EVENT_BYTES):
            tx.emit_log(task.id, task.attempt, lines[start:index])
            start, size = index, 0
        size += bytes_of
    if lines:
        tx.emit_log(task.id, task.attempt, lines[start:])


def _answer(task: Task, accepted: int, *, duplicate: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "accepted": accepted,
        "last": task.last_line,
        "cancel_requested": bool(task.cancel_requested),
    }
    if duplicate:
        answer["duplicate"] = True
    return answer
