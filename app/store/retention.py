"""Lets go of what is old: in small batches between other writes, so that nothing ever waits for it.

Each step is one short transaction and says whether there is more to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from app.config import Settings
from app.errors import Problem
from app.store import clock
from app.store.database import Database, Transaction
from app.store.events import floor_of, head_of
from app.store.log_chunks import remove_oldest, seal
from app.store.sql import Queries

_sql = Queries("retention")
log = logging.getLogger("livequeue.retention")

INTERVAL = 10.0  # seconds between rounds in which nothing was left to do
BREATH = 0.02  # seconds between two batches of one round
EVENTS = 500
LINES = 1000  # rows of log lines, and chunks of them, in one step
CHUNKS = 8
SEAL_AFTER = 60.0  # seconds after a finished task's newest line
PAGES = 200
KEY_AGE = 24 * 3600.0  # seconds an idempotency key is kept


class Retention:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._steps: list[Callable[[Transaction], bool]] = [
            self._trim_events,
            self._remove_deleted_logs,
            self._seal_finished,
            self._trim_keys,
            self._fit_file,
            self._return_space,
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
        for step in self._steps:
            more = True
            while more:
                more = await self._database.write(step)
                self._database.floor = await self._database.read(floor_of)
                await asyncio.sleep(BREATH)

    def _trim_events(self, transaction: Transaction) -> bool:
        """Old or too many events; the newest one always stays, as ids go on from it."""
        oldest = clock.rfc3339(transaction.clock - self._settings.retention_days * 86_400)
        execute = transaction.connection.execute
        head = head_of(transaction.connection)
        surplus = head - self._settings.retention_events
        count, upto = execute(_sql.old_events, (EVENTS, head, oldest, surplus)).fetchone()
        if not count:
            return False
        execute(_sql.trim_events, (upto,))
        execute(_sql.raise_floor, (upto,))
        execute(_sql.trim_epochs)
        return bool(count == EVENTS)

    def _remove_deleted_logs(self, transaction: Transaction) -> bool:
        execute = transaction.connection.execute
        row = execute(_sql.next_deleted_task).fetchone()
        if row is None:
            return False
        if not remove_oldest(transaction.connection, row[0], chunks=CHUNKS, rows=LINES):
            execute(_sql.forget_log, row)
            execute(_sql.forget_producers, row)
            execute(_sql.forget_deleted_task, row)
        return True

    def _seal_finished(self, transaction: Transaction) -> bool:
        """The last lines of tasks that ended a while ago: they will hardly get more."""
        before = clock.rfc3339(transaction.clock - SEAL_AFTER)
        row = transaction.connection.execute(_sql.finished_open_log, (before,)).fetchone()
        if row is None:
            return False
        seal(transaction.connection, *row, chunks=CHUNKS // 2, rest=True)
        return True

    def _trim_keys(self, transaction: Transaction) -> bool:
        oldest = clock.rfc3339(transaction.clock - KEY_AGE)
        return transaction.connection.execute(_sql.trim_keys, (oldest, EVENTS)).rowcount == EVENTS

    def _fit_file(self, transaction: Transaction) -> bool:
        """Over the size: logs of the tasks that finished first, then the oldest events."""
        execute = transaction.connection.execute
        if execute(_sql.used_bytes).fetchone()[0] <= self._settings.retention_bytes:
            return False
        row = execute(_sql.oldest_finished_log).fetchone()
        if row is not None:
            return remove_oldest(transaction.connection, row[0], chunks=CHUNKS, rows=LINES)
        head = head_of(transaction.connection)
        count, upto = execute(_sql.old_events, (EVENTS, head, "9999", head)).fetchone()
        if count:
            execute(_sql.trim_events, (upto,))
            execute(_sql.raise_floor, (upto,))
        return bool(count)

    def _return_space(self, transaction: Transaction) -> bool:
        execute = transaction.connection.execute
        (free,) = execute("PRAGMA freelist_count").fetchone()
        if free <= PAGES:
            return False
        for _ in range(PAGES):
            # sqlite3 makes only the first step of this pragma, which frees one page.
            execute("PRAGMA incremental_vacuum(1)")
        return True
