"""Counts the lines that match: where they are in one log, and in which logs they are.

The newest are looked at first. A call looks for a bounded time and says where to go on: what it
found can be shown while the search goes on, and it ends with whoever waits for it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from app.errors import Unprocessable
from app.models import AllLogsFilter, LogIndexQuery, MatchesQuery, rfc3339
from app.store import tasks
from app.store.events import cursor_of
from app.store.log_block import EVERY
from app.store.log_chunks import place_of
from app.store.log_reading import Deadline, looks, sought
from app.store.sql import Queries

_sql = Queries("logs")


def index(connection: sqlite3.Connection, task_id: int, query: LogIndexQuery) -> dict[str, Any]:
    """As `GET /api/tasks/ID/logs/index` answers. Raises NotFound, Unprocessable."""
    task = tasks.get(connection, task_id)
    oldest = place_of(connection, task_id).first
    first = max(query.from_ or 1, oldest)
    last = task.last_line if query.to is None else min(query.to, task.last_line)
    deadline = Deadline()
    blocks: list[tuple[int, int, int, int]] = []
    total = hits = 0
    unseen = last  # the lines up to it are still to be looked at
    for look in looks(connection, task_id, sought(query).between(first, last), newest_first=True):
        if look.last < unseen:  # no line between can match
            blocks.append((look.last + 1, unseen, 0, 0))
        count = look.count()
        blocks.append((look.first, look.last, count.lines, count.hits))
        total += count.lines
        hits += count.hits
        unseen = look.first - 1
        if deadline:
            break
    else:
        if first <= unseen:
            blocks.append((first, unseen, 0, 0))
        unseen = first - 1
    return {
        "total": total,
        "hits": hits,
        "lines": max(0, last - unseen),
        "blocks": blocks[::-1],
        "next": unseen if unseen >= first else None,
        "first": oldest,
        "last": task.last_line,
        "cursor": cursor_of(connection),
    }


def matches(connection: sqlite3.Connection, query: MatchesQuery) -> dict[str, Any]:
    """As `GET /api/logs/matches` answers: log by log, that of the newest task first.

    Raises Unprocessable.
    """
    task, last = _place(query.page)
    what = sought(query)
    deadline = Deadline()
    found: list[tuple[int, int, int]] = []
    total = hits = seen = 0
    next: str | None = None
    for (task_id,) in connection.execute(_sql.logs_down_from, {"task": task, **among(query)}):
        unseen = last if task_id == task else EVERY
        matching = newest = 0
        for look in looks(connection, task_id, what.between(1, unseen), newest_first=True):
            count = look.count()
            if count.lines and not matching:
                newest = look.block.facts.first + look.matching()[-1]
            matching += count.lines
            hits += count.hits
            seen += look.last - look.first + 1
            unseen = look.first - 1
            if deadline:
                break
        else:
            unseen = 0
        if matching:
            found.append((task_id, matching, newest))
            total += matching
        if deadline:
            next = f"{task_id},{unseen}" if unseen else f"{task_id - 1},{EVERY}"
            break
    return {
        "total": total,
        "hits": hits,
        "searched": seen,
        "next": next,
        "tasks": found,
        "cursor": cursor_of(connection),
    }


def among(query: AllLogsFilter) -> dict[str, str | None]:
    """Which logs are meant, as the statements want it."""
    return {
        "tasks": msgspec.json.encode(query.task).decode() if query.task else None,
        "queues": msgspec.json.encode(query.queue).decode() if query.queue else None,
        "since": "" if query.since is None else rfc3339(query.since),
    }


def _place(page: str | None) -> tuple[int, int]:
    """The task and the line to go on with."""
    if page is None:
        return tasks.MAX_ID, EVERY
    parts = page.split(",")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise Unprocessable.field("page", "limit.page")
    task, last = map(int, parts)
    return min(task, tasks.MAX_ID), min(last, EVERY)
