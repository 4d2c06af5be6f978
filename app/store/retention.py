"""Lets go of what is old: in small steps between other writes, so that nothing ever waits for it.

A rule removes one piece of what is over a limit (a chunk of a log, some events) and says whether
there was one. A step is one transaction: as many pieces as take a few milliseconds.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from time import perf_counter

from app.config import Settings
from app.errors import Problem
from app.store import clock
from app.store.database import Database
from app.store.events import floor_of, head_of
from app.store.log_chunks import remove_oldest, seal
from app.store.sql import Queries
from app.store.transaction import Transaction

_sql = Queries("retention")
log = logging.getLogger("livequeue.retention")

Rule = Callable[[Transaction], bool]

INTERVAL = 10.0  # seconds between rounds
HOLD = 0.002  # seconds a step works, about; then it commits
BREATH = 0.02  # seconds in which others write, between two steps
EVENTS = 200  # in one piece, and idempotency keys
PAGES = 16
FREE_PAGES = 256  # that stay in the file: new lines fill them soon
SEAL_AFTER = 60.0  # seconds after a finished task's newest line
SEAL_IDLE_AFTER = 86_400.0  # the same of a task that may write more
KEY_AGE = 24 * 3600.0  # seconds an idempotency key is kept


class Retention:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._rules: list[Rule] = [
            self._remove_deleted_logs,
            self._remove_old_lines,
            self._cut_long_logs,
            self._trim_events,
            self._fit_file,
            self._trim_keys,
        ]

    async def run(self) -> None:
        """For as long as the server runs."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                await self.round()
            except Problem as error:
                log.warning("retention stopped for now: %s", error)

    async def round(self) -> None:
        """Everything that is due now."""
        for rule in self._rules:
            await self._follow(rule)
        self._database.floor = await self._database.read(floor_of)
        for task_id, last in await self._database.read(_idle_logs):
            await self._follow(partial(_seal, task_id=task_id, last=last))
        await self._follow(_return_pages)

    async def _follow(self, rule: Rule) -> None:
        while await self._step(rule):
            # Space goes back at once: SQLite takes the longer for it the more pages are free.
            while await self._step(_return_pages):
                pass

    async def _step(self, rule: Rule) -> bool:
        more = await self._database.write(partial(_pieces, rule=rule))
        if more:
            await asyncio.sleep(BREATH)
        return more

    def _remove_deleted_logs(self, transaction: Transaction) -> bool:
        connection = transaction.connection
        row = connection.execute(_sql.next_deleted_task).fetchone()
        if row is None:
            return False
        if not remove_oldest(connection, row[0]):
            connection.execute(_sql.forget_log, row)
            connection.execute(_sql.forget_producers, row)
            connection.execute(_sql.forget_deleted_task, row)
        return True

    def _remove_old_lines(self, transaction: Transaction) -> bool:
        """Chunk by chunk; what still is a row is new, or of a task that writes hardly anything."""
        oldest = clock.rfc3339(transaction.clock - self._settings.retention_log_days * 86_400)
        row = transaction.connection.execute(_sql.oldest_chunk).fetchone()
        if row is None or row[1] >= oldest:
            return False
        return remove_oldest(transaction.connection, row[0])

    def _cut_long_logs(self, transaction: Transaction) -> bool:
        row = transaction.connection.execute(_sql.largest_log).fetchone()
        if row is None or row[1] <= self._settings.retention_log_bytes:
            return False
        return remove_oldest(transaction.connection, row[0])

    def _fit_file(self, transaction: Transaction) -> bool:
        """Over the size: the oldest log lines of all, and only then events."""
        connection = transaction.connection
        if connection.execute(_sql.used_bytes).fetchone()[0] <= self._settings.retention_bytes:
            return False
        row = connection.execute(_sql.oldest_chunk).fetchone()
        if row is not None:
            return remove_oldest(connection, row[0])
        return _trim_events(connection, "9999", head_of(connection))

    def _trim_events(self, transaction: Transaction) -> bool:
        """Old or too many events."""
        connection = transaction.connection
        oldest = clock.rfc3339(transaction.clock - self._settings.retention_days * 86_400)
        surplus = head_of(connection) - self._settings.retention_events
        return _trim_events(connection, oldest, surplus)

    def _trim_keys(self, transaction: Transaction) -> bool:
        oldest = clock.rfc3339(transaction.clock - KEY_AGE)
        return transaction.connection.execute(_sql.trim_keys, (oldest, EVENTS)).rowcount == EVENTS


def _pieces(transaction: Transaction, rule: Rule) -> bool:
    """Some pieces of a rule; whether there may be more."""
    end = perf_counter() + HOLD
    while rule(transaction):
        if perf_counter() > end:
            return True
    return False


def _trim_events(connection: sqlite3.Connection, oldest: str, surplus: int) -> bool:
    """Events before a time, or up to a seq; the newest one always stays, as ids go on from it."""
    head = head_of(connection)
    (upto,) = connection.execute(_sql.old_events, (EVENTS, head, oldest, surplus)).fetchone()
    if upto is None:
        return False
    connection.execute(_sql.trim_events, (upto,))
    connection.execute(_sql.raise_floor, (upto,))
    connection.execute(_sql.trim_epochs)
    return True


def _idle_logs(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Logs whose last lines can be sealed: they will hardly get more. Task and last line."""
    now, _ = clock.now()
    finished, idle = clock.rfc3339(now - SEAL_AFTER), clock.rfc3339(now - SEAL_IDLE_AFTER)
    return connection.execute(_sql.idle_logs, (finished, idle)).fetchall()


def _seal(transaction: Transaction, task_id: int, last: int) -> bool:
    return bool(seal(transaction.connection, task_id, last, chunks=1, rest=True))


def _return_pages(transaction: Transaction) -> bool:
    execute = transaction.connection.execute
    (free,) = execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(PAGES, free - FREE_PAGES)):
        # sqlite3 makes only the first step of this pragma, which frees one page.
        execute("PRAGMA incremental_vacuum(1)")
    return bool(free > FREE_PAGES)
