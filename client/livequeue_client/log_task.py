"""The task that a log handler writes to: the program's, one known by its number, or its own."""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from livequeue_client.connection import Connection
from livequeue_client.errors import Refused, Unreachable
from livequeue_client.identity import task_name, this_process

HEARTBEAT_TIMEOUT = 60  # seconds without a sign of life until the server calls it stalled
ERROR_CHARS = 16 * 1024

Answer = Mapping[str, Any]


class LogTask:
    """Requests about one task. They raise LiveQueueError, or ValueError or OSError (`Connection`).

    `create` has the fields of a task that is still to be made. It belongs to the process that
    makes it: children write to it, but do not keep it alive, nor end it.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        id: int | None = None,
        attempt: int | None = None,
        create: Mapping[str, Any] | None = None,
        heard: Callable[[Answer], None] | None = None,
    ) -> None:
        self.id = id
        self.owned = create is not None
        self._connect = connect
        self._connection: Connection | None = None
        self._attempt = attempt
        self._create = create
        self._key: str | None = None  # of the task's creation, once that has begun
        self._heard = heard
        self._producer = uuid.uuid4().hex

    def forked(self) -> None:
        """This is a child process now, and another producer."""
        self._producer = uuid.uuid4().hex
        self._connection = None
        self.owned = self.owned and self._key is None

    @property
    def pulse(self) -> float | None:
        """Seconds from one sign of life to the next, if the task is ours and waits for them."""
        timeout = self._create and self._create.get("heartbeat_timeout")
        return timeout / 3 if timeout and self.owned and self.id is not None else None

    @property
    def where(self) -> str:
        return self._connection.url if self._connection else "the server"

    def create(self, timeout: float | None = None) -> None:
        if self._key is None:
            self._key = uuid.uuid4().hex
            self._create = _described(self._create or {})
        answer = self._send("POST", "/api/tasks", self._create, timeout, key=self._key)
        try:
            self.id, self._attempt = int(answer["id"]), int(answer["attempt"])
        except (TypeError, KeyError, ValueError):
            raise Unreachable("the answer is not LiveQueue's") from None

    def append(self, batch: int, lines: Sequence[bytes], timeout: float | None = None) -> None:
        """Lines as JSON; a batch with the same number must have the same ones."""
        attempt = b"" if self._attempt is None else b'"attempt":%d,' % self._attempt
        head = b'{"producer":"%s","batch":%d,' % (self._producer.encode(), batch)
        body = head + attempt + b'"lines":[' + b",".join(lines) + b"]}"
        answer = self._send("POST", f"/api/tasks/{self.id}/logs", body, timeout)
        if self._heard:
            self._heard(answer)

    def heartbeat(self, timeout: float | None = None) -> None:
        self._send("POST", f"/api/tasks/{self.id}/heartbeat", {"attempt": self._attempt}, timeout)

    def end(self, ending: Mapping[str, Any], timeout: float | None = None) -> None:
        body = {**ending, "attempt": self._attempt}
        try:
            self._send("PATCH", f"/api/tasks/{self.id}", body, timeout)
        except Refused as refusal:
            if refusal.status != 409:  # somebody has ended it before
                raise

    def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _send(
        self, method: str, path: str, body: Any, timeout: float | None, key: str | None = None
    ) -> Any:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection.send(method, path, body, key=key, timeout=timeout)


def program_ending() -> dict[str, Any]:
    """How a task ends with its program: failed when an exception that nobody caught ends it."""
    error = getattr(sys, "last_value", None)
    if error is None or hasattr(sys, "ps1"):
        return {"status": "completed"}
    text = "".join(traceback.format_exception(error))
    return {"status": "failed", "error": text[-ERROR_CHARS:]}


def _described(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `POST /api/tasks`, with what this program can say of itself."""
    program = Path(sys.argv[0] if sys.argv else "")
    if program.name == "__main__.py":
        program = program.parent
    name = task_name(str(fields.get("name") or program.name))
    return {
        "status": "running",
        "heartbeat_timeout": HEARTBEAT_TIMEOUT,
        "worker": this_process(),
        **fields,
        "name": "python" if name in ("", "-", "-c") else name,
    }
