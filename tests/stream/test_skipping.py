"""A client that asks for it gets ranges of the lines it is too slow for; no line is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.sse import Reader

POLL = {"Accept": "application/json"}
BATCHES, LINES, TEXT = 12, 200, "x" * 500  # about 1.4 MB in all


class Scene:
    """A log of two tasks that grew a lot since `cursor`, with a notice in the middle."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.tasks = [int(self.post("/api/tasks", name="t", status="running")["id"]) for _ in "ab"]
        self.cursor = self.poll(None)["cursor"]
        for batch in range(BATCHES):
            if batch == BATCHES // 2:
                self.post("/api/events", name="half", message="half")
            lines = [{"text": f"{batch} {n} {TEXT}"} for n in range(LINES)]
            self.post(f"/api/tasks/{self.tasks[batch // 2 % 2]}/logs", lines=lines)

    def post(self, path: str, **body: Any) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()

    def poll(self, after: str | None, topics: str = "system,logs", **query: Any) -> Any:
        parameters = query | ({} if after is None else {"after": after, "wait": 0})
        answer = self.http.get(f"/events/{topics}", params=parameters, headers=POLL)
        return answer.raise_for_status().json()

    def polled(self, **query: Any) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        after = self.cursor
        while True:
            answer = self.poll(after, **query)
            assert answer["reset"] is None
            if not answer["events"]:
                return events
            events += answer["events"]
            after = answer["cursor"]

    def check(self, events: list[dict[str, Any]]) -> int:
        """Every line is named or there, in order; returns how many are there."""
        seen: dict[int, list[int]] = {task: [] for task in self.tasks}
        there = 0
        for event in events:
            if event["type"] == "LOG":
                data = event["data"]
                numbers = [line["n"] for line in data["lines"]]
                there += len(numbers)
                seen[data["task_id"]] += numbers or range(data["from"], data["to"] + 1)
        for task in self.tasks:
            assert seen[task] == list(range(1, BATCHES // 2 * LINES + 1))
        ids = [int(event["id"].rpartition("-")[2]) for event in events]
        assert ids == sorted(set(ids))
        assert [event["data"].get("name") for event in events].count("half") == 1
        return there


@pytest.fixture
def scene(http: httpx.Client) -> Scene:
    return Scene(http)


def streamed(server: Server, scene: Scene, query: str) -> list[dict[str, Any]]:
    scene.post("/api/events", name="last", message="last")
    with Reader(server.url, "system,logs", query=f"after={scene.cursor}{query}") as reader:
        seen = reader.wait(lambda seen: any('"name":"last"' in frame.raw for frame in seen))
        events: list[dict[str, Any]] = [frame.data for frame in seen if frame.data.get("id")]
    return events


def test_who_does_not_ask_gets_every_line(server: Server, scene: Scene) -> None:
    assert scene.check(scene.polled()) == BATCHES * LINES
    assert scene.check(streamed(server, scene, "")) == BATCHES * LINES


def test_a_poll_that_lags_gets_ranges_and_the_newest_lines(scene: Scene) -> None:
    events = scene.polled(skip=1)
    there = scene.check(events)
    assert 0 < there < BATCHES * LINES / 4
    assert events[-1]["data"]["lines"][-1]["n"] == BATCHES // 2 * LINES
    assert len([event for event in events if not event["data"].get("lines", "none")]) < BATCHES
    last = scene.polled(skip=1)[-1]["id"]
    scene.post(f"/api/tasks/{scene.tasks[0]}/logs", lines=[{"text": "a little"}])
    (one,) = scene.poll(last, skip=1)["events"]  # and in time: the lines
    assert one["data"]["lines"][0]["text"] == "a little"


def test_a_stream_that_lags_gets_ranges_and_the_newest_lines(server: Server, scene: Scene) -> None:
    assert 0 < scene.check(streamed(server, scene, "&skip=1")) < BATCHES * LINES / 4


def test_one_that_replays_from_the_file_gets_ranges_too(
    make_server: Callable[..., Server],
) -> None:
    server = make_server("--window-bytes", "65536")
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        scene = Scene(http)
        assert scene.check(scene.polled(skip=1)) < BATCHES * LINES / 4
        assert scene.check(streamed(server, scene, "&skip=1")) < BATCHES * LINES / 4
        assert scene.check(scene.polled()) == BATCHES * LINES


def test_only_0_and_1_are_answers(http: httpx.Client) -> None:
    answer = http.get("/events/system?skip=2", headers=POLL)
    assert answer.status_code == 400
    assert "skip" in answer.json()["detail"]
