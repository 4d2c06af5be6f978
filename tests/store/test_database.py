"""The writer: group commit, isolation of one refused request, and what is never acknowledged."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import Busy, Problem, Refused, Unprocessable
from app.event import Event
from app.store.database import Database
from app.store.events import cursor_of, head_of
from app.store.file import FileInUse, FileReplaced
from app.store.idempotency import IdempotencyKey
from app.store.transaction import Transaction


def with_database(path: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await Database.open(path) as database:
            await story(database)

    asyncio.run(main())


def notice(text: str) -> Callable[[Transaction], dict[str, str]]:
    def work(tx: Transaction) -> dict[str, str]:
        tx.emit("NOTICE", text, {"name": text})
        return {"stored": text}

    return work


def stored(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT message FROM events ORDER BY seq").fetchall()
    connection.close()
    return [message for (message,) in rows]


def test_requests_of_one_batch_are_committed_in_order_and_announced_after(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    announced: list[Event] = []

    def announce(events: Any) -> None:
        announced.extend(events)
        assert [event.message for event in announced] == stored(path)  # committed before

    async def story(database: Database) -> None:
        database.announce = announce
        names = [f"n{i}" for i in range(200)]
        answers = await asyncio.gather(*(database.write(notice(name)) for name in names))
        assert answers == [{"stored": name} for name in names]
        assert [event.message for event in announced] == names
        seqs = [event.seq for event in announced]
        assert seqs == list(range(seqs[0], seqs[0] + 200))

    with_database(path, story)
    assert len(stored(path)) == 200


def test_a_refused_request_undoes_only_itself(tmp_path: Path) -> None:
    def refuse(tx: Transaction) -> None:
        tx.emit("NOTICE", "never", {})
        tx.connection.execute("INSERT INTO deleted_tasks VALUES (7)")
        raise Refused("no")

    def duplicate(tx: Transaction) -> None:
        tx.emit("NOTICE", "never", {})
        tx.connection.execute("INSERT INTO deleted_tasks VALUES (1), (1)")

    async def story(database: Database) -> None:
        outcomes = await asyncio.gather(
            database.write(notice("a")),
            database.write(refuse),
            database.write(duplicate),
            database.write(notice("b")),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], Refused)
        assert isinstance(outcomes[2], sqlite3.IntegrityError)
        assert outcomes[3] == {"stored": "b"}
        rows = await database.read(lambda c: c.execute("SELECT * FROM deleted_tasks").fetchall())
        assert rows == []

    path = tmp_path / "l.db"
    with_database(path, story)
    assert stored(path) == ["a", "b"]


def test_an_unforeseen_error_undoes_only_its_own_request(tmp_path: Path) -> None:
    def stumble(tx: Transaction) -> None:
        tx.emit("NOTICE", "never", {})
        tx.connection.execute("INSERT INTO deleted_tasks VALUES (7)")
        raise OverflowError("a bug of ours")

    async def story(database: Database) -> None:
        outcomes = await asyncio.gather(
            database.write(notice("a")),
            database.write(stumble),
            database.write(notice("b")),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], OverflowError)
        rows = await database.read(lambda c: c.execute("SELECT * FROM deleted_tasks").fetchall())
        assert rows == []

    path = tmp_path / "l.db"
    with_database(path, story)
    assert stored(path) == ["a", "b"]


def test_another_writer_of_events_is_fatal(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        fatal: list[BaseException] = []
        database.on_fatal = fatal.append
        with sqlite3.connect(database.file.path) as other:
            other.execute("INSERT INTO events VALUES (1, 'NOTICE', NULL, NULL, '', 'x', '{}')")
        other.close()
        with pytest.raises(Busy):
            await database.write(notice("a"))
        assert isinstance(fatal[0], FileReplaced)

    with_database(tmp_path / "l.db", story)


def test_a_full_disk_fails_the_whole_batch_and_the_next_one_works(tmp_path: Path) -> None:
    def fill(tx: Transaction) -> None:
        (pages,) = tx.connection.execute("PRAGMA page_count").fetchone()
        tx.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        tx.emit("NOTICE", "x" * 100_000, {})

    def make_room(tx: Transaction) -> None:
        tx.connection.execute("PRAGMA max_page_count = 1073741823")

    async def story(database: Database) -> None:
        announced: list[Event] = []
        database.announce = announced.extend
        before = database.head
        outcomes = await asyncio.gather(
            *(database.write(notice(f"n{i}")) for i in range(5)),
            database.write(fill),
            *(database.write(notice(f"m{i}")) for i in range(5)),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, Busy) for outcome in outcomes)
        assert announced == []
        assert database.head == before
        await database.write(make_room)
        await database.write(notice("after"))
        assert announced[0].seq == before + 1

    path = tmp_path / "l.db"
    with_database(path, story)
    assert stored(path) == ["after"]


def test_an_idempotency_key_answers_again_also_after_a_restart(tmp_path: Path) -> None:
    key = IdempotencyKey("k", "fingerprint")

    async def first(database: Database) -> None:
        twice = [database.write(notice("once"), key=key) for _ in range(2)]
        assert await asyncio.gather(*twice) == [{"stored": "once"}] * 2

    async def second(database: Database) -> None:
        assert await database.write(notice("other"), key=key) == {"stored": "once"}
        with pytest.raises(Unprocessable):
            await database.write(notice("x"), key=IdempotencyKey("k", "another fingerprint"))

    path = tmp_path / "l.db"
    with_database(path, first)
    with_database(path, second)
    assert stored(path) == ["once"]


def test_a_refusal_is_not_kept_under_its_key(tmp_path: Path) -> None:
    key = IdempotencyKey("k", "f")

    def refuse(tx: Transaction) -> dict[str, str]:
        raise Refused("not now")

    async def story(database: Database) -> None:
        with pytest.raises(Problem):
            await database.write(refuse, key=key)
        assert await database.write(notice("now"), key=key) == {"stored": "now"}

    with_database(tmp_path / "l.db", story)


def test_a_second_owner_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        with pytest.raises(FileInUse, match="already uses"):
            await Database.open(database.file.path)

    with_database(tmp_path / "l.db", story)
    with_database(tmp_path / "l.db", lambda database: asyncio.sleep(0))


def test_every_start_is_an_epoch_and_ids_go_on(tmp_path: Path) -> None:
    cursors: list[str] = []

    async def story(database: Database) -> None:
        await database.write(notice("x"))
        cursors.append(await database.read(cursor_of))

    for _ in range(3):
        with_database(tmp_path / "l.db", story)
    assert len({cursor.partition("-")[0] for cursor in cursors}) == 3
    assert [int(cursor.partition("-")[2]) for cursor in cursors] == [1, 2, 3]


def test_ids_are_not_reused_when_every_event_is_gone(tmp_path: Path) -> None:
    async def fill(database: Database) -> None:
        for _ in range(5):
            await database.write(notice("x"))

    async def check(database: Database) -> None:
        assert await database.read(head_of) >= 5

    with_database(tmp_path / "l.db", fill)
    connection = sqlite3.connect(tmp_path / "l.db")
    connection.executescript("DELETE FROM events; UPDATE event_floor SET seq = 5;")
    connection.close()
    with_database(tmp_path / "l.db", check)


def test_close_leaves_one_file_also_when_somebody_reads(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    reading, closing = threading.Event(), threading.Event()

    def read(connection: sqlite3.Connection) -> int:
        reading.set()
        assert closing.wait(20)
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    async def main() -> None:
        database = await Database.open(path)
        await database.write(notice("n"))
        read_task = asyncio.create_task(database.read(read))
        await asyncio.to_thread(reading.wait, 20)
        close = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        closing.set()
        await close
        await asyncio.wait([read_task])
        with pytest.raises(Busy):
            await database.read(read)

    asyncio.run(main())
    assert not path.with_name("l.db-wal").exists()
    assert len(stored(path)) == 1


def test_close_leaves_one_file_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "l.db"

    async def story(database: Database) -> None:
        writes = [asyncio.ensure_future(database.write(notice(f"n{i}"))) for i in range(50)]
        await asyncio.sleep(0)
        await database.close()
        assert all(write.done() and not write.exception() for write in writes)
        with pytest.raises(Busy):
            await database.write(notice("late"))

    async def main() -> None:
        await story(await Database.open(path))

    asyncio.run(main())
    assert not path.with_name("l.db-wal").exists()
    assert len(stored(path)) == 50
