"""The feed against a model: whatever is stalled, cut, late or evicted, each event comes once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.errors import BadRequest
from app.event import Event, LogLine
from app.store.database import Database
from app.store.transaction import Transaction
from app.stream.feed import Feed
from app.stream.hub import Hub, Wake
from app.stream.poll import poll
from app.stream.topics import channels_of, channels_with, parse

TASKS = 4
EVENTS = 250


def produce(number: int, rng: random.Random) -> tuple[set[str], Callable[[Transaction], None]]:
    """(the topics that carry it, the work that stores event ``number``)."""
    task = rng.randrange(1, TASKS + 1)
    if rng.random() < 0.4:
        line = LogLine(number, "2026-01-01T00:00:00.000Z", None, "stdout", f"line {number}")

        def log(tx: Transaction) -> None:
            tx.connection.execute(
                "INSERT INTO log_lines (task_id, n, attempt, time, stream, text)"
                " VALUES (?, ?, 1, ?, ?, ?)",
                (task, line.n, line.time, line.stream, line.text),
            )
            tx.emit_log(task, 1, [line])

        return {"logs", f"task:{task}"}, log

    def change(tx: Transaction) -> None:
        tx.emit("TASK_UPDATED", f"{number}", {"id": task}, task_id=task, queue=f"q{task % 2}")

    return {"system", f"task:{task}", f"queue:q{task % 2}"}, change


def seqs_of(chunk: bytes) -> list[int]:
    lines = chunk.decode().split("\n")
    return [int(line.rpartition("-")[2]) for line in lines if line.startswith("id: ")]


async def follow(
    hub: Hub,
    database: Database,
    topics: list[str],
    rng: random.Random,
    seen: list[int],
    more: asyncio.Event,
) -> None:
    """A client that stalls, is cut in the middle and comes back, by stream or by poll.

    `more` is set when it has seen more.
    """
    cursor: str | None = database.epochs.cursor(0)
    while True:
        async with await Feed.open(hub, database, topics, cursor) as feed:
            assert feed.reset is None
            if rng.random() < 0.3:
                answer = json.loads(await poll(feed, 0.01, rng.choice([1, 7, 1000])))
                seen += [int(event["id"].rpartition("-")[2]) for event in answer["events"]]
                cursor = answer["cursor"]
                more.set()
                continue
            for _ in range(rng.randrange(1, 12)):
                if feed.is_behind:
                    chunk = await feed.replay()
                    if chunk is None:
                        continue
                else:
                    chunk = feed.live()
                if chunk is None:
                    timer = asyncio.get_running_loop().call_later(0.005, feed.wake, Wake.BEAT)
                    if await feed.wait() is Wake.BEAT:
                        feed.look()
                    timer.cancel()
                    continue
                seen += seqs_of(chunk)
                more.set()
                if rng.random() < 0.2:
                    await asyncio.sleep(rng.random() * 0.02)
            cursor = feed.id


TOPICS = [
    ["system"],
    ["logs"],
    ["task:1"],
    ["queue:q0"],
    ["system", "task:2"],
    ["task:1", "task:3"],
    ["queue:q1", "task:1", "logs"],
    ["system", "logs"],
]


class Announcer:
    """Stands between the commit and the hub, where anything may happen: some come late."""

    def __init__(self, hub: Hub, rng: random.Random) -> None:
        self.hub = hub
        self.rng = rng
        self.held: list[Event] = []

    def __call__(self, events: Sequence[Event]) -> None:
        if self.rng.random() < 0.3:
            asyncio.get_running_loop().call_later(0.003, self.pass_on, events)
        else:
            self.pass_on(events)

    def pass_on(self, events: Sequence[Event]) -> None:
        self.held = sorted([*self.held, *events], key=lambda event: event.seq)
        while self.held and self.held[0].seq == self.hub.head + 1:
            self.hub.announce([self.held.pop(0)])


async def publish(database: Database, rng: random.Random) -> dict[int, set[str]]:
    """Store all events in bursts; returns the topics that carry each."""
    carried: dict[int, set[str]] = {}
    while len(carried) < EVENTS:
        writes: list[Coroutine[Any, Any, None]] = []
        for _ in range(rng.randrange(1, 12)):
            number = len(carried) + 1
            carried[number], work = produce(number, rng)
            writes.append(database.write(work))
        await asyncio.gather(*writes)
        await asyncio.sleep(rng.choice([0, 0, 0.002]))
    return carried


@pytest.mark.parametrize("seed", range(40))
def test_every_event_once_and_ascending(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)

    async def main() -> None:
        async with await Database.open(tmp_path / "l.db") as database:
            hub = Hub(0, rng.choice([0, 0, 0.002, 0.01]), rng.choice([1, 3, 20, 200]), 10**9)
            database.announce = Announcer(hub, rng)
            await database.write(_make_tasks)
            logs: list[list[int]] = [[] for _ in TOPICS]
            more = asyncio.Event()
            clients = [
                asyncio.ensure_future(
                    follow(hub, database, topics, random.Random(seed + i), seen, more)
                )
                for i, (topics, seen) in enumerate(zip(TOPICS, logs, strict=True))
            ]
            for client in clients:
                client.add_done_callback(lambda _: more.set())
            carried = await publish(database, rng)
            expected = [
                [number for number, carriers in carried.items() if carriers & set(topics)]
                for topics in TOPICS
            ]
            with contextlib.suppress(TimeoutError):  # what is missing then is said below
                async with asyncio.timeout(10):
                    while [seen[-1:] for seen in logs] != [wanted[-1:] for wanted in expected]:
                        if any(client.done() for client in clients):
                            break
                        more.clear()
                        await more.wait()
            for client in clients:
                client.cancel()
            for result in await asyncio.gather(*clients, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError), repr(result)
            assert logs == expected

    asyncio.run(main())


def _make_tasks(tx: Transaction) -> None:
    for _ in range(TASKS):
        tx.connection.execute(
            "INSERT INTO tasks (name, queue, status, created_at, updated_at)"
            " VALUES ('t', 'q', 'running', '', '')"
        )


@pytest.mark.parametrize(
    ("topics", "channels"),
    [
        (["system"], ("system",)),
        (["system", "task:1"], ("log:1", "system")),
        (["system", "queue:a"], ("system",)),
        (["task:1"], ("log:1", "task:1")),
        (["logs", "task:1"], ("logs", "task:1")),
        (["logs", "task:1", "system"], ("logs", "system")),
    ],
)
def test_the_fewest_channels(topics: list[str], channels: tuple[str, ...]) -> None:
    assert channels_of(topics) == channels


@pytest.mark.parametrize(
    "text", ["", "System", "task:", "task:0", "task:x", "queue:", "queue:a b", "system,", "task:1é"]
)
def test_what_is_no_topic(text: str) -> None:
    with pytest.raises(BadRequest, match="is not a topic"):
        parse(text)


def test_a_notice_without_a_task_is_on_system_only() -> None:
    event = Event(1, "e-1", "NOTICE", "", "", b"{}", None, None)
    assert channels_with(event) == ("system",)
