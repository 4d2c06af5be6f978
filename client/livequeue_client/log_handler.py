"""A program's log records in a task's log.

    logging.basicConfig(level="INFO", handlers=[logging.StreamHandler(), LogHandler()])

The program is never held up nor broken: records wait in memory, bounded, and are sent by a thread.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from livequeue_client.api import Task
from livequeue_client.connection import Connection
from livequeue_client.log_record import lines_of
from livequeue_client.log_sender import LogSender, about_us
from livequeue_client.log_task import LogTask

CAPACITY = 10_000  # records that wait
FLUSH_TIMEOUT = 5.0


class LogHandler(logging.Handler):
    """`task` is a `Task`, the number of one, or the name of one to make (default: the program's).

    A task that it makes begins with the first record and ends with the program: failed when an
    uncaught exception ends that. `fields` are those of `POST /api/tasks`; `url` and `token`
    default to LIVEQUEUE_URL and LIVEQUEUE_TOKEN. `flush_timeout`: the most seconds that `flush`,
    `close` and the end of the program may take. `capacity`: how many records may wait; past it the
    oldest are dropped, which the log then tells.

    A record keeps its level, its time, its logger as the line's stream, and what `extra` has added
    as the line's fields. Its text is the message and the exception, unless a formatter is set.
    """

    def __init__(
        self,
        task: Task | int | str | None = None,
        *,
        level: int | str = logging.NOTSET,
        url: str | None = None,
        token: str | None = None,
        flush_timeout: float = FLUSH_TIMEOUT,
        capacity: int = CAPACITY,
        **fields: Any,
    ) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        if fields and not (task is None or isinstance(task, str)):
            raise TypeError(f"{', '.join(fields)}: only for a task that the handler makes")
        super().__init__(level)
        self.setFormatter(logging.Formatter())  # or basicConfig gives one that repeats the level
        connect: Callable[[], Connection] = partial(Connection, url, token=token)
        if isinstance(task, Task):
            if url or token:
                raise TypeError("a Task has its server already")
            connect = task.server.connection.another
            target = LogTask(connect, id=task.id, attempt=task.attempt, heard=task.heard)
            task.log_handlers.add(self)
        elif isinstance(task, int):
            target = LogTask(connect, id=task)
        else:
            target = LogTask(connect, create={**fields, "name": task})
        self._sender = LogSender(target, capacity=capacity, timeout=flush_timeout)

    @property
    def task_id(self) -> int | None:
        """None until the task has been made."""
        return self._sender.task.id

    def createLock(self) -> None:  # noqa: N802 (logging's name)
        """No lock: `flush` would hold it while it waits, and with it all who log."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        if self._sender.gone or about_us(record) or sys.is_finalizing():
            return False  # at last there are no threads any more, and their locks stay locked
        kept: Any = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sender.put(lines_of(record, self.format(record)))
        except Exception:  # of the program's own: a wrong format, a __str__ that raises
            with suppress(RecursionError):
                self.handleError(record)

    def flush(self) -> None:
        """Wait until the records so far are delivered, but not longer than `flush_timeout`."""
        self._sender.flush()

    def close(self) -> None:
        """Flush. A handler may be used again afterwards: `logging.config` closes all there are."""
        self._sender.close()
        super().close()
