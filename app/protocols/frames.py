"""How much a connection may send that asks for nothing.

Streams begun and reset at once (CVE-2023-44487), pings, settings, empty frames: all are cheap to
send and not to handle. So they are handled a few at a time, between which others have their turn;
and a connection that sends too many of them is ended, as nghttp2, Go and Envoy do. Answers earn
some, for whoever takes much acknowledges much.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

PORTION = 8  # frames
BURST = 1000
PER_SECOND = 50.0
EARNED = 4  # for each frame of an answer: two windows to open, and some to spare

_PREFACE = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEAD = 9  # bytes of each frame: length, type, flags, stream (RFC 9113, section 4.1)
_DATA, _HEADERS = 0, 1
_END_STREAM = 1


class Frames:
    """Follows the frames of one connection as they arrive, wherever the reads cut them."""

    def __init__(self) -> None:
        self._left = _PREFACE  # bytes of what has begun
        self._head = b""

    def portions(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """`data` in pieces, each with the number of frames begun in it that ask for nothing."""
        start = at = frames = idle = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            if frames == PORTION and not self._head:
                yield data[start:at], idle
                start, frames, idle = at, 0, 0
            piece = data[at : at + _HEAD - len(self._head)]
            self._head += piece
            at += len(piece)
            if len(self._head) == _HEAD:
                self._left = int.from_bytes(self._head[:3])
                frames += 1
                idle += self._asks_for_nothing()
                self._head = b""
        yield data[start:], idle

    def _asks_for_nothing(self) -> bool:
        kind, flags = self._head[3], self._head[4]
        if kind == _DATA:
            return not self._left and not flags & _END_STREAM
        return kind != _HEADERS


class Budget:
    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = time.monotonic()

    def spend(self, count: int) -> bool:
        """Whether there was that much."""
        now = time.monotonic()
        self.earn((now - self._at) * PER_SECOND)
        self._at = now
        self._left -= count
        return self._left >= 0

    def earn(self, count: float) -> None:
        self._left = min(BURST, self._left + count)
