"""The command `livequeue` as a subprocess with a spool of its own."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import wait_until

Run = Callable[..., "subprocess.Popen[bytes]"]
Tasks = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def nowhere() -> str:
    """The address of a server that is down."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def livequeue(spool: Path) -> Iterator[Run]:
    """Starts `livequeue ...`; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str | Path, url: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = os.environ | {"LIVEQUEUE_URL": url, "LIVEQUEUE_SPOOL": str(spool)}
        defaults: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "start_new_session": True,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "livequeue_client.cli", *map(str, arguments)],
            env=environment | options.pop("environment", {}),
            **(defaults | options),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def in_terminal(*command: str, url: str, spool: Path) -> Iterator[tuple[int, int]]:
    """`livequeue run -- COMMAND` in the foreground of a terminal: its pid, and the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = os.environ | {"LIVEQUEUE_URL": url, "LIVEQUEUE_SPOOL": str(spool)}
        ours = [sys.executable, "-m", "livequeue_client.cli", "run", "--"]
        os.execve(sys.executable, [*ours, *command], environment)  # noqa: S606
    try:
        yield pid, terminal
    finally:
        os.close(terminal)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def read_until(stream: int, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        assert select.select([stream], [], [], 20)[0], f"only {got!r}"
        data = os.read(stream, 65536)
        assert data, f"only {got!r}"
        got += data
    return got


@pytest.fixture
def tasks(http: httpx.Client) -> Tasks:
    """All tasks of the server, oldest first."""

    def all_tasks() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = http.get("/api/tasks?sort=id&limit=500").json()["tasks"]
        return found

    return all_tasks


def task_when(http: httpx.Client, task_id: int, **wanted: Any) -> dict[str, Any]:
    """The task, once its fields have these values."""

    def look() -> dict[str, Any] | None:
        task: dict[str, Any] = http.get(f"/api/tasks/{task_id}").json()
        return task if all(task.get(key) == value for key, value in wanted.items()) else None

    found: dict[str, Any] = wait_until(look, 20, f"task {task_id} with {wanted}")
    return found


def log_of(http: httpx.Client, task_id: int) -> list[str]:
    """The texts of all its lines; none while there is no such task."""
    texts: list[str] = []
    while True:
        answer = http.get(f"/api/tasks/{task_id}/logs?from={len(texts) + 1}&limit=1000").json()
        if not answer.get("lines"):
            return texts
        texts += [line["text"] for line in answer["lines"]]
