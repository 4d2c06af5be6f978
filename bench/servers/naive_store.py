"""Tasks and their events through aiosqlite as most people write it.

Schema, statements and rules are LiveQueue's own, and so is the work of each change; the difference
is an await for each statement and a transaction for each request.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import msgspec

from app.models import TaskPatch
from app.rules.task import Task, event_data
from app.rules.update import decide_patch
from app.store import clock
from app.store.migrations import migrate
from app.store.sql import Queries

_sql = Queries("tasks")
GET = _sql.get_task.replace("/* columns */", _sql.columns)
CREATE = """INSERT INTO tasks
(name, queue, status, total, heartbeat_timeout, created_at, updated_at, started_at)
VALUES (?, 'default', 'running', 1e9, 60, ?, ?, ?)"""
EVENT = """INSERT INTO events (type, task_id, queue, timestamp, message, data)
VALUES (?, ?, ?, ?, ?, ?)"""


class NaiveStore:
    """One connection, one transaction for each change, one at a time."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> NaiveStore:
        with closing(sqlite3.connect(path, isolation_level=None)) as plain:
            plain.execute("PRAGMA journal_mode = WAL")
            migrate(plain)
        connection = await aiosqlite.connect(path, isolation_level=None)
        await connection.execute("PRAGMA synchronous = FULL")
        return cls(connection)

    async def close(self) -> None:
        await self._connection.close()

    async def create(self, name: str) -> int:
        _, now = clock.now()
        async with self._lock, self._connection.execute(CREATE, (name, now, now, now)) as cursor:
            return cursor.lastrowid or 0

    async def report(self, task_id: int, patch: TaskPatch) -> dict[str, Any]:
        """Refusals would need a rollback; the benchmark makes none."""
        connection = self._connection
        async with self._lock:
            seconds, now = clock.now()
            await connection.execute("BEGIN IMMEDIATE")
            async with connection.execute(GET, (task_id,)) as cursor:
                row = await cursor.fetchone()
            assert row is not None
            decision = decide_patch(Task(*row), patch, now, seconds)
            data = event_data(decision)
            assignments = ", ".join(f"{column} = ?" for column in decision.changes)
            update = _sql.update_task.replace("/* assignments */", assignments)
            await connection.execute(update, (*decision.changes.values(), task_id))
            values = (decision.event, task_id, decision.task.queue, now, decision.message)
            await connection.execute(EVENT, (*values, msgspec.json.encode(data).decode()))
            await connection.execute("COMMIT")
        return data
