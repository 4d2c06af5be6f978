"""Letting go of what is old, in steps that nobody waits for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.models import GivenStatus, LogAppend, LogLineIn, LogQuery, TaskCreate
from app.rules.lifecycle import decide_create
from app.store import clock, log_reading, logs, tasks
from app.store.database import Database
from app.store.log_block import EVERY
from app.store.log_chunks import seal
from app.store.retention import Retention
from app.store.transaction import Transaction
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


def new_task(status: GivenStatus = "running") -> Callable[[Transaction], int]:
    def work(tx: Transaction) -> int:
        decision = decide_create(TaskCreate(name="t", status=status), tx.now, tx.clock)
        return tasks.insert(tx, decision).id

    return work


async def fill(database: Database, task_id: int, lines: int) -> None:
    """Add so many lines of 100 characters that do not compress well."""
    pick = random.Random(task_id)
    while lines > 0:
        texts = [f"{pick.getrandbits(400):0100x}" for _ in range(min(lines, 2000))]
        command = LogAppend(lines=[LogLineIn(text=text) for text in texts])
        await database.write(partial(logs.append, task_id=task_id, command=command))
        lines -= len(texts)


async def finish(database: Database, task_id: int) -> None:
    """End a task whose lines are all in chunks."""

    def work(tx: Transaction) -> None:
        tx.connection.execute("UPDATE tasks SET status = 'completed' WHERE id = ?", (task_id,))
        last = tasks.get(tx.connection, task_id).last_line
        while seal(tx.connection, task_id, last, chunks=9, rest=True):
            pass

    await database.write(work)


async def make_older(database: Database, task_id: int, days: float, *, upto: int = EVERY) -> None:
    """Let lines be older, as far as they are in chunks that end by `upto`."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(
            "UPDATE log_chunks SET min_time = strftime(:form, min_time, :by),"
            " max_time = strftime(:form, max_time, :by) WHERE task_id = :task AND last <= :upto",
            {"form": "%Y-%m-%dT%H:%M:%fZ", "by": f"{-days:+} days", "task": task_id, "upto": upto},
        )

    await database.write(work)


async def read(database: Database, task_id: int, **query: Any) -> dict[str, Any]:
    return await database.read(lambda c: log_reading.read(c, task_id, LogQuery(**query)))


async def firsts(database: Database, *task_ids: int) -> list[int]:
    return [(await read(database, id, tail=0))["first"] for id in task_ids]


async def pages(database: Database, kind: str = "page_count") -> int:
    return int(await database.read(lambda c: c.execute(f"PRAGMA {kind}").fetchone()[0]))


async def expect_right_sums(database: Database) -> None:
    """`logs` knows what its chunks take."""
    query = (
        "SELECT task_id, text_bytes, chunk_bytes, ("
        "  SELECT coalesce(sum(text_bytes), 0) FROM log_chunks WHERE task_id = logs.task_id"
        "), (SELECT coalesce(sum(stored_bytes), 0) FROM log_chunks WHERE task_id = logs.task_id)"
        " FROM logs"
    )
    for _, text, chunks, text_sum, chunk_sum in await database.read(
        lambda c: c.execute(query).fetchall()
    ):
        assert (text, chunks) == (text_sum, chunk_sum)


def test_the_log_of_a_deleted_task_goes_and_its_space_comes_back(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        gone, other = await database.write(new_task()), await database.write(new_task())
        await fill(database, gone, 22_000)
        await fill(database, other, 10)
        large = await pages(database)
        await database.write(partial(tasks.delete, task_id=gone))
        await Retention(database, Settings()).round()
        for table, rows in {
            "log_chunks": 0,
            "log_lines": 10,
            "logs": 1,
            "deleted_tasks": 0,
        }.items():
            assert await count(database, table) == rows
        assert await pages(database) < large - 200
        assert len((await read(database, other, tail=100))["lines"]) == 10

    run(tmp_path / "l.db", story)


def test_old_lines_go_chunk_by_chunk_and_the_log_says_from_where_it_is(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        running, ended, young = [await database.write(new_task()) for _ in range(3)]
        for task in (running, ended, young):
            await fill(database, task, 9000)
        await finish(database, ended)
        await make_older(database, running, 8, upto=4000)
        await make_older(database, ended, 8)
        await make_older(database, young, 6)
        await Retention(database, Settings(retention_log_days=7)).round()
        assert await firsts(database, running, ended, young) == [4001, 9001, 1]
        found = await read(database, running, from_=1, limit=2)
        assert [line.n for line in found["lines"]] == [4001, 4002]
        assert found["total"] == 9000
        assert (await read(database, ended, tail=5))["lines"] == []
        await fill(database, ended, 1)  # a late line
        assert [line.n for line in (await read(database, ended, from_=1))["lines"]] == [9001]
        await expect_right_sums(database)

    run(tmp_path / "l.db", story)


def test_what_a_running_task_wrote_last_stays_however_old(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task = await database.write(new_task())
        await fill(database, task, 100)
        await Retention(database, Settings(retention_log_days=0.001)).round()
        assert await firsts(database, task) == [1]

    run(tmp_path / "l.db", story)


def test_a_clock_that_went_back_holds_nothing_up(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task = await database.write(new_task())
        await fill(database, task, 13_000)
        await make_older(database, task, 8, upto=8000)
        await make_older(database, task, -4000, upto=4000)  # the first chunk is of the future
        await Retention(database, Settings(retention_log_days=7)).round()
        assert await firsts(database, task) == [8001]

    run(tmp_path / "l.db", story)


def test_a_log_beyond_its_size_loses_its_oldest_lines(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        long, short = await database.write(new_task()), await database.write(new_task())
        await fill(database, long, 30_000)
        await fill(database, short, 9000)
        limit = 800_000
        await Retention(database, Settings(retention_log_bytes=limit)).round()
        query = "SELECT chunk_bytes FROM logs WHERE task_id = ?"
        (size,) = await database.read(lambda c: c.execute(query, (long,)).fetchone())
        assert limit / 2 < size <= limit
        first, other = await firsts(database, long, short)
        assert first > 8000
        assert other == 1
        lines = (await read(database, long, from_=1, limit=1))["lines"]
        assert lines[0].n == first
        await expect_right_sums(database)

    run(tmp_path / "l.db", story)


def test_a_file_beyond_its_size_loses_the_oldest_lines_of_all(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        old, older, new = [await database.write(new_task()) for _ in range(3)]
        for task, days in ((old, 2), (older, 3), (new, 0)):
            await fill(database, task, 13_000)
            await finish(database, task)
            await make_older(database, task, days)
        events = await count(database, "events")
        used = 4096 * (await pages(database) - await pages(database, "freelist_count"))
        await Retention(database, Settings(retention_bytes=used - 800_000)).round()
        assert await firsts(database, old, older, new) == [4001, 13_001, 1]
        assert await pages(database) * 4096 < used - 800_000 + 2 * 2**20  # some free pages
        assert await count(database, "events") == events
        await expect_right_sums(database)

    run(tmp_path / "l.db", story)


def test_a_file_without_logs_beyond_its_size_loses_events(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        await asyncio.gather(*(database.write(notice) for _ in range(6000)))
        await Retention(database, Settings(retention_bytes=2**20)).round()
        assert 1 < await count(database, "events") < 6000
        assert database.floor > 0

    run(tmp_path / "l.db", story)


@pytest.mark.parametrize(("status", "seconds"), [("completed", 61), ("running", 86_401)])
def test_what_will_hardly_get_more_lines_is_sealed(
    tmp_path: Path, status: GivenStatus, seconds: float
) -> None:
    async def story(database: Database) -> None:
        retention = Retention(database, Settings())
        task = await database.write(new_task(status))
        await fill(database, task, 100)
        for less, rows in ((10, 100), (0, 0)):
            newest = clock.rfc3339(clock.now()[0] - seconds + less)
            change = partial(_set_newest, newest=newest)
            await database.write(change)
            await retention.round()
            assert await count(database, "log_lines") == rows
        assert len((await read(database, task, from_=1))["lines"]) == 100
        await expect_right_sums(database)

    run(tmp_path / "l.db", story)


def _set_newest(tx: Transaction, newest: str) -> None:
    tx.connection.execute("UPDATE logs SET newest = ?", (newest,))


def add_chunks(tx: Transaction, task_id: int, chunks: int, size: int) -> None:
    """As if so much had been written: of no use to readers."""
    tx.connection.execute("INSERT INTO logs (task_id, newest) VALUES (?, ?)", (task_id, tx.now))
    tx.connection.executemany(
        "INSERT INTO log_chunks (task_id, first, last, min_time, max_time, levels, text_bytes,"
        " stored_bytes, colours, text, rest) VALUES (?, ?, ?, ?, ?, 1, ?, ?, '', zeroblob(?), x'')",
        [
            (task_id, n * 10 + 1, n * 10 + 10, tx.now, tx.now, size, size, size)
            for n in range(chunks)
        ],
    )


def ended_with_log(tx: Transaction) -> None:
    add_chunks(tx, new_task("completed")(tx), 2, 50)


def test_others_write_and_read_while_a_large_log_goes(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task = await database.write(new_task())
        await database.write(partial(add_chunks, task_id=task, chunks=500, size=60_000))
        await database.write(partial(tasks.delete, task_id=task))
        going = asyncio.create_task(Retention(database, Settings()).round())
        left: set[int] = set()
        while not going.done():
            await database.write(notice)
            left.add(await count(database, "log_chunks"))
        await going
        assert len(left - {0, 500}) >= 3  # it went in steps, and between them others had their turn
        assert await count(database, "log_chunks") == 0
        assert await pages(database) * 4096 < 4 * 2**20

    run(tmp_path / "l.db", story)


def test_a_round_with_nothing_to_do_costs_the_same_however_much_is_kept(tmp_path: Path) -> None:
    costs: list[int] = []

    def watch(tx: Transaction) -> None:
        def step() -> int:
            costs[-1] += 1
            return 0

        costs.append(0)
        tx.connection.set_progress_handler(step, 10)

    async def story(database: Database) -> None:
        for size in (1, 3000):
            await asyncio.gather(*(database.write(ended_with_log) for _ in range(size)))
            await database.write(watch)
            await Retention(database, Settings()).round()

    run(tmp_path / "l.db", story)
    assert costs[1] < 1.2 * costs[0] + 5
