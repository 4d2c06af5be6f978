"""Log lines in the database: append once and in order, rewrite in place, read, filter."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.event import LogLine
from app.models import LogAppend, LogLineIn, LogQuery, rfc3339
from app.rules.lifecycle import decide_output
from app.rules.lines import Numbering, single, split
from app.rules.task import TERMINAL, Task
from app.store import tasks
from app.store.database import Transaction
from app.store.events import cursor_of
from app.store.sql import Queries

_sql = Queries("logs")

EVENT_BYTES = 64 * 1024  # of one LOG event, about
LINE_COST = 100  # bytes a line takes besides its text
_decode_numbers = msgspec.json.Decoder(dict[int, int]).decode


class Stream:
    """One streamed append, committed in pieces; its lines are numbered by the request itself.

    With `producer` and `batch` its numbering is stored, so that the same stream sent again after
    it was cut goes on where it was.
    """

    def __init__(
        self, producer: str | None, batch: int | None, attempt: int | UnsetType = UNSET
    ) -> None:
        self.producer = producer
        self.batch = batch
        self.attempt = attempt
        self.numbering: Numbering | None = None

    @property
    def place(self) -> str | None:
        """Where its numbering is stored while it runs; no producer's name has a line end."""
        return None if self.batch is None else f"{self.producer}\n{self.batch}"


def append(tx: Transaction, task_id: int, command: LogAppend) -> dict[str, Any]:
    """Store a batch of lines. Raises NotFound, Refused (another attempt).

    A batch number that is not above the producer's last one is answered and not stored.
    """
    task = tasks.get(tx.connection, task_id)
    stored, numbering = 0, Numbering()
    if command.producer is not None:
        stored, numbering = _producer(tx.connection, task_id, command.producer)
        if command.batch is not None and command.batch <= stored:
            return _answer(task, 0, duplicate=True)
    task = _store(tx, task, command.lines, command.attempt, numbering)
    if command.producer is not None:
        known = msgspec.json.encode(numbering.trim()).decode()
        batch = command.batch if command.batch is not None else stored
        tx.connection.execute(_sql.put_producer, (task_id, command.producer, batch, known))
    return _answer(task, len(command.lines))


def append_piece(
    tx: Transaction, task_id: int, stream: Stream, lines: Sequence[LogLineIn], *, last: bool
) -> dict[str, Any]:
    """Store the next piece of a stream, the last one with its batch number; as `append`.

    `accepted` counts new lines: how often one was rewritten depends on how the stream arrived.
    """
    task = tasks.get(tx.connection, task_id)
    place, producer, batch = stream.place, stream.producer, stream.batch
    kept = "{}"
    if producer is not None and batch is not None:
        stored, kept = _row(tx.connection, task_id, producer)
        if batch <= stored:
            return _answer(task, 0, duplicate=True)
    if stream.numbering is None:
        numbers = "{}" if place is None else _row(tx.connection, task_id, place)[1]
        stream.numbering = Numbering(_decode_numbers(numbers))
    before = task.last_line
    task = _store(tx, task, lines, stream.attempt, stream.numbering)
    known = stream.numbering.trim()
    if place is None:
        pass  # nobody can send it again
    elif last:
        tx.connection.execute(_sql.put_producer, (task_id, producer, batch, kept))
        tx.connection.execute(_sql.delete_producer, (task_id, place))
    else:
        text = msgspec.json.encode(known).decode()
        tx.connection.execute(_sql.put_producer, (task_id, place, 0, text))
    return _answer(task, task.last_line - before)


def read(connection: sqlite3.Connection, task_id: int, query: LogQuery) -> dict[str, Any]:
    """Lines as `GET /api/tasks/ID/logs` answers them. Raises NotFound."""
    task = tasks.get(connection, task_id)
    if query.tail is None:
        lines = slice_from(connection, task_id, query, query.from_ or 1, query.limit)
    else:
        conditions, values = _conditions(query)
        statement = _sql.lines_tail.replace("/* conditions */", conditions)
        rows = connection.execute(statement, [task_id, *values, query.tail])
        lines = [LogLine(*row) for row in rows.fetchall()]
    return {
        "lines": lines,
        "total": task.last_line,
        "ended": task.status in TERMINAL,
        "cursor": cursor_of(connection),
    }


def slice_from(
    connection: sqlite3.Connection, task_id: int, query: LogQuery, first: int, limit: int
) -> list[LogLine]:
    """At most `limit` lines from number `first` on that pass the query's filters."""
    conditions, values = _conditions(query)
    statement = _sql.lines_from.replace("/* conditions */", conditions)
    rows = connection.execute(statement, [task_id, first, *values, limit])
    return [LogLine(*row) for row in rows.fetchall()]


def _conditions(query: LogQuery) -> tuple[str, list[Any]]:
    conditions = ""
    values: list[Any] = []
    for column, names in (("level", query.level), ("stream", query.stream)):
        if names:
            conditions += f" AND {column} IN ({', '.join('?' * len(names))})"
            values += names
    if query.q:
        conditions += " AND instr(text, ?) > 0"
        values.append(query.q)
    return conditions, values


def _row(connection: sqlite3.Connection, task_id: int, producer: str) -> tuple[int, str]:
    row = connection.execute(_sql.get_producer, (task_id, producer)).fetchone()
    return (0, "{}") if row is None else row


def _producer(connection: sqlite3.Connection, task_id: int, producer: str) -> tuple[int, Numbering]:
    batch, lines = _row(connection, task_id, producer)
    return batch, Numbering(_decode_numbers(lines))


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
    rows: dict[int, tuple[Any, ...]] = {}

    def put(n: int, line: LogLineIn, text: str) -> None:
        sent_at = None if line.time is None else rfc3339(line.time)
        rows[n] = (task.id, n, task.attempt, tx.now, sent_at, line.level, line.stream, text)

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
    if last != task.last_line:
        decision.changes["last_line"] = decision.task.last_line = last
    if rows:
        tx.connection.executemany(_sql.put_line, rows.values())
    task = tasks.apply(tx, decision)
    _announce(tx, task, [LogLine(n, row[3], *row[5:]) for n, row in sorted(rows.items())])
    return task


def _announce(tx: Transaction, task: Task, lines: list[LogLine]) -> None:
    """One event for every contiguous range of at most `EVENT_BYTES`."""
    start = size = 0
    for index, line in enumerate(lines):
        bytes_of = len(line.text.encode()) + LINE_COST
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
