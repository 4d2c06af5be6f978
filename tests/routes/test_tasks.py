"""Tasks over HTTP, on a real server and file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.routes.conftest import NewTask

Events = Callable[[str, str], list[dict[str, Any]]]


def test_the_one_liners(server: Server, http: httpx.Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http.post(
        "/api/tasks", content=b"name=backup", headers=form | {"Accept": "text/plain"}
    )
    assert answer.status_code == 201
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text == f"{int(answer.text)}\n"
    location = httpx.URL(answer.request.url).join(answer.headers["Location"])
    assert str(location) == f"{server.url}/api/tasks/{answer.text.strip()}"
    patched = http.patch(location.path, content=b"progress=40", headers=form).json()
    assert (patched["status"], patched["progress"]) == ("running", 40)
    assert http.post("/api/tasks", content=b"name=b", headers=form).json()["name"] == "b"


def test_create_and_read_back_everything(http: httpx.Client, queue: str) -> None:
    fields = {
        "name": "näive 🚀 <b>",
        "queue": queue,
        "status": "running",
        "current": 2,
        "total": 5,
        "unit": "files",
        "message": "copying\nnow",
        "payload": {"a": [1, 2.5, None, "x"], "big": 10**30},
        "labels": {"host": "web-1", "env": "prod"},
        "priority": 7,
        "claimable": True,
        "max_retries": 3,
        "run_at": "2027-01-01T12:00:00+02:00",
        "heartbeat_timeout": 60,
        "worker": "w1",
    }
    made = http.post("/api/tasks", json=fields).json()
    read = http.get(f"/api/tasks/{made['id']}").json()
    assert read | {"duration_seconds": 0} == made | {"duration_seconds": 0}
    expected = fields | {"message": "copying now", "run_at": "2027-01-01T10:00:00.000Z"}
    assert {key: read[key] for key in expected} == expected
    assert (read["progress"], read["version"], read["retry_count"]) == (40, 1, 0)


def test_a_report_is_one_event_with_the_changes(
    http: httpx.Client, new_task: NewTask, cursor: str, events_since: Events
) -> None:
    task = new_task()
    http.patch(f"/api/tasks/{task['id']}", json={"progress": 40, "message": "copying"})
    http.patch(f"/api/tasks/{task['id']}", json={"progress": 30})  # late: nothing changes
    done = http.patch(f"/api/tasks/{task['id']}", json={"status": "completed", "result": [1]})
    assert done.json()["result"] == [1]
    events = events_since(f"task:{task['id']}", cursor)
    assert [event["type"] for event in events] == [
        "TASK_CREATED",
        "TASK_UPDATED",
        "TASK_COMPLETED",
    ]
    assert [event["data"]["version"] for event in events] == [1, 2, 3]
    assert set(task) - set(events[0]["data"]) == {"payload", "result"}
    assert set(events[1]["data"]) == {
        *("id", "version", "status", "progress", "retry_count", "message", "updated_at")
    }
    assert events[2]["message"] == f"Task #{task['id']} completed"


def test_a_finished_task_stays_finished(http: httpx.Client, new_task: NewTask) -> None:
    path = f"/api/tasks/{new_task()['id']}"
    end = http.patch(path, json={"status": "failed", "error": "disk full"}).json()
    late = http.patch(path, json={"progress": 40})
    assert late.status_code == 409
    assert "finished" in late.json()["detail"]
    again = http.patch(path, json={"status": "failed", "error": "other"})
    assert (again.status_code, again.json()) == (200, end)
    assert http.patch(path, json={"status": "running"}).status_code == 409
    assert http.patch(path, json={"labels": {"seen": "yes"}}).status_code == 200


def test_two_parallel_finishers_agree_with_the_counters(
    server: Server, http: httpx.Client, new_task: NewTask
) -> None:
    """Case H13: whoever comes first wins, everywhere."""
    ids = [new_task()["id"] for _ in range(10)]
    before = http.get("/api/stats").json()["counts"]
    outcomes: list[tuple[int, str, int]] = []

    def finish(status: str) -> None:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
            for task_id in ids:
                answer = client.patch(f"/api/tasks/{task_id}", json={"status": status})
                outcomes.append((task_id, status, answer.status_code))

    threads = [threading.Thread(target=finish, args=(end,)) for end in ("completed", "failed")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for task_id in ids:
        (winner,) = [end for id, end, code in outcomes if id == task_id and code == 200]
        assert http.get(f"/api/tasks/{task_id}").json()["status"] == winner
    after = http.get("/api/stats").json()["counts"]
    assert before["running"] - after["running"] == len(ids)
    finished = ("completed", "failed")
    assert sum(after[end] - before[end] for end in finished) == len(ids)


@pytest.mark.parametrize(
    "sort", ["active", "-id", "id", "name", "-name", "updated_at", "progress", "-progress"]
)
def test_pages_are_stable_under_inserts(
    http: httpx.Client, new_task: NewTask, queue: str, sort: str
) -> None:
    old = [new_task(name=f"n{index % 3}", progress=index % 4)["id"] for index in range(9)]
    seen: list[int] = []
    params: dict[str, Any] = {"queue": queue, "sort": sort, "limit": 4}
    while True:
        answer = http.get("/api/tasks", params=params).json()
        seen += [task["id"] for task in answer["tasks"]]
        if answer["next"] is None:
            break
        params["page"] = answer["next"]
        if len(seen) < 12:  # in the orders that end with the newest, there would be no end
            new_task(name="n1", progress=2)
    assert len(seen) == len(set(seen))
    assert set(old) <= set(seen)


def test_filters(http: httpx.Client, new_task: NewTask, queue: str) -> None:
    a = new_task(name="100% Äpfel_x", labels={"env": "prod"})["id"]
    b = new_task(name="100x apples", labels={"env": "test"}, status="pending")["id"]
    c = new_task(name="other", status="failed")["id"]

    def found(**params: Any) -> list[int]:
        answer = http.get("/api/tasks", params={"queue": queue, "sort": "id"} | params)
        assert answer.status_code == 200, answer.text
        return [task["id"] for task in answer.json()["tasks"]]

    assert found() == [a, b, c]
    assert found(sort="active") == [b, a, c]
    assert found(status=["running", "failed"]) == [a, c]
    assert found(q="100%") == [a]
    assert found(q="APPLES") == [b]
    assert found(q="l_x") == [a]
    assert found(label="env:prod") == [a]
    assert found(label="env") == [a, b]
    assert found(label=["env:prod", "env:test"]) == []
    assert found(since="2000-01-01T00:00:00Z", until="2001-01-01T00:00:00Z") == []
    assert found(since="2000-01-01T00:00:00Z") == [a, b, c]
    assert "payload" not in http.get("/api/tasks", params={"queue": queue}).json()["tasks"][0]


def test_the_list_has_the_cursor_of_its_snapshot(
    http: httpx.Client, new_task: NewTask, queue: str, events_since: Events
) -> None:
    new_task()
    listed = http.get("/api/tasks", params={"queue": queue}).json()
    later = new_task()
    events = events_since(f"queue:{queue}", listed["cursor"])
    assert [event["data"]["id"] for event in events] == [later["id"]]


def test_many_reports_each_with_its_own_result(http: httpx.Client, new_task: NewTask) -> None:
    good, finished = new_task()["id"], new_task(status="completed")["id"]
    updates: list[Any] = [
        {"id": good, "progress": 30},
        {"id": finished, "progress": 30},
        {"id": 10**9, "progress": 1},
        {"id": good, "progress": 130},
        {"id": good, "colour": "red"},
        {"id": "x"},
        {"id": 2**70},
        7,
        {"id": good, "progress": 31},
    ]
    results = http.patch("/api/tasks", json={"updates": updates}).json()["results"]
    assert [result["status"] for result in results] == [200, 409, 404, 422, 422, 422, 404, 422, 200]
    assert results[0]["task"]["progress"] == 30
    assert results[3]["problem"]["errors"] == [
        {"field": "progress", "message": "must be at most 100"}
    ]
    assert http.get(f"/api/tasks/{good}").json()["progress"] == 31


def test_cancel(http: httpx.Client, new_task: NewTask) -> None:
    waiting, deaf = new_task(status="pending")["id"], new_task()["id"]
    listening = new_task(heartbeat_timeout=60)["id"]
    for task_id in (waiting, deaf):
        assert http.post(f"/api/tasks/{task_id}/cancel").json()["status"] == "cancelled"
    asked = http.post(f"/api/tasks/{listening}/cancel").json()
    assert (asked["status"], asked["cancel_requested"]) == ("running", True)
    beat = http.post(f"/api/tasks/{listening}/heartbeat").json()
    assert beat == {"cancel_requested": True, "status": "running", "attempt": 1}
    forced = http.post(f"/api/tasks/{listening}/cancel", json={"force": True}).json()
    assert forced["status"] == "cancelled"
    assert http.post(f"/api/tasks/{listening}/cancel").status_code == 409


def test_retry(http: httpx.Client, new_task: NewTask) -> None:
    tracked = new_task(status="failed")["id"]
    queued = new_task(status="failed", claimable=True)["id"]
    refused = http.post(f"/api/tasks/{tracked}/retry")
    assert refused.status_code == 409
    assert "run the command again" in refused.json()["detail"]
    again = http.post(f"/api/tasks/{queued}/retry").json()
    assert (again["status"], again["attempt"], again["retry_count"]) == ("pending", 2, 1)
    assert http.post(f"/api/tasks/{queued}/retry").status_code == 409
    stale = http.post(f"/api/tasks/{queued}/heartbeat", json={"attempt": 1})
    assert stale.status_code == 409


def test_delete(
    http: httpx.Client, new_task: NewTask, cursor: str, events_since: Events, queue: str
) -> None:
    task_id = new_task()["id"]
    assert http.delete(f"/api/tasks/{task_id}").status_code == 204
    assert http.get(f"/api/tasks/{task_id}").status_code == 404
    assert http.delete(f"/api/tasks/{task_id}").status_code == 404
    types = [event["type"] for event in events_since(f"queue:{queue}", cursor)]
    assert types == ["TASK_CREATED", "TASK_DELETED"]


def test_a_waiting_heartbeat_hears_of_the_cancellation_at_once(
    server: Server, http: httpx.Client, new_task: NewTask
) -> None:
    task_id = new_task(heartbeat_timeout=60)["id"]
    answers: list[httpx.Response] = []

    def beat() -> None:
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            answers.append(client.post(f"/api/tasks/{task_id}/heartbeat?wait=25"))

    thread = threading.Thread(target=beat)
    thread.start()
    # Whether the request is already waiting or not yet there, it must not miss this.
    http.patch(f"/api/tasks/{task_id}", json={"progress": 10})
    http.post(f"/api/tasks/{task_id}/cancel")
    thread.join(20)
    assert not thread.is_alive()
    assert answers[0].json()["cancel_requested"] is True


def test_a_heartbeat_waits_no_longer_than_asked(http: httpx.Client, new_task: NewTask) -> None:
    task_id = new_task(heartbeat_timeout=60)["id"]
    answer = http.post(f"/api/tasks/{task_id}/heartbeat?wait=0.2")
    assert answer.json() == {"cancel_requested": False, "status": "running", "attempt": 1}
    assert answer.elapsed.total_seconds() >= 0.2


def test_actions_on_many(http: httpx.Client, new_task: NewTask, queue: str) -> None:
    ids = [new_task(status="pending")["id"] for _ in range(5)]
    done = new_task(status="completed")["id"]
    where = {"queue": [queue]}
    dry = {"action": "cancel", "filter": where, "dry_run": True}
    assert http.post("/api/tasks/batch", json=dry).json() == {"count": 5, "results": []}
    answer = http.post("/api/tasks/batch", json={"action": "cancel", "filter": where}).json()
    assert answer["count"] == 5
    assert [result["id"] for result in answer["results"]] == ids
    mixed = {"action": "retry", "ids": [ids[0], done, 10**9]}
    results = http.post("/api/tasks/batch", json=mixed).json()["results"]
    assert [result["status"] for result in results] == [409, 409, 404]
    assert http.post("/api/tasks/batch", json={"action": "cancel"}).status_code == 422
    delete = {"action": "delete", "filter": where}
    assert http.post("/api/tasks/batch", json=delete).json()["count"] == 6
    assert http.get("/api/tasks", params=where).json()["tasks"] == []


def test_stats(http: httpx.Client, new_task: NewTask, queue: str) -> None:
    before = http.get("/api/stats").json()["counts"]
    new_task(status="pending")
    stats = http.get("/api/stats").json()
    assert list(stats["counts"]) == [
        *("pending", "running", "stalled", "completed", "failed", "cancelled")
    ]
    assert stats["counts"]["pending"] == before["pending"] + 1
    assert queue in stats["queues"]
    assert stats["queues"] == sorted(stats["queues"])


POSTS: list[tuple[str, dict[str, Any]]] = [
    ("/api/tasks", {"name": "once", "payload": {"deep": [[[1]]]}}),
    ("/api/tasks/{id}/cancel", {}),
    ("/api/tasks/{id}/heartbeat", {}),
    ("/api/tasks/{queued}/retry", {}),
    ("/api/tasks/batch", {"action": "delete", "ids": [10**9]}),
    ("/api/tasks/{id}/logs", {"lines": [{"text": "once"}]}),
    ("/api/events", {"name": "once"}),
]


@pytest.mark.parametrize(("path", "body"), POSTS)
def test_a_repeated_post_is_answered_and_not_repeated(
    http: httpx.Client, new_task: NewTask, cursor: str, path: str, body: dict[str, Any]
) -> None:
    """Case H25, for every POST."""
    task_id, queued = new_task()["id"], new_task(status="failed", claimable=True)["id"]
    path = path.format(id=task_id, queued=queued)
    key = {"Idempotency-Key": f"{path}-{task_id}"}
    first = http.post(path, json=body, headers=key)
    head = http.get("/events/system").json()["cursor"]
    again = http.post(path, json=body, headers=key)
    assert first.is_success
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert http.get("/events/system").json()["cursor"] == head
    other = http.post(path, json=body | {"surprise": 1}, headers=key)
    assert other.status_code == 422
    assert http.post(path, json=body, headers={"Idempotency-Key": "x" * 201}).status_code == 400


def test_a_key_outlives_a_restart(server: Server) -> None:
    key = {"Idempotency-Key": "over a restart"}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        first = client.post("/api/tasks", json={"name": "once"}, headers=key).json()
    server.stop()
    server.start()
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        assert client.post("/api/tasks", json={"name": "once"}, headers=key).json() == first


def test_producers_and_readers_together_see_no_error(
    server: Server, http: httpx.Client, new_task: NewTask
) -> None:
    """Case H07, in small: many writers on the same and other tasks, never a lost 200 or a 5xx."""
    shared = new_task()["id"]
    failures: list[httpx.Response] = []
    stored = itertools.count()

    def produce(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            own = client.post("/api/tasks", json={"name": f"p{number}"}).json()["id"]
            for step in range(10):
                lines = {"lines": [{"text": f"{number}:{step}"}]}
                answers = [
                    client.patch(f"/api/tasks/{shared}", json={"message": f"{number}:{step}"}),
                    client.patch(f"/api/tasks/{own}", json={"progress": step}),
                    client.post(f"/api/tasks/{shared}/logs", json=lines),
                    client.get(f"/api/tasks/{shared}/logs?format=text"),
                ]
                failures.extend(answer for answer in answers if answer.status_code != 200)
                next(stored)

    threads = [threading.Thread(target=produce, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert http.get(f"/api/tasks/{shared}/logs?tail=1").json()["total"] == next(stored) == 120
