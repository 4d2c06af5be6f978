"""From a command's raw output to spooled lines, progress and the newest message."""

from __future__ import annotations

import codecs
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from livequeue_client.lines import Line, LineAssembler
from livequeue_client.progress import Progress, ProgressReader, plain
from livequeue_client.spool import Spool

QUEUED_BYTES = 16 * 1024 * 1024  # read from the command, not yet assembled
TAKE_BYTES = 256 * 1024  # assembled at most before it goes to the spool
PAUSE = 0.05  # gathers small writes
PARTIAL = 0.25  # how often a line that goes on, or a bar, is recorded
LAST_LINES = 20
_MESSAGE_CHARS = 200
_REMEMBERED_CHARS = 500
_PROGRESS_LINES = 200  # of one take; a faster command is not read line by line

Report = Callable[[dict[str, Any], bool], None]


def nowhere(update: dict[str, Any], restart: bool) -> None:
    pass


class Recorder(threading.Thread):
    """`put` never waits for the server: only, past a bound, for the assembling of lines."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(name="livequeue-recorder", daemon=True)
        self.last_lines: dict[int, str] = {}
        self._spool = spool
        self._report: Report = nowhere
        self._queue: deque[tuple[str, bytes]] = deque()
        self._queued = 0
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._assembler = LineAssembler()
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}
        self._reader = ProgressReader()
        self._series = 0
        self._progress: Progress | None = None

    def begin(self, report: Report) -> None:
        """Start recording; `report` gets the changes and whether another count has begun."""
        self._report = report
        self.start()

    def put(self, stream: str, data: bytes) -> None:
        with self._changed:
            while self._queued > QUEUED_BYTES and not self._ending.is_set():
                self._changed.wait()
            if self._ending.is_set():
                return
            self._queue.append((stream, data))
            self._queued += len(data)
            self._changed.notify_all()

    def finish(self) -> None:
        """The output has ended; returns when all of it is in the spool."""
        with self._changed:
            self._ending.set()
            self._changed.notify_all()
        self.join()

    def run(self) -> None:
        recorded = 0.0  # when a line that goes on was last recorded
        while True:
            ending = self._ending.is_set()  # asked first: what came before is in the queue
            self._assemble(self._next())
            now = time.monotonic()
            if ending:
                for stream, decoder in self._decoders.items():
                    self._assembler.feed(decoder.decode(b"", final=True), stream)
                self._assembler.finish()
                self._record(partial=True)
                return
            if now - recorded >= PARTIAL:
                recorded = now
                self._record(partial=True)
            else:
                self._record(partial=False)
            self._ending.wait(PAUSE)

    def _next(self) -> list[tuple[str, bytes]]:
        with self._changed:
            if not self._queue and not self._ending.is_set():
                self._changed.wait(PARTIAL if self._assembler.pending else None)
            chunks = list(self._queue)
            self._queue.clear()
            self._queued = 0
            self._changed.notify_all()
        return chunks

    def _assemble(self, chunks: list[tuple[str, bytes]]) -> None:
        fed = 0
        for stream, data in chunks:
            decoder = self._decoders.get(stream)
            if decoder is None:
                decoder = codecs.getincrementaldecoder("utf-8")("replace")
                self._decoders[stream] = decoder
            self._assembler.feed(decoder.decode(data), stream)
            fed += len(data)
            if fed >= TAKE_BYTES:
                fed = 0
                self._record(partial=False)

    def _record(self, *, partial: bool) -> None:
        lines = self._assembler.take(partial=partial)
        if not lines:
            return
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._spool.append(lines, stamp)
        update: dict[str, Any] = {}
        for line in lines[-_PROGRESS_LINES:]:
            if progress := self._reader.read(line.text, line.number):
                self._progress = progress
                update |= {
                    "progress": progress.percent,
                    "current": progress.current,
                    "total": progress.total,
                    "unit": progress.unit,
                }
        if message := self._remember(lines[-LAST_LINES:]):
            update["message"] = message
        restart, self._series = self._reader.series != self._series, self._reader.series
        self._report(update, restart)

    def _remember(self, lines: list[Line]) -> str:
        """Keep the last lines that say something, and return the newest as the message."""
        message = ""
        for line in lines:
            if text := plain(line.text[:_REMEMBERED_CHARS]).strip():
                message = text[:_MESSAGE_CHARS]
                self.last_lines.pop(line.number, None)
                self.last_lines[line.number] = text
        for number in list(self.last_lines)[:-LAST_LINES]:
            del self.last_lines[number]
        return message
