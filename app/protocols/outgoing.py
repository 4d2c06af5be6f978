"""What an answer has not sent yet.

Hypercorn lets an answer run on while its client's window is shut: looking for what may be sent
counts as having sent it, so all of a large answer would end up in memory.
"""

from __future__ import annotations

import time

from hypercorn.protocol.h2 import (
    BUFFER_HIGH_WATER,
    BUFFER_LOW_WATER,
    BufferCompleteError,
    StreamBuffer,
)


class Buffer(StreamBuffer):
    """Whoever adds to it waits until there is room."""

    shut_since: float | None = None  # there is something to send, but the client's window is shut

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        while len(self.buffer) >= BUFFER_HIGH_WATER and not self._complete:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        data = bytes(self.buffer[:max_length])
        del self.buffer[: len(data)]
        if data or not self.buffer:
            self.shut_since = None
        elif self.shut_since is None:
            self.shut_since = time.monotonic()
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data

    @property
    def finished(self) -> bool:
        """Whether the answer is whole, sent or not."""
        return self._complete
