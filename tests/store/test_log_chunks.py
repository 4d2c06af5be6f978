"""Log lines over rows and chunks: whatever was sealed, merged or reopened, they read the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.ansi import carry, plain
from app.config import Settings
from app.event import Event, LogLine
from app.models import Level, LogAppend, LogLineIn, LogQuery, TaskCreate
from app.rules.lifecycle import decide_create
from app.store import log_reading, logs, tasks
from app.store.database import Database
from app.store.log_chunks import KEPT, place_of, remove_oldest, seal
from app.store.retention import Retention
from app.store.transaction import Transaction
from livequeue_client.lines import WINDOW

LEVELS: tuple[Level | None, ...] = (None, "info", "error", "debug")
TEXTS = (
    "plain {}",
    "\x1b[31mred and on {}",
    "\x1b[1mbold\x1b[0m {}",
    "\x1b[0m{}",
    "\x1b[4;38;5;200munderlined {}",
    "日本語 {} \u2028 kept",
    "",
    "\x1b]8;;https://example.org\x07{}\x1b]8;;\x07",
    "long {} " + "x" * 700,
)


def run(path: Path, story: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await Database.open(path) as database:
            await story(database)

    asyncio.run(main())


async def new_task(database: Database) -> int:
    def work(tx: Transaction) -> int:
        command = TaskCreate(name="t", status="running")
        return tasks.insert(tx, decide_create(command, tx.now, tx.clock)).id

    return await database.write(work)


class Model:
    """What the log should be: a list of lines, and which producer's number became which."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[LogLineIn] = []
        self.known: dict[int, int] = {}
        self.number = 0

    def line(self) -> LogLineIn:
        pick = self.random
        return LogLineIn(
            text=pick.choice(TEXTS).format(pick.randrange(1000)),
            stream=pick.choice(("stdout", "stdout", "stderr")),
            level=pick.choice(LEVELS),
            fields={"k": pick.randrange(9)} if pick.random() < 0.02 else None,
        )

    def append(self) -> LogAppend:
        """Unnumbered lines of anybody."""
        lines = [self.line() for _ in range(self.random.choice((1, 3, 500, 3000)))]
        self.lines += lines
        return LogAppend(lines=lines)

    def rewrite(self) -> LogAppend:
        """Numbered lines of one producer: some new, some again."""
        sent: list[LogLineIn] = []
        for _ in range(self.random.randrange(1, 40)):
            line = self.line()
            newest = sorted(self.known)[-WINDOW:]
            if newest and self.random.random() < 0.5:
                line.line = self.random.choice(newest)
                self.lines[self.known[line.line]] = line
            else:
                self.number += 1
                line.line = self.number
                self.known[self.number] = len(self.lines)
                self.lines.append(line)
            sent.append(line)
        return LogAppend(lines=sent, producer="p")


class Shown(msgspec.Struct):
    n: int
    sgr: str = ""


class _Data(msgspec.Struct):
    lines: list[Shown]


def shown(event: Event) -> list[Shown]:
    """The lines of a LOG event."""
    return msgspec.json.decode(event.data, type=_Data).lines


def seen(line: LogLine) -> tuple[Any, ...]:
    fields = None if line.fields is None else msgspec.json.decode(line.fields)
    return line.text, line.stream, line.level, fields


def meant(line: LogLineIn) -> tuple[Any, ...]:
    return line.text, line.stream, line.level, line.fields


async def read(database: Database, task_id: int, **query: Any) -> list[LogLine]:
    found = await database.read(lambda c: log_reading.read(c, task_id, LogQuery(**query)))
    lines: list[LogLine] = found["lines"]
    return lines


async def all_lines(database: Database, task_id: int, **query: Any) -> list[LogLine]:
    lines: list[LogLine] = []
    while True:
        first = lines[-1].n + 1 if lines else 1
        part = await read(database, task_id, from_=first, limit=5000, **query)
        lines += part
        if len(part) < 5000:
            return lines


async def check(database: Database, task_id: int, model: Model) -> None:
    lines = await all_lines(database, task_id)
    assert [line.n for line in lines] == list(range(1, len(model.lines) + 1))
    assert [seen(line) for line in lines] == [meant(line) for line in model.lines]
    count = len(lines)
    for _ in range(5):
        first, limit = model.random.randrange(1, count + 2), model.random.randrange(1, 5000)
        part = await read(database, task_id, from_=first, limit=limit)
        assert [line.n for line in part] == list(range(first, min(first + limit, count + 1)))
        assert [seen(line) for line in part] == [
            meant(line) for line in model.lines[first - 1 : first - 1 + limit]
        ]
        level, stream = model.random.choice(LEVELS[1:]), model.random.choice(("stdout", "stderr"))
        wanted = [
            n
            for n, line in enumerate(model.lines, 1)
            if line.level == level and line.stream == stream and "1" in plain(line.text)
        ]
        query: dict[str, Any] = {"level": [level], "stream": [stream], "q": "1"}
        found = await read(database, task_id, from_=first, limit=700, **query)
        assert [line.n for line in found] == [n for n in wanted if n >= first][:700]
        found = await read(database, task_id, tail=700, to=first, **query)
        assert [line.n for line in found] == [n for n in wanted if n <= first][-700:]


@pytest.mark.parametrize("seed", range(4))
def test_lines_read_as_they_were_sent_whatever_was_sealed(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "l.db"
    model = Model(seed)
    ids: list[int] = []

    async def story(database: Database) -> None:
        task_id = await new_task(database)
        ids.append(task_id)
        for _ in range(14):
            command = model.append() if model.random.random() < 0.5 else model.rewrite()

            def work(tx: Transaction, command: LogAppend = command) -> Any:
                return logs.append(tx, task_id, command)

            await database.write(work)
        place = await database.read(lambda c: place_of(c, task_id))
        assert place.sealed or len(model.lines) < 4256 + KEPT
        await check(database, task_id, model)

    def finish(tx: Transaction) -> None:
        while seal(tx.connection, ids[0], len(model.lines), chunks=1, rest=True):
            pass

    async def again(database: Database) -> None:
        await check(database, ids[0], model)
        await database.write(finish)
        place = await database.read(lambda c: place_of(c, ids[0]))
        assert (place.sealed, place.open_bytes) == (len(model.lines), 0)
        await check(database, ids[0], model)

    run(path, story)
    run(path, again)


def test_colours_carry_over_lines_of_a_stream_wherever_reading_starts(tmp_path: Path) -> None:
    """Case H19: opened on one line, reset hundreds of lines later."""
    model = Model(1)
    events: list[Event] = []

    async def story(database: Database) -> None:
        task_id = await new_task(database)
        database.announce = events.extend
        for _ in range(5):
            command = LogAppend(lines=[model.line() for _ in range(2500)])
            model.lines += command.lines
            await database.write(lambda tx, command=command: logs.append(tx, task_id, command))  # type: ignore[misc]
        states: dict[str, str] = {}
        expected = []
        for line in model.lines:
            state = states.get(line.stream, "")
            expected.append(state)
            states[line.stream] = carry(state, line.text)
        assert len(set(expected)) > 2
        assert [line.sgr for event in events for line in shown(event)] == expected
        lines = await all_lines(database, task_id)
        assert [line.sgr for line in lines] == expected
        for first in (1, 77, 4000, 4001, 8123, 12_001, 12_400, 12_499):
            part = await read(database, task_id, from_=first, limit=50)
            assert [line.sgr for line in part] == expected[first - 1 : first + 49]
        assert (await read(database, task_id, tail=1))[0].sgr == expected[-1]

    run(tmp_path / "l.db", story)


def test_a_line_is_announced_in_its_colours_however_it_is_rewritten(tmp_path: Path) -> None:
    events: list[Event] = []

    async def story(database: Database) -> None:
        task_id = await new_task(database)
        database.announce = events.extend

        async def send(*lines: tuple[int, str]) -> list[tuple[int, str]]:
            events.clear()
            command = LogAppend(
                lines=[LogLineIn(text=text, line=number) for number, text in lines], producer="p"
            )
            await database.write(lambda tx: logs.append(tx, task_id, command))
            return [(line.n, line.sgr) for event in events for line in shown(event)]

        assert await send((1, "\x1b[31mred"), (2, "on")) == [(1, ""), (2, "31")]
        assert await send((2, "\x1b[1mbold")) == [(2, "31")]  # the last one, again
        assert await send((3, "x")) == [(3, "1;31")]
        assert await send((3, "\x1b[0mx"), (4, "y")) == [(3, "1;31"), (4, "")]
        assert await send((2, "on")) == [(2, "31")]  # further up
        assert await send((5, "z")) == [(5, "")]
        assert await send((3, "none"), (6, "z")) == [(3, "31"), (6, "31")]

    run(tmp_path / "l.db", story)


def test_a_line_that_retention_removed_is_not_rewritten(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task_id = await new_task(database)

        async def send(*lines: LogLineIn, **fields: Any) -> None:
            command = LogAppend(lines=list(lines), **fields)
            await database.write(lambda tx: logs.append(tx, task_id, command))

        await send(LogLineIn(text="10 %", line=1), producer="bar")
        await send(*(LogLineIn(text=f"{n}") for n in range(10_000)))
        await database.write(lambda tx: remove_oldest(tx.connection, task_id))
        await send(LogLineIn(text="100 %", line=1), producer="bar")
        (oldest,) = await read(database, task_id, from_=1, limit=1)
        assert (oldest.n, oldest.text) == (4001, "3999")
        await send(*(LogLineIn(text=f"{n}") for n in range(10_000)))

    run(tmp_path / "l.db", story)


def test_a_line_keeps_its_time_when_it_is_rewritten_after_it_was_sealed(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task_id = await new_task(database)

        async def send(*lines: LogLineIn, **fields: Any) -> None:
            command = LogAppend(lines=list(lines), **fields)
            await database.write(lambda tx: logs.append(tx, task_id, command))

        await send(LogLineIn(text="10 %", line=1), producer="bar")
        (before,) = await read(database, task_id, from_=1, limit=1)
        await send(*(LogLineIn(text=f"{n}") for n in range(10_000)))
        assert (await database.read(lambda c: place_of(c, task_id))).sealed > 1
        await send(LogLineIn(text="100 %", line=1), producer="bar")
        (after,) = await read(database, task_id, from_=1, limit=1)
        assert (after.n, after.text, after.time) == (1, "100 %", before.time)
        assert (await read(database, task_id, from_=1, q="100 %"))[0].n == 1
        assert await read(database, task_id, from_=1, q="10 %") == []
        await send(*(LogLineIn(text=f"{n}") for n in range(10_000)))  # merged by now
        (merged,) = await read(database, task_id, from_=1, limit=1)
        assert (merged.text, merged.time) == ("100 %", before.time)
        query = "SELECT min(n) FROM log_lines"
        assert (await database.read(lambda c: c.execute(query).fetchone()[0])) > 1

    run(tmp_path / "l.db", story)


def test_lines_rewritten_after_they_were_sealed_are_announced_quickly_in_their_colours(
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    statements: list[str] = []

    async def story(database: Database) -> None:
        task_id = await new_task(database)

        async def send(*lines: LogLineIn, **fields: Any) -> None:
            command = LogAppend(lines=list(lines), **fields)

            def work(tx: Transaction) -> None:
                tx.connection.set_trace_callback(statements.append)
                logs.append(tx, task_id, command)
                tx.connection.set_trace_callback(None)

            await database.write(work)

        bars = [LogLineIn(text=f"\x1b[32m{n} %", line=n) for n in range(1, WINDOW + 1)]
        await send(*bars, producer="bar")
        await send(*(LogLineIn(text="\x1b[31mred") for _ in range(10_000)))
        database.announce = events.extend
        statements.clear()
        await send(*bars[::-1], producer="bar")
        opened = [text for text in statements if text.startswith("SELECT text, rest")]
        assert len(opened) == 1  # not once for each line: everybody waits for it
        lines = [line for event in events for line in shown(event)]
        assert [(line.n, line.sgr) for line in lines] == [
            (n, "" if n == 1 else "32") for n in range(1, WINDOW + 1)
        ]

    run(tmp_path / "l.db", story)


def test_fields_count_for_the_size_of_a_chunk(tmp_path: Path) -> None:
    """Or a page of them would take a hundred times the memory of other lines."""

    async def story(database: Database) -> None:
        task_id = await new_task(database)
        fields = {"k": "x" * 10_000}
        command = LogAppend(lines=[LogLineIn(text="x", fields=fields) for _ in range(1000)])
        await database.write(lambda tx: logs.append(tx, task_id, command))
        await database.write(lambda tx: logs.append(tx, task_id, command))
        query = "SELECT max(last - first + 1) FROM log_chunks"
        (longest,) = await database.read(lambda c: c.execute(query).fetchone())
        assert longest <= 60
        assert len(await all_lines(database, task_id)) == 2000

    run(tmp_path / "l.db", story)


def test_times_of_lines_do_not_go_back_though_clocks_do(tmp_path: Path) -> None:
    command = LogAppend(lines=[LogLineIn(text="a"), LogLineIn(text="b")])

    async def begin(database: Database) -> None:
        task_id = await new_task(database)
        await database.write(lambda tx: logs.append(tx, task_id, command))

        def clock_was_ahead(tx: Transaction) -> None:
            for statement in ("UPDATE logs SET newest = ?", "UPDATE log_lines SET time = ?"):
                tx.connection.execute(statement, ("2999-01-01T00:00:00.999Z",))

        await database.write(clock_was_ahead)

    async def go_on(database: Database) -> None:
        one, two = 1, await new_task(database)
        await database.write(lambda tx: logs.append(tx, two, command))
        await database.write(lambda tx: logs.append(tx, one, command))
        lines = await all_lines(database, one) + await all_lines(database, two)
        ends = [line.time.removeprefix("2999-01-01T00:00:") for line in lines]
        assert ends == ["00.999Z", "00.999Z", "01.001Z", "01.001Z", "01.000Z", "01.000Z"]

    run(tmp_path / "l.db", begin)
    run(tmp_path / "l.db", go_on)


def test_the_rest_of_a_finished_log_is_sealed_and_a_deleted_log_goes(tmp_path: Path) -> None:
    async def story(database: Database) -> None:
        task_id = await new_task(database)
        command = LogAppend(lines=[LogLineIn(text=f"{n}") for n in range(9000)])
        await database.write(lambda tx: logs.append(tx, task_id, command))

        def long_ago(tx: Transaction) -> None:
            tx.connection.execute("UPDATE tasks SET status = 'completed'")
            tx.connection.execute("UPDATE logs SET newest = '2020-01-01T00:00:00.000Z'")
            tx.known.clear()

        await database.write(long_ago)
        await Retention(database, Settings()).round()
        assert (await database.read(lambda c: place_of(c, task_id)))[1:] == (9000, 0)
        assert len(await all_lines(database, task_id)) == 9000
        await database.write(lambda tx: tasks.delete(tx, task_id))
        await Retention(database, Settings()).round()
        for table in ("logs", "log_lines", "log_chunks", "deleted_tasks"):
            query = f"SELECT count(*) FROM {table}"  # noqa: S608
            assert await database.read(lambda c, q=query: c.execute(q).fetchone()[0]) == 0  # type: ignore[misc]

    run(tmp_path / "l.db", story)
