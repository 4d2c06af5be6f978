"""A run as the server sees it: delivery, heartbeat, cancellation, and what earlier runs left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from livequeue_client.connection import Connection
from livequeue_client.delivery import Delivery, DeliveryThread, deliver_leftover
from livequeue_client.errors import Unreachable
from livequeue_client.heartbeat import Heartbeat
from livequeue_client.spool import Spool, leftovers, prune

_PATIENCE = 5.0  # seconds without a server that had been there, until we say so
_STRANGER = 2.0  # seconds to wait at the end for a server that never answered

Complain = Callable[[str], None]


class Reporter:
    """Reports one run. `cancel` is called when somebody cancelled the task."""

    def __init__(
        self, spool: Spool, url: str, *, complain: Complain, cancel: Callable[[], None]
    ) -> None:
        self._spool = spool
        self._connection = Connection(url)
        self._complain = complain
        self._cancel = cancel
        self._warned = False
        self._trouble_since: float | None = None
        self._delivery = Delivery(spool, self._connection, complain)
        self._thread = DeliveryThread(
            self._delivery, on_trouble=self._trouble, on_created=self._created
        )
        self._leftovers: threading.Thread | None = None

    def start(self) -> None:
        self._thread.start()

    def report(self, update: dict[str, Any], restart: bool) -> None:
        if update:
            self._delivery.report(update, restart=restart)
        self._thread.wake()

    def finish(self, ending: dict[str, Any], timeout: float, hurry: threading.Event) -> None:
        """Wait for the delivery, but not for ever; what is left then stays in the spool."""
        started = time.monotonic()
        self._thread.finish(ending)
        while self._busy() and not hurry.wait(0.02):
            waited = time.monotonic() - started
            if waited >= timeout or (waited >= _STRANGER and not self._thread.reached):
                break
        if not self._delivery.done and not self._warned:
            self._warn("not everything could be delivered")

    def _busy(self) -> bool:
        if not self._delivery.done:
            return True
        return self._leftovers is not None and self._leftovers.is_alive()

    def _created(self, task_id: int) -> None:
        Heartbeat(self._connection, task_id, self._cancel).start()
        self._leftovers = threading.Thread(target=self._deliver_leftovers, daemon=True)
        self._leftovers.start()

    def _deliver_leftovers(self) -> None:
        for folder in leftovers(self._spool.folder.parent):
            spool = Spool.leftover(folder)
            if spool is None:
                continue
            if spool.task["server"] != self._connection.url:
                spool.close()
                continue
            try:
                deliver_leftover(spool, self._connection, self._complain)
            except Unreachable:
                spool.close()
                return

    def _trouble(self, reason: str) -> None:
        now = time.monotonic()
        self._trouble_since = self._trouble_since or now
        patience = _PATIENCE if self._thread.reached else 0.0
        if not self._warned and now - self._trouble_since >= patience:
            self._warn(f"cannot reach {self._connection.url} ({reason}); the command runs on")

    def _warn(self, what: str) -> None:
        self._warned = True
        self._complain(
            f"{what}. Its output is kept in {self._spool.folder} until the next `livequeue run`, "
            "or `livequeue flush`, delivers it."
        )
        prune(self._spool.folder.parent)
