"""The logs of all tasks together, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.routes.conftest import NewTask


class Logs:
    """The logs of this test's queue."""

    def __init__(self, http: httpx.Client, queue: str) -> None:
        self.http = http
        self.queue = queue

    def send(self, task: dict[str, Any], *texts: str, **line: Any) -> None:
        body = {"lines": [{"text": text} | line for text in texts]}
        answer = self.http.post(f"/api/tasks/{task['id']}/logs", json=body)
        assert answer.status_code == 200, answer.text

    def read(self, path: str = "", **query: Any) -> dict[str, Any]:
        answer = self.http.get(f"/api/logs{path}", params={"queue": self.queue} | query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def texts(self, **query: Any) -> list[str]:
        return [line["text"] for line in self.read(**query)["lines"]]


@pytest.fixture
def logs(http: httpx.Client, queue: str) -> Logs:
    return Logs(http, queue)


def test_lines_come_in_the_order_in_which_they_arrived(logs: Logs, new_task: NewTask) -> None:
    one, two = new_task(name="one"), new_task(name="two")
    for n in range(10):
        logs.send(two if n % 3 else one, f"line {n}", level="info" if n % 2 else "error")
    answer = logs.read()
    assert [line["text"] for line in answer["lines"]] == [f"line {n}" for n in range(10)]
    assert answer["lines"][0]["task_id"] == one["id"]
    assert answer["lines"][1]["n"] == 1
    assert answer["tasks"] == {
        str(task["id"]): {"name": task["name"], "queue": logs.queue} for task in (one, two)
    }
    assert (answer["done"], answer["older"], answer["searched"]) == (True, None, 10)
    assert logs.texts(task=one["id"]) == ["line 0", "line 3", "line 6", "line 9"]
    assert logs.texts(task=[one["id"], two["id"]], level="error", limit=2) == ["line 6", "line 8"]
    assert logs.texts(q="line 3") == ["line 3"]
    assert logs.texts(q="LINE [45]", ignore_case="true", regex="true") == ["line 4", "line 5"]
    assert logs.read(mark="ine", limit=1)["lines"][0]["hits"] == [[1, 4]]
    assert "hits" not in logs.read(q="ine", limit=1)["lines"][0]
    assert logs.texts(queue="nobody") == []


def test_pages_go_back_and_on(logs: Logs, new_task: NewTask) -> None:
    tasks = [new_task() for _ in range(3)]
    for n in range(30):
        logs.send(tasks[n % 3], *(f"{n}.{k}" for k in range(4)))
    everything = logs.texts()
    assert len(everything) == 120
    page = logs.read(limit=50)
    assert [line["text"] for line in page["lines"]] == everything[70:]
    assert not page["done"]
    older = logs.read(limit=50, before=page["older"])
    assert [line["text"] for line in older["lines"]] == everything[20:70]
    assert logs.texts(limit=50, before=older["older"]) == everything[:20]
    on = logs.read(limit=50, after=older["newer"])
    assert [line["text"] for line in on["lines"]] == everything[70:]
    assert on["done"]
    assert logs.texts(before=on["older"]) == everything[:70]
    logs.send(tasks[0], "new")
    assert logs.texts(after=on["newer"]) == ["new"]
    empty = logs.read(after=logs.read()["newer"])
    assert (empty["lines"], empty["done"]) == ([], True)
    assert logs.texts(before=empty["older"])[-1] == "new"


def test_a_time_bounds_what_is_read(logs: Logs, new_task: NewTask) -> None:
    task = new_task()
    for n in range(5):
        logs.send(task, f"{n}")
    times = [line["time"] for line in logs.read()["lines"]]
    assert logs.texts(since=times[2]) == ["2", "3", "4"]
    assert logs.texts(until=times[2]) == ["0", "1"]
    assert logs.texts(since=times[1], until=times[3]) == ["1", "2"]
    on = {"after": "0001-01-01T00:00:00.000Z,0,0"}
    assert logs.texts(since=times[1], until=times[3], **on) == ["1", "2"]
    assert logs.texts(since=times[1], until=times[3], q="2", **on) == ["2"]
    assert logs.read("/matches", since=times[1], until=times[3])["total"] == 2


def test_matches_are_counted_by_task(logs: Logs, new_task: NewTask) -> None:
    one, two, three = new_task(), new_task(), new_task()
    logs.send(one, *("an error, an Error" for _ in range(9000)))
    logs.send(two, "nothing", "er\x1b[1mror", "nothing")
    logs.send(three, "nothing")
    answer = logs.read("/matches", q="error")
    assert answer["tasks"] == [[two["id"], 1, 2], [one["id"], 9000, 9000]]
    assert (answer["total"], answer["hits"], answer["searched"]) == (9001, 9001, 9004)
    assert answer["next"] is None
    assert logs.read("/matches", q="error", ignore_case="true")["hits"] == 18_001
    assert logs.read("/matches", task=two["id"])["tasks"] == [[two["id"], 3, 3]]
    assert logs.read("/matches", q="nowhere")["tasks"] == []


def test_a_page_and_the_stream_from_its_cursor_have_every_line(
    logs: Logs, new_task: NewTask
) -> None:
    task = new_task()
    logs.send(task, "before")
    page = logs.read()
    logs.send(task, "after")
    answer = logs.http.get("/events/logs", params={"after": page["cursor"], "wait": 0}).json()
    lines = [line for event in answer["events"] for line in event["data"]["lines"]]
    assert [line["text"] for line in page["lines"] + lines] == ["before", "after"]


def test_a_deleted_task_has_no_lines(logs: Logs, new_task: NewTask) -> None:
    one, two = new_task(), new_task()
    logs.send(one, *("gone" for _ in range(9000)))
    logs.send(two, "kept")
    assert logs.http.delete(f"/api/tasks/{one['id']}").status_code == 204
    assert logs.texts() == ["kept"]
    assert logs.read("/matches")["total"] == 1


def test_all_that_matches_can_be_downloaded(logs: Logs, new_task: NewTask) -> None:
    one, two = new_task(), new_task()
    for n in range(6):
        logs.send(one, *(f"\x1b[31mred {k}" for k in range(1000)))
        logs.send(two, f"between {n}", level="error")
    path = f"/api/logs?queue={logs.queue}"
    text = logs.http.get(f"{path}&format=text")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "attachment" in text.headers["Content-Disposition"]
    lines = text.text.split("\n")
    assert len(lines) == 6007
    assert lines[0].endswith(f"Z #{one['id']} red 0")
    assert lines[1000].endswith(f"Z #{two['id']} between 0")
    records = logs.http.get(f"{path}&format=ndjson&level=error").text.splitlines()
    assert [json.loads(record)["text"] for record in records] == [f"between {n}" for n in range(6)]
    assert {json.loads(record)["task_id"] for record in records} == {two["id"]}
    assert "\x1b[31m" in logs.http.get(f"{path}&format=text&raw=true&q=red 7").text
    assert logs.http.get(f"{path}&format=text&q=nowhere").text == ""


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("before=yesterday", "before"),
        ("after=2026-01-01T00:00:00.000Z,1", "after"),
        ("after=2026-01-01T00:00:00.000Z,1,-1", "after"),
        ("before=2026-01-01T00:00:00.000Z,1,1&after=2026-01-01T00:00:00.000Z,1,1", "after"),
        ("before=2026-01-01T00:00:00.000Z,1,1&format=text", "before"),
        ("limit=5001", "limit"),
        ("limit=0", "limit"),
        ("q=(&regex=true", "q"),
        ("mark=(&regex=true", "mark"),
        ("level=loud", "level"),
        ("task=0", "task"),
        ("queue=a/b", "queue"),
        ("since=now", "since"),
        ("colour=red", "colour"),
    ],
)
def test_a_wrong_query_is_refused(http: httpx.Client, query: str, field: str) -> None:
    answer = http.get(f"/api/logs?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize("page", ["", "1", "1,2,3", "a,b", "-1,5", "1, 2", "１,２"])
def test_a_wrong_page_of_matches_is_refused(http: httpx.Client, page: str) -> None:
    answer = http.get("/api/logs/matches", params={"page": page})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "page"


def test_places_as_high_as_can_be(http: httpx.Client) -> None:
    high = "9999-12-31T23:59:59.999Z,9999999999999999999,9999999999999999999"
    assert http.get("/api/logs", params={"after": high}).json()["lines"] == []
    assert http.get("/api/logs", params={"before": high, "limit": 1}).status_code == 200
    page = f"{'9' * 30},{'9' * 30}"
    assert http.get("/api/logs/matches", params={"page": page}).status_code == 200
