"""Log records that wait to be sent: bounded, in order, taken in batches."""

from __future__ import annotations

import time
from collections import deque

from livequeue_client.log_record import encode, moment

BYTES = 16 * 1024 * 1024
BATCH_LINES = 1000
BATCH_BYTES = 256 * 1024


class Outbox:
    """Past its bounds the oldest records give way to a line that counts them. Not locked."""

    def __init__(self, capacity: int) -> None:
        self.put_in = 0  # records, ever
        self.lost = 0  # of them given way or refused
        self._capacity = capacity
        self._records: deque[list[bytes]] = deque()  # each a record's lines
        self._lines = 0
        self._bytes = 0
        self._dropped = 0  # records that the next batch must tell of
        self._sending = 0  # records of the batch that was taken
        self._before = 0  # records settled when it was

    def put(self, lines: list[bytes]) -> None:
        for start in range(0, len(lines), BATCH_LINES):
            self._append(lines[start : start + BATCH_LINES])
        while len(self._records) > self._capacity or self._bytes > BYTES:
            self._pop()
            self._dropped += 1
            self.lost += 1

    def take(self) -> list[bytes]:
        """Lines of the oldest records, which are on their way until `settle`."""
        self._before = self.settled
        batch: list[bytes] = []
        if self._dropped:
            batch.append(_remark(self._dropped))
            self._dropped = 0
        size = 0
        while self._records and (not self._sending or self._fits(len(batch), size)):
            lines = self._pop()
            size += sum(map(len, lines))
            batch += lines
            self._sending += 1
        return batch

    def settle(self, *, refused: bool = False) -> None:
        """The batch that was taken has arrived, or never will."""
        if refused:
            self.lost += self._sending
        self._sending = 0

    @property
    def settled(self) -> int:
        """So many of the records, the oldest, do not wait any more."""
        return self._before if self._sending else self.put_in - len(self._records)

    @property
    def empty(self) -> bool:
        return not self._records

    @property
    def ripe(self) -> bool:
        """Whether a whole batch waits."""
        return self._lines >= BATCH_LINES or self._bytes >= BATCH_BYTES

    def _fits(self, lines: int, size: int) -> bool:
        oldest = self._records[0]
        return lines + len(oldest) <= BATCH_LINES and size + sum(map(len, oldest)) <= BATCH_BYTES

    def _append(self, lines: list[bytes]) -> None:
        # No call within a sum: a signal's handler may come in there, and append a record too.
        count, size = len(lines), sum(map(len, lines))
        self.put_in += 1
        self._records.append(lines)
        self._lines += count
        self._bytes += size

    def _pop(self) -> list[bytes]:
        lines = self._records.popleft()
        count, size = len(lines), sum(map(len, lines))
        self._lines -= count
        self._bytes -= size
        return lines


def _remark(count: int) -> bytes:
    text = f"\N{HORIZONTAL ELLIPSIS} {count:,} log records dropped, queue full"
    stamp = moment(time.time())
    return encode({"level": "warning", "stream": "livequeue", "time": stamp, "text": text})
