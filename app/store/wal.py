"""Keeps the write-ahead log short while the server runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

from app.store.database import Database

log = logging.getLogger("livequeue.wal")

INTERVAL = 1.0  # seconds
LIMIT = 32 * 2**20  # bytes


class WriteAheadLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """For as long as the server runs."""
        while True:
            await asyncio.sleep(INTERVAL)
            if self._database.sizes().wal > LIMIT:
                try:
                    await self._database.fold()
                except sqlite3.OperationalError as error:
                    log.warning("the write-ahead log could not be folded for now: %s", error)
