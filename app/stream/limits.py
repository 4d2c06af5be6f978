"""Bounds how many streams and long-polls are open, in all and for one client address."""

from __future__ import annotations

import ipaddress
from collections import Counter

from app.errors import Busy, TooManyRequests


class StreamLimits:
    def __init__(self, most: int, most_per_client: int) -> None:
        self._most = most
        self._most_per_client = most_per_client
        self._open: Counter[str] = Counter()
        self.total = 0

    def acquire(self, client: str) -> None:
        """Count one stream in. Raises Busy (503) or TooManyRequests (429)."""
        if self.total >= self._most:
            raise Busy(
                f"All {self._most} streams of this server are taken; try again later, or raise "
                "max_streams."
            )
        if self._open[client] >= self._most_per_client and not _is_loopback(client):
            raise TooManyRequests(
                f"This address already has {self._most_per_client} open streams; close some, or "
                "raise max_streams_per_client."
            )
        self.total += 1
        self._open[client] += 1

    def release(self, client: str) -> None:
        self.total -= 1
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


def _is_loopback(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
