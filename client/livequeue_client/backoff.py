"""Growing pauses between tries, with jitter so that many clients do not come back as one."""

from __future__ import annotations

import random


class Backoff:
    def __init__(self, first: float = 0.25, limit: float = 5.0) -> None:
        self._first = first
        self._limit = limit
        self._next = first

    def pause(self) -> float:
        """The next pause in seconds: half to the whole of a doubling time."""
        whole = self._next
        self._next = min(self._limit, whole * 2)
        return whole * (0.5 + random.random() / 2)

    def reset(self) -> None:
        self._next = self._first
