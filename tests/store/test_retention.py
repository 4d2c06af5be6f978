"""Letting go of what is old, in steps that nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.config import Settings
from app.event import LogLine
from app.store.database import Database, Transaction
from app.store.retention import Retention
from app.stream.feed import Feed
from app.stream.hub import Hub


def run(path: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await Database.open(path) as database:
            await story(database)

    asyncio.run(main())


def notice(tx: Transaction) -> None:
    tx.emit("NOTICE", "n", {"pad": "x" * 200})


async def count(database: Database, table: str) -> int:
    query = f"SELECT count(*) FROM {table}"  # noqa: S608
    return int(await database.read(lambda c: c.execute(query).fetchone()[0]))


def age(days: float) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.connection.execute(
            "UPDATE events SET timestamp = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)",
            (f"-{days} days",),
        )

    return work


def test_too_many_events_go_and_their_cursors_reset(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await asyncio.gather(*(database.write(notice) for _ in range(1300)))
        first = database.epochs.cursor(0)
        await Retention(database, Settings(retention_events=100)).round()
        assert await count(database, "events") == 100
        assert database.floor == 1200
        hub = Hub(database.head, 0, 10, 10**6)
        for cursor, reset in ((first, "expired"), (database.epochs.cursor(1199), "expired")):
            async with await Feed.open(hub, database, ["system"], cursor) as feed:
                assert feed.reset == reset
        async with await Feed.open(hub, database, ["system"], database.epochs.cursor(1200)) as feed:
            assert feed.reset is None
            assert len(await feed.events(1000)) == 100

    run(tmp_path / "l.db", story)


def test_old_events_go_but_the_newest_stays_so_that_ids_go_on(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await asyncio.gather(*(database.write(notice) for _ in range(700)))
        await database.write(age(31))
        await Retention(database, Settings()).round()
        assert await count(database, "events") == 1
        await database.write(notice)
        assert database.head == 701

    run(tmp_path / "l.db", story)


def test_a_cursor_that_expires_during_a_replay_resets_instead_of_skipping(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await asyncio.gather(*(database.write(notice) for _ in range(1300)))
        hub = Hub(database.head, 0, 10, 10**6)
        async with await Feed.open(hub, database, ["system"], database.epochs.cursor(0)) as feed:
            assert await feed.replay()  # the first slice
            await Retention(database, Settings(retention_events=100)).round()
            assert await feed.replay() is None
            assert feed.reset == "expired"
            assert feed.cursor == database.head

    run(tmp_path / "l.db", story)


def add_lines(task: int, lines: int) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        rows = [
            LogLine(n, "2026-01-01T00:00:00.000Z", None, "stdout", "x" * 500)
            for n in range(1, lines + 1)
        ]
        tx.connection.executemany(
            "INSERT INTO log_lines (task_id, n, attempt, time, stream, text)"
            " VALUES (?, ?, 1, ?, ?, ?)",
            [(task, row.n, row.time, row.stream, row.text) for row in rows],
        )

    return work


def test_logs_of_deleted_tasks_go_in_the_background_and_space_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "l.db"

    async def story(database: Database) -> None:
        await database.write(add_lines(1, 12_000))
        await database.write(add_lines(2, 10))
        await database.write(note_deleted)
        large = await database.read(pages)
        await Retention(database, Settings()).round()
        assert await count(database, "log_lines") == 10
        assert await count(database, "deleted_tasks") == 0
        assert await database.read(pages) < large / 3

    run(path, story)


def note_deleted(tx: Transaction) -> None:
    tx.connection.execute("INSERT INTO deleted_tasks VALUES (1)")


def pages(connection: Any) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


def test_a_file_over_its_size_loses_the_oldest_finished_logs_first(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        for status in ("completed", "running", "completed"):
            await database.write(make_task(status))
        for task in (1, 2, 3):
            await database.write(add_lines(task, 4000))
        await Retention(database, Settings(retention_bytes=5 * 2**20)).round()
        query = "SELECT task_id, count(*) FROM log_lines GROUP BY task_id"
        left = dict(await database.read(lambda c: c.execute(query).fetchall()))
        assert 1 not in left
        assert left[2] == 4000  # it still runs
        assert await database.read(pages) * 4096 < 5.5 * 2**20

    run(tmp_path / "l.db", story)


def make_task(status: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.connection.execute(
            "INSERT INTO tasks (name, queue, status, created_at, updated_at)"
            " VALUES ('t', 'q', ?, '', '')",
            (status,),
        )

    return work
