"""H07: many producers on the same and on different tasks, with readers in between: never a 5xx."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.conftest import Server

PRODUCERS = 30
ROUNDS = 15


def test_contention_gives_no_error_and_loses_no_update(server: Server) -> None:
    statuses: Counter[int] = Counter()
    lock = threading.Lock()
    finished = threading.Event()
    with httpx.Client(base_url=server.url, timeout=30) as http:
        shared = [http.post("/api/tasks", json={"name": f"s{n}"}).json()["id"] for n in range(3)]
        http.post(f"/api/tasks/{shared[0]}/logs", content="line\n" * 20_000,
                  headers={"Content-Type": "text/plain"}).raise_for_status()  # fmt: skip

    def produce(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=20) as http:
            own = http.post("/api/tasks", json={"name": f"own{number}"}).json()["id"]
            for sent in range(1, ROUNDS + 1):
                answers = [
                    http.patch(f"/api/tasks/{own}", json={"current": sent}),
                    http.patch(f"/api/tasks/{shared[number % 3]}", json={"message": f"{sent}"}),
                    http.post(f"/api/tasks/{shared[1]}/logs", json={"lines": [{"text": "x"}]}),
                ]
                with lock:
                    statuses.update(answer.status_code for answer in answers)
            last = http.get(f"/api/tasks/{own}").json()
            assert last["current"] == ROUNDS

    def read(_: int) -> None:
        with httpx.Client(base_url=server.url, timeout=20) as http:
            while not finished.is_set():
                answers = [
                    http.get("/api/tasks", params={"limit": 500}),
                    http.get(f"/api/tasks/{shared[0]}/logs", params={"format": "text"}),
                ]
                with lock:
                    statuses.update(answer.status_code for answer in answers)

    with ThreadPoolExecutor(PRODUCERS + 2) as pool:
        readers = [pool.submit(read, n) for n in range(2)]
        list(pool.map(produce, range(PRODUCERS)))
        finished.set()
        for reader in readers:
            reader.result()
    assert set(statuses) <= {200, 201}, statuses
    lines = httpx.get(
        f"{server.url}/api/tasks/{shared[1]}/logs", params={"tail": 1}, timeout=30
    ).json()
    assert lines["total"] == PRODUCERS * ROUNDS
