"""What is kept, as the server tells it; and a large log that goes while others are served."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Server, wait_until

NewTask = Callable[..., dict[str, Any]]
PAGE = {"Accept": "text/html"}


def append(http: httpx.Client, task_id: int, lines: int, text: str = "line {} of {}") -> None:
    records = (json.dumps({"text": text.format(n, task_id)}) for n in range(lines))
    answer = http.post(
        f"/api/tasks/{task_id}/logs",
        content="\n".join(records).encode(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.json()["accepted"] == lines


def rules(storage: dict[str, Any]) -> dict[str, Any]:
    return {rule.pop("setting"): rule for rule in storage["rules"]}


@pytest.fixture
def fresh(make_server: Callable[..., Server]) -> Iterator[httpx.Client]:
    """A server of the test's own."""
    with httpx.Client(base_url=make_server().url, timeout=20, trust_env=False) as client:
        yield client


def test_of_nothing(fresh: httpx.Client) -> None:
    storage = fresh.get("/api/storage").json()
    assert storage["logs"] == {
        "tasks": 0,
        "lines": 0,
        "text_bytes": 0,
        "stored_bytes": 0,
        "oldest": None,
        "deleted": 0,
    }
    assert storage["events"] == {"count": 0, "bytes": 0, "oldest": None, "floor": 0}
    assert storage["largest"] == []
    for name, rule in rules(storage).items():
        assert rule["next"] is None
        assert rule["at"] is None
        assert rule["value"] < rule["limit"] / 10, name
    page = fresh.get("/storage", headers=PAGE).text
    assert "No task has written anything yet." in page
    assert page.count("nothing yet") == 5


def test_it_adds_up(fresh: httpx.Client) -> None:
    ids = []
    for lines in (10, 9000, 300):
        task = fresh.post("/api/tasks", json={"name": f"with {lines}", "status": "running"}).json()
        append(fresh, task["id"], lines)
        ids.append(task["id"])
    storage = fresh.get("/api/storage").json()
    logs, events, file = storage["logs"], storage["events"], storage["file"]
    assert logs["tasks"] == 3
    assert logs["lines"] == 9310
    text = sum(len(f"line {n} of 2") for n in range(9000))
    assert text < logs["text_bytes"] < text + 15_000
    assert logs["stored_bytes"] < logs["text_bytes"] + 9310 * 60
    assert events["count"] >= 6
    assert events["bytes"] > 100 * events["count"]
    assert logs["oldest"] >= events["oldest"]
    assert 0 < logs["stored_bytes"] + events["bytes"] < file["used"]
    assert file["limit"] == 10 * 2**30
    assert file["disk_free"] > 0
    health = fresh.get("/healthz").json()
    assert (health["database_bytes"], health["wal_bytes"]) == (file["size"], file["wal"])

    largest = storage["largest"]
    assert [log["task_id"] for log in largest] == [ids[1], ids[2], ids[0]]
    assert [(log["first"], log["last"]) for log in largest] == [(1, 9000), (1, 300), (1, 10)]
    assert largest[0]["name"] == "with 9000"
    assert sum(log["stored_bytes"] for log in largest) == logs["stored_bytes"]

    told = rules(storage)
    part = {"task_id": ids[1], "name": "with 9000", "first": 1, "last": 4000}
    for name in ("retention_log_days", "retention_log_bytes", "retention_bytes"):
        assert told[name]["next"] == part
    assert told["retention_bytes"]["value"] == file["used"]
    assert told["retention_events"] == {
        "unit": "events",
        "limit": 1_000_000,
        "value": events["count"],
        "next": None,
        "at": None,
    }
    goes = datetime.fromisoformat(told["retention_log_days"]["at"])
    assert goes - datetime.fromisoformat(logs["oldest"]) < timedelta(days=30, minutes=1)


def test_the_page_tells_it_in_the_readers_language(fresh: httpx.Client) -> None:
    task = fresh.post("/api/tasks", json={"name": "<b>many</b>", "status": "running"}).json()
    append(fresh, task["id"], 5000)
    page = fresh.get("/storage", headers=PAGE)
    assert page.headers["cache-control"] == "no-store"
    assert "5,000 lines in 1 log" in page.text
    words = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
    assert f"#{task['id']} &lt;b&gt;many&lt;/b&gt; · lines 1 to 4,000 · in " in words
    chinese = fresh.get("/storage", headers={**PAGE, "Accept-Language": "zh"}).text
    assert "5,000 行，共 1 份日志" in chinese


def test_limits_hold_and_a_log_tells_from_where_it_is_kept(
    make_server: Callable[..., Server],
) -> None:
    limit = 2**16
    server = make_server("--retention-log-bytes", str(limit), "--retention-events", "100")
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as http:
        task = http.post("/api/tasks", json={"name": "long", "status": "running"}).json()
        append(http, task["id"], 30_000, "{0:x} line {0} of {1}, {0:b} {0:o}")
        for _ in range(200):
            http.post("/api/events", json={"name": "n"})
        over = rules(http.get("/api/storage").json())
        assert over["retention_log_bytes"]["value"] > limit
        assert over["retention_events"]["value"] > 100

        def held() -> Any:
            told = rules(http.get("/api/storage").json())
            names = ("retention_log_bytes", "retention_events")
            return all(told[name]["value"] <= told[name]["limit"] for name in names)

        wait_until(held, 40, "limits to hold")
        log = http.get(f"/api/tasks/{task['id']}/logs", params={"from": 1, "limit": 1}).json()
        assert log["total"] == 30_000
        assert log["first"] > 1
        assert log["lines"][0]["n"] == log["first"]
        assert log["lines"][0]["text"].endswith(
            "of 1, " + f"{log['first'] - 1:b} {log['first'] - 1:o}"
        )
        storage = http.get("/api/storage").json()
        assert storage["largest"][0]["first"] == log["first"]
        assert storage["events"]["floor"] > 0
        assert f"from line {log['first']:,}" in http.get("/storage", headers=PAGE).text
        told = f"{log['first'] - 1:,} older lines were removed by retention"
        assert told in http.get(f"/tasks/{task['id']}", headers=PAGE).text
    assert server.stop() == 0
    assert "Traceback" not in server.log()


@contextmanager
def over_and_over(work: Callable[[], None]) -> Iterator[None]:
    """Do something all the time beside the test; raises what it raised."""
    end = threading.Event()
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            while not end.is_set():
                work()
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    end.set()
    thread.join(60)
    assert not wrong, wrong


def test_a_large_log_goes_while_others_are_served(make_server: Callable[..., Server]) -> None:
    """H17, but for the times it takes: those are for a bench on a quiet machine."""
    server = make_server("--heartbeat", "2")
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as http:
        ids = [
            http.post("/api/tasks", json={"name": "large", "status": "running"}).json()["id"]
            for _ in range(2)
        ]
        for id in ids:
            append(http, id, 60_000)
        heartbeats: list[str] = []

        def search() -> None:
            found = httpx.get(
                f"{server.url}/api/tasks/{ids[1]}/logs",
                params={"q": "line 59999 of", "tail": 5},
                timeout=30,
                trust_env=False,
            ).json()
            assert [line["n"] for line in found["lines"]] == [60_000]

        def download() -> None:
            text = httpx.get(
                f"{server.url}/api/tasks/{ids[1]}/logs?format=text", timeout=60, trust_env=False
            ).text
            assert text.count("\n") == 60_000

        def stream() -> None:
            url = f"{server.url}/events/task:{ids[1]}?heartbeat=2"
            accept = {"Accept": "text/event-stream"}
            with httpx.stream("GET", url, headers=accept, timeout=30, trust_env=False) as answer:
                heartbeats.append(next(x for x in answer.iter_lines() if x == "event: HEARTBEAT"))

        def write() -> None:
            http.post("/api/events", json={"name": "still here"}).raise_for_status()

        def gone() -> bool:
            kept = httpx.get(f"{server.url}/api/storage", trust_env=False, timeout=30).json()[
                "logs"
            ]
            return bool(kept["deleted"] == 0 and kept["lines"] == 60_000)

        with ExitStack() as stack:
            for work in (search, download, stream, write):
                stack.enter_context(over_and_over(work))
            httpx.delete(f"{server.url}/api/tasks/{ids[0]}", trust_env=False, timeout=30)
            wait_until(gone, 60, "the log to be gone")
        assert heartbeats
        assert http.get("/healthz").json()["status"] == "ok"
    assert server.stop() == 0
    assert "Traceback" not in server.log()
