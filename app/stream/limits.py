"""Bounds how many streams and long-polls are open, in all and for one client address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from app.addresses import Network, is_loopback, is_within, parse
from app.errors import Busy, TooManyRequests


class StreamLimits:
    """`proxies`: addresses behind which there are many clients, so that theirs is no limit."""

    def __init__(self, most: int, most_per_client: int, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies
        self._most = most
        self._most_per_client = most_per_client
        self._open: Counter[str] = Counter()
        self.total = 0

    def acquire(self, client: str) -> None:
        """Count one stream in. Raises Busy (503) or TooManyRequests (429)."""
        if self.total >= self._most:
            raise Busy("problem.streams_full", count=self._most)
        if self._open[client] >= self._most_per_client and not self._is_many(client):
            raise TooManyRequests("problem.streams_of_client", count=self._most_per_client)
        self.total += 1
        self._open[client] += 1

    def release(self, client: str) -> None:
        self.total -= 1
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]

    def _is_many(self, client: str) -> bool:
        return is_loopback(client) or is_within(parse(client), self._proxies)
