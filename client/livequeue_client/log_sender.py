"""Sends a log handler's records on a thread: in order, once, and never in the program's way.

The thread lives while there is something to send, or a task of ours to keep alive. Where none can
be started, as at the end of the interpreter, whoever flushes sends.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from logging import LogRecord
from typing import Any
from weakref import WeakSet

from livequeue_client.backoff import Backoff
from livequeue_client.connection import look_up_levels
from livequeue_client.errors import Refused, Unreachable
from livequeue_client.log_task import LogTask, program_ending
from livequeue_client.outbox import Outbox

PACE = 0.1  # seconds from one request to the next, unless a whole batch waits
IDLE = 10.0  # seconds without a record until the thread ends
PATIENCE = 5.0  # seconds without the server until we say so
_LAST_PAUSE = 0.5  # the longest between tries while somebody waits for us
_GONE = {404, 409, 410}
_NOT_ALLOWED = {401, 403}

_senders: WeakSet[LogSender] = WeakSet()
_threads: set[int] = set()
_finalized: set[int] = set()  # child processes of multiprocessing that will finish us


class LogSender:
    """`put` never waits for the network. What is not delivered is said on stderr, once."""

    def __init__(self, task: LogTask, *, capacity: int, timeout: float) -> None:
        self.task = task
        self.gone = False  # nobody takes the log any more
        self._capacity = capacity
        self._timeout = timeout
        self._warned = False  # that the server does not take the records
        self._said = 0  # lost records that stderr tells of
        self._begin()
        _senders.add(self)

    def _begin(self) -> None:
        self._changed = threading.Condition()  # reentrant: a signal's handler may log as well
        self._outbox = Outbox(self._capacity)
        self._thread: threading.Thread | None = None
        self._batch: list[bytes] = []  # on its way, under this number
        self._number = 0
        self._sent_at = 0.0
        self._backoff = Backoff()
        self._trouble = ""  # why nothing arrives, and since when
        self._trouble_since = 0.0
        self._hurry = threading.Event()  # somebody waits in `flush`
        self._waiters = 0
        self._missed = 0  # records that a flush has waited for in vain
        self._closing = False
        self._ending: Mapping[str, Any] | None = None
        self._deadline: float | None = None  # of the program's end

    def forked(self) -> None:
        """This is a child process: without the thread; and what waits is its parent's."""
        self._begin()
        self.task.forked()

    def put(self, lines: list[bytes]) -> None:
        with self._changed:
            if self.gone:
                return
            self._closing = False
            was_empty, was_ripe = self._outbox.empty, self._outbox.ripe
            self._outbox.put(lines)
            if self._thread is None:
                self._start()
            elif was_empty or (self._outbox.ripe and not was_ripe):
                self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put in is delivered or dropped; False when time runs out."""
        look_up_levels()
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        if self._deadline is not None:
            deadline = min(deadline, self._deadline)
        with self._changed:
            target = self._outbox.put_in
            self._waiters += 1
            self._hurry.set()
            self._changed.notify_all()
        try:
            return self._wait_for(target, deadline)
        finally:
            with self._changed:
                self._waiters -= 1
                if not self._waiters:
                    self._hurry.clear()

    def close(self) -> None:
        """Flush, unless that was just in vain; the thread ends when it has sent everything."""
        with self._changed:
            self._closing = True
            missed = self._missed == self._outbox.put_in != 0
            self._changed.notify_all()
        if not missed:
            self.flush()

    def finish(self, started: float) -> None:
        """The program has begun to end, at `started`; a task of ours ends with it."""
        with self._changed:
            self._deadline = self._deadline or started + self._timeout
            self._closing = True
            if self.task.owned and self._outbox.put_in:
                self._ending = program_ending()
        self.flush()
        outbox = self._outbox
        self._say_lost(outbox.lost + outbox.put_in - outbox.settled)
        if self._ending is not None and self.task.id is not None and not self.gone:
            reason = self._trouble or "there was no time"
            _complain(f"that task #{self.task.id} has ended was not delivered ({reason})")

    def _start(self) -> bool:
        # Named before it runs: a signal's handler that logs must not start another.
        self._thread = threading.Thread(target=self._run, name="livequeue-log", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # too many, or the interpreter ends
            self._thread = None
            return False
        _finish_with_child()
        return True

    def _run(self) -> None:
        ident = threading.get_ident()
        _threads.add(ident)
        try:
            while self._next():
                self._send()
        finally:
            _threads.discard(ident)

    def _wait_for(self, target: int, deadline: float) -> bool:
        while True:
            with self._changed:
                if self._done(target):
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    self._missed = target
                    return False
                if self._thread is not None or self._start():
                    self._changed.wait(left)
                    continue
                self._thread = threading.current_thread()
            try:
                if self._next():
                    self._send(left)
            finally:
                self._thread = None

    def _done(self, target: int) -> bool:
        return self.gone or (self._outbox.settled >= target and self._ending is None)

    def _next(self) -> bool:
        """Wait until a request is due; False, and the thread ends, when none is to come."""
        with self._changed:
            while not self.gone and (rest := self._rest()) is not None:
                if rest <= 0:
                    if not self._batch and not self._outbox.empty:
                        self._number += 1
                        self._batch = self._outbox.take()
                    return True
                self._changed.wait(rest)
            self._thread = None
            self.task.disconnect()
            return False

    def _rest(self) -> float | None:
        """Seconds until the next request, or until the thread has been idle for long enough."""
        if self._batch:
            return 0.0
        since = time.monotonic() - self._sent_at
        if not self._outbox.empty:
            return 0.0 if self._waiters or self._outbox.ripe else PACE - since
        if self._ending is not None:
            return 0.0
        if self.task.pulse is not None:
            return self.task.pulse - since
        return None if self._closing or since >= IDLE else IDLE - since

    def _send(self, timeout: float | None = None) -> None:
        self._sent_at = time.monotonic()
        try:
            self._request(timeout)
        except Unreachable as error:
            self._retry(str(error), error.retry_after or 0.0, timeout)
        except Refused as refusal:
            if refusal.status in _NOT_ALLOWED:
                self._retry(f"{refusal}; set LIVEQUEUE_TOKEN", 30.0, timeout)
            else:
                self._refused(refusal)
        except Exception as error:  # an address or certificate that cannot be used
            self._give_up(str(error))
        else:
            self._backoff.reset()
            self._trouble = ""

    def _request(self, timeout: float | None) -> None:
        if self.task.id is None:
            self.task.create(timeout)
        elif self._batch:
            self.task.append(self._number, self._batch, timeout)
            self._settle()
        elif self._ending is not None:
            self.task.end(self._ending, timeout)
            self._settle()
        else:
            self.task.heartbeat(timeout)

    def _settle(self, *, refused: bool = False) -> None:
        """What was sent has arrived, or never will."""
        with self._changed:
            if self._batch:
                self._batch = []
                self._outbox.settle(refused=refused)
            else:
                self._ending = None
                self.task.owned = False
            self._changed.notify_all()
        if not self._said:
            self._say_lost(self._outbox.lost)

    def _retry(self, reason: str, least: float, timeout: float | None) -> None:
        now = time.monotonic()
        if not self._trouble:
            self._trouble_since = now
        self._trouble = reason
        if not self._warned and (now - self._trouble_since >= PATIENCE or self._outbox.lost):
            self._warned = True
            _complain(
                f"log records do not reach {self.task.where} ({reason}); up to "
                f"{self._capacity:,} of them wait, then the oldest are dropped"
            )
        pause = max(self._backoff.pause(), least)
        if timeout is not None:
            time.sleep(min(pause, _LAST_PAUSE, timeout))
        elif self._hurry.is_set():
            time.sleep(min(pause, _LAST_PAUSE))
        else:
            self._hurry.wait(pause)

    def _refused(self, refusal: Refused) -> None:
        if refusal.status in _GONE or self.task.id is None:
            self._give_up(str(refusal))
        else:
            _complain(f"{self.task.where} does not take log records: {refusal}")
            self._settle(refused=True)

    def _give_up(self, reason: str) -> None:
        with self._changed:
            self.gone = True
            self._trouble = reason
            self._changed.notify_all()
        _complain(f"log records are no longer delivered: {reason}")

    def _say_lost(self, lost: int) -> None:
        if lost > self._said:
            reason = self._trouble or "there were too many"
            _complain(f"{lost - self._said:,} log records were not delivered ({reason})")
            self._said = lost


def about_us(record: LogRecord) -> bool:
    """Whether a record tells of our own requests, so that sending it would make another one."""
    return (record.thread or threading.get_ident()) in _threads and record.process in (
        None,
        os.getpid(),
    )


def _complain(text: str) -> None:
    with suppress(Exception):  # there may be no stderr
        print(f"livequeue: {text}", file=sys.stderr, flush=True)


def _finish_all() -> None:
    started = time.monotonic()
    for sender in list(_senders):
        sender.finish(started)


def _finish_with_child() -> None:
    """multiprocessing ends the processes that it forks without `atexit`."""
    processes = sys.modules.get("multiprocessing.process")
    if processes and processes.parent_process() and os.getpid() not in _finalized:
        from multiprocessing.util import Finalize

        _finalized.add(os.getpid())
        Finalize(None, _finish_all, exitpriority=-100)  # after the program's own


def _forked() -> None:
    _threads.clear()
    for sender in list(_senders):
        sender.forked()


atexit.register(_finish_all)
os.register_at_fork(after_in_child=_forked)
