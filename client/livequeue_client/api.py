"""Report a job from Python.

    with LiveQueue().task("nightly backup", total=len(files), unit="files") as task:
        for n, file in enumerate(files, 1):
            task.log(f"copying {file}")
            task.update(current=n)

The task is completed when the block ends, and failed when it raises.
"""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from livequeue_client.backoff import Backoff
from livequeue_client.connection import TIMEOUT, Connection
from livequeue_client.errors import Refused, Unreachable
from livequeue_client.lines import cut

if TYPE_CHECKING:
    from livequeue_client.log_handler import LogHandler

PATIENCE = 30.0  # seconds to go on trying while the server cannot be reached
_PACE = 0.1  # seconds from one progress update to the next
_ERROR_CHARS = 16 * 1024
_BATCH_LINES = 5000
_BATCH_CHARS = 1024 * 1024


class LiveQueue:
    """A server. Requests are repeated, safely, until `patience` is used up; then Unreachable."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        connection: Connection | None = None,
    ) -> None:
        self.connection = connection or Connection(url, token=token, timeout=timeout)
        self._patience = patience

    @property
    def url(self) -> str:
        return self.connection.url

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str | int] | None = None,
    ) -> Any:
        """Any request of the API; a POST carries one Idempotency-Key over all its tries."""
        key = uuid.uuid4().hex if method == "POST" else None
        deadline = time.monotonic() + self._patience
        backoff = Backoff()
        while True:
            try:
                return self.connection.send(method, path, body, key=key, params=params)
            except Unreachable as error:
                pause = max(backoff.pause(), error.retry_after or 0.0)
                if time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)

    def task(self, name: str, **fields: Any) -> Task:
        """Create a running task; `fields` are those of `POST /api/tasks`."""
        return Task(
            self, self.send("POST", "/api/tasks", {"status": "running"} | fields | {"name": name})
        )

    def tasks(self, **filters: str | int) -> list[dict[str, Any]]:
        """One page of the task list."""
        found: list[dict[str, Any]] = self.send("GET", "/api/tasks", params=filters)["tasks"]
        return found

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Task:
    """A task that we run and report. Its methods raise LiveQueueError; `id` is what people see.

    Several threads may log, and after a fork both processes may.
    """

    def __init__(self, server: LiveQueue, task: Mapping[str, Any]) -> None:
        self.id = int(task["id"])
        self.attempt = int(task["attempt"])
        self.server = server
        self.cancel_requested = False
        self.log_handlers: WeakSet[LogHandler] = WeakSet()
        self._ended = False
        self._pending: dict[str, Any] = {}
        self._sent_at = 0.0

    def update(self, **changes: Any) -> None:
        """Report progress, current, total, unit, message ...: at most ten requests a second.

        What comes quicker is merged, the newest value wins, and goes with the next request.
        """
        self._pending |= changes
        if time.monotonic() - self._sent_at >= _PACE:
            self._flush()

    def log(self, text: str, *, stream: str = "stdout", level: str | None = None) -> None:
        self.log_lines(text.removesuffix("\n").split("\n"), stream=stream, level=level)

    def log_lines(
        self, lines: Iterable[str], *, stream: str = "stdout", level: str | None = None
    ) -> None:
        # Not as a producer with batch numbers, which would have to arrive in order: several threads
        # and processes may log. A request's key keeps it from being stored twice.
        for batch in _batches(lines):
            body = {
                "attempt": self.attempt,
                "lines": [{"text": text, "stream": stream, "level": level} for text in batch],
            }
            self.heard(self.server.send("POST", f"/api/tasks/{self.id}/logs", body))

    def log_handler(self, **options: Any) -> LogHandler:
        """A `logging.Handler` whose records go to this task's log; `options` as of LogHandler."""
        from livequeue_client.log_handler import LogHandler

        return LogHandler(self, **options)

    def heard(self, answer: Mapping[str, Any]) -> None:
        """Any answer about the task may say that it was cancelled."""
        self.cancel_requested |= bool(answer.get("cancel_requested"))

    def complete(self, result: Any = None) -> None:
        self._end({"status": "completed", "result": result})

    def fail(self, error: str) -> None:
        self._end({"status": "failed", "error": error[-_ERROR_CHARS:]})

    def cancelled(self) -> None:
        """The job stopped because `cancel_requested` asked it to."""
        self._end({"status": "cancelled"})

    def _flush(self, ending: Mapping[str, Any] | None = None) -> None:
        changes = self._pending | dict(ending or {})
        self._pending = {}
        self._sent_at = time.monotonic()
        if changes:
            path = f"/api/tasks/{self.id}"
            self.heard(self.server.send("PATCH", path, changes | {"attempt": self.attempt}))

    def _end(self, ending: Mapping[str, Any]) -> None:
        self._ended = True
        for handler in list(self.log_handlers):
            handler.flush()  # who follows the log hears no more of it once the task has ended
        self._flush(ending)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._ended:
            return
        if error is None:
            self.complete()
            return
        try:
            self.fail("".join(traceback.format_exception(kind, error, trace)))
        except (Refused, Unreachable) as trouble:
            error.add_note(f"LiveQueue was not told: {trouble}")


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """What one request takes: a bounded number of lines, of bounded length."""
    batch: list[str] = []
    chars = 0
    for text in texts:
        parts = [text]
        if len(text) > _BATCH_CHARS:
            parts = [piece for line in text.split("\n") for piece in cut(line)]
        for part in parts:
            if len(batch) == _BATCH_LINES or (batch and chars + len(part) > _BATCH_CHARS):
                yield batch
                batch, chars = [], 0
            batch.append(part)
            chars += len(part)
    if batch:
        yield batch
