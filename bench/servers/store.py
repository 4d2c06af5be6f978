"""Store commits without HTTP: many clients report about their tasks, each waits for its commit."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.models import TaskCreate, TaskPatch
from app.rules.lifecycle import decide_create
from app.rules.update import decide_patch
from app.store import tasks
from app.store.database import Database, Transaction
from bench.servers.naive_store import NaiveStore

TASKS = 1000
WARM_UP = 0.3  # seconds

Report = Callable[[int, int], Awaitable[object]]


async def _load(report: Report, clients: int, seconds: float) -> tuple[int, float]:
    """Reports a second while all clients were busy, and how many were acknowledged in all."""
    started = time.perf_counter() + WARM_UP
    ends = started + seconds
    counted = acknowledged = 0

    async def client(first: int) -> None:
        nonlocal counted, acknowledged
        step = 0
        while (now := time.perf_counter()) < ends:
            step += 1
            await report((first + step * clients) % TASKS + 1, step)
            acknowledged += 1
            counted += now >= started

    await asyncio.gather(*(client(number) for number in range(clients)))
    return acknowledged, counted / (time.perf_counter() - started)


async def ours(path: Path, clients: int, seconds: float) -> tuple[int, float]:
    async with await Database.open(path) as database:
        command = TaskCreate(name="bench", status="running", total=1e9, heartbeat_timeout=60)

        def create(tx: Transaction) -> None:
            tasks.insert(tx, decide_create(command, tx.now, tx.clock))

        for _ in range(TASKS):
            await database.write(create)

        async def report(task_id: int, step: int) -> None:
            patch = TaskPatch(current=float(step), message=f"file {step}")

            def work(tx: Transaction) -> None:
                task = tasks.get(tx.connection, task_id)
                tasks.apply(tx, decide_patch(task, patch, tx.now, tx.clock))

            await database.write(work)

        return await _load(report, clients, seconds)


async def naive(path: Path, clients: int, seconds: float) -> tuple[int, float]:
    store = await NaiveStore.open(path)
    try:
        for _ in range(TASKS):
            await store.create("bench")

        async def report(task_id: int, step: int) -> None:
            await store.report(task_id, TaskPatch(current=float(step), message=f"file {step}"))

        return await _load(report, clients, seconds)
    finally:
        await store.close()


def main() -> None:
    way, path, clients, seconds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    run = {"ours": ours, "naive": naive}[way]
    acknowledged, rate = asyncio.run(run(path, clients, float(seconds)))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        query = "SELECT count(*) FROM events WHERE type = 'TASK_UPDATED'"
        (stored,) = connection.execute(query).fetchone()
    print(json.dumps({"rate": rate, "acknowledged": acknowledged, "stored": stored}))


if __name__ == "__main__":
    main()
