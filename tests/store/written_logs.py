"""Logs that were written at random, and what is in them by a slow model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.ansi import plain
from app.models import Level, LogAppend, LogLineIn, TaskCreate
from app.rules.lifecycle import decide_create
from app.store import logs, tasks
from app.store.database import Database
from app.store.log_chunks import seal
from app.store.transaction import Transaction

Place = tuple[int, int]  # task, n
LEVELS: tuple[Level | None, ...] = (None, "info", "error")
TEXTS = ("took {} ms", "\x1b[31mERR\x1b[1mOR\x1b[0m {}", "Größe {} 错误", "", "x" * 600 + " {}")
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"q": "7"},
    {"q": "error", "ignore_case": True},
    {"q": "^took .*3 ms$", "regex": True},
    {"level": ["error"]},
    {"stream": ["stderr"], "q": "错误"},
    {"q": "nowhere"},
)

_FIND: dict[str | None, Callable[[str], bool]] = {
    None: lambda text: True,
    "7": lambda text: "7" in text,
    "error": lambda text: "error" in text.lower(),
    "^took .*3 ms$": lambda text: text.startswith("took ") and text.endswith("3 ms"),
    "错误": lambda text: "错误" in text,
    "nowhere": lambda text: False,
}


class Logs:
    """Logs in the database, and what they should be."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.pick = random.Random(seed)
        self.lines: dict[int, list[LogLineIn]] = {}
        self.queues: dict[int, str] = {}
        self.rewritten: list[Place] = []
        self.numbers: dict[int, dict[int, int]] = {}  # by task: the producer's number -> n

    async def add_task(self) -> None:
        queue = self.pick.choice(("one", "two"))

        def work(tx: Transaction) -> int:
            command = TaskCreate(name="t", status="running", queue=queue)
            return tasks.insert(tx, decide_create(command, tx.now, tx.clock)).id

        task = await self.database.write(work)
        self.lines[task], self.queues[task], self.numbers[task] = [], queue, {}

    async def delete_task(self) -> None:
        task = self.pick.choice(list(self.lines))
        await self.database.write(lambda tx: tasks.delete(tx, task))
        del self.lines[task]

    def line(self) -> LogLineIn:
        return LogLineIn(
            text=self.pick.choice(TEXTS).format(self.pick.randrange(1000)),
            stream=self.pick.choice(("stdout", "stdout", "stderr")),
            level=self.pick.choice(LEVELS),
        )

    async def append(self) -> None:
        task = self.pick.choice(list(self.lines))
        lines = [self.line() for _ in range(self.pick.choice((1, 2, 40, 90, 800)))]
        self.lines[task] += lines
        await self.database.write(lambda tx: logs.append(tx, task, LogAppend(lines=lines)))

    async def rewrite(self) -> None:
        """Numbered lines of one producer: some new, some again."""
        task = self.pick.choice(list(self.lines))
        known = self.numbers[task]
        sent: list[LogLineIn] = []
        for _ in range(self.pick.randrange(1, 20)):
            line = self.line()
            if known and self.pick.random() < 0.6:
                line.line = self.pick.choice(sorted(known)[-100:])
                self.lines[task][known[line.line] - 1] = line
                self.rewritten.append((task, known[line.line]))
            else:
                line.line = len(known) + 1
                self.lines[task].append(line)
                known[line.line] = len(self.lines[task])
            sent.append(line)
        command = LogAppend(lines=sent, producer="p")
        await self.database.write(lambda tx: logs.append(tx, task, command))

    async def seal_rest(self) -> None:
        task = self.pick.choice(list(self.lines))
        last = len(self.lines[task])
        await self.database.write(lambda tx: seal(tx.connection, task, last, chunks=1, rest=True))

    async def happen(self) -> None:
        actions = (self.append, self.append, self.rewrite, self.seal_rest, self.add_task)
        await self.pick.choice(actions)()

    def matching(self, query: dict[str, Any]) -> set[Place]:
        """What a query should find, by a slow model."""
        find = _FIND[query.get("q")]
        return {
            (task, n)
            for task, lines in self.lines.items()
            for n, line in enumerate(lines, 1)
            if find(plain(line.text))
            and ("level" not in query or line.level in query["level"])
            and ("stream" not in query or line.stream in query["stream"])
            and ("task" not in query or task in query["task"])
            and ("queue" not in query or self.queues[task] in query["queue"])
        }


def run(path: Path, seed: int, story: Callable[[Logs], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await Database.open(path / "l.db") as database:
            logs = Logs(database, seed)
            for _ in range(3):
                await logs.add_task()
            await story(logs)

    asyncio.run(main())
