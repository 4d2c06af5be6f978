"""A spool's way to the server: create the task, its log batches in order, then how it ended.

`Delivery` does one request a step and can be interrupted anywhere: each step is safe to repeat.
`DeliveryThread` steps in the background of a running command, whatever the server does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from livequeue_client.backoff import Backoff
from livequeue_client.connection import Connection
from livequeue_client.errors import Refused, Unreachable
from livequeue_client.spool import Spool

PACE = 0.1  # seconds from one request to the next, unless a whole batch waits
_LAST_PAUSE = 1.0  # the longest between tries once the command has ended
_GONE = {404, 409, 410}
_NOT_ALLOWED = {401, 403}

_UNKNOWN = {"progress": None, "current": None, "total": None, "unit": None}
KILLED = {
    "status": "failed",
    "error": "livequeue run was killed before its command ended; how it ended is not known",
}


class Delivery:
    """`complain` is told, once each, what the server refuses for good."""

    def __init__(
        self, spool: Spool, connection: Connection, complain: Callable[[str], None]
    ) -> None:
        self.spool = spool
        self.connection = connection
        self.task_id: int | None = spool.task.get("id")
        self.ending: dict[str, Any] | None = None
        self.done = False
        self._complain = complain
        self._guard = threading.Lock()
        self._update: dict[str, Any] = {}
        self._update_next = False
        self._updated_at = 0.0
        self._restart = False

    def report(self, update: dict[str, Any], *, restart: bool = False) -> None:
        """The newest progress and message; replaces what was not sent yet.

        `restart`: another count begins, which may be lower. The server does not let progress go
        back, but a known one may become unknown.
        """
        with self._guard:
            self._update |= update
            self._restart |= restart

    def step(self) -> bool:
        """Send the next request, if there is something to say."""
        if self.task_id is None:
            self._create()
        elif self._update_is_due():
            self._update_next = False
            self._updated_at = time.monotonic()
            self._send_update()
        elif batch := self.spool.next_batch():
            self._update_next = True
            self._send_batch(*batch)
        elif self.ending:
            self._send_ending(self.ending)
        else:
            return False
        return True

    def _update_is_due(self) -> bool:
        """Between two batches, when there are many, but never sooner than `PACE` after the last."""
        if not self._update or self.ending:
            return False
        if self.spool.empty:
            return True
        return self._update_next and time.monotonic() - self._updated_at >= PACE

    def pause(self, started: float) -> None:
        """After a request that began then."""
        if not self.spool.backlog:
            time.sleep(max(0.0, started + PACE - time.monotonic()))

    def _create(self) -> None:
        task = self.spool.task
        try:
            answer = self.connection.send("POST", "/api/tasks", task["body"], key=task["key"])
        except Refused as refusal:
            self._refused("create the task", refusal)
            self._give_up()
            return
        try:
            self.task_id = int(answer["id"])
        except (TypeError, KeyError, ValueError):
            raise Unreachable("the answer is not LiveQueue's") from None
        with suppress(OSError):  # not saved: asking again with the same key gives the same task
            self.spool.save("task", task | {"id": self.task_id})

    def _send_update(self) -> None:
        try:
            if self._restart:
                self._patch(_UNKNOWN)
                self._restart = False
            else:
                self._patch({}, with_update=True)
        except Refused as refusal:
            self._refused("take the progress", refusal)

    def _send_batch(self, number: int, lines: list[dict[str, Any]]) -> None:
        if lines:
            body = {
                "producer": self.spool.task["key"],
                "batch": number,
                "attempt": 1,
                "lines": lines,
            }
            try:
                self.connection.send("POST", f"/api/tasks/{self.task_id}/logs", body)
            except Refused as refusal:
                self._refused("take the log", refusal)
                if refusal.status in _GONE:
                    self._give_up()
                    return
        self.spool.delivered(number)

    def _send_ending(self, ending: dict[str, Any]) -> None:
        decorated = bool(self._update)
        try:
            self._patch(ending, with_update=True)
        except Refused as refusal:
            if refusal.status == 422 and decorated:
                return  # again, without the progress
            if refusal.status not in _GONE:  # somebody ended or deleted it before
                self._refused("take the result", refusal)
        self._give_up()

    def _patch(self, changes: dict[str, Any], *, with_update: bool = False) -> None:
        update: dict[str, Any] = {}
        if with_update:
            with self._guard:
                update, self._update = self._update, {}
        body = update | changes | {"attempt": 1}
        try:
            self.connection.send("PATCH", f"/api/tasks/{self.task_id}", body)
        except Unreachable:
            with self._guard:
                self._update = update | self._update
            raise

    def _refused(self, what: str, refusal: Refused) -> None:
        if refusal.status in _NOT_ALLOWED:
            raise Unreachable(f"{refusal}; set LIVEQUEUE_TOKEN", 30.0) from refusal
        self._complain(f"the server does not {what}: {refusal}")

    def _give_up(self) -> None:
        self.spool.remove()
        self.done = True  # only now: whoever waits for it then ends the process


class DeliveryThread(threading.Thread):
    """Delivers while the command runs. `on_created` is called with the task's id, once."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        on_trouble: Callable[[str], None],
        on_created: Callable[[int], None],
    ) -> None:
        super().__init__(name="livequeue-delivery", daemon=True)
        self.delivery = delivery
        self.reached = False  # the server has answered
        self._on_trouble = on_trouble
        self._on_created = on_created
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._backoff = Backoff()

    def wake(self) -> None:
        self._wake.set()

    def finish(self, ending: dict[str, Any]) -> None:
        """All output is in the spool, and this is how the command ended."""
        with suppress(OSError):
            self.delivery.spool.save("end", ending)
        self.delivery.ending = ending
        self._ending.set()
        self.wake()

    def run(self) -> None:
        delivery = self.delivery
        created = False
        while not delivery.done:
            started = time.monotonic()
            self._wake.clear()
            try:
                worked = delivery.step()
            except Unreachable as error:
                self._on_trouble(str(error))
                self._pause(max(self._backoff.pause(), error.retry_after or 0.0))
                continue
            self.reached = True
            self._backoff.reset()
            if delivery.task_id is not None and not created:
                created = True
                self._on_created(delivery.task_id)
            if worked:
                delivery.pause(started)
            else:
                self._wake.wait()

    def _pause(self, seconds: float) -> None:
        """Shorter when we are waited for."""
        if self._ending.is_set():
            time.sleep(min(seconds, _LAST_PAUSE))
        else:
            self._ending.wait(seconds)


def deliver_leftover(spool: Spool, connection: Connection, complain: Callable[[str], None]) -> None:
    """Deliver all of a dead run's spool; raises Unreachable when that must wait."""
    delivery = Delivery(spool, connection, complain)
    delivery.ending = spool.ending() or KILLED
    while not delivery.done:
        started = time.monotonic()
        delivery.step()
        delivery.pause(started)
