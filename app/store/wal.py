"""Keeps the write-ahead log short while the server runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from time import perf_counter

from app.store.database import Database

log = logging.getLogger("livequeue.wal")

INTERVAL = 0.5  # seconds
LIMIT = 24 * 2**20  # bytes beyond which it is folded while it grows
QUIET_LIMIT = 8 * 2**20  # and once it does not


class WriteAheadLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """For as long as the server runs."""
        before = 0
        while True:
            await asyncio.sleep(INTERVAL)
            size = self._database.file.sizes().wal
            if size > (QUIET_LIMIT if size == before else LIMIT):
                await self._fold(size)
            before = size

    async def _fold(self, size: int) -> None:
        begun = perf_counter()
        try:
            done = await self._database.fold()
        except sqlite3.OperationalError as error:
            log.warning("the write-ahead log could not be folded for now: %s", error)
        else:
            took = perf_counter() - begun
            log.debug("%s %d bytes, %.3f s", "folded" if done else "could not fold", size, took)
