"""Times that are valid where they were written and beyond the calendar in UTC."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

BEYOND = ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00"]


@pytest.mark.parametrize("time", BEYOND)
def test_a_time_beyond_the_calendar_names_its_field(http: httpx.Client, time: str) -> None:
    task = http.post("/api/tasks", json={"name": "t"}).json()["id"]
    batch = {"action": "cancel", "filter": {"until": time}}
    answers = {
        "run_at": http.post("/api/tasks", json={"name": "a", "run_at": time}),
        "since": http.get("/api/tasks", params={"since": time}),
        "until": http.post("/api/tasks/batch", json=batch),
        "time": http.post(f"/api/tasks/{task}/logs", json={"lines": [{"text": "x", "time": time}]}),
    }
    for field, answer in answers.items():
        assert answer.status_code == 422, field
        assert answer.json()["errors"][0]["field"].endswith(field)
    page = http.get("/tasks", params={"since": time}, headers={"Accept": "text/html"})
    assert page.status_code == 422


def test_the_records_before_such_a_time_are_stored(http: httpx.Client) -> None:
    task = http.post("/api/tasks", json={"name": "t"}).json()["id"]
    records = f'{{"text":"good"}}\n{{"text":"bad","time":"{BEYOND[0]}"}}\n{{"text":"late"}}\n'
    kind = {"Content-Type": "application/x-ndjson"}
    answer = http.post(f"/api/tasks/{task}/logs", content=records, headers=kind)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "records[2].time"
    assert [line["text"] for line in http.get(f"/api/tasks/{task}/logs").json()["lines"]] == [
        "good"
    ]


def test_others_in_the_same_commit_are_unharmed(http: httpx.Client) -> None:
    def create(number: int) -> int:
        task = {"name": "a", **({"run_at": BEYOND[0]} if number % 3 == 0 else {})}
        return http.post("/api/tasks", json=task).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(60)))
    assert statuses == [422 if number % 3 == 0 else 201 for number in range(60)]
