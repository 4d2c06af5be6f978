"""The write-ahead log stays short, also where reads overlap all the time."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from app.store import wal
from app.store.database import READERS, Database
from app.store.transaction import Transaction
from app.store.wal import WriteAheadLog


def run(path: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await Database.open(path) as database:
            await story(database)

    asyncio.run(main())


def write_much(tx: Transaction) -> None:
    for _ in range(10):
        tx.emit("NOTICE", "n", {"pad": "x" * 100_000})


def look(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def look_until(connection: sqlite3.Connection, seen: threading.Event, end: threading.Event) -> int:
    """A read under way until it is told to end."""
    found = look(connection)
    seen.set()
    assert end.wait(20)
    return found


class Read:
    """One that is under way until `end` is called."""

    def __init__(self, database: Database) -> None:
        self._seen, self._end = threading.Event(), threading.Event()
        self._task = asyncio.create_task(
            database.read(partial(look_until, seen=self._seen, end=self._end))
        )

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._seen.wait, 20)

    async def end(self) -> int:
        self._end.set()
        return await self._task


def test_it_is_cut_although_there_is_a_read_at_any_time(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        before = Read(database)
        await before.begun()
        for _ in range(30):
            after = Read(database)
            await after.begun()
            await before.end()
            before = after
            await database.write(write_much)
        assert database.file.sizes().wal > 25 * 2**20  # it grew beyond all checkpoints
        folding = asyncio.create_task(database.fold())
        later = asyncio.create_task(database.read(look))
        assert await before.end() == 290
        assert await folding
        assert database.file.sizes().wal == 0
        assert database.file.sizes().file > 25 * 2**20
        assert await later == 300
        await database.write(write_much)
        assert await database.read(look) == 310

    run(tmp_path / "l.db", story)


def test_a_read_that_takes_long_is_not_waited_for(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        read = Read(database)
        await read.begun()
        await database.write(write_much)
        assert not await database.fold()
        assert await read.end() == 0
        assert await asyncio.gather(*(database.read(look) for _ in range(2 * READERS))) == [10] * 6
        assert await database.fold()

    run(tmp_path / "l.db", story)


def test_another_program_that_reads_the_file_is_not_waited_for(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await database.write(write_much)
        other = sqlite3.connect(database.file.path)
        other.execute("BEGIN")
        assert look(other) == 10
        await database.write(write_much)
        assert not await database.fold()
        other.close()
        assert await database.fold()
        assert await database.read(look) == 20

    run(tmp_path / "l.db", story)


def test_the_server_cuts_it_by_itself_while_it_grows_and_when_all_is_quiet(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        keeping = asyncio.create_task(WriteAheadLog(database).run())
        for limit in (wal.LIMIT, wal.QUIET_LIMIT):
            read = Read(database)
            await read.begun()
            while database.file.sizes().wal <= limit:
                await database.write(write_much)
            await read.end()
            async with asyncio.timeout(20):
                while database.file.sizes().wal:
                    await database.read(look)
        keeping.cancel()

    run(tmp_path / "l.db", story)
