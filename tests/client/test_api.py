"""Reporting a job from Python, against a real server and against a stand-in."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from e2e.fault_proxy import FaultProxy
from livequeue_client import LiveQueue, Refused, Unreachable
from livequeue_client.address import server_url
from livequeue_client.connection import Connection
from livequeue_client.lines import CUT
from tests.client.conftest import Tasks, log_of
from tests.conftest import Server

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def queue(server: Server) -> Iterator[LiveQueue]:
    with LiveQueue(server.url) as queue:
        yield queue


def stand_in(answer: Answer, url: str = "http://host/dash/") -> LiveQueue:
    connection = Connection(url, token="secret", transport=httpx.MockTransport(answer))
    return LiveQueue(connection=connection, patience=1.0)


def test_a_job_that_succeeds(queue: LiveQueue, http: httpx.Client) -> None:
    with queue.task("a/b ?#%+ 🚀", total=20, unit="files", labels={"host": "x"}) as task:
        for n in range(1, 21):
            task.log(f"file {n}\u2028same line\ntwo" if n == 1 else f"file {n}")
            task.update(current=n, message=f"file {n}")
    stored = http.get(f"/api/tasks/{task.id}").json()
    assert stored["status"] == "completed"
    assert (stored["current"], stored["total"], stored["progress"]) == (20, 20, 100)
    assert stored["message"] == "file 20"
    assert stored["name"] == "a/b ?#%+ 🚀"
    assert stored["version"] < 20
    assert log_of(http, task.id)[:3] == ["file 1\u2028same line", "two", "file 2"]
    assert [one["id"] for one in queue.tasks(label="host:x")] == [task.id]


def test_names_of_files_that_are_no_utf_8(queue: LiveQueue, http: httpx.Client) -> None:
    name = os.fsdecode(b"caf\xe9 \xf0\x9f\x9a\x80")
    with queue.task(name, labels={"file": name}) as task:
        task.update(message=f"copying {name}")
        task.log(name)
        task.fail(f"{name}: no such file")
    stored = http.get(f"/api/tasks/{task.id}").json()
    shown = "caf\ufffd 🚀"
    assert (stored["name"], stored["labels"]) == (shown, {"file": shown})
    assert (stored["message"], stored["error"]) == (f"copying {shown}", f"{shown}: no such file")
    assert log_of(http, task.id) == [shown]


def test_a_job_that_raises(queue: LiveQueue, http: httpx.Client) -> None:
    task = queue.task("x")

    def job() -> None:
        with task:
            task.update(progress=30)
            task.update(progress=40)
            raise ZeroDivisionError("by nought")

    with pytest.raises(ZeroDivisionError):
        job()
    stored = http.get(f"/api/tasks/{task.id}").json()
    assert stored["status"] == "failed"
    assert stored["progress"] == 40
    assert "ZeroDivisionError: by nought" in stored["error"]


def test_a_job_that_says_how_it_ended(queue: LiveQueue, http: httpx.Client) -> None:
    with queue.task("x") as task:
        task.complete({"rows": 3})
    assert http.get(f"/api/tasks/{task.id}").json()["result"] == {"rows": 3}
    with queue.task("y", heartbeat_timeout=60) as task:
        http.post(f"/api/tasks/{task.id}/cancel").raise_for_status()
        task.log("still here")
        assert task.cancel_requested
        task.cancelled()
    assert http.get(f"/api/tasks/{task.id}").json()["status"] == "cancelled"


def test_lost_answers_double_nothing(server: Server, http: httpx.Client, tasks: Tasks) -> None:
    with FaultProxy.before(server.url) as proxy, LiveQueue(proxy.url, patience=1.0) as queue:
        proxy.set("drop-response")
        with pytest.raises(Unreachable):
            queue.task("never knew")
        (created,) = tasks()
        proxy.set("pass")
        task = queue.task("x")
        proxy.set("drop-response", match="/logs")
        with pytest.raises(Unreachable):
            task.log("once")
        assert len(proxy.requests("/logs")) > 1
        assert log_of(http, task.id) == ["once"]
        assert [one["id"] for one in tasks()] == [created["id"], task.id]


@pytest.mark.parametrize(
    "text", ["\n".join(map(str, range(60_000))), "x" * 20_000_000, "🚀" * 3_000_000 + "\n\ud83d"]
)
def test_a_text_of_any_size_may_be_logged(queue: LiveQueue, http: httpx.Client, text: str) -> None:
    task = queue.task("x")
    task.log(text)
    task.log("next")
    *texts, last = log_of(http, task.id)
    assert last == "next"
    joined = "".join(t.removesuffix(CUT) if t.endswith(CUT) else f"{t}\n" for t in texts)
    assert joined == text.replace("\ud83d", "\ufffd") + "\n"


def test_many_threads_may_log(queue: LiveQueue, http: httpx.Client) -> None:
    task = queue.task("x")

    def work(number: int) -> None:
        for n in range(25):
            task.log(f"{number} {n}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = log_of(http, task.id)
    assert len(texts) == 200
    for number in range(8):
        own = [text for text in texts if text.startswith(f"{number} ")]
        assert own == [f"{number} {n}" for n in range(25)]


def test_requests_go_under_the_prefix_with_the_token() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"id": 7, "attempt": 1})

    stand_in(answer).task("x").log("text")
    assert [request.url.path for request in seen] == ["/dash/api/tasks", "/dash/api/tasks/7/logs"]
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert seen[0].headers["Idempotency-Key"] != seen[1].headers["Idempotency-Key"]


def test_the_key_is_the_same_over_all_tries() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadTimeout("slow")
        if len(keys) == 2:
            return httpx.Response(503, headers={"Retry-After": "0"})
        return httpx.Response(201, json={"id": 7, "attempt": 1})

    assert stand_in(answer).task("x").id == 7
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_a_refusal_says_what_to_do(queue: LiveQueue) -> None:
    with pytest.raises(Refused, match="progress") as refusal:
        queue.task("x", progress=130)
    assert refusal.value.status == 422
    with pytest.raises(Refused) as refusal:
        queue.send("GET", "/api/tasks/999")
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<h1>Please accept the terms</h1>"),
        httpx.Response(302, headers={"Location": "http://login/"}),
        httpx.Response(404, json={"error": "some other program"}),
        httpx.Response(502, text="Bad Gateway"),
    ],
)
def test_what_is_no_livequeue_server_is_unreachable(answer: httpx.Response) -> None:
    queue = stand_in(lambda request: answer)
    with pytest.raises(Unreachable):
        queue.task("x")


def test_nan_is_not_sent() -> None:
    queue = stand_in(lambda request: httpx.Response(201, json=json.loads(request.content)))
    with pytest.raises(ValueError, match="JSON"):
        queue.send("POST", "/api/tasks", {"name": "x", "progress": float("nan")})


def test_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEQUEUE_URL", raising=False)
    assert server_url() == "http://127.0.0.1:8000"
    assert server_url("https://host/dash/") == "https://host/dash"
    monkeypatch.setenv("LIVEQUEUE_URL", "http://[::1]:9000/")
    assert server_url() == "http://[::1]:9000"
    for wrong in (
        "http://host:",
        "https://[::1]:",
        "host:8000",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://h/?a=b",
    ):
        with pytest.raises(ValueError, match="not a server address"):
            server_url(wrong)
