"""``kill -9`` at random moments under load: what was acknowledged is there, and was seen once."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import Server, wait_until
from tests.sse import Reader

KILLS = 20


class Producer(threading.Thread):
    """Creates, reports, logs and finishes tasks without pause; remembers what was acknowledged."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(daemon=True)
        self.http = httpx.Client(base_url=url, timeout=5, trust_env=False)
        self.number = number
        self.created: list[int] = []
        self.progress: dict[int, float] = {}
        self.completed: set[int] = set()
        self.lines: dict[int, list[str]] = {}
        self.halt = threading.Event()

    def run(self) -> None:
        step = 0
        while not self.halt.is_set():
            step += 1
            try:
                self._task(f"p{self.number}-{step}")
            except httpx.TransportError:
                self.halt.wait(0.005)  # not acknowledged, so nothing is known of it

    def _task(self, name: str) -> None:
        answer = self.http.post("/api/tasks", json={"name": name}).raise_for_status()
        task = answer.json()["id"]
        self.created.append(task)
        for percent in (10.0, 60.0):
            self.http.patch(f"/api/tasks/{task}", json={"progress": percent}).raise_for_status()
            self.progress[task] = percent
            texts = [f"{name} {percent} {n}" for n in range(3)]
            lines = {"lines": [{"text": text} for text in texts]}
            self.http.post(f"/api/tasks/{task}/logs", json=lines).raise_for_status()
            self.lines.setdefault(task, []).extend(texts)
        done = {"status": "completed"}
        self.http.patch(f"/api/tasks/{task}", json=done).raise_for_status()
        self.completed.add(task)


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_and_nothing_is_seen_twice(
    make_server: Callable[..., Server],
) -> None:
    rng = random.Random(7)
    server = make_server()
    reader = Reader(server.url, "system,logs", resume=True)
    producers = [Producer(server.url, number) for number in range(4)]
    pauses = threading.Event()
    with reader:
        reader.wait_for("HELLO")
        for producer in producers:
            producer.start()
        for _ in range(KILLS):
            written = sum(len(producer.completed) for producer in producers)
            wait_until(
                lambda n=written: sum(len(p.completed) for p in producers) > n,  # type: ignore[misc]
                what="work between two kills",
            )
            pauses.wait(rng.random() * 0.15)  # the random moment
            server.kill()
            server.start()
        for producer in producers:
            producer.halt.set()
            producer.join(10)
            producer.http.close()
        httpx.post(f"{server.url}/api/events", json={"name": "n", "message": "the end"}, timeout=30)
        reader.wait_for("NOTICE", seconds=20)
    assert server.stop() == 0

    with sqlite3.connect(server.database_path) as database:
        database.row_factory = sqlite3.Row
        rows = {row["id"]: row for row in database.execute("SELECT * FROM tasks")}
        events = database.execute("SELECT seq, type FROM events ORDER BY seq").fetchall()
        (epochs,) = database.execute("SELECT count(*) FROM epochs").fetchone()
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for producer in producers:
            for task in producer.created:
                assert task in rows
            for task, percent in producer.progress.items():
                assert rows[task]["progress"] >= percent
            for task in producer.completed:
                assert rows[task]["status"] == "completed"
            for task, texts in producer.lines.items():
                stored = database.execute(
                    "SELECT text FROM log_lines WHERE task_id = ? ORDER BY n", (task,)
                )
                found = [text for (text,) in stored]
                # A batch whose answer was lost may be there too, but nothing twice.
                assert [text for text in found if text in set(texts)] == texts
                assert len(found) == len(set(found))
    database.close()
    assert epochs == KILLS + 1
    seen = [(frame.seq, frame.event) for frame in reader.events]
    assert seen == [tuple(event) for event in events]
    assert not [frame for frame in reader.seen if frame.event == "RESET"]
