"""The two ways a request can fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LiveQueueError(Exception):
    """Anything that went wrong between us and the server."""


class Unreachable(LiveQueueError):
    """No usable answer: down, slow, in the way, or busy. The same request may be sent again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(LiveQueueError):
    """The server understood and said no; asking again gives the same answer."""

    def __init__(self, status: int, detail: str, problem: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = problem
