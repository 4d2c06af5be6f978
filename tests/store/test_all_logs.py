"""All logs in one order, over chunks and rows: whichever way they are read, each line once."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.event import LogLine
from app.models import AllLogsQuery, LogAppend, LogLineIn
from app.store import all_logs, log_reading
from app.store.database import Database
from app.store.logs import append
from tests.store.written_logs import FILTERS, Logs, Place, run


class Reader:
    """Goes through all logs, page by page, while they go on."""

    def __init__(self, logs: Logs, *, back: bool, limit: int, query: dict[str, Any]) -> None:
        self.logs = logs
        self.back = back
        self.query = query | {"limit": limit}
        self.place = {} if back else {"after": str(all_logs.FIRST)}
        self.found: list[LogLine] = []
        self.at_first = logs.matching(query)
        self.done = False

    async def page(self) -> None:
        answer = await read_page(self.logs.database, **self.query, **self.place)
        lines: list[LogLine] = answer["lines"]
        assert len(lines) <= self.query["limit"]
        if self.back:
            self.found = lines + self.found
            self.place = {"before": answer["older"]}
            assert answer["done"] == (answer["older"] is None)
        else:
            self.found += lines
            self.place = {"after": answer["newer"]}
        self.done = answer["done"]

    def check(self) -> None:
        keys = [(line.time, line.task_id or 0, line.n) for line in self.found]
        assert keys == sorted(set(keys))
        found = {(task, n) for _, task, n in keys}
        meant = {name: value for name, value in self.query.items() if name != "limit"}
        now = self.logs.matching(meant)
        rewritten = set(self.logs.rewritten)
        changed = {
            place
            for place in self.at_first | found
            if place in rewritten or place[0] not in self.logs.lines
        }
        assert self.at_first - changed <= found
        assert found - changed <= now
        for line in self.found:
            place = (line.task_id or 0, line.n)
            if place not in changed:
                sent = self.logs.lines[place[0]][place[1] - 1]
                assert (line.text, line.level, line.stream) == (sent.text, sent.level, sent.stream)


def new_reader(logs: Logs) -> Reader:
    """One way or the other, for one or another query."""
    pick = logs.pick
    query = dict(pick.choice(FILTERS))
    if pick.random() < 0.2:
        query["queue"] = ["one"]
    if pick.random() < 0.2:
        query["task"] = pick.sample(list(logs.lines), 2)
    limit = pick.choice((150, 1000, 5000))
    return Reader(logs, back=pick.random() < 0.5, limit=limit, query=query)


async def read_page(database: Database, **query: Any) -> dict[str, Any]:
    page = all_logs.Page(AllLogsQuery(**query))
    while (answer := await database.read(page.step)) is None:
        pass
    return answer


@pytest.mark.parametrize("place", [{}, {"after": str(all_logs.FIRST)}], ids=["back", "on"])
def test_a_line_rewritten_after_it_was_sealed_is_found_by_its_new_level(
    tmp_path: Path, place: dict[str, Any]
) -> None:
    async def story(logs: Logs) -> None:
        task = min(logs.lines)

        async def send(*lines: LogLineIn) -> None:
            command = LogAppend(lines=list(lines), producer="p")
            await logs.database.write(lambda tx: append(tx, task, command))

        await send(LogLineIn(text="going on", level="info", line=1))
        await send(*(LogLineIn(text="x", level="info") for _ in range(9000)))
        await send(LogLineIn(text="gone wrong", level="error", line=1))
        answer = await read_page(logs.database, level=["error"], **place)
        assert [line.text for line in answer["lines"]] == ["gone wrong"]

    run(tmp_path, 0, story)


@pytest.mark.parametrize("query", [{}, {"q": "7"}], ids=["all", "some"])
def test_who_asks_again_and_again_misses_no_line(tmp_path: Path, query: dict[str, Any]) -> None:
    """Logs are written to as fast as it goes, so that many commits share a millisecond."""

    async def story(logs: Logs) -> None:
        for _ in range(3):
            await logs.add_task()
        writing = asyncio.gather(*(write(logs, task) for task in logs.lines))
        found: list[Place] = []
        place = str(all_logs.FIRST)
        while True:
            last = writing.done()
            answer = await read_page(logs.database, after=place, limit=5000, **query)
            found += [(line.task_id or 0, line.n) for line in answer["lines"]]
            place = answer["newer"]
            if last and answer["done"]:
                break
        assert len(found) == len(set(found))
        assert set(found) == logs.matching(query)

    async def write(logs: Logs, task: int) -> None:
        for number in range(200):
            line = LogLineIn(text=f"took {number} ms")
            logs.lines[task].append(line)
            await logs.database.write(
                partial(append, task_id=task, command=LogAppend(lines=[line]))
            )

    run(tmp_path, 0, story)


@pytest.mark.parametrize("step", [0.0, 0.25], ids=["short steps", "usual steps"])
@pytest.mark.parametrize("seed", range(3))
def test_pages_have_each_line_once_while_logs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, step: float
) -> None:
    monkeypatch.setattr(log_reading, "STEP", step)

    async def story(logs: Logs) -> None:
        for _ in range(20):
            await logs.happen()
        readers: list[Reader] = []
        for _ in range(40):
            await logs.happen()
            if len(readers) < 8:
                readers.append(new_reader(logs))
            for reader in readers:
                if not reader.done:
                    await reader.page()
            if logs.pick.random() < 0.02:
                await logs.delete_task()
        for reader in readers:
            while not reader.done:
                await reader.page()
            reader.check()

    run(tmp_path, seed, story)
