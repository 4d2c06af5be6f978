"""A producer as clients are: it numbers its batches and repeats each until it is acknowledged."""

import threading
import time
from functools import cached_property
from typing import Self

import httpx

from e2e.api import Api, Task

RETRY_PAUSE = 0.05


class Producer:
    """Appends `line 1`, `line 2`, ... to a task's log from a thread of its own.

    `at_once` lines a batch, a batch every `pause` seconds.
    """

    def __init__(
        self, api: Api, task: Task, *, lines: int, pause: float = 0.01, at_once: int = 1
    ) -> None:
        self._api = api.another()
        self._path = f"/api/tasks/{task['id']}/logs"
        self._pause = pause
        self._count = lines
        self._at_once = at_once
        self._thread = threading.Thread(target=self._run, name="producer")
        self._stop = threading.Event()
        self.acknowledged = 0

    @cached_property
    def lines(self) -> list[str]:
        return [f"line {number}" for number in range(1, self._count + 1)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._api.http.close()

    def finish(self, within: float = 60) -> None:
        """Wait until every line was acknowledged."""
        self._thread.join(within)
        assert self.acknowledged == self._count, f"{self.acknowledged} of {self._count} lines"

    def wait_for(self, count: int, within: float = 30) -> None:
        """Wait until so many lines were acknowledged."""
        limit = time.monotonic() + within
        while self.acknowledged < count:
            assert time.monotonic() < limit, f"only {self.acknowledged} lines were acknowledged"
            self._thread.join(0.005)

    def _run(self) -> None:
        for first in range(0, self._count, self._at_once):
            texts = self.lines[first : first + self._at_once]
            batch = first // self._at_once + 1
            body = {"producer": "e2e", "batch": batch, "lines": [{"text": text} for text in texts]}
            while not self._stop.is_set() and not self._sent(body):
                self._stop.wait(RETRY_PAUSE)
            if self._stop.is_set():
                return
            self.acknowledged = first + len(texts)
            self._stop.wait(self._pause)

    def _sent(self, body: object) -> bool:
        try:
            response = self._api.http.post(self._path, json=body)
        except httpx.TransportError:
            return False
        assert response.is_success or response.status_code in (502, 503), response.text
        return response.is_success
