"""Marks running tasks whose heartbeat is overdue as stalled; a real sign of life revives them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

from app.errors import Problem
from app.rules.lifecycle import decide_stall
from app.store import clock, tasks
from app.store.database import Database
from app.store.sql import Queries
from app.store.transaction import Transaction

_sql = Queries("tasks")
log = logging.getLogger("livequeue.overdue")

INTERVAL = 1.0  # seconds
BATCH = 100


class Overdue:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """For as long as the server runs."""
        # While the server was down nobody could send a heartbeat: count from now.
        await self._database.write(_forgive)
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                if await self._database.read(_any_overdue):
                    await self._database.write(_stall)
            except Problem as error:
                log.warning("looking for stalled tasks failed: %s", error)


def _forgive(transaction: Transaction) -> None:
    transaction.connection.execute(_sql.forgive_heartbeats, (transaction.clock,))
    transaction.known.clear()  # written past app.store.tasks


def _any_overdue(connection: sqlite3.Connection) -> bool:
    seconds, _ = clock.now()
    return bool(connection.execute(_sql.overdue_tasks, (seconds, 1)).fetchone())


def _stall(transaction: Transaction) -> None:
    overdue = transaction.connection.execute(_sql.overdue_tasks, (transaction.clock, BATCH))
    for (task_id,) in overdue.fetchall():
        task = tasks.get(transaction.connection, task_id)
        tasks.apply(transaction, decide_stall(task, transaction.now))
