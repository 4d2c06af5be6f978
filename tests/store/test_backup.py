"""A copy of the file made while the server writes, as docs/deployment.md says."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

from app.store.database import Database
from app.store.log_block import EVERY
from app.store.log_chunks import read_range
from app.store.sql import Queries
from tests.store.written_logs import Logs, run


def back_up(source: Path, target: Path) -> None:
    """As the sqlite3 shell does it: BEGIN, a SELECT, .backup."""
    original, copy = sqlite3.connect(source), sqlite3.connect(target)
    original.execute("BEGIN")
    original.execute(Queries("events").floor).fetchall()
    original.backup(copy, pages=5, sleep=0.001)
    copy.close()
    original.close()


def test_a_copy_made_while_logs_grow_has_them_as_they_were(tmp_path: Path) -> None:
    lines: dict[int, list[str]] = {}
    copied = tmp_path / "copy.db"

    async def story(logs: Logs) -> None:
        for _ in range(40):
            await logs.append()
            await logs.seal_rest()
        before = {task: len(lines) for task, lines in logs.lines.items()}
        copying = asyncio.create_task(asyncio.to_thread(back_up, logs.database.file.path, copied))
        while not copying.done():
            await logs.append()
            await logs.seal_rest()
        await copying
        assert {task: len(lines) for task, lines in logs.lines.items()} != before
        lines.update({task: [line.text for line in sent] for task, sent in logs.lines.items()})

    async def compare() -> None:
        async with await Database.open(copied) as database:
            for task, sent in lines.items():
                found = await database.read(partial(read_range, task_id=task, first=1, last=EVERY))
                assert found
                assert [line.n for line in found] == list(range(1, len(found) + 1))
                assert [line.text for line in found] == sent[: len(found)]

    run(tmp_path, 0, story)
    asyncio.run(compare())
