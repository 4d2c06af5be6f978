"""What is kept, how large it is, and what retention removes next."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from app.config import Settings
from app.models import Status
from app.store import clock
from app.store.database import Database
from app.store.events import floor_of
from app.store.logs import LINE_COST
from app.store.sql import Queries

_sql = Queries("storage")
LARGEST = 10
ROW_COST = 60  # bytes a row takes besides its text: `open_bytes` has LINE_COST for it
_DAY = 86_400


class FileSpace(Struct):
    """The database file and its write-ahead log, in bytes.

    `used` is what `limit` is for; what is `free` will be filled again or given back to the disk.
    """

    size: int
    wal: int
    used: int
    free: int
    limit: int
    disk_free: int


class LogSpace(Struct):
    """All logs; `text_bytes` became `stored_bytes`. Of `deleted` tasks the log is being removed."""

    tasks: int
    lines: int
    text_bytes: int
    stored_bytes: int
    oldest: str | None
    deleted: int


class EventSpace(Struct):
    """Events kept for replay, and about how many bytes. A cursor below `floor` is reset."""

    count: int
    bytes: int
    oldest: str | None
    floor: int


class LogPart(Struct):
    """Lines of one log; the `name` of a task that was deleted is null."""

    task_id: int
    name: str | None
    first: int
    last: int


class Rule(Struct):
    """A setting, how much of its limit is taken up, and what goes `next`, where that is a log.

    `at`: when the oldest goes, where that is a matter of time.
    """

    setting: str
    unit: Literal["days", "bytes", "events"]
    limit: float
    value: float
    next: LogPart | None = None
    at: str | None = None


class LargeLog(Struct):
    """The lines `first` to `last` of it are kept."""

    task_id: int
    name: str
    status: Status
    first: int
    last: int
    newest: str
    stored_bytes: int


class Storage(Struct):
    """What is kept, by which rules, and the largest logs."""

    file: FileSpace
    logs: LogSpace
    events: EventSpace
    rules: list[Rule]
    largest: list[LargeLog]


def storage(connection: sqlite3.Connection, database: Database, settings: Settings) -> Storage:
    """All of it, in one snapshot; nothing reads all lines, chunks or events."""
    now, _ = clock.now()
    used, free = connection.execute(_sql.pages).fetchone()
    sizes = database.file.sizes()
    disk_free = shutil.disk_usage(database.file.path.parent).free
    events = _events(connection)
    return Storage(
        FileSpace(sizes.file, sizes.wal, used, free, settings.retention_bytes, disk_free),
        _logs(connection),
        events,
        _log_rules(connection, settings, now, used) + _event_rules(events, settings, now),
        _largest(connection),
    )


def _logs(connection: sqlite3.Connection) -> LogSpace:
    tasks, sealed, text, chunks, rows = connection.execute(_sql.logs).fetchone()
    open_lines, oldest_row = connection.execute(_sql.open_lines).fetchone()
    chunk = connection.execute(_sql.oldest_chunk).fetchone()
    times = [time for time in (oldest_row, chunk and chunk[4]) if time]
    return LogSpace(
        tasks=tasks,
        lines=sealed + open_lines,
        text_bytes=text + max(0, rows - LINE_COST * open_lines),
        stored_bytes=chunks + _stored(rows, open_lines),
        oldest=min(times, default=None),
        deleted=connection.execute(_sql.deleted_tasks).fetchone()[0],
    )


def _events(connection: sqlite3.Connection) -> EventSpace:
    first, last, oldest, size = connection.execute(_sql.events).fetchone()
    count = 0 if first is None else last - first + 1  # seqs have no gaps
    return EventSpace(count, round(count * (size or 0)), oldest, floor_of(connection))


def _log_rules(
    connection: sqlite3.Connection, settings: Settings, now: float, used: int
) -> list[Rule]:
    oldest = connection.execute(_sql.oldest_chunk).fetchone()
    days = settings.retention_log_days
    age = _age_rule("retention_log_days", days, oldest and oldest[5], now)
    size = Rule("retention_log_bytes", "bytes", settings.retention_log_bytes, 0)
    file = Rule("retention_bytes", "bytes", settings.retention_bytes, used)
    if oldest:
        age.next = file.next = LogPart(*oldest[:4])
    if largest := connection.execute(_sql.largest_log).fetchone():
        size.next, size.value = LogPart(*largest[:4]), largest[4]
    return [age, size, file]


def _event_rules(events: EventSpace, settings: Settings, now: float) -> list[Rule]:
    return [
        _age_rule("retention_days", settings.retention_days, events.oldest, now),
        Rule("retention_events", "events", settings.retention_events, events.count),
    ]


def _largest(connection: sqlite3.Connection) -> list[LargeLog]:
    rows = connection.execute(_sql.largest_logs, (LARGEST,)).fetchall()
    found = [
        LargeLog(id, name, status, first, last, newest, chunks + _stored(open_bytes, lines))
        for id, name, status, first, last, newest, chunks, open_bytes, lines in rows
    ]
    return sorted(found, key=lambda log: (-log.stored_bytes, log.task_id))[:LARGEST]


def _stored(open_bytes: int, lines: int) -> int:
    """About what so many rows take in the file."""
    return max(0, open_bytes - (LINE_COST - ROW_COST) * lines)


def _age_rule(setting: str, days: float, oldest: str | None, now: float) -> Rule:
    if oldest is None:
        return Rule(setting, "days", days, 0)
    born = datetime.fromisoformat(oldest).astimezone(UTC).timestamp()
    age = max(0.0, now - born) / _DAY
    return Rule(setting, "days", days, age, at=clock.rfc3339(born + days * _DAY))
