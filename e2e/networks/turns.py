"""Who may use the machine: rows that wait cost nothing, those at work spoil each other's times."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_WORK = 4  # rows that start, write or look at once


class Turns:
    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_WORK)
        self._quiet = asyncio.Lock()

    @asynccontextmanager
    async def among_others(self) -> AsyncIterator[None]:
        async with self._places:
            yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Not to be asked for by whoever has a place: it waits for all of them."""
        async with self._quiet:
            taken = 0
            try:
                for _ in range(AT_WORK):
                    await self._places.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._places.release()
