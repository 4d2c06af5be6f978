"""Store commits without HTTP: each client reports about its task and waits for the commit.

Ours and the naive way take turns in short slices, in one process, each with a file of its own: so
whatever else the machine does is shared fairly.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from app.models import TaskCreate, TaskPatch
from app.rules.lifecycle import decide_create
from app.rules.update import decide_patch
from app.store import tasks
from app.store.database import Database
from app.store.transaction import Transaction
from bench.servers.naive_store import NaiveStore

CLIENTS = 64
SLICE = 0.5  # seconds

Report = Callable[[int, TaskPatch], Awaitable[object]]


class Load:
    """All clients, busy for a slice at a time."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._step = 0
        self.acknowledged = 0
        self.seconds = 0.0
        self.cpu = 0.0

    async def slice(self) -> None:
        cpu, started = time.process_time(), time.perf_counter()
        ends = started + SLICE
        await asyncio.gather(*(self._client(number + 1, ends) for number in range(CLIENTS)))
        self.seconds += time.perf_counter() - started
        self.cpu += time.process_time() - cpu

    async def _client(self, task_id: int, ends: float) -> None:
        while time.perf_counter() < ends:
            self._step += 1
            patch = TaskPatch(current=float(self._step), message=f"file {self._step}")
            await self._report(task_id, patch)
            self.acknowledged += 1

    def result(self, path: Path) -> dict[str, float]:
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT count(*) FROM events WHERE type = 'TASK_UPDATED'"
            (stored,) = connection.execute(query).fetchone()
        # What was acknowledged is there, and nothing else.
        assert stored == self.acknowledged, (stored, self.acknowledged)
        rate, per_cpu = self.acknowledged / self.seconds, self.acknowledged / self.cpu
        return {"rate": rate, "per_cpu": per_cpu}


async def ours(database: Database) -> Load:
    command = TaskCreate(name="bench", status="running", total=1e9, heartbeat_timeout=60)

    def create(tx: Transaction) -> None:
        for _ in range(CLIENTS):
            tasks.insert(tx, decide_create(command, tx.now, tx.clock))

    await database.write(create)

    async def report(task_id: int, patch: TaskPatch) -> None:
        def work(tx: Transaction) -> None:
            task = tasks.current(tx, task_id)
            tasks.apply(tx, decide_patch(task, patch, tx.now, tx.clock))

        await database.write(work, single=True)

    return Load(report)


async def naive(store: NaiveStore) -> Load:
    for _ in range(CLIENTS):
        await store.create("bench")
    return Load(store.report)


async def measure(folder: Path, seconds: float) -> dict[str, dict[str, float]]:
    our_path, naive_path = folder / "ours.db", folder / "naive.db"
    store = await NaiveStore.open(naive_path)
    try:
        async with await Database.open(our_path) as database:
            loads = [await ours(database), await naive(store)]
            for _ in range(max(1, round(seconds / SLICE))):
                for load in loads:
                    await load.slice()
    finally:
        await store.close()
    return {"ours": loads[0].result(our_path), "naive": loads[1].result(naive_path)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(Path(sys.argv[1]), float(sys.argv[2])))))
