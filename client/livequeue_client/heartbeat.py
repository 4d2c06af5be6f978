"""Tells the server that the command lives, and learns at once when it should not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from livequeue_client.backoff import Backoff
from livequeue_client.connection import Connection
from livequeue_client.errors import LiveQueueError, Refused

WAIT = 20  # seconds the server may hold an answer back
_SHORTEST = 5.0  # between two heartbeats when the server does not hold them


class Heartbeat(threading.Thread):
    """`on_cancel` is called, once, when somebody cancelled the task."""

    def __init__(self, connection: Connection, task_id: int, on_cancel: Callable[[], None]) -> None:
        super().__init__(name="livequeue-heartbeat", daemon=True)
        self._connection = connection
        self._path = f"/api/tasks/{task_id}/heartbeat"
        self._on_cancel = on_cancel

    def run(self) -> None:
        backoff = Backoff(first=1.0, limit=10.0)
        while True:
            started = time.monotonic()
            try:
                answer = self._connection.send(
                    "POST", self._path, {"attempt": 1}, params={"wait": WAIT}, timeout=WAIT + 15.0
                )
                if answer["cancel_requested"] or answer["status"] == "cancelled":
                    self._on_cancel()
                    return
                if answer["status"] in ("completed", "failed"):
                    return
            except Refused as refusal:
                if refusal.status in (404, 409):
                    return  # deleted, or taken over by another attempt
                time.sleep(backoff.pause())
            except (LiveQueueError, KeyError, TypeError):
                time.sleep(backoff.pause())
            else:
                backoff.reset()
                time.sleep(max(0.0, min(_SHORTEST, started + _SHORTEST - time.monotonic())))
