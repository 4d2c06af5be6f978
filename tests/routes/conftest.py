"""One server for all tests of a module: each makes its own tasks, in a queue of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Server, serving

NewTask = Callable[..., dict[str, Any]]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
def queue() -> str:
    """A name no other test uses."""
    return f"queue-{next(_numbers)}"


@pytest.fixture
def new_task(http: httpx.Client, queue: str) -> NewTask:
    """Creates a task in this test's queue, running unless said otherwise."""

    def create(**fields: Any) -> dict[str, Any]:
        answer = http.post(
            "/api/tasks", json={"name": "backup", "queue": queue, "status": "running"} | fields
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return create


@pytest.fixture
def cursor(http: httpx.Client) -> str:
    """From here on."""
    return str(http.get("/events/system").json()["cursor"])


@pytest.fixture
def events_since(http: httpx.Client) -> Callable[[str, str], list[dict[str, Any]]]:
    """The events of a topic after a cursor that have happened by now."""

    def events(topic: str, after: str) -> list[dict[str, Any]]:
        answer = http.get(f"/events/{topic}", params={"after": after, "wait": 0}).json()
        return list(answer["events"])

    return events
