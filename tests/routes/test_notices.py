"""A producer's own events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.routes.conftest import NewTask

Events = Callable[[str, str], list[dict[str, Any]]]


def test_a_notice_reaches_whoever_watches(
    http: httpx.Client, new_task: NewTask, cursor: str, events_since: Events
) -> None:
    task_id = new_task()["id"]
    body = {"name": "deploy", "message": "v2\nis out", "level": "success", "data": {"v": 2}}
    assert http.post("/api/events", json=body).status_code == 201
    assert http.post("/api/events", json={"name": "note", "task_id": task_id}).status_code == 201
    general, about = [e for e in events_since("system", cursor) if e["type"] == "NOTICE"]
    assert general["message"] == "deploy: v2 is out"
    assert general["data"] == body | {"message": "v2 is out", "task_id": None}
    assert about["data"]["level"] == "info"
    own = events_since(f"task:{task_id}", cursor)
    assert [event["type"] for event in own] == ["TASK_CREATED", "NOTICE"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"name": ""}, 422),
        ({"name": "a\nb"}, 422),
        ({"name": "x", "level": "loud"}, 422),
        ({"name": "x", "task_id": 0}, 422),
        ({"name": "x", "task_id": 2**64}, 422),
        ({"name": "x", "task_id": 999_999_999}, 404),
        ({"name": "x", "data": "d" * 2**20}, 422),
        ({"name": "x", "type": "TASK_DELETED"}, 422),
    ],
)
def test_wrong_notices(http: httpx.Client, body: dict[str, Any], status: int) -> None:
    assert http.post("/api/events", json=body).status_code == status
